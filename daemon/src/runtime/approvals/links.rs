//! Signed links: an answer to one approval, for one user, good for once and for a while.
//!
//! A link says which approval, which digest, which user, until when, and a name of its own, under HMAC-SHA256 with a key
//! that never leaves this machine (`link.key` beside the store). Invariant: a link decides at most once, only what its
//! digest shows, only while its user may decide at that moment.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use dirigent_protocol::digest::Digest;
use dirigent_protocol::id::EntityId;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::decide::{Answer, By};
use crate::chance::Chance;
use crate::records::Actor;
use crate::runtime::core::Core;
use crate::runtime::error::RuntimeError;
use crate::runtime::handle::RuntimeHandle;
use crate::runtime::rows;

/// What every link begins with.
const PREFIX: &str = "dirigent-approval-1.";
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3_600);
/// Days for which it is remembered that a link was used: longer than any lives.
pub(crate) const LINK_DAYS: i64 = 31;
const MAX_LINK: usize = 2_048;

/// What a link says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkClaims {
    /// The approval it answers.
    pub approval: EntityId,
    /// The digest that was shown when it was made.
    pub digest: Digest,
    /// The user it answers for.
    pub user: EntityId,
    /// Until when.
    pub until: Timestamp,
    /// Its own name.
    pub nonce: EntityId,
}

/// The key of this machine's links, read or made when it is first needed.
pub(crate) struct LinkKey {
    path: PathBuf,
    key: OnceLock<[u8; 32]>,
}

impl LinkKey {
    pub(crate) fn beside(data_dir: &Path) -> Self {
        Self {
            path: data_dir.join("link.key"),
            key: OnceLock::new(),
        }
    }

    fn get(&self, chance: &dyn Chance) -> Result<[u8; 32], RuntimeError> {
        if let Some(key) = self.key.get() {
            return Ok(*key);
        }
        let failed = |source| RuntimeError::Io {
            what: format!("the key of signed links, {}", self.path.display()),
            source,
        };
        let read = |path: &Path| {
            std::fs::read(path)
                .ok()
                .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
        };
        if let Some(key) = read(&self.path) {
            return Ok(*self.key.get_or_init(|| key));
        }
        let mut noise = Vec::new();
        for _ in 0..8 {
            noise.extend_from_slice(&chance.number().to_be_bytes());
        }
        let fresh = Digest::of_bytes(&noise).0;
        let made = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.path)
            .and_then(|mut file| file.write_all(&fresh).and_then(|()| file.sync_all()));
        match made {
            Ok(()) => Ok(*self.key.get_or_init(|| fresh)),
            // Another call was first.
            Err(error) => read(&self.path)
                .map(|key| *self.key.get_or_init(|| key))
                .ok_or_else(|| failed(error)),
        }
    }
}

impl RuntimeHandle {
    /// Makes a link that answers an approval once, for a user.
    ///
    /// # Errors
    /// It is decided, has changed, or the key cannot be read or written.
    pub fn link(
        &self,
        approval: EntityId,
        digest: Digest,
        user: EntityId,
        lifetime: Duration,
    ) -> Result<(String, Timestamp), RuntimeError> {
        let core = &self.core;
        let asked = core.pending(approval)?;
        if asked.digest != digest.to_string() {
            return Err(RuntimeError::Stale {
                wanted: asked.digest,
                given: digest.to_string(),
            });
        }
        if asked.unknown_effect.is_some() {
            return Err(RuntimeError::NotAlso(
                "what became of an effect takes more than a yes or a no",
            ));
        }
        let lifetime = lifetime.clamp(SHORTEST, LONGEST);
        let until = (core.clock)().checked_add(lifetime).unwrap_or(Timestamp::MAX);
        let claims = LinkClaims {
            approval,
            digest,
            user,
            until,
            nonce: EntityId(core.chance.id()),
        };
        let body = hex(serde_json::to_string(&claims).unwrap_or_default().as_bytes());
        let mac = hex(&mac(core, &body)?.finalize().into_bytes());
        Ok((format!("{PREFIX}{body}.{mac}"), until))
    }

    /// What a link says, if this machine signed it and its time is not over.
    ///
    /// # Errors
    /// [`RuntimeError::BadLink`], or the key cannot be read.
    pub fn open_link(&self, link: &str) -> Result<LinkClaims, RuntimeError> {
        let bad = || RuntimeError::BadLink("is none of this daemon's");
        let link = link.trim();
        let rest = link
            .strip_prefix(PREFIX)
            .filter(|_| link.len() <= MAX_LINK)
            .ok_or_else(bad)?;
        let (body, signature) = rest.split_once('.').ok_or_else(bad)?;
        let signature = unhex(signature).ok_or_else(bad)?;
        mac(&self.core, body)?
            .verify_slice(&signature)
            .map_err(|_| bad())?;
        let text = unhex(body).ok_or_else(bad)?;
        let claims: LinkClaims = serde_json::from_slice(&text).map_err(|_| bad())?;
        if (self.core.clock)() >= claims.until {
            return Err(RuntimeError::BadLink("is too old"));
        }
        Ok(claims)
    }

    /// Decides by a link, once.
    ///
    /// # Errors
    /// As [`Self::decide`]; [`RuntimeError::BadLink`] where it was used before.
    pub async fn decide_by_link(
        &self,
        claims: &LinkClaims,
        answer: Answer,
        actor: Actor,
    ) -> Result<dirigent_protocol::command::CommandReply, RuntimeError> {
        let key = rows::link_key(claims.nonce);
        if self.core.store.get(&key)?.is_some() {
            return Err(RuntimeError::BadLink("was used before"));
        }
        self.core.decide(answer, actor, By::Link(key)).await
    }
}

fn mac(core: &Core, body: &str) -> Result<Hmac<Sha256>, RuntimeError> {
    let key = core.link_key.get(&*core.chance)?;
    let mut mac =
        Hmac::<Sha256>::new_from_slice(&key).map_err(|_| RuntimeError::Internal("a key of 32 bytes"))?;
    mac.update(body.as_bytes());
    Ok(mac)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_read_back_and_nothing_else_does() {
        assert_eq!(unhex(&hex(b"\x00\xffab")).unwrap(), b"\x00\xffab");
        for wrong in ["0", "zz", "0g", "\u{e9}"] {
            assert_eq!(unhex(wrong), None, "{wrong}");
        }
    }
}
