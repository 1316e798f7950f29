//! Which segments there are and where in them a position stands, for readers of the feed.
//!
//! Holds one mark per 64 KiB of a segment, found by walking headers once. Never looks beyond what was published, so a
//! reader cannot see a group before its sync.

use crate::codec;
use crate::error::{DamageKind, IoFault, ReadError};
use crate::frame::{self, HEADER, Kind, Seed};
use crate::io::{Disk, DiskFile, Mode};
use crate::segment::{START, damage};
use crate::sync::{lock, read, write};
use crate::types::{Budget, Commit, Position};
use bytes::Bytes;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

const MARK_EVERY: u64 = 64 << 10;

pub(crate) struct Entry {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
    /// First position it may hold.
    pub(crate) first: Position,
    /// End of its last published group.
    end: AtomicU64,
    marks: Mutex<Marks>,
}

struct Marks {
    points: Vec<(Position, u64)>,
    walked: u64,
}

impl Entry {
    pub(crate) fn new(number: u64, path: PathBuf, first: Position, end: u64) -> Self {
        let marks = Mutex::new(Marks {
            points: vec![(first, START)],
            walked: START,
        });
        Self {
            number,
            path,
            first,
            end: AtomicU64::new(end),
            marks,
        }
    }

    pub(crate) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    pub(crate) fn publish(&self, end: u64) {
        self.end.store(end, Ordering::Release);
    }
}

/// A file that ends before what was published in it is damaged, by name.
fn cut(path: &Path, at: u64, e: std::io::Error) -> ReadError {
    if e.kind() == std::io::ErrorKind::UnexpectedEof {
        damage(path, at, DamageKind::Short).into()
    } else {
        IoFault::new("read", path, e).into()
    }
}

pub(crate) struct Catalog {
    disk: Arc<dyn Disk>,
    seed: Seed,
    entries: RwLock<Vec<Arc<Entry>>>,
}

impl Catalog {
    pub(crate) fn new(disk: Arc<dyn Disk>, seed: Seed, entries: Vec<Arc<Entry>>) -> Self {
        Self {
            disk,
            seed,
            entries: RwLock::new(entries),
        }
    }

    pub(crate) fn push(&self, entry: Arc<Entry>) {
        write(&self.entries).push(entry);
    }

    pub(crate) fn count(&self) -> u64 {
        read(&self.entries).len() as u64
    }

    pub(crate) fn bytes(&self) -> u64 {
        read(&self.entries).iter().map(|e| e.end()).sum()
    }

    /// Oldest commit the feed can show.
    pub(crate) fn oldest(&self) -> Position {
        read(&self.entries).first().map_or(Position(1), |e| e.first)
    }

    /// Number of the oldest segment, and the first position it may hold.
    pub(crate) fn first(&self) -> Option<(u64, Position)> {
        read(&self.entries).first().map(|e| (e.number, e.first))
    }

    /// Takes the segments out whose every commit is at or below `covered`; the newest stays.
    pub(crate) fn forget_covered(&self, covered: Position) -> Vec<Arc<Entry>> {
        if covered == Position(0) {
            return Vec::new();
        }
        let mut entries = write(&self.entries);
        let gone = entries
            .windows(2)
            .take_while(|pair| pair[1].first.0 <= covered.0 + 1)
            .count();
        entries.drain(..gone).collect()
    }

    fn holding(&self, position: Position) -> Result<(Vec<Arc<Entry>>, usize), ReadError> {
        let entries = read(&self.entries);
        let after = entries.partition_point(|e| e.first <= position);
        if after == 0 {
            return Err(ReadError::Compacted {
                oldest: entries.first().map_or(Position(1), |e| e.first),
            });
        }
        Ok((entries[after - 1..].to_vec(), after - 1))
    }

