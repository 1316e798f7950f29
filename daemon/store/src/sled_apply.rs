//! Writing the state: commits as atomic batches, rows of an export.
//!
//! Invariants: a batch is whole commits and carries the position of its last; of several writes of a key in a batch only
//! the last reaches it; chunks of a replaced value leave with it.

use crate::closed::mark;
use crate::codec;
use crate::entry::{self, Head};
use crate::error::StateFault;
use crate::overlay::Remembered;
use crate::sled_state::{Row, State};
use crate::tree::Changes;
use crate::types::{Commit, Key, Position, RequestKey, Upkeep};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use uuid::Uuid;

impl State {
    /// Makes a new one belong to a database, at a position.
    pub(crate) fn found(&self, database: Uuid, at: Position) -> Result<(), StateFault> {
        let mut batch = Changes::default();
        batch.insert(entry::DATABASE, entry::seal(entry::DATABASE, database.as_bytes()));
        put(&mut batch, entry::APPLIED.to_vec(), &at.0.to_le_bytes());
        self.tree.apply(batch)
    }

    /// Applies commits that follow what it holds, in one atomic batch.
    pub(crate) fn apply(&self, commits: &[Arc<Commit>]) -> Result<(), StateFault> {
        let Some(last) = commits.last() else { return Ok(()) };
        let mut batch = Changes::default();
        // The last write of a key in the batch is the only one sled sees.
        let mut keys: BTreeMap<&Key, (Position, Option<&Bytes>)> = BTreeMap::new();
        for commit in commits {
            let at = commit.position;
            keys.extend(commit.deletes.iter().map(|key| (key, (at, None))));
            keys.extend(commit.puts.iter().map(|(key, value)| (key, (at, Some(value)))));
            self.batch_rest(&mut batch, commit)?;
        }
        let rows: Vec<Vec<u8>> = keys
            .keys()
            .map(|key| entry::prefixed(entry::VALUE, key))
            .collect();
        let old = self.tree.get_sorted(&rows)?;
        for (((key, (at, value)), row), old) in keys.into_iter().zip(rows).zip(old) {
            let old = old.map(|old| entry::unseal(&row, &old).ok_or(StateFault::Row));
            batch_value(&mut batch, key, row, old.transpose()?, at, value.map(|v| &v[..]))?;
        }
        put(
            &mut batch,
            entry::APPLIED.to_vec(),
            &last.position.0.to_le_bytes(),
        );
        self.tree.apply(batch)
    }

    fn batch_rest(&self, batch: &mut Changes, commit: &Commit) -> Result<(), StateFault> {
        let at = commit.position;
        for append in &commit.appends {
            let mut payload = Vec::new();
            codec::records(&mut payload, &append.records);
            let chunks = entry::run(entry::RUN_CHUNK, append.stream, append.expected);
            put_whole(
                batch,
                entry::run(entry::RUN, append.stream, append.expected),
                &chunks,
                at,
                &payload,
            );
        }
        if let Some(request) = &commit.request {
            put_request(
                batch,
                request,
                &Remembered {
                    digest: request.digest,
                    position: at,
                    at_ms: commit.at_ms,
                },
            );
        }
        for blob in &commit.blobs {
            put(batch, entry::blob(*blob), &at.0.to_le_bytes());
        }
        for upkeep in &commit.upkeep {
            match upkeep {
                Upkeep::Lease(row) => put(
                    batch,
                    entry::prefixed(entry::LEASE, &row.name),
                    &codec::encode_lease(row),
                ),
                Upkeep::Forget { before_ms } => self.batch_forget(batch, *before_ms)?,
                Upkeep::Close(stream) => put(batch, entry::closed(*stream), &mark(at, commit.at_ms)),
            }
        }
        Ok(())
    }

    fn batch_forget(&self, batch: &mut Changes, before_ms: u64) -> Result<(), StateFault> {
        let from = Bound::Included(entry::request_age(0, &[0; 16]));
        let to = Bound::Excluded(entry::request_age(before_ms, &[0; 16]));
        for row in self.tree.range((from, to)) {
            let (age, _) = row?;
            let id = age.last_chunk::<16>().ok_or(StateFault::Row)?;
            let key = entry::prefixed(entry::REQUEST, id);
            // The id may have been used again since: then the row is younger than this age.
            if self
                .request(id)?
                .is_some_and(|r| entry::request_age(r.at_ms, id) == age.to_vec())
            {
                batch.remove(key);
            }
            batch.remove(age);
        }
        Ok(())
    }

