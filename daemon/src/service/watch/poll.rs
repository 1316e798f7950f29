//! The long poll.

use std::time::Duration;

use dirigent_protocol::entity::Kind;
use dirigent_protocol::hello::Subject;
use dirigent_protocol::watch::{WatchFilter, WatchPage, WatchRequest};
use dirigent_store::{Budget, Feed, FeedItem, Position, ReadError};
use tokio::time::Instant;

use super::super::core::Service;
use super::super::error::ServiceError;
use super::changes::{Seen, Wanted};
use super::cursor::{self, Standing};
use crate::door::{Action, Object};

/// Longest wait, milliseconds.
const LONGEST: u32 = 30_000;
/// Most changes in a page, one commit aside.
const MOST: usize = 1_000;
/// Bytes of changes in a page, one commit (at most 4 MiB) aside.
const BYTES: usize = 2 << 20;
/// Commits read at once.
const COMMITS: Budget = Budget {
    items: 256,
    bytes: 2 << 20,
};

impl Service {
    /// What happened behind a cursor; waits where there is nothing. Without a cursor it answers where now is.
    ///
    /// # Errors
    /// The cursor is not one of this daemon's, or the subject may not watch what they ask for.
    pub async fn watch(&self, subject: &Subject, request: &WatchRequest) -> Result<WatchPage, ServiceError> {
        self.may_watch(subject, &request.filter).await?;
        let store = self.records.store();
        let (identity, head) = (store.identity(), store.head());
        let from_head = |resync: Option<&str>| WatchPage {
            changes: Vec::new(),
            next: cursor::write(&identity, subject, head),
            resync: resync.map(str::to_owned),
        };
        let Some(given) = &request.cursor else {
            return Ok(from_head(None));
        };
        let mut at = match cursor::read(&identity, subject, head, given) {
            Standing::At(position) => position,
            Standing::Broken(why) => return Ok(from_head(Some(why))),
            Standing::Nonsense => {
                return Err(ServiceError::BadCursor {
                    why: "it is not one of this daemon's, or lies ahead",
                });
            }
        };
        let wanted = Wanted::new(&request.filter);
        let max = (request.max as usize).clamp(1, MOST);
        let until = Instant::now() + Duration::from_millis(u64::from(request.wait_ms.min(LONGEST)));
        loop {
            let page = match self.read_feed(subject, &wanted, at, max).await {
                Ok(page) => page,
                Err(Broken::Compacted) => {
                    return Ok(from_head(Some("the feed no longer reaches back to the cursor")));
                }
                Err(Broken::Service(error)) => return Err(error),
            };
            let left = until.saturating_duration_since(Instant::now());
            if !page.changes.is_empty() || left.is_zero() {
                let next = cursor::write(&identity, subject, page.at);
                return Ok(WatchPage {
                    changes: page.changes,
                    next,
                    resync: None,
                });
            }
            at = page.at;
            // Answers at once where something came after the reading: no wake-up is lost.
            store.wait(at, left).await;
        }
    }

    async fn may_watch(&self, subject: &Subject, filter: &WatchFilter) -> Result<(), ServiceError> {
        for kind in &filter.kinds {
            self.door
                .authorize(subject, Action::Read, &Object::Kind(*kind))
                .await?;
        }
        if filter.all_runs || filter.lifecycle || !filter.runs.is_empty() {
            self.door
                .authorize(subject, Action::Read, &Object::Kind(Kind::WorkflowExecution))
                .await?;
        }
        if filter.events {
            self.door
                .authorize(subject, Action::Read, &Object::Daemon)
                .await?;
        }
        Ok(())
    }

    /// Reads on until something matched or the feed ends for now.
    async fn read_feed(
        &self,
        subject: &Subject,
        wanted: &Wanted,
        from: Position,
        max: usize,
    ) -> Result<Read, Broken> {
        let store = self.records.store();
        let mut read = Read {
            changes: Vec::new(),
            at: from,
        };
        let (mut bytes, mut seen) = (0, Seen::new());
        loop {
            let page = store
                .read(Feed::All, read.at, COMMITS)
                .map_err(|error| match error {
                    ReadError::Compacted { .. } => Broken::Compacted,
                    other => Broken::Service(other.into()),
                })?;
            if page.items.is_empty() {
                read.at = page.next.max(read.at);
                return Ok(read);
            }
            for item in page.items {
                let FeedItem::Commit(commit) = item else { continue };
                bytes += self
                    .changes(subject, wanted, &commit, &mut seen, &mut read.changes)
                    .map_err(Broken::Service)?;
                read.at = commit.position;
                if read.changes.len() >= max || bytes >= BYTES {
                    return Ok(read);
                }
            }
            if !read.changes.is_empty() {
                return Ok(read);
            }
            tokio::task::yield_now().await;
        }
    }
}

struct Read {
    changes: Vec<dirigent_protocol::watch::Change>,
    at: Position,
}

enum Broken {
    Compacted,
    Service(ServiceError),
}
