//! State behind the journal: how values, streams, requests and leases are read from its rows.
//!
//! Invariants: one writer (applier or recovery); every batch is whole commits and carries its position; no value above
//! 4 KiB, so sled never makes a blob file.

use crate::blocks::BlockTree;
use crate::closed::{Closed, closed_row};
use crate::codec::{self, Cursor};
use crate::entry::{self, Head};
use crate::error::{ReadError, StateFault};
use crate::io::Disk;
use crate::memory_tree::MemoryTree;
use crate::overlay::Remembered;
use crate::sled_tree::SledTree;
use crate::tree::{Rows, Tree, prefixed};
use crate::types::{BlobId, Key, LeaseRow, Position, StreamId, Versioned};
use bytes::Bytes;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

pub(crate) struct State {
    pub(crate) tree: Box<dyn Tree>,
    kept: bool,
}

impl State {
    /// Opens the one in a directory. A new one is empty and belongs to no database yet.
    pub(crate) fn open(
        dir: &Path,
        cache_bytes: u64,
        deadline: Duration,
        disk: Arc<dyn Disk>,
    ) -> Result<Self, StateFault> {
        let tree = BlockTree::open(SledTree::open(dir, cache_bytes, deadline, disk)?)?;
        Ok(Self {
            tree: Box::new(tree),
            kept: true,
        })
    }

    /// A new one that ends with the process.
    pub(crate) fn in_memory() -> Self {
        let tree = Box::<MemoryTree>::default();
        Self { tree, kept: false }
    }

    /// Is it in a directory, and not only in memory?
    pub(crate) fn is_kept(&self) -> bool {
        self.kept
    }

    pub(crate) fn row(&self, key: &[u8]) -> Result<Option<Bytes>, StateFault> {
        let Some(row) = self.tree.get(key)? else {
            return Ok(None);
        };
        entry::unseal(key, &row).map(Some).ok_or(StateFault::Row)
    }

    /// Newest commit it holds; `None` for a new one.
    pub(crate) fn applied(&self) -> Result<Option<Position>, StateFault> {
        let Some(body) = self.row(entry::APPLIED)? else {
            return Ok(None);
        };
        let number = body.first_chunk::<8>().ok_or(StateFault::Row)?;
        Ok(Some(Position(u64::from_le_bytes(*number))))
    }

    pub(crate) fn database(&self) -> Result<Option<Uuid>, StateFault> {
        let Some(body) = self.row(entry::DATABASE)? else {
            return Ok(None);
        };
        Uuid::from_slice(&body).map(Some).map_err(|_| StateFault::Row)
    }

    /// `None` if the row or one of its chunks changed under way.
    fn assemble(
        &self,
        body: &Bytes,
        chunks: impl FnOnce(&Head) -> Vec<u8>,
    ) -> Result<Option<(u64, Bytes)>, StateFault> {
        let head = Head::decode(body).ok_or(StateFault::Row)?;
        if head.chunks() == 0 {
            return Ok(Some((head.revision, head.start)));
        }
        let mut whole = Vec::with_capacity(head.total);
        whole.extend_from_slice(&head.start);
        let prefix = chunks(&head);
        for index in 0..head.chunks() {
            let Some(piece) = self.row(&entry::chunk(&prefix, index))? else {
                return Ok(None);
            };
            whole.extend_from_slice(&piece);
        }
        if whole.len() == head.total {
            Ok(Some((head.revision, whole.into())))
        } else {
            Err(StateFault::Row)
        }
    }

    pub(crate) fn value(&self, key: &[u8]) -> Result<Option<Versioned>, StateFault> {
        let row_key = entry::prefixed(entry::VALUE, key);
        let mut before = None;
        loop {
            let Some(body) = self.row(&row_key)? else {
                return Ok(None);
            };
            let revision = Head::decode(&body).ok_or(StateFault::Row)?.revision;
            if let Some((revision, value)) = self.assemble(&body, |h| entry::value_chunks(key, h.revision))? {
                return Ok(Some(Versioned { revision, value }));
            }
            // A chunk is gone: fine if the value was replaced meanwhile, damage if not.
            if before.replace(revision) == Some(revision) {
                return Err(StateFault::Row);
            }
        }
    }

    pub(crate) fn revision(&self, key: &[u8]) -> Result<Option<u64>, StateFault> {
        let Some(body) = self.row(&entry::prefixed(entry::VALUE, key))? else {
            return Ok(None);
        };
        Ok(Some(Head::decode(&body).ok_or(StateFault::Row)?.revision))
    }

