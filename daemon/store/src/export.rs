//! The stream file: all state at one position, independent of sled and of the journal's files.
//!
//! Rows are read while commits go on; the commits made meanwhile follow them, so that loading gives exactly the state of
//! the last position. Verified block by block (CRC32C) and as a whole (SHA-256 in the trailer); without a trailer it is
//! nothing. Written under a temporary name, synced, renamed, and read back before it counts.

use crate::archive::{Archive, Filter};
use crate::blob::Blobs;
use crate::blob_key::BlobKey;
use crate::codec::{self, Cursor};
use crate::error::{BlobError, DamageKind, ExportError, IoFault, OpenError, ReadError};
use crate::export_file::{Block, Reader, Writer};
use crate::export_rows::{decode_rows, encode_row};
use crate::export_volumes;
use crate::layout::Layout;
use crate::meta::{FORMAT, Meta};
use crate::occupied::Lock;
use crate::options::Options;
use crate::segment::{self, SegmentHeader, damage};
use crate::shared::Shared;
use crate::sled_state::{Row, State};
use crate::sync::lock;
use crate::types::{BlobId, Budget, ExportReport, Identity, Position};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;

/// What a verified export says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) database: Uuid,
    pub(crate) incarnation: Uuid,
    pub(crate) epoch: u64,
    pub(crate) position: Position,
    pub(crate) rows: u64,
    /// Volumes of the archive that its rows rely on: number and digest.
    pub(crate) volumes: BTreeMap<u64, [u8; 32]>,
    /// What the addresses of blobs are made with, if it is known.
    pub(crate) blob_key: Option<BlobKey>,
}

const PAGE: usize = 256 << 10;

/// Writes, reads back and names an export.
pub(crate) fn write(
    shared: &Shared,
    to: Option<PathBuf>,
    with_blobs: bool,
) -> Result<ExportReport, ExportError> {
    let dir = to
        .as_deref()
        .and_then(Path::parent)
        .map_or_else(|| shared.layout.exports(), Path::to_owned);
    let disk = &*shared.options.disk;
    disk.create_dir(&dir)
        .map_err(|e| IoFault::new("create", &dir, e))?;
    let temporary = dir.join(format!("export-{}.new", Uuid::new_v4()));
    let written = fill(shared, &temporary, with_blobs, to.is_some()).and_then(|position| {
        let seen = verify(&temporary)?;
        let path = to.unwrap_or_else(|| shared.layout.export(position.0));
        disk.rename(&temporary, &path)
            .map_err(|e| IoFault::new("rename", &path, e))?;
        disk.sync_dir(&dir).map_err(|e| IoFault::new("sync", &dir, e))?;
        let bytes = std::fs::metadata(&path)
            .map_err(|e| IoFault::new("measure", &path, e))?
            .len();
        Ok(ExportReport {
            path,
            position,
            rows: seen.rows,
            bytes,
        })
    });
    if written.is_err()
        && let Err(e) = disk.remove(&temporary)
    {
        tracing::debug!(error = %e, "no temporary export to remove");
    }
    written
}

fn fill(shared: &Shared, path: &Path, with_blobs: bool, with_archive: bool) -> Result<Position, ExportError> {
    let mut file = Writer::create(&*shared.options.disk, path)?;
    file.block(Block::Header, &header(&shared.identity))?;
    if let Some(key) = shared.blobs.key() {
        file.block(Block::Key, key.bytes())?;
    }
    // Nothing moves while the rows are read: a stream is in them or in a volume that is listed.
    let still = lock(&shared.archive.moving);
    let volumes = shared.archive.volumes();
    file.block(Block::Volumes, &export_volumes::encode(&shared.archive.listed()))?;
    let from = Position(crate::counters::load(&shared.counters.applied));
    let (mut page, mut rows) = (Vec::new(), 0u64);
    let mut blobs: Vec<BlobId> = Vec::new();
    let state = shared.state()?;
    state.every_row(|row| {
        if !shared.state.is_current(&state) {
            shared.state()?;
        }
        if let Row::Blob { id, .. } = &row {
            blobs.push(*id);
        }
        encode_row(&row, &mut page);
        rows += 1;
        if page.len() >= PAGE {
            file.block(Block::Rows, &page)?;
            page.clear();
        }
        Ok::<(), ExportError>(())
    })?;
    file.block(Block::Rows, &page)?;
    if !shared.state.is_current(&state) {
        shared.state()?;
    }
    drop(still);
    let position = shared.head();
    rows += commits(shared, &mut file, from, position, &mut blobs)?;
    if with_blobs {
        blobs.sort_unstable();
        blobs.dedup();
        blobs
            .iter()
            .try_for_each(|id| copy_blob(&shared.blobs, &mut file, *id))?;
    }
    if with_blobs || with_archive {
        for volume in &volumes {
            export_volumes::copy(&*shared.options.disk, volume, &mut file)?;
        }
    }
    file.finish(position, rows)?;
    Ok(position)
}

