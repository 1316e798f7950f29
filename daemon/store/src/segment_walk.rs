//! Walks the frames of a segment, a piece of the file in memory at a time.
//!
//! Verifies each frame and that it continues the one before it; what a bad one means is for the caller to say.

use crate::error::{DamageKind, IoFault, OpenError};
use crate::frame::{self, HEADER, Header, Kind, Link, Seed};
use crate::io::{Disk, DiskFile, Mode};
use crate::segment::{START, SegmentHeader, damage};
use crate::types::Position;
use bytes::Bytes;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes read at once, where no frame asks for more.
const PIECE: usize = 64 << 10;

/// A verified frame of a segment.
pub(crate) struct Found {
    pub(crate) offset: u64,
    pub(crate) header: Header,
    pub(crate) payload: Bytes,
}

/// What comes next in a segment.
pub(crate) enum Step {
    Frame(Found),
    /// Only zeros follow, or the given end is reached.
    End,
    /// Something that is not a valid frame.
    Bad,
}

/// A place in a segment.
pub(crate) struct Walk {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    /// What lies behind is not looked at.
    end: u64,
    piece: Bytes,
    /// Where `piece` begins.
    piece_at: u64,
    seed: Seed,
    epoch: u64,
    pub(crate) at: u64,
    /// Position the next group must begin with.
    pub(crate) next: Position,
    /// Link the next frame must carry.
    pub(crate) link: Link,
}

impl Walk {
    /// From the first frame, over the first `end` bytes of the file or all of them.
    pub(crate) fn new(
        disk: &dyn Disk,
        path: &Path,
        header: &SegmentHeader,
        end: Option<u64>,
    ) -> Result<Self, OpenError> {
        let file = disk
            .open(path, Mode::Read)
            .map_err(|e| IoFault::new("open", path, e))?;
        let len = file.len().map_err(|e| IoFault::new("measure", path, e))?;
        if end.is_some_and(|end| len < end) {
            return Err(damage(path, len, DamageKind::Short).into());
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            end: end.unwrap_or(len),
            piece: Bytes::new(),
            piece_at: 0,
            seed: header.seed(),
            epoch: header.epoch,
            at: START,
            next: header.first,
            link: header.previous,
        })
    }

    /// The bytes from `at` on: `wanted` of them, fewer only where the end is nearer.
    fn bytes(&mut self, at: u64, wanted: usize) -> Result<Bytes, IoFault> {
        let wanted = wanted.min(usize::try_from(self.end.saturating_sub(at)).unwrap_or(usize::MAX));
        let from = at
            .checked_sub(self.piece_at)
            .and_then(|from| usize::try_from(from).ok());
        if let Some(from) = from
            && let Some(to) = from.checked_add(wanted)
            && to <= self.piece.len()
        {
            return Ok(self.piece.slice(from..to));
        }
        let room = usize::try_from(self.end.saturating_sub(at)).unwrap_or(usize::MAX);
        let mut piece = vec![0; wanted.max(PIECE).min(room)];
        self.file
            .read_at(&mut piece, at)
            .map_err(|e| IoFault::new("read", &self.path, e))?;
        (self.piece, self.piece_at) = (piece.into(), at);
        Ok(self.piece.slice(..wanted))
    }

    /// The frame at `at` with its link, if its checksum holds.
    fn frame(&mut self, at: u64) -> Result<Option<(Header, Bytes, Link)>, IoFault> {
        let Some(header) = frame::header(&self.bytes(at, HEADER)?) else {
            return Ok(None);
        };
        let whole = HEADER.saturating_add(usize::try_from(header.payload).unwrap_or(usize::MAX));
        let bytes = self.bytes(at, whole)?;
        let opened = frame::open(&bytes, self.seed);
        Ok(opened.map(|(header, payload)| (header, payload, frame::link(&bytes, &header))))
    }

    /// The next frame; confirmations are returned, but not stepped over: a group may stand in their place.
    pub(crate) fn step(&mut self) -> Result<Step, IoFault> {
        let Some((header, payload, link)) = self.frame(self.at)? else {
            let ended = self.is_zero_from(self.at)?;
            return Ok(if ended { Step::End } else { Step::Bad });
        };
        if header.epoch != self.epoch || header.first != self.next || header.previous != self.link {
            return Ok(Step::Bad);
        }
        let offset = self.at;
        self.at += frame::room(header.payload as usize);
        if header.kind == Kind::Group {
            self.link = link;
            self.next = Position(header.first.0 + u64::from(header.count));
        }
        Ok(Step::Frame(Found {
            offset,
            header,
            payload,
        }))
    }

    /// Is there nothing but zeros from `at` to the end?
    pub(crate) fn is_zero_from(&mut self, mut at: u64) -> Result<bool, IoFault> {
        const ZEROS: [u8; 4096] = [0; 4096];
        while at < self.end {
            let piece = self.bytes(at, PIECE)?;
            if piece
                .chunks(ZEROS.len())
                .any(|chunk| *chunk != ZEROS[..chunk.len()])
            {
                return Ok(false);
            }
            at += piece.len() as u64;
        }
        Ok(true)
    }

    /// Is there a valid frame of this segment anywhere behind the bad one at `self.at`?
    pub(crate) fn valid_behind(&mut self) -> Result<bool, IoFault> {
        let mut at = self.at + 8;
        while at + (HEADER as u64) < self.end {
            // Headers that begin in this piece may end in the next one.
            let piece = self.bytes(at, PIECE + HEADER)?;
            let starts = (0..piece.len().saturating_sub(HEADER)).step_by(8);
            for start in starts.clone() {
                if frame::header(&piece[start..]).is_none() {
                    continue;
                }
                let found = self.frame(at + start as u64)?;
                if found.is_some_and(|(header, ..)| header.epoch == self.epoch && header.first >= self.next) {
                    return Ok(true);
                }
            }
            at += (starts.len() * 8) as u64;
        }
        Ok(false)
    }
}