    /// Values of a range of keys, in order; each is whole by itself.
    pub(crate) fn values(&self, start: &Bound<Key>, end: &Bound<Key>, reverse: bool) -> Values<'_> {
        let map = |bound: &Bound<Key>, open: u8| match bound {
            Bound::Included(key) => Bound::Included(entry::prefixed(entry::VALUE, key)),
            Bound::Excluded(key) => Bound::Excluded(entry::prefixed(entry::VALUE, key)),
            Bound::Unbounded => Bound::Included(vec![open]),
        };
        let range = (map(start, entry::VALUE), map(end, entry::VALUE + 1));
        Values {
            state: self,
            rows: self.tree.range(range),
            reverse,
        }
    }

    /// Last `seq` of a stream, 0 if it is empty.
    pub(crate) fn stream_end(&self, stream: StreamId) -> Result<u64, StateFault> {
        let last = self.run_before(stream, u64::MAX)?;
        Ok(last.map_or(0, |(first, _, records)| first + records.len() as u64 - 1))
    }

    /// The run of records that begins at `seq` or the nearest one before it.
    pub(crate) fn run_before(&self, stream: StreamId, seq: u64) -> Result<Option<Run>, StateFault> {
        let row = self.runs(stream, 0, seq).next_back().transpose()?;
        row.map(|(key, row)| self.decode_run(stream, &key, &row))
            .transpose()
    }

    /// The run that begins at or after `seq`.
    pub(crate) fn run_from(&self, stream: StreamId, seq: u64) -> Result<Option<Run>, StateFault> {
        let row = self.runs(stream, seq, u64::MAX).next().transpose()?;
        row.map(|(key, row)| self.decode_run(stream, &key, &row))
            .transpose()
    }

    pub(crate) fn runs(&self, stream: StreamId, from: u64, to: u64) -> Rows<'_> {
        let bound = |seq| Bound::Included(entry::run(entry::RUN, stream, seq));
        self.tree.range((bound(from), bound(to)))
    }

    /// First `seq`, position, and the records as they are kept.
    pub(crate) fn raw_run(
        &self,
        stream: StreamId,
        key: &[u8],
        row: &Bytes,
    ) -> Result<(u64, Position, Bytes), StateFault> {
        let body = entry::unseal(key, row).ok_or(StateFault::Row)?;
        let first = key
            .last_chunk::<8>()
            .map(|b| u64::from_be_bytes(*b))
            .ok_or(StateFault::Row)?;
        let whole = self.assemble(&body, |_| entry::run(entry::RUN_CHUNK, stream, first))?;
        let (revision, payload) = whole.ok_or(StateFault::Row)?;
        Ok((first, Position(revision), payload))
    }

    fn decode_run(&self, stream: StreamId, key: &[u8], row: &Bytes) -> Result<Run, StateFault> {
        let (first, position, payload) = self.raw_run(stream, key, row)?;
        let mut cursor = Cursor { from: payload, at: 0 };
        let records = cursor
            .many(Cursor::bytes)
            .filter(|r| !r.is_empty() && cursor.is_done());
        Ok((first, position, records.ok_or(StateFault::Row)?))
    }

    pub(crate) fn request(&self, id: &[u8; 16]) -> Result<Option<Remembered>, StateFault> {
        let Some(body) = self.row(&entry::prefixed(entry::REQUEST, id))? else {
            return Ok(None);
        };
        decode_request(body).map(Some).ok_or(StateFault::Row)
    }

    pub(crate) fn lease(&self, name: &[u8]) -> Result<Option<LeaseRow>, StateFault> {
        let Some(body) = self.row(&entry::prefixed(entry::LEASE, name))? else {
            return Ok(None);
        };
        codec::decode_lease(body).map(Some).ok_or(StateFault::Row)
    }

    pub(crate) fn has_blob(&self, id: BlobId) -> Result<bool, StateFault> {
        Ok(self.row(&entry::blob(id))?.is_some())
    }

    /// Every row, for export and check, in no promised order.
    pub(crate) fn every_row<E: From<ReadError>>(
        &self,
        mut take: impl FnMut(Row) -> Result<(), E>,
    ) -> Result<(), E> {
        let fault = |fault: StateFault| E::from(ReadError::State(fault));
        for value in self.values(&Bound::Unbounded, &Bound::Unbounded, false) {
            let (key, Versioned { revision, value }) = value.map_err(fault)?;
            take(Row::Value { key, revision, value })?;
        }
        for prefix in [
            entry::RUN,
            entry::REQUEST,
            entry::LEASE,
            entry::BLOB,
            entry::CLOSED,
        ] {
            for found in self.tree.range(prefixed(prefix)) {
                let (key, row) = found.map_err(fault)?;
                let row = self
                    .decode_row(prefix, &key, &row)
                    .and_then(|row| row.ok_or(StateFault::Row));
                take(row.map_err(fault)?)?;
            }
        }
        Ok(())
    }

    fn decode_row(&self, prefix: u8, key: &Bytes, row: &Bytes) -> Result<Option<Row>, StateFault> {
        let body = entry::unseal(key, row).ok_or(StateFault::Row)?;
        let rest = &key[1..];
        Ok(match prefix {
            entry::RUN => {
                let (Some(stream), Some(first)) = (rest.first_chunk(), rest.last_chunk()) else {
                    return Ok(None);
                };
                let (stream, first) = (StreamId(*stream), u64::from_be_bytes(*first));
                let whole = self.assemble(&body, |_| entry::run(entry::RUN_CHUNK, stream, first))?;
                whole.map(|(at, payload)| Row::Run {
                    stream,
                    first,
                    position: Position(at),
                    payload,
                })
            }
            entry::REQUEST => decode_request(body)
                .zip(rest.first_chunk())
                .map(|(remembered, id)| Row::Request { id: *id, remembered }),
            entry::LEASE => codec::decode_lease(body).map(Row::Lease),
            entry::CLOSED => Some(Row::Closed(closed_row(key, row)?)),
            _ => body
                .first_chunk()
                .zip(rest.first_chunk())
                .map(|(at, id)| Row::Blob {
                    id: BlobId(*id),
                    position: Position(u64::from_le_bytes(*at)),
                }),
        })
    }

    /// When the oldest remembered request was made.
    pub(crate) fn oldest_request(&self) -> Result<Option<u64>, StateFault> {
        let first = self.tree.range(prefixed(entry::REQUEST_AGE)).next().transpose()?;
        Ok(first
            .and_then(|(key, _)| key.get(1..9).and_then(|b| b.first_chunk().copied()))
            .map(u64::from_be_bytes))
    }

    /// What was applied is durable when this returns.
    pub(crate) fn persist(&self) -> Result<(), StateFault> {
        self.tree.persist()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.tree.bytes()
    }

    /// Blob files of sled, which it never syncs: must stay 0.
    pub(crate) fn own_blobs(&self) -> usize {
        self.tree.own_blobs()
    }
}

