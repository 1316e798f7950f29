//! Tokens of other programs: from a secret to the subject in whose name it acts.

use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{AccessToken, Kind};
use dirigent_protocol::hello::Subject;
use serde_json::Value;

use super::denial::Denial;
use super::identity::{Door, DoorError};

/// Longest secret that is looked up.
const LONGEST: usize = 256;

/// A token that was found, by what is stored of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    digest: String,
}

impl Bearer {
    /// What a secret is looked up by; none where it cannot be one.
    #[must_use]
    pub fn of(secret: &str) -> Option<Self> {
        let sound = secret.len() <= LONGEST && secret.starts_with(AccessToken::PREFIX);
        sound.then(|| Self {
            digest: Digest::of_bytes(secret.as_bytes()).to_string(),
        })
    }
}

impl Door {
    /// Who acts with a token, looked up anew at every call: one that was deleted, has run out, or whose owner was
    /// switched off is refused at once. All refusals read alike.
    ///
    /// # Errors
    /// It is none of this daemon's, or is good no longer.
    pub fn bearer(&self, bearer: &Bearer) -> Result<(Subject, AccessToken), DoorError> {
        let digest = Value::String(bearer.digest.clone());
        let found = self.find_by_unique(Kind::AccessToken, "digest", &digest)?;
        let document = found.ok_or(Denial::Token)?.document;
        let token: AccessToken = document.body().map_err(|_| Denial::Token)?;
        if self.now() >= token.expires_at {
            return Err(Denial::Token.into());
        }
        let owner = self.subject(document.metadata.owner);
        Ok((owner.map_err(|_| Denial::Token)?, token))
    }
}
