//! A real OpenSSH server on loopback, with keys, users' rights and shell environment of its own; and the client's
//! configuration for it. Nothing of this machine's own ssh is read or changed.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::{Home, LONG, client_path, until};

const SSHD: &str = "/usr/sbin/sshd";
/// Where sshd puts the part of it that has no rights.
const EMPTY: &str = "/run/sshd";

/// A server that lets in whoever has the key in its folder. Ended when dropped.
pub struct Sshd {
    server: Child,
    folder: TempDir,
    port: u16,
}

impl Sshd {
    /// Starts one. Behind it `dirigent` speaks to the daemon of `home`. None where there is no sshd, unless a skip
    /// counts as a failure.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(home: &Home) -> Option<Self> {
        if !Path::new(SSHD).exists() {
            assert!(
                std::env::var_os("DIRIGENT_NO_SKIP").is_none(),
                "{SSHD} is missing (package openssh-server)"
            );
            eprintln!("skipped: {SSHD} is missing (package openssh-server)");
            return None;
        }
        if user() == "root" {
            fs::create_dir_all(EMPTY).unwrap();
        }
        let folder = tempfile::Builder::new().prefix("dg-ssh-").tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let ssh = Self {
            server: Self::server(folder.path(), port, home),
            folder,
            port,
        };
        ssh.client_side();
        until("sshd to listen", LONG, || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(drop)
        });
        Some(ssh)
    }

    fn server(folder: &Path, port: u16, home: &Home) -> Child {
        for key in ["host", "other", "key"] {
            keygen(&folder.join(key), "");
        }
        keygen(&folder.join("locked"), "open sesame");
        let public = |name: &str| fs::read_to_string(folder.join(name).with_extension("pub")).unwrap();
        let allowed = folder.join("authorized_keys");
        fs::write(&allowed, public("key") + &public("locked")).unwrap();
        let far = folder.join("far");
        fs::create_dir(&far).unwrap();
        std::os::unix::fs::symlink(client_path(), far.join("dirigent")).unwrap();
        let place = folder.display();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {place}/host\nAuthorizedKeysFile {place}/authorized_keys\n\
             PidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nMaxStartups 100\nSubsystem sftp internal-sftp\n\
             SetEnv PATH={place}/far:/usr/bin:/bin DIRIGENT_HOME={} DIRIGENT_SOCKET={} DIRIGENT_CONFIG={}\n",
            home.path("data").display(),
            home.socket().display(),
            home.path("daemon.toml").display(),
        );
        fs::write(folder.join("sshd_config"), config).unwrap();
        let log = fs::File::create(folder.join("sshd.log")).unwrap();
        Command::new(SSHD)
            .args(["-D", "-e", "-f"])
            .arg(folder.join("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    /// An `ssh` in front of the real one that reads this folder's configuration, and what stands in there.
    fn client_side(&self) {
        let bin = self.path("bin");
        fs::create_dir(&bin).unwrap();
        self.program(
            &bin.join("ssh"),
            &format!("exec /usr/bin/ssh -F {} \"$@\"", self.path("config").display()),
        );
        let key = fs::read_to_string(self.path("host.pub")).unwrap();
        fs::write(
            self.path("known_hosts"),
            format!("[127.0.0.1]:{} {key}", self.port),
        )
        .unwrap();
        let place = self.folder.path().display();
        let common = format!(
            "Host *\n  User {}\n  IdentityFile {place}/key\n  IdentitiesOnly yes\n  IdentityAgent none\n  UserKnownHostsFile \
             {place}/known_hosts\n  GlobalKnownHostsFile none\n",
            user()
        );
        let hosts = format!(
            "Host ops\n  HostName 127.0.0.1\n  Port {port}\nHost behind\n  HostName 127.0.0.1\n  Port {port}\n  ProxyJump ops\n",
            port = self.port
        );
        fs::write(self.path("hosts"), hosts).unwrap();
        fs::write(self.path("config"), format!("Include {place}/hosts\n{common}")).unwrap();
    }

    /// A file in its folder: `key`, `locked` (passphrase `open sesame`), `other` (not let in), `config`, `known_hosts`,
    /// `host.pub`, `far/dirigent` (what runs on the other side).
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Writes a shell script that can be run.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn program(&self, path: &Path, script: &str) {
        // Not through a link: what it names is not ours.
        drop(fs::remove_file(path));
        fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Replaces a line of the client's configuration.
    ///
    /// # Panics
    /// When it is not there.
    pub fn configure(&self, from: &str, to: &str) {
        let config = fs::read_to_string(self.path("config")).unwrap();
        assert!(config.contains(from), "{config}");
        fs::write(self.path("config"), config.replace(from, to)).unwrap();
    }

    /// A client of `home`, whose ssh is ours.
    #[must_use]
    pub fn client(&self, home: &Home, words: &[&str]) -> Command {
        let mut command = home.client_command(words);
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        command.env("PATH", path);
        command
    }

    /// The processes on the server's side of the connections.
    ///
    /// # Panics
    /// When the processes cannot be listed.
    #[must_use]
    pub fn sessions(&self) -> Vec<String> {
        let listed = Command::new("ps")
            .args([
                "--no-headers",
                "-o",
                "pid",
                "--ppid",
                &self.server.id().to_string(),
            ])
            .output()
            .unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        listed.split_whitespace().map(str::to_owned).collect()
    }

    /// Sends a signal to each of them, of which there must be one at least, and gives them.
    ///
    /// # Panics
    /// When nobody is connected.
    pub fn signal(&self, signal: &str) -> Vec<String> {
        let sessions = until("somebody to be connected", LONG, || {
            Some(self.sessions()).filter(|sessions| !sessions.is_empty())
        });
        for session in &sessions {
            send(signal, session);
        }
        sessions
    }

    /// Waits until somebody is connected by a session that is none of these.
    ///
    /// # Panics
    /// When nobody comes.
    pub fn wait_for_another(&self, than: &[String]) {
        until("another connection", LONG, || {
            let new = |session: &String| !than.contains(session);
            self.sessions().iter().any(new).then_some(())
        });
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        for session in self.sessions() {
            send("-KILL", &session);
        }
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

/// One may have ended by itself meanwhile.
fn send(signal: &str, process: &str) {
    let mut kill = Command::new("kill");
    drop(kill.args([signal, process]).stderr(Stdio::null()).status());
}

fn keygen(path: &Path, passphrase: &str) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", passphrase, "-f"])
        .arg(path)
        .status()
        .unwrap();
    assert!(made.success());
}

fn user() -> String {
    let asked = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(asked.stdout).unwrap().trim().to_owned()
}
