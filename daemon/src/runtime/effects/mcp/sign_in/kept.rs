//! What is kept of signing in at the authority of one server: who the client is there, what was asked for, what is
//! still to come back. The tokens themselves are kept where those of every grant are.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::super::kept_file;
use super::address::Pending;

/// Who the client is at the authority.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Client {
    pub(super) id: String,
    /// Only where the authority gave it: what a document gives is not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<String>,
    /// How it says who it is.
    pub(super) authentication: String,
    /// The authority gave the id, and it is nobody anywhere else.
    #[serde(default)]
    pub(super) registered: bool,
}

/// What is kept.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    /// The authority; all else here is of it.
    #[serde(default)]
    pub(super) issuer: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) client: Option<Client>,
    /// What was asked for so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) scopes: Vec<String>,
    /// The grant that tokens come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) grant: Option<Value>,
    /// The person who was asked has not come back yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pending: Option<Pending>,
}

/// Where it is kept.
#[derive(Debug)]
pub(super) struct Place(PathBuf);

impl Place {
    /// Of a server, as one policy signs in for it.
    pub(super) fn of(data_dir: &Path, names: &Value) -> Self {
        Self(kept_file::path(data_dir, names))
    }

    pub(super) fn read(&self) -> io::Result<Kept> {
        Ok(kept_file::read(&self.0)?.unwrap_or_default())
    }

    pub(super) fn write(&self, kept: &Kept) -> io::Result<()> {
        kept_file::write(&self.0, kept)
    }
}
