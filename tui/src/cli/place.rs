//! Which daemon the flags, the environment and the configuration mean; the system's, where there is no other.

use std::path::PathBuf;

use dirigent_config::{Environment, FileSource, PathFlags, Paths, Sources, load_daemon};
use dirigent_protocol::fault::{Code, Fault};
use rustix::fs::{Access, access};

use super::globals::Globals;
use crate::link::{First, Launch, Settings, Target};

/// Whether a verb may start a private daemon when none runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Where it is plain which one: never for a socket or a host that was named alone.
    IfNone,
    /// Never.
    Never,
}

/// Every place of this call.
#[derive(Debug, Clone)]
pub struct Place {
    /// Data, socket, files.
    pub paths: Paths,
    /// The daemon.
    pub target: Target,
    /// The configuration file that was named.
    pub config: Option<PathBuf>,
    /// A socket or a host was named without a data directory: it is somebody's daemon, not ours to start.
    pub named: bool,
    /// Nothing was named: it is the daemon at the usual place.
    pub usual: bool,
    /// The host, as the first line of the screen shows it.
    pub host: Option<String>,
}

impl Place {
    /// Finds it.
    ///
    /// # Errors
    /// No place for data, a socket path that is too long, or a host that cannot be.
    pub fn find(globals: &Globals, environment: &Environment) -> Result<Self, Fault> {
        let flags = PathFlags {
            data_dir: globals.data_dir.clone(),
            socket: globals.socket.clone(),
            config: globals.config.clone(),
        };
        let mut paths = Paths::resolve(environment, &flags)
            .map_err(|error| Fault::new(Code::Configuration, error.to_string()).help(error.help()))?;
        let in_environment = |name: &str| environment.path(name).is_some();
        let socket_named = flags.socket.is_some() || in_environment("DIRIGENT_SOCKET");
        // A flag goes with a flag: a socket from the command line is not that of a directory from the environment.
        let data_named =
            flags.data_dir.is_some() || (flags.socket.is_none() && in_environment("DIRIGENT_HOME"));
        let configured = configured_socket(&paths.daemon_file, environment).filter(|_| !socket_named);
        let usual = configured.is_none() && !socket_named && !data_named;
        if let Some(socket) = configured {
            paths.socket = socket;
        }
        let host = globals
            .host
            .clone()
            .or_else(|| paths.host.clone())
            .filter(|_| globals.socket.is_none());
        let target = match &host {
            Some(host) => host.parse()?,
            None => Target::Socket(paths.socket.clone()),
        };
        let system = usual && host.is_none() && has_system_daemon_alone(&paths);
        let target = if system {
            Target::Socket(SYSTEM_SOCKET.into())
        } else {
            target
        };
        let config = match &paths.daemon_file {
            FileSource::Named(path) => Some(path.clone()),
            FileSource::None | FileSource::IfPresent(_) => None,
        };
        Ok(Self {
            named: system || host.is_some() || (socket_named && !data_named),
            usual: usual && !system,
            paths,
            target,
            config,
            host,
        })
    }

    /// How to start a private daemon here.
    #[must_use]
    pub fn launch(&self) -> Launch {
        Launch {
            data_dir: self.paths.data.clone(),
            socket: self.paths.socket.clone(),
            config: self.config.clone(),
            environment: Vec::new(),
            bound: false,
        }
    }

    /// What the link needs.
    #[must_use]
    pub fn settings(&self, start: Start) -> Settings {
        Settings {
            target: self.target.clone(),
            client: concat!("dirigent ", env!("CARGO_PKG_VERSION")).to_owned(),
            launch: (start == Start::IfNone && !self.named).then(|| self.launch()),
            first: First::default(),
        }
    }
}

/// Where the system's daemon listens (`config/systemd/system/dirigent.socket`).
const SYSTEM_SOCKET: &str = "/run/dirigent/dirigent.sock";

/// This user has no daemon of their own, and never had; the system has one whose socket they may open.
fn has_system_daemon_alone(paths: &Paths) -> bool {
    let own = paths.socket.exists() || paths.data.join("store").exists();
    !own && access(SYSTEM_SOCKET, Access::WRITE_OK).is_ok()
}

/// `[socket] path`, where a file or the environment sets it. What is wrong with the configuration is the daemon's to say.
fn configured_socket(file: &FileSource, environment: &Environment) -> Option<PathBuf> {
    let sources = Sources {
        file: file.clone(),
        environment: environment.clone(),
        flags: Vec::new(),
    };
    let path = load_daemon(&sources).ok()?.config.socket.path;
    (!path.as_os_str().is_empty()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(globals: &Globals, pairs: &[(&str, &str)]) -> Place {
        let mut pairs = pairs.to_vec();
        pairs.push(("HOME", "/nonexistent"));
        Place::find(globals, &Environment::of(pairs)).unwrap()
    }

    #[test]
    fn a_socket_named_alone_is_never_started() {
        let place = find(&Globals::default(), &[("DIRIGENT_HOME", "/tmp/d")]);
        assert_eq!(place.target, Target::Socket("/tmp/d/dirigent.sock".into()));
        assert!(place.settings(Start::IfNone).launch.is_some());
        assert!(place.settings(Start::Never).launch.is_none());
        let place = find(&Globals::default(), &[("DIRIGENT_SOCKET", "/tmp/s")]);
        assert!(place.settings(Start::IfNone).launch.is_none());
        let place = find(
            &Globals::default(),
            &[("DIRIGENT_SOCKET", "/tmp/s"), ("DIRIGENT_HOME", "/tmp/d")],
        );
        assert!(place.settings(Start::IfNone).launch.is_some());
    }

    #[test]
    fn the_flag_wins_over_the_environment() {
        let globals = Globals {
            socket: Some("/tmp/flag".into()),
            ..Globals::default()
        };
        let place = find(
            &globals,
            &[("DIRIGENT_SOCKET", "/tmp/s"), ("DIRIGENT_HOST", "ssh://ops")],
        );
        assert_eq!(place.target, Target::Socket("/tmp/flag".into()));
        assert!(find(&globals, &[("DIRIGENT_HOME", "/tmp/d")]).named);
        let place = find(&Globals::default(), &[("DIRIGENT_HOST", "ssh://ops")]);
        assert_eq!(place.target.describe(), "ssh://ops");
        assert!(place.named);
    }
}
