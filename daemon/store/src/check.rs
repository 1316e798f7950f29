//! Offline verification: every frame of the journal, every row of sled, every volume, blob and export; says where damage is.
//!
//! Changes nothing: sled writes when it opens, so a copy is opened and removed. Takes the lock, so no daemon runs meanwhile.

use crate::archive::{self, Archive};
use crate::blob;
use crate::blob_key::{BlobKey, is_keyed, payload_at};
use crate::error::{Damage, DamageKind, ExportError, IoFault, OpenError, ReadError, StateFault};
use crate::export;
use crate::frame::Kind;
use crate::io::{self, Disk, RealDisk};
use crate::layout::Layout;
use crate::meta::{Meta, Noted};
use crate::occupied::Lock;
use crate::rebuild::clear;
use crate::recover::{self, Segment};
use crate::segment::{SegmentHeader, damage};
use crate::segment_walk::{Step, Walk};
use crate::sled_state::{Row, State};
use crate::types::Position;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// One thing found.
#[derive(Debug, thiserror::Error)]
pub enum Finding {
    /// Bytes that do not verify.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The state cannot be used; it is rebuilt at the next open.
    #[error("the state in {} cannot be used: {fault}", dir.display())]
    State {
        /// State directory.
        dir: PathBuf,
        /// Why.
        fault: StateFault,
    },
    /// Commits that were acknowledged are not in the journal.
    #[error("the journal ends at commit {journal}, but commit {known} was acknowledged")]
    JournalBehind {
        /// Newest in the journal.
        journal: Position,
        /// Newest known elsewhere.
        known: Position,
    },
    /// A daemon has written to a segment that is not there.
    #[error("{}: the newest segment is missing", journal.display())]
    SegmentMissing {
        /// Journal directory.
        journal: PathBuf,
    },
    /// A stream with records missing.
    #[error("stream {stream:?} has no record {seq}")]
    StreamGap {
        /// Stream.
        stream: crate::types::StreamId,
        /// First missing number.
        seq: u64,
    },
    /// A blob that is referred to is not there.
    #[error("blob {0} is missing")]
    BlobMissing(crate::types::BlobId),
    /// A torn group that was never acknowledged. Harmless.
    #[error("an unacknowledged group at byte {offset} of {} is torn (harmless)", file.display())]
    Torn {
        /// Segment.
        file: PathBuf,
        /// Where it begins.
        offset: u64,
    },
}

impl Finding {
    /// Is anything lost or wrong, beyond what the next open repairs by itself?
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        !matches!(self, Self::State { .. } | Self::Torn { .. })
    }
}

/// What was looked at and what was found.
#[derive(Debug, Default)]
pub struct CheckReport {
    /// Newest commit in the journal.
    pub head: Position,
    /// Oldest commit in the journal.
    pub oldest: Position,
    /// Newest commit in sled.
    pub applied: Position,
    /// Segments walked.
    pub segments: u64,
    /// Frames verified.
    pub frames: u64,
    /// Commits decoded.
    pub commits: u64,
    /// Rows of sled verified.
    pub rows: u64,
    /// Volumes of the archive read.
    pub volumes: u64,
    /// Streams in them.
    pub archived: u64,
    /// Blob files hashed.
    pub blobs: u64,
    /// Exports read.
    pub exports: u64,
    /// Everything found, in the order it was looked at.
    pub findings: Vec<Finding>,
}

impl CheckReport {
    /// Nothing was found that is lost or wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        !self.findings.iter().any(Finding::is_fatal)
    }
}

