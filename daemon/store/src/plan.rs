//! Decides whether a transaction may be committed, as if the ones before it in its group were already.
//!
//! Sees, in this order: the group so far, the overlay, sled. One thread decides, one transaction at a time: that is what
//! makes commits serialisable.

use crate::error::{CommitError, Conflict, Failure, LeaseError, Part, ReadError};
use crate::feed::End;
use crate::shared::Shared;
use crate::sync::read;
use crate::types::{
    BlobId, Commit, Fence, Guard, Key, Lease, LeaseRequest, LeaseRow, Position, Receipt, RequestKey,
    StreamId, Txn, Upkeep,
};
use bytes::Bytes;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Longest key.
const KEY: usize = 1024;
/// Longest value or record.
const VALUE: usize = 1 << 20;

/// A group in the making.
pub(crate) struct Plan<'a> {
    shared: &'a Shared,
    next: Position,
    at_ms: u64,
    pub(crate) commits: Vec<Arc<Commit>>,
    pub(crate) bytes: u64,
    /// Every commit so far may use the reserve.
    pub(crate) reserve: bool,
    keys: HashMap<Key, Option<u64>>,
    streams: HashMap<StreamId, End>,
    closed: HashSet<StreamId>,
    requests: HashMap<[u8; 16], ([u8; 32], Position)>,
    leases: HashMap<Key, LeaseRow>,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(shared: &'a Shared, head: Position) -> Self {
        Self {
            shared,
            next: head.next(),
            at_ms: shared.now_ms(),
            commits: Vec::new(),
            bytes: 0,
            reserve: true,
            keys: HashMap::new(),
            streams: HashMap::new(),
            closed: HashSet::new(),
            requests: HashMap::new(),
            leases: HashMap::new(),
        }
    }

    /// Adds a transaction to the group, or says why not; then the group is as it was.
    pub(crate) fn commit(&mut self, txn: Txn, size: u64) -> Result<Receipt, CommitError> {
        limits(&txn)?;
        if let Some(request) = txn.request
            && let Some((digest, position)) = self.remembered(&request).map_err(broken)?
        {
            let same = digest == request.digest;
            return if same {
                Ok(Receipt {
                    position,
                    replayed: true,
                })
            } else {
                Err(CommitError::RequestReused)
            };
        }
        if let Some(fence) = &txn.fence {
            let found = self
                .lease_row(&fence.lease)
                .map_err(broken)?
                .map_or(0, |row| row.number);
            if found != fence.number {
                return Err(CommitError::Fenced { found });
            }
        }
        for guard in &txn.guards {
            self.guard(guard)?;
        }
        for append in &txn.appends {
            let End { seq: found, closed } = self.stream_end(append.stream).map_err(broken)?;
            if closed {
                let stream = append.stream;
                return Err(CommitError::Conflict(Conflict::Closed { stream }));
            }
            if append.expected != found + 1 {
                return Err(CommitError::Conflict(Conflict::Stream {
                    stream: append.stream,
                    found,
                }));
            }
        }
        for blob in &txn.blobs {
            if !self.has_blob(*blob).map_err(broken)? {
                return Err(CommitError::BlobMissing(*blob));
            }
        }
        self.reserve &= txn.reserve;
        Ok(self.accept(txn, size))
    }

    fn accept(&mut self, txn: Txn, size: u64) -> Receipt {
        let position = self.next;
        self.keys
            .extend(txn.deletes.iter().map(|key| (key.clone(), None)));
        self.keys
            .extend(txn.puts.iter().map(|(key, _)| (key.clone(), Some(position.0))));
        for append in &txn.appends {
            let seq = append.expected + append.records.len() as u64 - 1;
            self.streams.insert(append.stream, End { seq, closed: false });
        }
        for stream in &txn.closes {
            self.streams.remove(stream);
            self.closed.insert(*stream);
        }
        if let Some(request) = txn.request {
            self.requests.insert(request.id, (request.digest, position));
        }
        let Txn {
            request,
            puts,
            deletes,
            appends,
            blobs,
            closes,
            ..
        } = txn;
        let commit = Commit {
            position,
            at_ms: self.at_ms,
            request,
            puts,
            deletes,
            appends,
            blobs,
            upkeep: closes.into_iter().map(Upkeep::Close).collect(),
        };
        self.take(commit, size)
    }

    fn take(&mut self, commit: Commit, size: u64) -> Receipt {
        let position = commit.position;
        self.commits.push(Arc::new(commit));
        self.bytes += size;
        self.next = position.next();
        Receipt {
            position,
            replayed: false,
        }
    }

    fn upkeep(&mut self, upkeep: Upkeep) -> Receipt {
        let commit = Commit {
            position: self.next,
            at_ms: self.at_ms,
            request: None,
            puts: Vec::new(),
            deletes: Vec::new(),
            appends: Vec::new(),
            blobs: Vec::new(),
            upkeep: vec![upkeep],
        };
        self.take(commit, 256)
    }

    /// Forgets requests older than `before_ms`.
    pub(crate) fn forget(&mut self, before_ms: u64) -> Receipt {
        self.upkeep(Upkeep::Forget { before_ms })
    }

    /// Grants a lease that is free, expired, its owner's own, or of a process that is gone (its epoch is over).
    pub(crate) fn lease(&mut self, request: &LeaseRequest) -> Result<Lease, LeaseError> {
        check_key(&request.name)?;
        check_key(&request.owner)?;
        let held = self.lease_row(&request.name).map_err(broken)?;
        let epoch = self.shared.identity.epoch;
        let own = held
            .as_ref()
            .is_some_and(|row| row.owner == request.owner && row.epoch == epoch);
        let number = match held {
            Some(row) if own => row.number,
            Some(row) if row.epoch == epoch && row.until_ms > self.at_ms => {
                return Err(LeaseError::Held {
                    owner: row.owner,
                    until_ms: row.until_ms,
                });
            }
            row => row.map_or(0, |row| row.number) + 1,
        };
        let ttl = u64::try_from(request.ttl.as_millis()).unwrap_or(u64::MAX);
        let until_ms = self.at_ms.saturating_add(ttl);
        let (name, owner) = (request.name.clone(), request.owner.clone());
        let row = LeaseRow {
            name: name.clone(),
            owner: owner.clone(),
            number,
            until_ms,
            epoch,
        };
        self.leases.insert(name.clone(), row.clone());
        self.upkeep(Upkeep::Lease(row));
        Ok(Lease {
            name,
            owner,
            number,
            until_ms,
        })
    }

    /// Gives a lease back. Its number moves on, so that what its holder still sends is fenced.
    pub(crate) fn release(&mut self, fence: &Fence) -> Result<(), LeaseError> {
        let held = self.lease_row(&fence.lease).map_err(broken)?;
        let found = held.as_ref().map_or(0, |row| row.number);
        let Some(held) = held.filter(|row| row.number == fence.number && !row.owner.is_empty()) else {
            return Err(LeaseError::NotHeld { found });
        };
        let row = LeaseRow {
            owner: Bytes::new(),
            number: held.number + 1,
            until_ms: 0,
            ..held
        };
        self.leases.insert(row.name.clone(), row.clone());
        self.upkeep(Upkeep::Lease(row));
        Ok(())
    }

    fn guard(&self, guard: &Guard) -> Result<(), CommitError> {
        let (key, holds): (_, fn(Option<u64>, u64) -> bool) = match guard {
            Guard::Absent(key) => (key, |found, _| found.is_none()),
            Guard::Exists(key) => (key, |found, _| found.is_some()),
            Guard::Revision { key, .. } => (key, |found, wanted| found == Some(wanted)),
        };
        let wanted = if let Guard::Revision { revision, .. } = guard {
            *revision
        } else {
            0
        };
        let found = self.revision(key).map_err(broken)?;
        if holds(found, wanted) {
            return Ok(());
        }
        Err(CommitError::Conflict(Conflict::Key {
            key: key.clone(),
            found,
        }))
    }

    fn revision(&self, key: &Key) -> Result<Option<u64>, ReadError> {
        if let Some(revision) = self.keys.get(key) {
            return Ok(*revision);
        }
        if let Some((revision, value)) = read(&self.shared.overlay).key(key) {
            return Ok(value.map(|_| revision));
        }
        self.shared.ask(|state| state.revision(key))
    }

    fn stream_end(&self, stream: StreamId) -> Result<End, ReadError> {
        match self.streams.get(&stream) {
            Some(end) => Ok(*end),
            None if self.closed.contains(&stream) => Ok(End { seq: 0, closed: true }),
            None => crate::feed::stream_end(self.shared, stream),
        }
    }

    fn remembered(&self, request: &RequestKey) -> Result<Option<([u8; 32], Position)>, ReadError> {
        if let Some(found) = self.requests.get(&request.id) {
            return Ok(Some(*found));
        }
        let (found, forget_before) = {
            let overlay = read(&self.shared.overlay);
            (overlay.request(&request.id), overlay.forget_before)
        };
        let found = match found {
            Some(found) => Some(found),
            None => self.shared.ask(|state| state.request(&request.id))?,
        };
        Ok(found
            .filter(|f| f.at_ms >= forget_before)
            .map(|f| (f.digest, f.position)))
    }

    fn lease_row(&self, name: &Key) -> Result<Option<LeaseRow>, ReadError> {
        if let Some(row) = self.leases.get(name) {
            return Ok(Some(row.clone()));
        }
        if let Some(row) = read(&self.shared.overlay).lease(name) {
            return Ok(Some(row));
        }
        self.shared.ask(|state| state.lease(name))
    }

    fn has_blob(&self, id: BlobId) -> Result<bool, ReadError> {
        if self.shared.blobs.is_pinned(id) || read(&self.shared.overlay).has_blob(id) {
            return Ok(true);
        }
        self.shared.ask(|state| state.has_blob(id))
    }
}

