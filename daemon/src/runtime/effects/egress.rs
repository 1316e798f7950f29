//! Which addresses outgoing requests may reach: the public ones, and what the configuration lists.
//!
//! Invariant: an address is checked where the connection takes it from (in the resolver), so that the address checked
//! is the address used; literals, which no resolver sees, are checked in the URL of every hop.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::swap::Swap;

/// What may be reached beside public addresses.
/// Clones share the list, which a reload exchanges.
#[derive(Clone, Debug, Default)]
pub(crate) struct Egress {
    allowed: Arc<Swap<Rows>>,
}

type Rows = BTreeSet<(String, u16)>;

/// A host that may not be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("{host}:{port} is not a public address; [egress] allow does not list it")]
    Internal { host: String, port: u16 },
    #[error("{host} has no public address; [egress] allow does not list it")]
    Name { host: String },
    #[error("only http and https are spoken, not `{scheme}`")]
    Scheme { scheme: String },
    #[error("the address names no host")]
    NoHost,
    #[error("the address carries a user name or password")]
    Credentials,
}

impl Refused {
    /// The place that was asked for.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Internal { host, port } => format!("{host}:{port}"),
            Self::Name { host } => host.clone(),
            Self::Scheme { scheme } => format!("{scheme}:"),
            Self::NoHost | Self::Credentials => "an address".to_owned(),
        }
    }
}

impl Egress {
    /// Reads `host:port` rows; a row that is none allows nothing (the configuration has refused it before).
    pub(crate) fn new(rows: &[String]) -> Self {
        Self {
            allowed: Arc::new(Swap::new(read(rows))),
        }
    }

    /// From now on these rows are allowed.
    pub(crate) fn set(&self, rows: &[String]) {
        self.allowed.set(read(rows));
    }

    /// Checks everything of a URL that can be known without a name server.
    pub(super) fn check(&self, url: &Url) -> Result<(), Refused> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refused::Scheme {
                scheme: url.scheme().to_owned(),
            });
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Credentials);
        }
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(Refused::NoHost);
        };
        let host = plain(host);
        if self.allows(&host, port) {
            return Ok(());
        }
        let literal = host.parse::<IpAddr>().ok();
        let named_inside = host == "localhost" || host.ends_with(".localhost");
        // The resolver lets a listed name through without knowing the port, so another port ends here.
        let other_port = self.lists(&host);
        if named_inside || other_port || literal.is_some_and(|ip| !is_public(ip)) {
            return Err(Refused::Internal { host, port });
        }
        Ok(())
    }

    /// The resolver for connections: names resolve to public addresses only, unless they are listed.
    pub(super) fn resolver(&self) -> Arc<Guarded> {
        Arc::new(Guarded { egress: self.clone() })
    }

    fn allows(&self, host: &str, port: u16) -> bool {
        self.allowed.get().contains(&(host.to_owned(), port))
    }

    /// Whether any port of that name is listed.
    fn lists(&self, host: &str) -> bool {
        self.allowed.get().iter().any(|(listed, _)| listed == host)
    }
}

/// Resolves names and drops every address that may not be reached.
pub(super) struct Guarded {
    egress: Egress,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let host = plain(name.as_str());
        let listed = self.egress.lists(&host);
        Box::pin(async move {
            // Port 0 is replaced by the port of the URL.
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let (usable, inner): (Vec<SocketAddr>, Vec<_>) =
                found.partition(|address| listed || is_public(address.ip()));
            if usable.is_empty() && !inner.is_empty() {
                return Err(Refused::Name { host }.into());
            }
            Ok(Box::new(usable.into_iter()) as Addrs)
        })
    }
}

fn read(rows: &[String]) -> Rows {
    let row = |row: &String| {
        let (host, port) = row.rsplit_once(':')?;
        Some((plain(host), port.parse().ok()?))
    };
    rows.iter().filter_map(row).collect()
}

fn plain(host: &str) -> String {
    host.trim_matches(['[', ']'])
        .trim_end_matches('.')
        .to_ascii_lowercase()
}

/// Reachable from anywhere, as far as the address itself tells.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let refused = matches!(
        (a, b, c),
        (0 | 10 | 127, _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 168, _)
            | (198, 18..=19, _)
            | (198, 51, 100)
            | (203, 0, 113)
            | (224.., _, _)
    );
    !refused
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let s = ip.segments();
    // Everything that carries an IPv4 address inside is judged by it, or refused outright.
    if let Some(inner) = ip.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let refused = s[..6] == [0; 6]
        || (s[0] == 0x64 && s[1] == 0xff9b)
        || s[0] == 0x2002
        || (s[0] == 0x2001 && (s[1] == 0 || s[1] == 0xdb8))
        || (s[0] & 0xfe00) == 0xfc00
        || (s[0] & 0xffc0) == 0xfe80
        || (s[0] & 0xffc0) == 0xfec0
        || (s[0] & 0xff00) == 0xff00
        || s[0] == 0x100;
    !refused
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn inner_addresses_are_refused_in_every_spelling() {
        let egress = Egress::default();
        for text in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://0x7f.1/",
            "http://2130706433/",
            "http://017700000001/",
            "http://localhost:80/",
            "http://LOCALHOST./",
            "http://x.localhost/",
            "http://10.1.2.3/",
            "http://100.64.0.1/",
            "http://169.254.169.254/latest/meta-data",
            "http://172.31.0.1/",
            "http://192.168.1.1/",
            "http://198.18.0.1/",
            "http://224.0.0.1/",
            "http://255.255.255.255/",
            "http://[::]/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://[::127.0.0.1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[2002:7f00:1::]/",
            "http://[fd00::1]/",
            "http://[fe80::1]/",
            "http://[ff02::1]/",
        ] {
            assert!(
                matches!(egress.check(&url(text)), Err(Refused::Internal { .. })),
                "{text}"
            );
        }
        for text in [
            "http://8.8.8.8/",
            "https://[2606:4700::1]/",
            "https://example.com/",
            "http://172.32.0.1/",
        ] {
            assert_eq!(egress.check(&url(text)), Ok(()), "{text}");
        }
    }

    #[test]
    fn a_listed_host_and_port_is_reachable_and_no_other_port_of_it() {
        let egress = Egress::new(&["127.0.0.1:8080".into(), "[::1]:9".into(), "nonsense".into()]);
        assert_eq!(egress.check(&url("http://127.0.0.1:8080/x")), Ok(()));
        assert_eq!(egress.check(&url("http://[::1]:9/x")), Ok(()));
        assert!(egress.check(&url("http://127.0.0.1:8081/x")).is_err());
    }

    #[test]
    fn other_schemes_and_credentials_are_refused() {
        let egress = Egress::default();
        assert!(matches!(
            egress.check(&url("ftp://example.com/")),
            Err(Refused::Scheme { .. })
        ));
        assert!(matches!(
            egress.check(&url("file:///etc/passwd")),
            Err(Refused::Scheme { .. })
        ));
        assert_eq!(
            egress.check(&url("http://a:b@example.com/")),
            Err(Refused::Credentials)
        );
    }

    #[tokio::test]
    async fn a_name_that_resolves_inside_is_refused_by_the_resolver() {
        let name = || "localhost".parse::<Name>().unwrap();
        assert!(Egress::default().resolver().resolve(name()).await.is_err());
        let listed = Egress::new(&["localhost:7".into()]);
        assert!(listed.resolver().resolve(name()).await.is_ok());
        assert!(
            listed.check(&url("http://localhost:8/")).is_err(),
            "another port of a listed name"
        );
    }
}