/// Verifies the store in `dir`.
///
/// # Errors
/// If it is in use, of a newer format, not a store, or cannot be read. Damage is a finding, not an error.
pub fn check(dir: &Path) -> Result<CheckReport, OpenError> {
    let layout = Layout::new(dir);
    let disk = RealDisk;
    let meta = Meta::load(&disk, &layout)?;
    let numbers = layout
        .segments(&disk)
        .map_err(|e| IoFault::new("list", &layout.journal(), e))?;
    if numbers.is_empty() {
        return Err(OpenError::JournalMissing {
            dir: layout.journal(),
        });
    }
    let _lock = Lock::take(&disk, &layout)?;
    let mut report = CheckReport {
        segments: numbers.len() as u64,
        ..CheckReport::default()
    };
    let journal = match recover::find(&disk, &layout, &numbers) {
        Ok(found) => Some(found),
        Err(OpenError::Damaged(damage)) => {
            report.findings.push(damage.into());
            None
        }
        Err(e) => return Err(e),
    };
    if let Some(found) = &journal {
        (report.head, report.oldest) = (found.head, found.oldest());
        let last = found.segments.len() - 1;
        for (i, segment) in found.segments.iter().enumerate() {
            walk(&disk, segment, i == last, &mut report)?;
        }
        known(&mut report, Noted::load(&disk, &layout));
        let epoch = found.last().map_or(0, |segment| segment.header.epoch);
        if meta.is_some_and(|meta| meta.epoch > epoch) {
            let journal = layout.journal();
            report.findings.push(Finding::SegmentMissing { journal });
        }
    } else {
        for number in &numbers {
            walk_alone(&disk, &layout.segment(*number), &mut report)?;
        }
    }
    let archive = archive(&layout, &disk, &mut report)?;
    state(&layout, archive.as_ref(), &mut report)?;
    blobs(&layout, &disk, &mut report)?;
    exports(&layout, &mut report)?;
    Ok(report)
}

fn known(report: &mut CheckReport, known: Position) {
    if known > report.head {
        report.findings.push(Finding::JournalBehind {
            journal: report.head,
            known,
        });
    }
}

fn walk(disk: &dyn Disk, segment: &Segment, last: bool, report: &mut CheckReport) -> Result<(), OpenError> {
    let walked = recover::groups(disk, segment, |_, commits| {
        report.frames += 1;
        report.commits += commits.len() as u64;
        Ok::<(), OpenError>(())
    });
    match walked {
        Err(OpenError::Damaged(damage)) => report.findings.push(damage.into()),
        Err(e) => return Err(e),
        Ok(()) if last => {
            let mut tail = Walk::new(disk, &segment.path, &segment.header, None)?;
            while let Step::Frame(_) = tail.step()? {}
            if !tail.is_zero_from(tail.at)? {
                report.findings.push(Finding::Torn {
                    file: segment.path.clone(),
                    offset: tail.at,
                });
            }
        }
        Ok(()) => {}
    }
    Ok(())
}

/// Without a sound chain: as far as each segment goes by itself.
fn walk_alone(disk: &dyn Disk, path: &Path, report: &mut CheckReport) -> Result<(), OpenError> {
    let header = match SegmentHeader::load(disk, path) {
        Ok(header) => header,
        Err(OpenError::Damaged(damage)) => {
            report.findings.push(damage.into());
            return Ok(());
        }
        Err(e) => return Err(e),
    };
    let mut walk = Walk::new(disk, path, &header, None)?;
    loop {
        match walk.step()? {
            Step::Frame(found) => {
                report.frames += 1;
                report.commits += u64::from(found.header.count);
                if found.header.kind == Kind::Group {
                    report.head = report.head.max(Position(walk.next.0 - 1));
                }
            }
            Step::End => return Ok(()),
            Step::Bad => {
                report
                    .findings
                    .push(damage(path, walk.at, DamageKind::Frame).into());
                return Ok(());
            }
        }
    }
}

/// Reads every volume whole; `None` where not even a segment says whose they are.
fn archive(layout: &Layout, disk: &RealDisk, report: &mut CheckReport) -> Result<Option<Archive>, OpenError> {
    let numbers = layout
        .segments(disk)
        .map_err(|e| IoFault::new("list", &layout.journal(), e))?;
    let headers = numbers
        .iter()
        .filter_map(|number| SegmentHeader::load(disk, &layout.segment(*number)).ok());
    let Some(database) = headers.map(|header| header.database).next() else {
        return Ok(None);
    };
    let archive = Archive::open(Arc::new(*disk), layout, database)?;
    report
        .findings
        .extend(archive.bad.iter().cloned().map(Finding::from));
    for volume in archive.volumes() {
        report.volumes += 1;
        report.archived += volume.entries();
        let found = archive::verify(disk, &volume)?;
        report.findings.extend(found.into_iter().map(Finding::from));
    }
    Ok(Some(archive))
}

