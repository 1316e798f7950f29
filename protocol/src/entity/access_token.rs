//! A token with which another program takes offers up in its owner's name.
//!
//! Invariant: the secret is shown once, where it is made; only its digest is stored.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::definition::{check_as, json_of, schema_of};
use super::{Column, Definition, Entity, Index, Kind, Writer};

/// A token: it does what its owner may do, of the offers it names, until its time is over or it is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessToken {
    /// SHA-256 of the secret, hexadecimal.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub digest: String,
    /// Names of the offers it is good for; `*` is every one.
    pub offers: Vec<String>,
    /// Until when.
    #[schemars(with = "String")]
    pub expires_at: Timestamp,
}

impl AccessToken {
    /// What every secret begins with, so that scanners for leaked secrets know it.
    pub const PREFIX: &'static str = "dirigent-token-";

    /// Whether it is good for an offer.
    #[must_use]
    pub fn covers(&self, offer: &str) -> bool {
        self.offers.iter().any(|name| name == "*" || name == offer)
    }
}

impl Entity for AccessToken {
    const DEFINITION: Definition = Definition {
        kind: Kind::AccessToken,
        about: "a token with which another program takes offers up in its owner's name",
        plural: "access-tokens",
        aliases: &["token", "tokens"],
        schema: schema_of::<Self>,
        check: check_as::<Self>,
        sample: || {
            json_of(&Self {
                digest: "0".repeat(64),
                offers: vec!["hello".into()],
                expires_at: Timestamp::UNIX_EPOCH,
            })
        },
        indexes: &[Index {
            field: "digest",
            unique: true,
        }],
        sensitive: &[],
        relations: &[],
        columns: &[
            Column {
                title: "name",
                field: "name",
            },
            Column {
                title: "offers",
                field: "offers",
            },
            Column {
                title: "until",
                field: "expires_at",
            },
        ],
        writer: Writer::People,
        retention_days: None,
    };
}