fn limits(txn: &Txn) -> Result<(), CommitError> {
    let guarded = txn.guards.iter().map(|g| match g {
        Guard::Absent(key) | Guard::Exists(key) | Guard::Revision { key, .. } => key,
    });
    guarded
        .chain(txn.deletes.iter())
        .chain(txn.puts.iter().map(|(key, _)| key))
        .try_for_each(check_key)?;
    txn.puts
        .iter()
        .try_for_each(|(_, value)| within(Part::Value, value.len() as u64, VALUE as u64))?;
    let mut streams = HashSet::new();
    for append in &txn.appends {
        if append.records.is_empty() || !streams.insert(append.stream) {
            return Err(CommitError::TooLarge {
                part: Part::Append,
                limit: 1,
                found: append.records.len() as u64,
            });
        }
        append
            .records
            .iter()
            .try_for_each(|r| within(Part::Value, r.len() as u64, VALUE as u64))?;
    }
    Ok(())
}

fn within(part: Part, found: u64, limit: u64) -> Result<(), CommitError> {
    if found > limit {
        Err(CommitError::TooLarge { part, limit, found })
    } else {
        Ok(())
    }
}

fn check_key(key: &Key) -> Result<(), CommitError> {
    if key.is_empty() {
        return Err(CommitError::TooLarge {
            part: Part::Key,
            limit: KEY as u64,
            found: 0,
        });
    }
    within(Part::Key, key.len() as u64, KEY as u64)
}

fn broken(e: ReadError) -> CommitError {
    match e {
        ReadError::Rebuilding { retry_after, .. } => CommitError::Rebuilding { retry_after },
        ReadError::State(fault) => CommitError::Failed(Failure::State(fault)),
        ReadError::Io(fault) => CommitError::Failed(Failure::from(&fault)),
        ReadError::Compacted { .. } | ReadError::Damaged(_) | ReadError::Limit => {
            CommitError::Failed(Failure::State(crate::error::StateFault::Row))
        }
    }
}