fn state(layout: &Layout, archive: Option<&Archive>, report: &mut CheckReport) -> Result<(), OpenError> {
    let (dir, copy) = (layout.state(), layout.check_copy());
    if !dir.join("db").exists() {
        report.findings.push(Finding::State {
            dir,
            fault: StateFault::Missing,
        });
        return Ok(());
    }
    clear(&copy)?;
    copy_dir(&dir, &copy)?;
    let rows = rows(layout, archive, &copy, report);
    clear(&copy)?;
    match rows {
        Err(ReadError::State(fault)) => report.findings.push(Finding::State { dir, fault }),
        Err(ReadError::Io(fault)) => return Err(fault.into()),
        Ok(())
        | Err(
            ReadError::Damaged(_)
            | ReadError::Compacted { .. }
            | ReadError::Rebuilding { .. }
            | ReadError::Limit,
        ) => {}
    }
    Ok(())
}

fn rows(
    layout: &Layout,
    archive: Option<&Archive>,
    copy: &Path,
    report: &mut CheckReport,
) -> Result<(), ReadError> {
    let state = State::open(copy, 16 << 20, Duration::from_secs(60), Arc::new(RealDisk))?;
    let applied = state.applied()?.ok_or(StateFault::Missing)?;
    report.applied = applied;
    known(report, applied);
    let volumes = state.volumes()?;
    if let Some(number) = archive.and_then(|archive| archive.lacks(&volumes)) {
        let path = layout.volume(number);
        report.findings.push(damage(&path, 0, DamageKind::Missing).into());
    }
    let mut ends = BTreeMap::new();
    state.every_row(|row| {
        report.rows += 1;
        match row {
            Row::Run {
                stream,
                first,
                payload,
                ..
            } => {
                let n = payload
                    .first_chunk()
                    .map_or(0, |b| u64::from(u32::from_le_bytes(*b)));
                let end = ends.insert(stream, first + n).unwrap_or(1);
                let half_out = || archive.is_some_and(|archive| archive.holds(stream).unwrap_or(true));
                if first != end && !half_out() {
                    report.findings.push(Finding::StreamGap { stream, seq: end });
                }
            }
            Row::Blob { id, .. } if !layout.blob(id).exists() => {
                report.findings.push(Finding::BlobMissing(id))
            }
            Row::Blob { .. } | Row::Value { .. } | Row::Request { .. } | Row::Lease(_) | Row::Closed(_) => {}
        }
        Ok(())
    })
}

fn copy_dir(from: &Path, to: &Path) -> Result<(), OpenError> {
    let fault = |op, path: &Path, e| OpenError::Io(IoFault::new(op, path, e));
    RealDisk.create_dir(to).map_err(|e| fault("create", to, e))?;
    for entry in std::fs::read_dir(from).map_err(|e| fault("list", from, e))? {
        let entry = entry.map_err(|e| fault("list", from, e))?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_dir(&path, &target)?;
        } else {
            std::fs::copy(&path, &target).map_err(|e| fault("copy", &path, e))?;
        }
    }
    Ok(())
}

fn blobs(layout: &Layout, disk: &dyn Disk, report: &mut CheckReport) -> Result<(), OpenError> {
    let (blobs, _) = blob::files(layout)?;
    let key = BlobKey::load(disk, layout)?;
    for (id, path) in blobs {
        report.blobs += 1;
        let file = io::read_all(disk, &path)?;
        if payload_at(key.as_ref(), id, &file).is_some() {
            continue;
        }
        if key.is_none() && is_keyed(&file) {
            let path = layout.blob_key();
            report.findings.push(damage(&path, 0, DamageKind::Missing).into());
            return Ok(());
        } else {
            report.findings.push(damage(&path, 0, DamageKind::Digest).into());
        }
    }
    Ok(())
}

fn exports(layout: &Layout, report: &mut CheckReport) -> Result<(), OpenError> {
    for path in layout
        .all_exports()
        .map_err(|e| IoFault::new("list", &layout.exports(), e))?
    {
        report.exports += 1;
        match export::verify(&path) {
            Ok(_) => {}
            Err(ExportError::Damaged(damage)) => report.findings.push(damage.into()),
            Err(ExportError::Io(fault)) => return Err(fault.into()),
            Err(_) => report
                .findings
                .push(damage(&path, 0, DamageKind::Contents).into()),
        }
    }
    Ok(())
}