    /// Commits from `from` to `head`, as many as the budget allows, at least one.
    pub(crate) fn commits(
        &self,
        from: Position,
        head: Position,
        budget: Budget,
    ) -> Result<Vec<Commit>, ReadError> {
        let mut out = Vec::new();
        let mut bytes = 0;
        let mut next = from;
        let (entries, _) = self.holding(from)?;
        for entry in &entries {
            let file = self
                .disk
                .open(&entry.path, Mode::Read)
                .map_err(|e| self.gone(&entry.path, e))?;
            let end = entry.end();
            let mut at = self.seek(entry, &*file, next, end)?;
            while at < end && next <= head {
                let (header, payload, after) = self.frame(entry, &*file, at, end)?;
                at = after;
                let last = header.first.0 + u64::from(header.count);
                if last <= next.0 {
                    continue;
                }
                if header.first > next {
                    return Err(damage(&entry.path, at, DamageKind::Gap).into());
                }
                let group = codec::decode_group(payload, header.first, header.count)
                    .ok_or_else(|| damage(&entry.path, at, DamageKind::Contents))?;
                for commit in group
                    .into_iter()
                    .skip(usize::try_from(next.0 - header.first.0).unwrap_or(0))
                {
                    if commit.position > head
                        || (!out.is_empty() && (out.len() >= budget.items || bytes >= budget.bytes))
                    {
                        return Ok(out);
                    }
                    bytes += usize::try_from(codec::weight(&commit)).unwrap_or(usize::MAX);
                    next = commit.position.next();
                    out.push(commit);
                }
            }
        }
        Ok(out)
    }

    /// A file pruned between the look-up and the open reads as compacted.
    fn gone(&self, path: &Path, e: std::io::Error) -> ReadError {
        if e.kind() == std::io::ErrorKind::NotFound {
            return ReadError::Compacted {
                oldest: self.oldest(),
            };
        }
        IoFault::new("open", path, e).into()
    }

    fn frame(
        &self,
        entry: &Entry,
        file: &dyn DiskFile,
        at: u64,
        end: u64,
    ) -> Result<(frame::Header, Bytes, u64), ReadError> {
        let head = self.header(entry, file, at, end)?;
        let mut bytes = vec![0; HEADER + head.payload as usize];
        file.read_at(&mut bytes, at)
            .map_err(|e| cut(&entry.path, at, e))?;
        let (header, payload) = frame::open(&bytes.into(), self.seed)
            .ok_or_else(|| damage(&entry.path, at, DamageKind::Frame))?;
        Ok((header, payload, at + frame::room(header.payload as usize)))
    }

    fn header(
        &self,
        entry: &Entry,
        file: &dyn DiskFile,
        at: u64,
        end: u64,
    ) -> Result<frame::Header, ReadError> {
        let mut bytes = [0; HEADER];
        file.read_at(&mut bytes, at)
            .map_err(|e| cut(&entry.path, at, e))?;
        frame::header(&bytes)
            .filter(|h| h.kind == Kind::Group && at + frame::room(h.payload as usize) <= end)
            .ok_or_else(|| damage(&entry.path, at, DamageKind::Frame).into())
    }

    /// Offset of a frame at or before the one holding `position`.
    fn seek(
        &self,
        entry: &Entry,
        file: &dyn DiskFile,
        position: Position,
        end: u64,
    ) -> Result<u64, ReadError> {
        let mut marks = lock(&entry.marks);
        while marks.walked < end && marks.points.last().is_none_or(|(p, _)| *p <= position) {
            let at = marks.walked;
            let head = self.header(entry, file, at, end)?;
            if marks
                .points
                .last()
                .is_none_or(|(_, offset)| at >= offset + MARK_EVERY)
            {
                marks.points.push((head.first, at));
            }
            marks.walked = at + frame::room(head.payload as usize);
        }
        let after = marks.points.partition_point(|(p, _)| *p <= position);
        Ok(marks.points[..after].last().map_or(START, |(_, offset)| *offset))
    }
}
