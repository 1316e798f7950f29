//! What is acknowledged but not yet in sled, and the newest commits for readers at the tail of the feed.
//!
//! Invariant: a commit is here from its acknowledgement until sled holds it; entries leave only after that. So overlay
//! first, sled second, sees every acknowledged commit.

use crate::codec;
use crate::types::{Append, BlobId, Commit, Key, LeaseRow, Position, RequestKey, StreamId, Upkeep};
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

/// Bytes of commits kept for readers at the tail.
const RECENT_BYTES: u64 = 8 << 20;

/// A request as it is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Remembered {
    pub(crate) digest: [u8; 32],
    pub(crate) position: Position,
    pub(crate) at_ms: u64,
}

/// Records of one append: position of its commit, and the records.
pub(crate) type Run = (Position, Arc<[Bytes]>);

#[derive(Default)]
pub(crate) struct Overlay {
    pub(crate) head: Position,
    /// Revision, and the value or that the key was deleted.
    keys: BTreeMap<Key, (u64, Option<Bytes>)>,
    streams: BTreeMap<(StreamId, u64), Run>,
    requests: HashMap<[u8; 16], Remembered>,
    /// They stay: leases are few, and every fenced commit asks.
    leases: HashMap<Key, LeaseRow>,
    blobs: HashMap<BlobId, Position>,
    pending: VecDeque<(Instant, Arc<Commit>)>,
    pending_bytes: u64,
    recent: VecDeque<Arc<Commit>>,
    recent_bytes: u64,
    /// Held by a state that is lost.
    revived: Vec<Arc<Commit>>,
    /// Requests older than this are forgotten, even where sled still has them.
    pub(crate) forget_before: u64,
}

impl Overlay {
    pub(crate) fn new(head: Position) -> Self {
        Self {
            head,
            ..Self::default()
        }
    }

    /// Makes synced commits visible.
    pub(crate) fn publish(&mut self, commits: &[Arc<Commit>], now: Instant) {
        for commit in commits {
            self.show(commit);
            let weight = codec::weight(commit);
            self.pending_bytes += weight;
            self.pending.push_back((now, commit.clone()));
            self.recent_bytes += weight;
            self.recent.push_back(commit.clone());
            self.head = commit.position;
        }
        while self.recent_bytes > RECENT_BYTES
            && let Some(oldest) = self.recent.pop_front()
        {
            self.recent_bytes -= codec::weight(&oldest);
        }
    }

    fn show(&mut self, commit: &Commit) {
        let position = commit.position;
        for key in &commit.deletes {
            self.keys.insert(key.clone(), (position.0, None));
        }
        for (key, value) in &commit.puts {
            self.keys.insert(key.clone(), (position.0, Some(value.clone())));
        }
        for Append {
            stream,
            expected,
            records,
        } in &commit.appends
        {
            self.streams
                .insert((*stream, *expected), (position, records.as_slice().into()));
        }
        if let Some(RequestKey { id, digest }) = commit.request {
            self.requests.insert(
                id,
                Remembered {
                    digest,
                    position,
                    at_ms: commit.at_ms,
                },
            );
        }
        for blob in &commit.blobs {
            self.blobs.entry(*blob).or_insert(position);
        }
        for upkeep in &commit.upkeep {
            match upkeep {
                Upkeep::Lease(row) => drop(self.leases.insert(row.name.clone(), row.clone())),
                Upkeep::Forget { before_ms } => self.forget_before = self.forget_before.max(*before_ms),
                Upkeep::Close(_) => {}
            }
        }
    }

    /// Commits sled does not have yet, oldest first, about `bytes` of them.
    pub(crate) fn unapplied(&self, bytes: u64) -> Vec<Arc<Commit>> {
        let mut sum = 0;
        let within = self.pending.iter().take_while(|(_, commit)| {
            let before = sum;
            sum += codec::weight(commit);
            before < bytes
        });
        within.map(|(_, commit)| commit.clone()).collect()
    }

    /// Drops what sled now holds.
    pub(crate) fn retire(&mut self, applied: &[Arc<Commit>]) {
        self.hide(applied);
        for commit in applied {
            if self
                .pending
                .front()
                .is_some_and(|(_, first)| first.position == commit.position)
            {
                self.pending.pop_front();
                self.pending_bytes -= codec::weight(commit);
            }
        }
    }