fn header(identity: &Identity) -> Vec<u8> {
    let mut out = FORMAT.to_le_bytes().to_vec();
    out.extend_from_slice(identity.database.as_bytes());
    out.extend_from_slice(identity.incarnation.as_bytes());
    out.extend_from_slice(&identity.epoch.to_le_bytes());
    out
}

/// The commits that were made, or became visible in rows, since the first row was read.
fn commits(
    shared: &Shared,
    file: &mut Writer,
    from: Position,
    to: Position,
    blobs: &mut Vec<BlobId>,
) -> Result<u64, ExportError> {
    let mut at = from;
    while at < to {
        let page = shared.catalog.commits(
            at.next(),
            to,
            Budget {
                items: 1024,
                bytes: PAGE,
            },
        )?;
        let Some(last) = page.last() else {
            return Err(damage(&shared.layout.journal(), 0, DamageKind::Gap).into());
        };
        let mut out = Vec::new();
        out.extend_from_slice(&at.next().0.to_le_bytes());
        out.extend_from_slice(&u32::try_from(page.len()).unwrap_or(u32::MAX).to_le_bytes());
        for commit in &page {
            codec::encode(commit, &mut out);
            blobs.extend(&commit.blobs);
        }
        at = last.position;
        file.block(Block::Commits, &out)?;
    }
    Ok(to.0 - from.0)
}

fn copy_blob(blobs: &Blobs, file: &mut Writer, id: BlobId) -> Result<(), ExportError> {
    let bytes = match blobs.whole(id) {
        Ok((file, _)) => file,
        Err(BlobError::Io(fault)) => return Err(fault.into()),
        Err(_) => return Err(damage(&blobs.path(id), 0, DamageKind::Digest).into()),
    };
    let mut out = id.0.to_vec();
    out.extend_from_slice(&bytes);
    file.block(Block::Blob, &out)
}

/// Reads all of an export; an error if a single byte is not as it was written.
pub(crate) fn verify(path: &Path) -> Result<Seen, ExportError> {
    read(path, |_, _| Ok(()))
}

/// Reads an export and gives its blocks to `take`.
pub(crate) fn read(
    path: &Path,
    mut take: impl FnMut(Block, Bytes) -> Result<(), ExportError>,
) -> Result<Seen, ExportError> {
    let mut file = Reader::open(path)?;
    let contents = |at| ExportError::Damaged(damage(path, at, DamageKind::Contents));
    let (kind, payload) = file.block()?;
    let mut c = Cursor { from: payload, at: 0 };
    let format = c
        .u32()
        .filter(|_| kind == Block::Header)
        .ok_or_else(|| contents(0))?;
    if format > FORMAT {
        return Err(ExportError::NewerFormat {
            file: path.to_owned(),
            found: format,
            supported: FORMAT,
        });
    }
    let head = (|| {
        Some((
            Uuid::from_bytes(c.array()?),
            Uuid::from_bytes(c.array()?),
            c.u64()?,
        ))
    })();
    let (database, incarnation, epoch) = head.ok_or_else(|| contents(0))?;
    let (mut volumes, mut blob_key) = (BTreeMap::new(), None);
    loop {
        match file.block()? {
            (Block::Trailer, payload) => {
                let mut c = Cursor { from: payload, at: 0 };
                let ends = (|| Some((Position(c.u64()?), c.u64()?)))();
                let (position, rows) = ends.ok_or_else(|| contents(file.at))?;
                return Ok(Seen {
                    database,
                    incarnation,
                    epoch,
                    position,
                    rows,
                    volumes,
                    blob_key,
                });
            }
            (Block::Header, _) => return Err(contents(file.at)),
            (Block::Key, payload) => {
                let bytes = payload.first_chunk().copied().ok_or_else(|| contents(file.at))?;
                blob_key = Some(BlobKey::of(bytes));
            }
            (Block::Volumes, payload) => {
                volumes = export_volumes::decode(payload).ok_or_else(|| contents(file.at))?;
            }
            (kind, payload) => take(kind, payload)?,
        }
    }
}

