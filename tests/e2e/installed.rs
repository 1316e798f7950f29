//! Programs of others that stories meet: exact versions from npm and PyPI, each installed once beside what is built.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use dirigent_tests::{LONG, daemon_path, skip, until};

/// Stories share folders: one installs at a time.
static INSTALLING: Mutex<()> = Mutex::new(());

/// Who starts the reference server by its path, and counts what runs under it, has it alone.
static REFERENCE: Mutex<()> = Mutex::new(());

/// As long as this is held, no other story starts the reference server of MCP.
pub(crate) fn reference_server_alone() -> MutexGuard<'static, ()> {
    REFERENCE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A place beside what is built.
pub(crate) fn beside(name: &str) -> PathBuf {
    daemon_path().parent().unwrap().join("..").join(name)
}

/// Runs a command that says nothing; whether it succeeded.
pub(crate) fn quietly(command: &mut Command) -> bool {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// A program of a package of npm, with what else is named beside it; none where npm cannot bring it.
pub(crate) fn from_npm(package: &str, program: &str) -> Option<PathBuf> {
    let _one = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '.' {
            c
        } else {
            '-'
        }
    };
    let name: String = package.chars().map(plain).collect();
    let folder = beside(&format!("e2e-npm{name}"));
    let done = folder.join("done");
    if !done.exists() {
        std::fs::create_dir_all(&folder).unwrap();
        let mut install = Command::new("npm");
        install
            .args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
            .arg(&folder)
            .args(package.split(' '));
        if !quietly(&mut install) {
            skip(&format!("npm does not bring {package}"));
            return None;
        }
        std::fs::write(&done, "").unwrap();
    }
    let bin = folder.join("node_modules/.bin").join(program);
    Some(bin.canonicalize().unwrap())
}

/// The `bin` of a Python of its own with these packages, in a folder of that name; none where pip cannot bring them.
pub(crate) fn from_pypi(folder: &str, packages: &[&str]) -> Option<PathBuf> {
    let _one = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = beside(folder);
    let done = folder.join("done");
    let here = done.exists()
        || (quietly(Command::new("python3").args(["-m", "venv"]).arg(&folder))
            && quietly(
                Command::new(folder.join("bin/pip"))
                    .args(["install", "--quiet"])
                    .args(packages),
            )
            && std::fs::write(&done, "").is_ok());
    if !here {
        skip(&format!("pip does not bring {}", packages.join(", ")));
        return None;
    }
    Some(folder.join("bin"))
}

/// The folder of a source package of PyPI, unpacked beside the Python whose `bin` that is.
pub(crate) fn source_of(bin: &std::path::Path, package: &str, unpacked: &str) -> Option<PathBuf> {
    let _one = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = bin.parent().unwrap();
    let there = folder.join(unpacked);
    let mut load = Command::new(bin.join("pip"));
    load.args([
        "download",
        "--quiet",
        "--no-deps",
        "--no-binary",
        // Its own source; what builds it may come built.
        package.split("==").next().unwrap(),
        package,
        "--dest",
    ])
    .arg(folder);
    let mut unpack = Command::new("tar");
    unpack
        .arg("xzf")
        .arg(folder.join(format!("{unpacked}.tar.gz")))
        .arg("-C")
        .arg(folder);
    let here = there.exists() || (quietly(&mut load) && quietly(&mut unpack));
    if !here {
        skip(&format!("pip does not bring the source of {package}"));
        return None;
    }
    Some(there)
}

/// A server of a test; it ends with the test.
pub(crate) struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A port of loopback that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().port()
}

/// Starts a server and waits until it listens.
pub(crate) fn served(command: &mut Command, place: &str) -> Served {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut served = Served(quiet.spawn().unwrap());
    until("the server to listen", LONG * 3, || {
        assert_eq!(served.0.try_wait().unwrap(), None, "the server ended");
        std::net::TcpStream::connect(place).ok().map(drop)
    });
    served
}