/// First `seq`, position of the commit, records.
pub(crate) type Run = (u64, Position, Vec<Bytes>);

/// A row as an export carries it, without sled's layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    Value {
        key: Key,
        revision: u64,
        value: Bytes,
    },
    Run {
        stream: StreamId,
        first: u64,
        position: Position,
        payload: Bytes,
    },
    Request {
        id: [u8; 16],
        remembered: Remembered,
    },
    Lease(LeaseRow),
    Closed(Closed),
    Blob {
        id: BlobId,
        position: Position,
    },
}

fn decode_request(body: Bytes) -> Option<Remembered> {
    let mut c = Cursor { from: body, at: 0 };
    Some(Remembered {
        digest: c.array()?,
        position: Position(c.u64()?),
        at_ms: c.u64()?,
    })
}

/// Values of a range, one after the other.
pub(crate) struct Values<'a> {
    state: &'a State,
    rows: Rows<'a>,
    reverse: bool,
}

impl Iterator for Values<'_> {
    type Item = Result<(Key, Versioned), StateFault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rows = &mut self.rows;
            let mut step = || {
                if self.reverse {
                    rows.next_back()
                } else {
                    rows.next()
                }
            };
            let decoded = step()?.and_then(|(row_key, row)| {
                let key = row_key.slice(1..);
                let body = entry::unseal(&row_key, &row).ok_or(StateFault::Row)?;
                let whole = self
                    .state
                    .assemble(&body, |h| entry::value_chunks(&key, h.revision))?;
                Ok(match whole {
                    Some((revision, value)) => Some((key, Versioned { revision, value })),
                    None => self.state.value(&key)?.map(|versioned| (key, versioned)),
                })
            });
            if let Some(item) = decoded.transpose() {
                return Some(item);
            }
        }
    }
}