    fn hide(&mut self, commits: &[Arc<Commit>]) {
        for commit in commits {
            let position = commit.position;
            for key in commit
                .deletes
                .iter()
                .chain(commit.puts.iter().map(|(key, _)| key))
            {
                if self
                    .keys
                    .get(key)
                    .is_some_and(|(revision, _)| *revision <= position.0)
                {
                    self.keys.remove(key);
                }
            }
            for append in &commit.appends {
                self.streams.remove(&(append.stream, append.expected));
            }
            if let Some(request) = commit.request
                && self
                    .request(&request.id)
                    .is_some_and(|known| known.position <= position)
            {
                self.requests.remove(&request.id);
            }
            for blob in &commit.blobs {
                self.blobs.remove(blob);
            }
        }
    }

    /// The state is lost: what is remembered of commits that it held serves again, until `rest`.
    pub(crate) fn revive(&mut self) {
        let first = self.pending.front().map(|(_, commit)| commit.position);
        let is_held = |commit: &&Arc<Commit>| first.is_none_or(|first| commit.position < first);
        let held: Vec<_> = self.recent.iter().filter(is_held).cloned().collect();
        let pending: Vec<_> = self.pending.iter().map(|(_, commit)| commit.clone()).collect();
        // In their order, so that the newest of each key is the one that stays.
        held.iter().chain(&pending).for_each(|commit| self.show(commit));
        self.revived = held;
    }

    /// There is a state again, and it holds everything up to `upto`.
    pub(crate) fn rest(&mut self, upto: Position) {
        let revived = std::mem::take(&mut self.revived);
        self.hide(&revived);
        let held = |(_, commit): &&(Instant, Arc<Commit>)| commit.position <= upto;
        let held: Vec<_> = self
            .pending
            .iter()
            .take_while(held)
            .map(|(_, c)| c.clone())
            .collect();
        self.retire(&held);
    }

    pub(crate) fn pending_bytes(&self) -> u64 {
        self.pending_bytes
    }

    /// Since when the oldest commit waits for sled.
    pub(crate) fn waiting_since(&self) -> Option<Instant> {
        self.pending.front().map(|(since, _)| *since)
    }

    /// Revision and value (`None`: deleted), if the key changed lately.
    pub(crate) fn key(&self, key: &[u8]) -> Option<(u64, Option<Bytes>)> {
        self.keys.get(key).cloned()
    }

    pub(crate) fn keys(&self) -> &BTreeMap<Key, (u64, Option<Bytes>)> {
        &self.keys
    }

    pub(crate) fn request(&self, id: &[u8; 16]) -> Option<Remembered> {
        self.requests.get(id).copied()
    }

    pub(crate) fn lease(&self, name: &Key) -> Option<LeaseRow> {
        self.leases.get(name).cloned()
    }

    pub(crate) fn has_blob(&self, id: BlobId) -> bool {
        self.blobs.contains_key(&id)
    }

    /// Last `seq` of a stream, if it grew lately.
    pub(crate) fn stream_end(&self, stream: StreamId) -> Option<u64> {
        let ((_, first), (_, records)) = self.streams.range((stream, 0)..=(stream, u64::MAX)).next_back()?;
        Some(first + records.len() as u64 - 1)
    }

    /// Runs of a stream that hold `seq` or later.
    pub(crate) fn stream_from(&self, stream: StreamId, seq: u64) -> BTreeMap<u64, Run> {
        let within = self.streams.range((stream, 0)..=(stream, u64::MAX)).rev();
        let wanted = within.take_while(|((_, first), (_, records))| first + records.len() as u64 > seq);
        wanted.map(|((_, first), run)| (*first, run.clone())).collect()
    }

    /// Commits after `cursor`, if all of them are still in memory.
    pub(crate) fn recent_after(
        &self,
        cursor: Position,
        items: usize,
        bytes: usize,
    ) -> Option<Vec<Arc<Commit>>> {
        let oldest = self.recent.front()?.position;
        if cursor.next() < oldest {
            return None;
        }
        let skip = usize::try_from(cursor.0 + 1 - oldest.0).unwrap_or(usize::MAX);
        let mut sum = 0;
        let mut page = Vec::new();
        for commit in self.recent.iter().skip(skip) {
            if !page.is_empty() && (page.len() >= items || sum >= bytes) {
                break;
            }
            sum += usize::try_from(codec::weight(commit)).unwrap_or(usize::MAX);
            page.push(commit.clone());
        }
        Some(page)
    }
}
