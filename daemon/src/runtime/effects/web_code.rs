//! What an authority gives only once: a code is exchanged a single time, and a refresh token may be followed by another
//! one. What comes of it is kept in `secrets/.granted` under the daemon's data, readable by its owner alone; no document
//! can name it there.
//!
//! Does not speak to the authority.
//!
//! Invariant: a code leaves at most once. That it is about to leave is durable before it does; where its answer was
//! lost it is not sent again, since an authority takes back what it gave for a code that comes twice.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::kept_file;

/// A token is not used in its last moments.
const EARLY: SignedDuration = SignedDuration::from_secs(30);

/// What an authority gave; nothing where it was asked and its answer is not known.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Granted {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    access: Option<String>,
    /// When the access token ends, as far as the authority says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh: Option<String>,
}

/// What is to be done for a token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Use this one.
    Use(String),
    /// Ask with this refresh token.
    Refresh(String),
    /// Exchange the code; noted first.
    Exchange,
    /// The code was sent before, and what it gave is over or was lost.
    Spent,
}

/// What one code or one refresh token of a document led to.
pub(super) struct Grant {
    path: PathBuf,
    granted: Option<Granted>,
    /// The refresh token the document gives.
    given: Option<String>,
}

impl Grant {
    /// Whether such a grant is used up.
    pub(super) fn is_used_up(with: &Value) -> bool {
        matches!(
            with["grant"].as_str(),
            Some("authorization_code" | "refresh_token")
        )
    }

    /// What there is of the one that a policy names.
    ///
    /// # Errors
    /// What is kept cannot be read.
    pub(super) fn of(data_dir: &Path, with: &Value) -> io::Result<Self> {
        let mut names = json!({
            "authority": with["authority"],
            "client": with["client"]["id"],
            "grant": with["grant"],
            "code": with["code"],
            "subject": with["subject"]["token"],
        });
        if let Some(sign_in) = with["sign_in"].as_str() {
            names["sign_in"] = sign_in.into();
        }
        let path = kept_file::path(data_dir, &names);
        let granted = kept_file::read(&path)?;
        let given = (with["grant"] == "refresh_token")
            .then(|| with["subject"]["token"].as_str().map(str::to_owned))
            .flatten();
        Ok(Self { path, granted, given })
    }

    /// What to do now.
    pub(super) fn next(&self, now: Timestamp) -> Next {
        let Some(granted) = &self.granted else {
            return self.given.clone().map_or(Next::Exchange, Next::Refresh);
        };
        let lasts = |until: &Timestamp| until.duration_since(now) > EARLY;
        if let Some(token) = &granted.access
            && granted.until.as_ref().is_none_or(lasts)
        {
            return Next::Use(token.clone());
        }
        let refresh = granted.refresh.as_ref().or(self.given.as_ref());
        refresh.cloned().map_or(Next::Spent, Next::Refresh)
    }

    /// Notes that the code leaves now.
    ///
    /// # Errors
    /// It cannot be made durable: the code must not leave.
    pub(super) fn leaves(&mut self) -> io::Result<()> {
        self.write(Granted::default())
    }

    /// The code did not get there, or was not taken: it may be sent again.
    pub(super) fn came_back(&mut self) {
        self.granted = None;
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "a code that was not taken counts as sent");
        }
    }

    /// Keeps what the authority answered; the access token in it, if there is one.
    ///
    /// # Errors
    /// It cannot be made durable.
    pub(super) fn keep(&mut self, answer: &Value, now: Timestamp) -> io::Result<()> {
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        let seconds = answer["expires_in"].as_i64().map(SignedDuration::from_secs);
        let before = self.granted.take().and_then(|granted| granted.refresh);
        self.write(Granted {
            access: text("access_token"),
            until: seconds.and_then(|seconds| now.checked_add(seconds).ok()),
            refresh: text("refresh_token").or(before),
        })
    }

    /// The access token is not taken any more, whatever was said of its time.
    ///
    /// # Errors
    /// That cannot be made durable.
    pub(super) fn refused(&mut self) -> io::Result<()> {
        match self.granted.take() {
            Some(granted) => self.write(Granted {
                access: None,
                ..granted
            }),
            None => Ok(()),
        }
    }

    fn write(&mut self, granted: Granted) -> io::Result<()> {
        kept_file::write(&self.path, &granted)?;
        self.granted = Some(granted);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn code() -> Value {
        json!({ "authority": "https://a", "grant": "authorization_code", "code": "c0de", "client": { "id": "me" } })
    }

    #[test]
    fn a_code_leaves_once_and_what_it_gave_outlives_the_daemon() {
        let home = tempfile::tempdir().unwrap();
        let now = at("2026-11-22T18:00:00Z");
        let mut grant = Grant::of(home.path(), &code()).unwrap();
        assert_eq!(grant.next(now), Next::Exchange);
        grant.leaves().unwrap();
        let again = || Grant::of(home.path(), &code()).unwrap();
        assert_eq!(again().next(now), Next::Spent, "its answer is not known");

        let answer = json!({ "access_token": "one", "expires_in": 600, "refresh_token": "r1" });
        grant.keep(&answer, now).unwrap();
        assert_eq!(again().next(now), Next::Use("one".into()));
        assert_eq!(
            again().next(at("2026-11-22T18:09:31Z")),
            Next::Refresh("r1".into())
        );
        let mode = fs::metadata(&grant.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        // An authority that gives no other refresh token means the same one.
        grant
            .keep(&json!({ "access_token": "two", "expires_in": 0 }), now)
            .unwrap();
        assert_eq!(again().next(now), Next::Refresh("r1".into()));
        grant
            .keep(
                &json!({ "access_token": "two", "refresh_token": "r2", "expires_in": 0 }),
                now,
            )
            .unwrap();
        assert_eq!(again().next(now), Next::Refresh("r2".into()));
    }

    #[test]
    fn a_code_that_was_not_taken_may_be_sent_again() {
        let home = tempfile::tempdir().unwrap();
        let mut grant = Grant::of(home.path(), &code()).unwrap();
        grant.leaves().unwrap();
        grant.came_back();
        let again = Grant::of(home.path(), &code()).unwrap();
        assert_eq!(again.next(at("2026-11-22T18:00:00Z")), Next::Exchange);
    }

    #[test]
    fn the_newest_refresh_token_follows_the_one_that_was_given() {
        let home = tempfile::tempdir().unwrap();
        let now = at("2026-11-22T18:00:00Z");
        let with =
            json!({ "authority": "https://a", "grant": "refresh_token", "subject": { "token": "r0" } });
        let mut grant = Grant::of(home.path(), &with).unwrap();
        assert_eq!(grant.next(now), Next::Refresh("r0".into()));
        grant
            .keep(
                &json!({ "access_token": "x", "expires_in": 1, "refresh_token": "r1" }),
                now,
            )
            .unwrap();
        let again = Grant::of(home.path(), &with).unwrap();
        assert_eq!(again.next(now), Next::Refresh("r1".into()));
    }
}
