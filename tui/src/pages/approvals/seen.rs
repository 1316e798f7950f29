//! What the person has had before their eyes: the guard in front of every decision.

use std::cell::Cell;
use std::time::Duration;

use dirigent_protocol::id::EntityId;

use crate::model::{Approval, Time};

/// One request as it was painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Painted {
    id: EntityId,
    /// Revision of its document: any change makes it another picture.
    revision: u64,
    since: Duration,
    end: bool,
}

/// Remembers what was painted, since when, and whether its end was.
#[derive(Debug, Default)]
pub(super) struct Seen(Cell<Option<Painted>>);

impl Seen {
    /// The request is being painted; `end` if its last line is.
    pub(super) fn paint(&self, approval: &Approval, end: bool, time: Time) {
        let same = self
            .0
            .get()
            .filter(|p| p.id == approval.id && p.revision == approval.revision);
        let since = same.map_or(time.mono, |painted| painted.since);
        let end = end || same.is_some_and(|painted| painted.end);
        self.0.set(Some(Painted {
            id: approval.id,
            revision: approval.revision,
            since,
            end,
        }));
    }

    /// Nothing is on the screen any more.
    pub(super) fn forget(&self) {
        self.0.set(None);
    }

    /// Its end was on the screen.
    pub(super) fn to_the_end(&self, approval: &Approval) -> bool {
        self.0
            .get()
            .is_some_and(|p| p.id == approval.id && p.revision == approval.revision && p.end)
    }

    /// Why a key must not decide about it yet.
    pub(super) fn too_soon(&self, approval: &Approval, guard: Duration, time: Time) -> Option<String> {
        match self.0.get() {
            Some(p) if p.id == approval.id && p.revision == approval.revision => {
                let shown = time.mono.saturating_sub(p.since);
                (shown < guard).then(|| {
                    format!(
                        "key ignored: this came under the cursor {} ms ago; look, then press again",
                        shown.as_millis()
                    )
                })
            }
            _ => Some("key ignored: it was not on the screen yet; open it, then decide".to_owned()),
        }
    }
}
