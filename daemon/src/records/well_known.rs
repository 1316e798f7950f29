//! The documents every store begins with: the first organisation and the user who owns the socket.

use dirigent_protocol::entity::{Document, Kind, Organization, User};
use jiff::Timestamp;

use super::ids::{BOOTSTRAP_USER, DEFAULT_ORG};
use super::write::Draft;

/// The first organisation's document.
#[must_use]
pub fn default_org(now: Timestamp) -> Document {
    let body = Organization {
        title: "Home".to_owned(),
    };
    Draft::of(
        Kind::Organization,
        "home",
        serde_json::to_value(body).unwrap_or_default(),
    )
    .id(DEFAULT_ORG)
    .org(DEFAULT_ORG)
    .owner(BOOTSTRAP_USER)
    .document(now)
}

/// The socket owner's document.
#[must_use]
pub fn owner_user(name: &str, uid: u32, now: Timestamp) -> Document {
    let body = User {
        display_name: name.to_owned(),
        uid: Some(uid),
        administrator: true,
        disabled: false,
    };
    Draft::of(Kind::User, name, serde_json::to_value(body).unwrap_or_default())
        .id(BOOTSTRAP_USER)
        .org(DEFAULT_ORG)
        .owner(BOOTSTRAP_USER)
        .document(now)
}