    /// Writes rows of an export into a new state.
    pub(crate) fn load(&self, rows: &[Row]) -> Result<(), StateFault> {
        let mut batch = Changes::default();
        for row in rows {
            match row {
                Row::Value { key, revision, value } => {
                    let row_key = entry::prefixed(entry::VALUE, key);
                    put_whole(
                        &mut batch,
                        row_key,
                        &entry::value_chunks(key, *revision),
                        Position(*revision),
                        value,
                    );
                }
                Row::Run {
                    stream,
                    first,
                    position,
                    payload,
                } => {
                    let chunks = entry::run(entry::RUN_CHUNK, *stream, *first);
                    put_whole(
                        &mut batch,
                        entry::run(entry::RUN, *stream, *first),
                        &chunks,
                        *position,
                        payload,
                    );
                }
                Row::Request { id, remembered } => {
                    let request = RequestKey {
                        id: *id,
                        digest: remembered.digest,
                    };
                    put_request(&mut batch, &request, remembered);
                }
                Row::Lease(row) => put(
                    &mut batch,
                    entry::prefixed(entry::LEASE, &row.name),
                    &codec::encode_lease(row),
                ),
                Row::Closed(closed) => put(
                    &mut batch,
                    entry::closed(closed.stream),
                    &mark(closed.position, closed.at_ms),
                ),
                Row::Blob { id, position } => put(&mut batch, entry::blob(*id), &position.0.to_le_bytes()),
            }
        }
        self.tree.apply(batch)
    }
}

/// Most rows, roughly, in one atomic batch: sled lets nobody read while it applies one.
const BATCH_OPS: usize = 512;

/// Cuts commits into batches: whole commits, about `BATCH_OPS` rows each, and forgetting by itself because it looks at
/// what is in sled already.
pub(crate) fn batches(mut commits: &[Arc<Commit>]) -> impl Iterator<Item = &[Arc<Commit>]> {
    std::iter::from_fn(move || {
        let first = commits.first()?;
        let mut ops = rows(first);
        let mut n = 1;
        if !forgets(first) {
            while let Some(next) = commits.get(n)
                && !forgets(next)
                && ops + rows(next) <= BATCH_OPS
            {
                ops += rows(next);
                n += 1;
            }
        }
        let (batch, rest) = commits.split_at(n);
        commits = rest;
        Some(batch)
    })
}

fn rows(commit: &Commit) -> usize {
    let chunks = usize::try_from(codec::weight(commit)).unwrap_or(usize::MAX) / entry::PIECE;
    commit.puts.len()
        + commit.deletes.len()
        + commit.appends.len()
        + commit.blobs.len()
        + commit.upkeep.len()
        + chunks
        + 1
}

fn forgets(commit: &Commit) -> bool {
    commit
        .upkeep
        .iter()
        .any(|upkeep| matches!(upkeep, Upkeep::Forget { .. }))
}

/// A value in the place of what its row says now.
fn batch_value(
    batch: &mut Changes,
    key: &[u8],
    row: Vec<u8>,
    old: Option<Bytes>,
    at: Position,
    value: Option<&[u8]>,
) -> Result<(), StateFault> {
    if let Some(body) = old {
        let old = Head::decode(&body).ok_or(StateFault::Row)?;
        let prefix = entry::value_chunks(key, old.revision);
        // The same revision comes back only when commits are repeated over an export: then it is overwritten.
        let stale = if old.revision == at.0 { 0 } else { old.chunks() };
        (0..stale).for_each(|index| batch.remove(entry::chunk(&prefix, index)));
    }
    match value {
        Some(value) => put_whole(batch, row, &entry::value_chunks(key, at.0), at, value),
        None => batch.remove(row),
    }
    Ok(())
}

fn put(batch: &mut Changes, key: Vec<u8>, body: &[u8]) {
    let row = entry::seal(&key, body);
    batch.insert(key, row);
}

fn put_whole(batch: &mut Changes, key: Vec<u8>, chunks: &[u8], at: Position, payload: &[u8]) {
    put(batch, key, &Head::encode(at, payload));
    for (index, piece) in entry::rest(payload).enumerate() {
        put(batch, entry::chunk(chunks, index), piece);
    }
}

fn put_request(batch: &mut Changes, request: &RequestKey, remembered: &Remembered) {
    let mut body = request.digest.to_vec();
    body.extend_from_slice(&remembered.position.0.to_le_bytes());
    body.extend_from_slice(&remembered.at_ms.to_le_bytes());
    put(batch, entry::prefixed(entry::REQUEST, &request.id), &body);
    put(batch, entry::request_age(remembered.at_ms, &request.id), &[]);
}
