//! `incarnation:position:role`: which store, where in its feed, seen with whose eyes.

use dirigent_protocol::hello::Subject;
use dirigent_protocol::watch::Cursor;
use dirigent_store::{Identity, Position};

/// What a cursor says about going on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Go on behind this.
    At(Position),
    /// The chain is broken: why.
    Broken(&'static str),
    /// It is not one of ours.
    Nonsense,
}

pub(super) fn write(identity: &Identity, subject: &Subject, position: Position) -> Cursor {
    Cursor(format!(
        "{}:{position}:{}",
        identity.incarnation.simple(),
        role(subject)
    ))
}

pub(super) fn read(identity: &Identity, subject: &Subject, head: Position, cursor: &Cursor) -> Standing {
    let mut parts = cursor.0.split(':');
    let (Some(store), Some(position), Some(eyes), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Standing::Nonsense;
    };
    let Ok(position) = position.parse() else {
        return Standing::Nonsense;
    };
    if store != identity.incarnation.simple().to_string() {
        return Standing::Broken("this is another store than before, or it was restored");
    }
    if eyes != role(subject) {
        return Standing::Broken("what you may see has changed");
    }
    if position > head.0 {
        return Standing::Nonsense;
    }
    Standing::At(Position(position))
}

fn role(subject: &Subject) -> &'static str {
    if subject.administrator { "a" } else { "u" }
}
