//! Which daemon to talk to, and whether one may be started.

use std::path::PathBuf;
use std::str::FromStr;

use dirigent_protocol::fault::{Code, Fault};

/// Where a daemon listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// On this machine.
    Socket(PathBuf),
    /// On another one, through `ssh HOST dirigent stdio`.
    Ssh(SshTarget),
}

/// `ssh://[user@]host[:port][/path/of/socket]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshTarget {
    /// `user@host` or `host`.
    pub login: String,
    /// Port, where it is not the usual one.
    pub port: Option<u16>,
    /// Socket on that machine; none means its default.
    pub socket: Option<String>,
}

impl Target {
    /// The words for messages.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Socket(path) => path.display().to_string(),
            Self::Ssh(ssh) => format!("ssh://{}", ssh.login),
        }
    }
}

impl FromStr for Target {
    type Err = Fault;

    /// Reads what stands behind `-H`.
    fn from_str(text: &str) -> Result<Self, Fault> {
        let wrong = |what: &str| {
            Fault::new(Code::Usage, format!("{what}: `{text}`"))
                .help("write -H ssh://[user@]host[:port][/path/of/socket]")
        };
        if text.starts_with("tls://") {
            return Err(
                Fault::new(Code::Unsupported, "this version does not speak TLS yet")
                    .help("use -H ssh://host"),
            );
        }
        let rest = text
            .strip_prefix("ssh://")
            .ok_or_else(|| wrong("this is not a host"))?;
        let (login, socket) = match rest.split_once('/') {
            Some((login, path)) if !path.is_empty() => (login, Some(format!("/{path}"))),
            Some((login, _)) => (login, None),
            None => (rest, None),
        };
        let (login, port) = match login.rsplit_once(':') {
            Some((login, port)) => (
                login,
                Some(port.parse().map_err(|_| wrong("this port is no number"))?),
            ),
            None => (login, None),
        };
        // `-` in front would be read by ssh as an option.
        let plain =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@' | '[' | ']' | ':');
        if login.is_empty() || login.starts_with('-') || !login.chars().all(plain) {
            return Err(wrong("this host name cannot be"));
        }
        Ok(Self::Ssh(SshTarget {
            login: login.to_owned(),
            port,
            socket,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_read_and_nonsense_is_refused() {
        let read = |text: &str| text.parse::<Target>();
        assert_eq!(
            read("ssh://dana@ops:2222/run/d.sock").unwrap(),
            Target::Ssh(SshTarget {
                login: "dana@ops".into(),
                port: Some(2222),
                socket: Some("/run/d.sock".into())
            })
        );
        assert_eq!(read("ssh://ops").unwrap().describe(), "ssh://ops");
        assert_eq!(read("ops").unwrap_err().code, Code::Usage);
        assert_eq!(read("ssh://-oProxyCommand=x").unwrap_err().code, Code::Usage);
        assert_eq!(read("ssh://ops;id").unwrap_err().code, Code::Usage);
        assert_eq!(read("tls://ops:1").unwrap_err().code, Code::Unsupported);
    }
}
