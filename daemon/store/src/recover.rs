//! Reads the journal back after a stop of any kind, a piece at a time.
//!
//! A bad last group is a torn, unacknowledged tail and is left out. A bad group with a valid frame behind it, a bad
//! header, a missing segment, a broken chain: damage, refused by file and offset. Nothing is changed here except that the
//! verified tail is written again and synced, because after a failed sync the page cache cannot be trusted.

use crate::codec;
use crate::error::{DamageKind, IoFault, OpenError};
use crate::frame::{Kind, Link};
use crate::io::{Disk, Mode};
use crate::layout::Layout;
use crate::segment::{START, SegmentHeader, damage};
use crate::segment_walk::{Step, Walk};
use crate::types::{Commit, Position};
use std::path::PathBuf;

/// A segment as recovery found it.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) header: SegmentHeader,
    pub(crate) path: PathBuf,
    /// End of its last group.
    pub(crate) end: u64,
    /// What the segment after it says about this one's end.
    sealed: Option<(Link, Position)>,
}

/// The journal as recovery found it.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) segments: Vec<Segment>,
    /// Newest commit.
    pub(crate) head: Position,
    /// Link of the newest group.
    pub(crate) link: Link,
    /// Newest group in the last segment.
    last_group: Option<(u64, u64)>,
    /// Bytes behind it that are no frame: the torn tail.
    pub(crate) torn: bool,
}

impl Found {
    pub(crate) fn oldest(&self) -> Position {
        self.segments.first().map_or(Position(1), |s| s.header.first)
    }

    pub(crate) fn last(&self) -> Option<&Segment> {
        self.segments.last()
    }
}

/// Headers of all segments, in order and continuing each other.
pub(crate) fn headers(
    disk: &dyn Disk,
    layout: &Layout,
    numbers: &[u64],
) -> Result<Vec<SegmentHeader>, OpenError> {
    let mut headers: Vec<SegmentHeader> = Vec::new();
    for number in numbers {
        let path = layout.segment(*number);
        let header = SegmentHeader::load(disk, &path)?;
        let continues = headers.last().is_none_or(|before| {
            header.number == before.number + 1
                && header.first >= before.first
                && header.epoch >= before.epoch
                && header.previous_end >= START
                && (header.database, header.incarnation) == (before.database, before.incarnation)
        });
        if header.number != *number || !continues {
            return Err(damage(&path, 0, DamageKind::Chain).into());
        }
        headers.push(header);
    }
    Ok(headers)
}

/// Reads the journal: headers of all segments, and the last segment whole.
pub(crate) fn find(disk: &dyn Disk, layout: &Layout, numbers: &[u64]) -> Result<Found, OpenError> {
    let headers = headers(disk, layout, numbers)?;
    let Some(last) = headers.last() else {
        return Err(OpenError::JournalMissing {
            dir: layout.journal(),
        });
    };
    let path = layout.segment(last.number);
    let mut walk = Walk::new(disk, &path, last, None)?;
    let mut last_group = None;
    let torn = loop {
        match walk.step()? {
            Step::Frame(found) if found.header.kind == Kind::Group => {
                last_group = Some((found.offset, walk.at))
            }
            Step::Frame(_) => {}
            Step::End => break false,
            Step::Bad if walk.valid_behind()? => {
                return Err(damage(&path, walk.at, DamageKind::FrameBeforeValid).into());
            }
            Step::Bad => break true,
        }
    };
    let end = last_group.map_or(START, |(_, end)| end);
    let segment = |i: usize| {
        let after: Option<&SegmentHeader> = headers.get(i + 1);
        Segment {
            header: headers[i],
            path: layout.segment(headers[i].number),
            end: after.map_or(end, |h| h.previous_end),
            sealed: after.map(|h| (h.previous, h.first)),
        }
    };
    let head = Position(walk.next.0 - 1);
    Ok(Found {
        segments: (0..headers.len()).map(segment).collect(),
        head,
        link: walk.link,
        last_group,
        torn,
    })
}

/// Writes the newest group again, the same bytes in the same place, and syncs it.
pub(crate) fn sync_tail(disk: &dyn Disk, found: &Found) -> Result<(), OpenError> {
    let (Some(segment), Some((from, to))) = (found.last(), found.last_group) else {
        return Ok(());
    };
    let fault = |op, e| IoFault::new(op, &segment.path, e);
    let file = disk
        .open(&segment.path, Mode::Write)
        .map_err(|e| fault("open", e))?;
    let mut group = vec![0; usize::try_from(to - from).unwrap_or(usize::MAX)];
    file.read_at(&mut group, from).map_err(|e| fault("read", e))?;
    file.write_at(&group, from).map_err(|e| fault("write", e))?;
    file.sync().map_err(|e| fault("sync", e))?;
    Ok(())
}

/// Gives every group of a segment, verified and decoded, to `take` with its offset.
pub(crate) fn groups<E: From<OpenError>>(
    disk: &dyn Disk,
    segment: &Segment,
    mut take: impl FnMut(u64, Vec<Commit>) -> Result<(), E>,
) -> Result<(), E> {
    let bad = |at, what| E::from(OpenError::from(damage(&segment.path, at, what)));
    let mut walk = Walk::new(disk, &segment.path, &segment.header, Some(segment.end)).map_err(E::from)?;
    while walk.at < segment.end {
        let at = walk.at;
        match walk.step().map_err(|fault| E::from(OpenError::from(fault)))? {
            Step::Frame(found) if found.header.kind == Kind::Group => {
                let commits = codec::decode_group(found.payload, found.header.first, found.header.count)
                    .ok_or_else(|| bad(at, DamageKind::Contents))?;
                take(at, commits)?;
            }
            Step::Frame(_) | Step::End | Step::Bad => return Err(bad(at, DamageKind::Frame)),
        }
    }
    match segment.sealed {
        Some(sealed) if sealed != (walk.link, walk.next) => Err(bad(walk.at, DamageKind::Chain)),
        _ => Ok(()),
    }
}

/// Gives every commit from `from` on to `take`, group by group.
pub(crate) fn commits_from<E: From<OpenError>>(
    disk: &dyn Disk,
    found: &Found,
    from: Position,
    mut take: impl FnMut(Vec<Commit>) -> Result<(), E>,
) -> Result<(), E> {
    let first = found
        .segments
        .partition_point(|s| s.header.first <= from)
        .saturating_sub(1);
    for segment in &found.segments[first..] {
        groups(disk, segment, |_, mut commits| {
            commits.retain(|commit| commit.position >= from);
            if commits.is_empty() { Ok(()) } else { take(commits) }
        })?;
    }
    Ok(())
}
