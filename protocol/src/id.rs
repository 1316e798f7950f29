//! Typed identifiers: UUIDv7 newtypes, their parsing and their short form.
//!
//! Invariant: an id is made in one place, the edge that creates the thing; nothing below it invents ids.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How an id could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id: expected a UUID such as 0199f3c2-7b1a-7cc1-8f1f-2a6b0c9d4e5f")]
pub struct ParseIdError {
    /// What was given.
    pub text: String,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id whose first 48 bits are the time in milliseconds: ids of one maker sort by age.
            #[must_use]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// The all-zero id, which names nothing.
            #[must_use]
            pub const fn nil() -> Self {
                Self(Uuid::nil())
            }

            /// The 16 bytes, big endian, as keys of the store use them.
            #[must_use]
            pub fn bytes(&self) -> [u8; 16] {
                *self.0.as_bytes()
            }

            /// The last eight hexadecimal digits: the random end, which tells neighbours apart.
            #[must_use]
            pub fn short(&self) -> String {
                let text = self.0.simple().to_string();
                text[24..].to_owned()
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::nil()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                Uuid::try_parse(text).map(Self).map_err(|_| ParseIdError { text: text.to_owned() })
            }
        }
    )+};
}

ids! {
    /// Names a stored document of any kind.
    EntityId;
    /// Names a run; the same 16 bytes as the id of its `WorkflowExecution`.
    RunId;
    /// Made by a client for one mutating call; the same id again returns the first answer.
    RequestId;
}

impl From<EntityId> for RunId {
    fn from(id: EntityId) -> Self {
        Self(id.0)
    }
}

impl From<RunId> for EntityId {
    fn from(id: RunId) -> Self {
        Self(id.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_its_short_form_is_its_random_end() {
        let id = EntityId::new();
        assert_eq!(id.to_string().parse::<EntityId>().unwrap(), id);
        assert!(id.to_string().ends_with(&id.short()));
        assert_eq!(id.short().len(), 8);
    }

    #[test]
    fn nonsense_is_refused_with_the_text() {
        assert_eq!("run-7".parse::<RunId>().unwrap_err().text, "run-7");
    }
}
