//! What a server says when it takes no request without a token, or not with this one (RFC 6750, 9728).

use dirigent_protocol::run::EffectOutcome;
use rmcp::service::{ClientInitializeError, ServiceError};

use super::super::super::performer::refused;
use super::super::super::web::Ended;
use super::super::super::web_auth::parameters;

/// Most scopes that are asked for at once.
const MOST_SCOPES: usize = 64;

/// Why there is no answer yet.
pub(in super::super) enum Missed {
    /// The server wants a token, or another one.
    Challenged(Challenge),
    /// It is over.
    Ended(Ended),
}

impl From<Box<EffectOutcome>> for Missed {
    fn from(ended: Box<EffectOutcome>) -> Self {
        Self::Ended(ended)
    }
}

/// A challenge, as far as it matters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in super::super) struct Challenge {
    /// Where the server describes itself.
    pub(super) metadata: Option<String>,
    /// What it wants a token for.
    pub(super) scopes: Option<Vec<String>>,
    /// The token is good, but not for this.
    pub(super) insufficient: bool,
    /// What it says of why.
    pub(super) error: Option<String>,
}

impl Challenge {
    /// What the answer to a request says.
    pub(in super::super) fn of_service(error: &ServiceError) -> Option<Self> {
        match error.auth_challenge() {
            Some(header) => Some(Self::read(header)),
            None => Self::unsaid(&error.to_string()),
        }
    }

    /// What the answer to a greeting says.
    pub(in super::super) fn of_greeting(error: &ClientInitializeError) -> Option<Self> {
        match error.auth_challenge() {
            Some(header) => Some(Self::read(header)),
            None => Self::unsaid(&error.to_string()),
        }
    }

    /// A server that says no more than that it wants a token.
    fn unsaid(words: &str) -> Option<Self> {
        words.contains("HTTP 401").then(Self::default)
    }

    fn read(header: &str) -> Self {
        let text = header.trim();
        let named = text
            .split_at_checked(6)
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let mut said = parameters(named.map_or("", |(_, rest)| rest));
        let error = said.remove("error");
        Self {
            metadata: said.remove("resource_metadata"),
            scopes: said.remove("scope").map(|text| scopes(&text)),
            insufficient: error.as_deref() == Some("insufficient_scope"),
            error,
        }
    }

    /// The end of a call whose document names nobody who signs in.
    pub(in super::super) fn refusal(&self) -> Ended {
        let why = self.error.as_deref().unwrap_or("it wants a token");
        let detail = format!(
            "{}: give the endpoint an `authentication`; with `oauth2: {{ grant: authorization_code }}` the server's \
             authority is found out",
            why.escape_debug()
        );
        Box::new(refused(
            "authentication",
            401,
            "The server takes nobody without a token",
            detail,
        ))
    }
}

/// Scopes as OAuth writes them: words between spaces.
fn scopes(text: &str) -> Vec<String> {
    text.split_ascii_whitespace()
        .take(MOST_SCOPES)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_challenge_says_is_read() {
        let header = "bearer realm=\"x\", resource_metadata=\"https://s/.well-known/p\", scope=\"a b\"";
        let read = Challenge::read(header);
        assert_eq!(read.metadata.as_deref(), Some("https://s/.well-known/p"));
        assert_eq!(
            read.scopes.as_deref(),
            Some(&["a".to_owned(), "b".to_owned()][..])
        );
        assert!(!read.insufficient);
        assert!(Challenge::read("Bearer error=\"insufficient_scope\", scope=\"w\"").insufficient);
        assert_eq!(Challenge::read("Basic realm=\"x\""), Challenge::default());
        assert_eq!(Challenge::read("é"), Challenge::default());
    }
}
