//! The documents every store begins with.

use dirigent_protocol::entity::Kind;
use dirigent_store::Txn;
use serde_json::Value;

use super::error::StartError;
use crate::clock::Clock;
use crate::records::{BOOTSTRAP_USER, DEFAULT_ORG, Records, default_org, owner_user, put};

/// Makes sure of the first organisation and of its owner: the system's user who runs the daemon.
pub(super) async fn bootstrap(records: &Records, clock: &Clock, uid: u32) -> Result<(), StartError> {
    let mut txn = Txn::default();
    let now = clock();
    if records.get(Kind::Organization, DEFAULT_ORG)?.is_none() {
        put(&mut txn, None, &default_org(now))?;
    }
    match records.get(Kind::User, BOOTSTRAP_USER)? {
        None => put(&mut txn, None, &owner_user(&login_name(uid), uid, now))?,
        Some(stored) if stored.document.spec["uid"] != uid => {
            // The data moved to another user of the system: the old one must not stay administrator.
            let mut spec = stored.document.spec.clone();
            spec["uid"] = Value::from(uid);
            put(&mut txn, Some(&stored), &stored.next(spec, now))?;
        }
        Some(_) => {}
    }
    if !txn.puts.is_empty() {
        records.store().commit(txn).await?;
    }
    Ok(())
}

/// The system's name for a user, where it is one of ours too.
pub(super) fn login_name(uid: u32) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    users
        .lines()
        .find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
        })
        .filter(|name| {
            let first = name
                .bytes()
                .next()
                .is_some_and(|byte| byte.is_ascii_alphanumeric());
            first
                && name.len() <= 64
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
        })
        .map_or_else(|| format!("uid-{uid}"), str::to_owned)
}
