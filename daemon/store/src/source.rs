//! The journal as a rebuild reads it: as it was found at the opening, or as it is while the store is open.

use crate::catalog::Catalog;
use crate::error::{OpenError, ReadError};
use crate::export::Seen;
use crate::io::Disk;
use crate::recover::{self, Found};
use crate::types::{Budget, Commit, Identity, Position};
use uuid::Uuid;

/// Commits read at once while the store is open.
const AT_ONCE: Budget = Budget {
    items: 4096,
    bytes: 4 << 20,
};

#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    Found(&'a Found),
    Open {
        catalog: &'a Catalog,
        identity: &'a Identity,
        /// Newest commit to replay.
        upto: Position,
    },
}

impl Source<'_> {
    pub(crate) fn head(&self) -> Position {
        match self {
            Self::Found(found) => found.head,
            Self::Open { upto, .. } => *upto,
        }
    }

    pub(crate) fn oldest(&self) -> Position {
        match self {
            Self::Found(found) => found.oldest(),
            Self::Open { catalog, .. } => catalog.oldest(),
        }
    }

    pub(crate) fn database(&self) -> Uuid {
        match self {
            Self::Found(found) => found.last().map_or(Uuid::nil(), |s| s.header.database),
            Self::Open { identity, .. } => identity.database,
        }
    }

    /// Is it an export of this incarnation, or the one this incarnation was imported from, and does the journal follow it?
    pub(crate) fn follows(&self, seen: &Seen) -> bool {
        let first = match self {
            Self::Found(found) => found
                .segments
                .first()
                .map(|s| (s.header.number, s.header.first, s.header.incarnation)),
            Self::Open {
                catalog, identity, ..
            } => catalog
                .first()
                .map(|(number, first)| (number, first, identity.incarnation)),
        };
        let Some((number, first, incarnation)) = first else {
            return false;
        };
        let imported_from = number == 1 && seen.position.next() == first;
        seen.database == self.database()
            && (seen.incarnation == incarnation || imported_from)
            && seen.position.next() >= first
            && seen.position <= self.head()
    }

    /// Gives every commit from `from` to the head to `take`, some at a time.
    pub(crate) fn commits<E: From<OpenError> + From<ReadError>>(
        &self,
        disk: &dyn Disk,
        from: Position,
        mut take: impl FnMut(Vec<Commit>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (catalog, upto) = match self {
            Self::Found(found) => return recover::commits_from(disk, found, from, take),
            Self::Open { catalog, upto, .. } => (catalog, *upto),
        };
        let mut next = from;
        while next <= upto {
            let commits = catalog.commits(next, upto, AT_ONCE)?;
            let Some(last) = commits.last() else { break };
            next = last.position.next();
            take(commits)?;
        }
        Ok(())
    }
}