/// Loads a verified export into an empty state; answers the position it then holds.
pub(crate) fn load(path: &Path, state: &State, archive: &Archive) -> Result<Position, ExportError> {
    let contents = || ExportError::Damaged(damage(path, 0, DamageKind::Contents));
    let state_fault = |fault| ExportError::Read(ReadError::State(fault));
    let mut filter = Filter::new(archive);
    let seen = read(path, |kind, payload| match kind {
        Block::Rows => {
            let mut rows = decode_rows(payload).ok_or_else(contents)?;
            let mut held = Ok(());
            rows.retain(|row| match row {
                Row::Run { stream, .. } => match filter.holds(*stream) {
                    Ok(there) => !there,
                    Err(e) => {
                        held = Err(e);
                        true
                    }
                },
                _ => true,
            });
            held?;
            state.load(&rows).map_err(state_fault)
        }
        Block::Commits => {
            let mut c = Cursor { from: payload, at: 0 };
            let (first, n) = (|| Some((Position(c.u64()?), c.u32()?)))().ok_or_else(contents)?;
            let commits = codec::decode_group(c.from.slice(c.at..), first, n).ok_or_else(contents)?;
            let commits = commits
                .into_iter()
                .map(|commit| filter.commit(commit).map(Arc::new));
            let commits = commits.collect::<Result<Vec<_>, _>>()?;
            crate::sled_apply::batches(&commits)
                .try_for_each(|batch| state.apply(batch))
                .map_err(state_fault)
        }
        _ => Ok(()),
    })?;
    Ok(seen.position)
}

/// Makes a new store from an export in a directory that holds none. The database keeps its id and its positions, but is a
/// new incarnation: cursors from before are void. The state is built when it is opened.
///
/// # Errors
/// If the file does not verify, the directory holds a store, or a system call fails. A half-made store does not open.
pub fn import(options: &Options, from: &Path) -> Result<Identity, ExportError> {
    let layout = Layout::new(&options.dir);
    let disk = &*options.disk;
    let seen = verify(from)?;
    let made = |dir: &Path| disk.create_dir(dir).map_err(|e| IoFault::new("create", dir, e));
    made(&layout.dir)?;
    let _lock = Lock::take(disk, &layout).map_err(|e| ExportError::Open(Box::new(e)))?;
    if !layout.is_vacant(&*options.disk) {
        return Err(ExportError::NotEmpty { dir: layout.dir });
    }
    for dir in [
        layout.journal(),
        layout.archive(),
        layout.blobs(),
        layout.exports(),
    ] {
        made(&dir)?;
    }
    if let Some(key) = &seen.blob_key {
        key.save(disk, &layout)?;
    }
    let blobs = Blobs::new(options.disk.clone(), layout.clone(), seen.blob_key.clone());
    let mut volumes = export_volumes::Import::new(disk, &layout);
    read(from, |kind, payload| {
        if kind == Block::Volume {
            return volumes.take(from, &payload);
        }
        let Some(id) = payload.first_chunk().filter(|_| kind == Block::Blob) else {
            return Ok(());
        };
        let restored = blobs.restore(BlobId(*id), &payload.slice(32..));
        restored.map_err(|e| match e {
            BlobError::Io(fault) => fault.into(),
            _ => damage(from, 0, DamageKind::Digest).into(),
        })
    })?;
    volumes.finish(from, seen.database, &seen.volumes)?;
    let base = layout.export(seen.position.0);
    let temporary = base.with_extension("new");
    std::fs::copy(from, &temporary).map_err(|e| IoFault::new("copy", &temporary, e))?;
    std::fs::File::open(&temporary)
        .and_then(|f| f.sync_all())
        .map_err(|e| IoFault::new("sync", &temporary, e))?;
    verify(&temporary)?;
    disk.rename(&temporary, &base)
        .map_err(|e| IoFault::new("rename", &base, e))?;
    disk.sync_dir(&layout.exports())
        .map_err(|e| IoFault::new("sync", &layout.exports(), e))?;
    let epoch = seen.epoch + 1;
    let identity = Identity {
        database: seen.database,
        incarnation: Uuid::new_v4(),
        format: FORMAT,
        epoch,
    };
    first_segment(options, &layout, &identity, seen.position.next())
        .map_err(|e| ExportError::Open(Box::new(e)))?;
    Ok(identity)
}

/// Begins a journal. The segment is the last thing made: with it the directory holds a store.
pub(crate) fn first_segment(
    options: &Options,
    layout: &Layout,
    identity: &Identity,
    first: Position,
) -> Result<(), OpenError> {
    let disk = &*options.disk;
    // It holds nothing but the beginning: the first open starts a segment of its own.
    segment::prepare(disk, &layout.spare(), segment::START)?;
    let header = SegmentHeader {
        format: FORMAT,
        database: identity.database,
        incarnation: identity.incarnation,
        number: 1,
        epoch: identity.epoch,
        first,
        previous_end: 0,
        previous: [0; 32],
    };
    disk.sync_dir(&layout.dir)
        .map_err(|e| IoFault::new("sync", &layout.dir, e))?;
    segment::activate(disk, &layout.spare(), &layout.segment(1), &header)?;
    let (database, incarnation) = (identity.database, identity.incarnation);
    Meta {
        format: FORMAT,
        database,
        incarnation,
        epoch: identity.epoch,
    }
    .save(disk, layout)?;
    Ok(())
}
