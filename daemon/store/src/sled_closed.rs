//! Closed streams in the state: their marks, their records on the way out, and which volumes took them in.
//!
//! Invariant: the mark of a closed stream leaves in the batch of its last records or later, so a stream that is half out
//! is found again.

use crate::closed::{Closed, closed_row};
use crate::entry::{self, Head};
use crate::error::StateFault;
use crate::sled_state::State;
use crate::tree::{Changes, prefixed};
use crate::types::{Position, StreamId};
use bytes::Bytes;
use std::collections::BTreeMap;

/// Why streams leave the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// A volume holds them: what is left of one begins later, and is looked for there.
    Archived,
    /// Nobody wants them: what is left of one by a stop is a shorter stream.
    Unwanted,
}

/// Rows of one batch on the way out: sled lets nobody read while it applies one.
const AT_ONCE: usize = 256;

/// Records that were appended together, as they are kept.
pub(crate) struct RawRun {
    pub(crate) first: u64,
    pub(crate) position: Position,
    /// Their count, then each behind its length.
    pub(crate) payload: Bytes,
}

impl RawRun {
    pub(crate) fn records(&self) -> u64 {
        let count = self.payload.first_chunk();
        count.map_or(0, |n| u64::from(u32::from_le_bytes(*n)))
    }
}

impl State {
    /// Marks that are there, in the order of the streams' ids.
    pub(crate) fn closed_streams(&self, most: usize) -> Result<Vec<Closed>, StateFault> {
        let rows = self.tree.range(prefixed(entry::CLOSED)).take(most);
        rows.map(|found| {
            let (key, row) = found?;
            closed_row(&key, &row)
        })
        .collect()
    }

    /// All records of a stream, in order.
    pub(crate) fn every_run(&self, stream: StreamId) -> impl Iterator<Item = Result<RawRun, StateFault>> {
        let rows = self.runs(stream, 0, u64::MAX);
        rows.map(move |found| {
            let (key, row) = found?;
            let (first, position, payload) = self.raw_run(stream, &key, &row)?;
            Ok(RawRun {
                first,
                position,
                payload,
            })
        })
    }

    /// Takes streams out: their records, first or last ones first, then their marks.
    pub(crate) fn remove_streams(&self, streams: &[Closed], leaving: Leaving) -> Result<(), StateFault> {
        let mut batch = Changes::default();
        for one in streams {
            let mut rows = Vec::new();
            for found in self.runs(one.stream, 0, u64::MAX) {
                let (key, row) = found?;
                let head = entry::unseal(&key, &row).and_then(|body| Head::decode(&body));
                rows.push((key, head.ok_or(StateFault::Row)?));
            }
            if leaving == Leaving::Unwanted {
                rows.reverse();
            }
            for (key, head) in rows {
                let first = key.last_chunk().map_or(0, |b| u64::from_be_bytes(*b));
                let chunks = entry::run(entry::RUN_CHUNK, one.stream, first);
                (0..head.chunks()).for_each(|index| batch.remove(entry::chunk(&chunks, index)));
                batch.remove(key);
                self.flush_beyond(&mut batch, AT_ONCE)?;
            }
            batch.remove(entry::closed(one.stream));
        }
        self.flush_beyond(&mut batch, 1)
    }

    fn flush_beyond(&self, batch: &mut Changes, rows: usize) -> Result<(), StateFault> {
        if batch.0.len() < rows {
            return Ok(());
        }
        self.tree.apply(std::mem::take(batch))
    }

    /// Notes a volume, so that its loss is noticed.
    pub(crate) fn put_volume(&self, number: u64, digest: [u8; 32]) -> Result<(), StateFault> {
        let key = entry::volume(number);
        let row = entry::seal(&key, &digest);
        let mut batch = Changes::default();
        batch.insert(key, row);
        self.tree.apply(batch)
    }

    /// A volume is not needed any more.
    pub(crate) fn remove_volume(&self, number: u64) -> Result<(), StateFault> {
        let mut batch = Changes::default();
        batch.remove(entry::volume(number));
        self.tree.apply(batch)
    }

    /// Number and digest of every volume that was noted.
    pub(crate) fn volumes(&self) -> Result<BTreeMap<u64, [u8; 32]>, StateFault> {
        let rows = self.tree.range(prefixed(entry::VOLUME));
        rows.map(|found| {
            let (key, row) = found?;
            let body = entry::unseal(&key, &row).ok_or(StateFault::Row)?;
            let number = key.last_chunk().map(|b| u64::from_be_bytes(*b));
            number.zip(body.first_chunk().copied()).ok_or(StateFault::Row)
        })
        .collect()
    }
}
