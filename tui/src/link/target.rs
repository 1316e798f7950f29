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

/// Whether ssh may ask for a password or about an unknown host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Somebody sits in front of an ordinary terminal.
    Person,
    /// The terminal is in use, or nobody is there.
    Nobody,
}

impl Target {
    /// The words for messages.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Socket(path) => path.display().to_string(),
            Self::Ssh(ssh) => ssh.describe(),
        }
    }
}

impl SshTarget {
    /// The words for messages.
    #[must_use]
    pub fn describe(&self) -> String {
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("ssh://{}{port}", self.login)
    }

    /// Behind `ssh` on a command line.
    #[must_use]
    pub fn words(&self) -> String {
        match self.port {
            Some(port) => format!("-p {port} {}", self.login),
            None => self.login.clone(),
        }
    }

    /// As `known_hosts` writes it.
    #[must_use]
    pub fn known_as(&self) -> String {
        let host = self.login.rsplit_once('@').map_or(&*self.login, |(_, host)| host);
        match self.port {
            Some(port) if port != 22 => format!("'[{host}]:{port}'"),
            _ => host.to_owned(),
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
        let (user, place) = match login.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, login),
        };
        // An IPv6 address has colons of its own, hence its brackets, which ssh does not want.
        let (host, rest) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, rest)) => (address, rest),
            None => place.find(':').map_or((place, ""), |at| place.split_at(at)),
        };
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(port.parse().map_err(|_| wrong("this port is no number"))?),
            None if rest.is_empty() => None,
            None => return Err(wrong("this host name cannot be")),
        };
        let plain = |text: &str, more: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
            // `-` in front would be read by ssh as an option.
            !text.is_empty() && !text.starts_with('-') && text.chars().all(fits)
        };
        if !plain(host, ".-_:%") || !user.is_none_or(|user| plain(user, ".-_+@")) {
            return Err(wrong("this host name cannot be"));
        }
        Ok(Self::Ssh(SshTarget {
            login: user.map_or_else(|| host.to_owned(), |user| format!("{user}@{host}")),
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
        assert_eq!(
            read("ssh://[2001:db8::1]:22").unwrap().describe(),
            "ssh://2001:db8::1:22"
        );
        assert_eq!(read("ssh://[::1").unwrap_err().code, Code::Usage);
        assert_eq!(read("ssh://dana@-oProxyCommand=x").unwrap_err().code, Code::Usage);
        assert_eq!(read("ssh://@ops").unwrap_err().code, Code::Usage);
        assert_eq!(read("ops").unwrap_err().code, Code::Usage);
        assert_eq!(read("ssh://-oProxyCommand=x").unwrap_err().code, Code::Usage);
        assert_eq!(read("ssh://ops;id").unwrap_err().code, Code::Usage);
        assert_eq!(read("tls://ops:1").unwrap_err().code, Code::Unsupported);
    }
}
