//! Opening: look, lock, recover, bring the state up, begin a new epoch, start the threads.
//!
//! Invariant: until the state is up, nothing that was there is changed, so a refusal leaves everything as it was found.

use crate::applier;
use crate::archive::Archive;
use crate::blob_lost;
use crate::catalog::{Catalog, Entry};
use crate::contract::Store;
use crate::error::{DamageKind, IoFault, OpenError};
use crate::export;
use crate::io::{Disk, DiskFile, Mode};
use crate::journal::{Active, Journal};
use crate::layout::Layout;
use crate::local::LocalStore;
use crate::meta::{FORMAT, Meta, Noted};
use crate::occupied::Lock;
use crate::options::Options;
use crate::rebuild::Rebuild;
use crate::recover::{self, Found};
use crate::segment::{self, START, SegmentHeader, damage};
use crate::shared::Shared;
use crate::sled_state::State;
use crate::source::Source;
use crate::spare::Spares;
use crate::types::{Identity, Position};
use crate::writer;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;

/// Size of an epoch's first segment where no whole one is ready, bytes.
const SHORT_SEGMENT: u64 = 2 << 20;

/// Opens the store in `options.dir`, or makes a new one if the directory holds nothing. Blocks while the state is brought
/// up; call it where blocking is allowed.
///
/// # Errors
/// See `OpenError`; whatever it is, the directory is as it was before.
pub fn open(options: Options) -> Result<Arc<dyn Store>, OpenError> {
    let layout = look(&options)?;
    let lock = Lock::take(&*options.disk, &layout)?;
    start(bring_up(options, &layout, |rebuild| rebuild.run())?, lock)
}

/// The directory, if it is one of ours or nobody's.
pub(crate) fn look(options: &Options) -> Result<Layout, OpenError> {
    options.validate()?;
    let layout = Layout::new(&options.dir);
    refuse_newer(&*options.disk, &layout)?;
    options
        .disk
        .create_dir(&layout.dir)
        .map_err(|e| IoFault::new("create", &layout.dir, e))?;
    Ok(layout)
}

/// A store whose epoch has begun, and nobody who works for it yet.
pub(crate) struct Ready {
    pub(crate) shared: Arc<Shared>,
    pub(crate) journal: Journal,
    pub(crate) spares: Arc<Spares>,
    pub(crate) note: Noted,
}

/// Recovers the journal, brings the state up by `state`, begins an epoch.
pub(crate) fn bring_up(
    options: Options,
    layout: &Layout,
    state: impl FnOnce(&Rebuild<'_>) -> Result<State, OpenError>,
) -> Result<Ready, OpenError> {
    let disk = options.disk.clone();
    let meta = Meta::load(&*disk, layout)?;
    let mut numbers = segments(&*disk, layout)?;
    if numbers.is_empty() {
        create(&options, layout)?;
        numbers = vec![1];
    }
    let found = recover::find(&*disk, layout, &numbers)?;
    let identity = identify(layout, meta, &found)?;
    let noted = Noted::load(&*disk, layout);
    if noted > found.head {
        return Err(OpenError::JournalBehind {
            dir: layout.journal(),
            journal: found.head,
            known: noted,
        });
    }
    recover::sync_tail(&*disk, &found)?;
    let blob_key = blob_lost::find(&*disk, layout)?;
    let archive = Archive::open(disk.clone(), layout, identity.database)?;
    let rebuild = Rebuild {
        archive: &archive,
        options: &options,
        layout,
        source: Source::Found(&found),
        progress: None,
        noted,
        epoch: identity.epoch,
    };
    let state = state(&rebuild)?;
    archive.adopt(&state).map_err(|fault| OpenError::State {
        dir: layout.state(),
        fault,
    })?;
    if found.torn {
        tracing::info!(head = found.head.0, "a torn, unacknowledged group was left out");
    }
    let (catalog, active) = begin_epoch(&options, layout, &identity, &found)?;
    let note = Noted::open(&*disk, layout)?;
    let shared = Arc::new(Shared::new(
        options, identity, state, archive, blob_key, catalog, found.head,
    ));
    Ok(Ready::new(shared, active, note))
}

fn segments(disk: &dyn Disk, layout: &Layout) -> Result<Vec<u64>, OpenError> {
    layout
        .segments(disk)
        .map_err(|e| IoFault::new("list", &layout.journal(), e).into())
}

/// A newer format is refused before even the lock is touched.
fn refuse_newer(disk: &dyn Disk, layout: &Layout) -> Result<(), OpenError> {
    Meta::load(disk, layout)?;
    if let Some(newest) = segments(disk, layout)?.last()
        && let Err(e @ OpenError::NewerFormat { .. }) = SegmentHeader::load(disk, &layout.segment(*newest))
    {
        return Err(e);
    }
    Ok(())
}

fn create(options: &Options, layout: &Layout) -> Result<(), OpenError> {
    if !layout.is_vacant(&*options.disk) {
        return Err(OpenError::JournalMissing {
            dir: layout.journal(),
        });
    }
    for dir in [
        layout.journal(),
        layout.archive(),
        layout.blobs(),
        layout.exports(),
    ] {
        options
            .disk
            .create_dir(&dir)
            .map_err(|e| IoFault::new("create", &dir, e))?;
    }
    if let Some(parent) = layout.dir.parent() {
        options
            .disk
            .sync_dir(parent)
            .map_err(|e| IoFault::new("sync", parent, e))?;
    }
    let identity = Identity {
        database: Uuid::new_v4(),
        incarnation: Uuid::new_v4(),
        format: FORMAT,
        epoch: 0,
    };
    export::first_segment(options, layout, &identity, Position(1))
}

/// The identity for the epoch that begins now.
fn identify(layout: &Layout, meta: Option<Meta>, found: &Found) -> Result<Identity, OpenError> {
    let Some(last) = found.last().map(|s| s.header) else {
        return Err(OpenError::JournalMissing {
            dir: layout.journal(),
        });
    };
    if let Some(meta) = meta {
        if (meta.database, meta.incarnation) != (last.database, last.incarnation) {
            return Err(damage(&layout.meta(), 0, DamageKind::Chain).into());
        }
        if meta.epoch > last.epoch {
            return Err(OpenError::JournalMissing {
                dir: layout.journal(),
            });
        }
    }
    let (database, incarnation) = (last.database, last.incarnation);
    Ok(Identity {
        database,
        incarnation,
        format: FORMAT,
        epoch: last.epoch + 1,
    })
}

/// Begins the epoch's first segment; from then on the tail behind the last good group is dead.
fn begin_epoch(
    options: &Options,
    layout: &Layout,
    identity: &Identity,
    found: &Found,
) -> Result<(Arc<Catalog>, Active), OpenError> {
    let disk = &options.disk;
    let Some(last) = found.last() else {
        return Err(OpenError::JournalMissing {
            dir: layout.journal(),
        });
    };
    let (spare, room) = spare(options, layout)?;
    let number = last.header.number + 1;
    let first = found.head.next();
    let header = SegmentHeader {
        format: FORMAT,
        database: identity.database,
        incarnation: identity.incarnation,
        number,
        epoch: identity.epoch,
        first,
        previous_end: last.end,
        previous: found.link,
    };
    let path = layout.segment(number);
    let file = segment::activate(&**disk, &spare, &path, &header)?;
    cut(&**disk, &last.path, last.end)?;
    note_epoch(&**disk, layout, identity)?;
    let old = found
        .segments
        .iter()
        .map(|s| Arc::new(Entry::new(s.header.number, s.path.clone(), s.header.first, s.end)));
    let entry = Arc::new(Entry::new(number, path.clone(), first, START));
    let entries = old.chain([entry.clone()]).collect();
    let catalog = Arc::new(Catalog::new(disk.clone(), header.seed(), entries));
    Ok((
        catalog,
        Active {
            file,
            path,
            entry,
            end: START,
            room,
            link: found.link,
        },
    ))
}

/// The epoch in `meta.json` is a lower bound, so a full disk may keep the old one.
fn note_epoch(disk: &dyn Disk, layout: &Layout, identity: &Identity) -> Result<(), OpenError> {
    let Identity {
        database,
        incarnation,
        epoch,
        ..
    } = *identity;
    match (Meta {
        format: FORMAT,
        database,
        incarnation,
        epoch,
    })
    .save(disk, layout)
    {
        Err(fault) if fault.is_full() => tracing::warn!(error = %fault, "the epoch was not noted"),
        other => other?,
    }
    Ok(())
}

/// A prepared file for the first segment of the epoch, and its size; on a full disk the reserve, so that the daemon can
/// start. Where none is ready a short one does: nobody waits at a start for the zeros of a whole segment.
fn spare(options: &Options, layout: &Layout) -> Result<(PathBuf, u64), OpenError> {
    let (disk, size) = (&*options.disk, options.segment_bytes);
    if ready(disk, &layout.spare(), size) {
        return Ok((layout.spare(), size));
    }
    let short = size.min(SHORT_SEGMENT);
    match segment::prepare(disk, &layout.spare(), short) {
        Ok(()) => Ok((layout.spare(), short)),
        Err(fault) if fault.is_full() && ready(disk, &layout.reserve(), size) => Ok((layout.reserve(), size)),
        Err(fault) => Err(fault.into()),
    }
}

/// Gives the zeros behind a finished segment back to the disk.
fn cut(disk: &dyn Disk, path: &Path, end: u64) -> Result<(), OpenError> {
    let file = disk
        .open(path, Mode::Write)
        .map_err(|e| IoFault::new("open", path, e))?;
    file.truncate(end)
        .map_err(|e| IoFault::new("truncate", path, e).into())
}

fn ready(disk: &dyn Disk, path: &Path, size: u64) -> bool {
    disk.open(path, Mode::Read)
        .and_then(|file: Arc<dyn DiskFile>| file.len())
        .is_ok_and(|len| len == size)
}

impl Ready {
    fn new(shared: Arc<Shared>, active: Active, note: Noted) -> Self {
        let (disk, layout) = (shared.options.disk.clone(), shared.layout.clone());
        let size = shared.options.segment_bytes;
        let reserve = ready(&*disk, &layout.reserve(), size);
        let spares = Arc::new(Spares::new(disk.clone(), layout.clone(), size, false, reserve));
        let journal = Journal {
            disk,
            seed: crate::frame::Seed::new(shared.identity.database, shared.identity.incarnation),
            identity: shared.identity,
            segment_bytes: size,
            catalog: shared.catalog.clone(),
            spares: spares.clone(),
            active,
            buffer: Vec::new(),
            confirmed: true,
            layout,
        };
        tracing::debug!(
            head = shared.head().0,
            epoch = shared.identity.epoch,
            "store open"
        );
        Self {
            shared,
            journal,
            spares,
            note,
        }
    }
}

fn start(ready: Ready, lock: Lock) -> Result<Arc<dyn Store>, OpenError> {
    let Ready {
        shared,
        journal,
        spares,
        note,
    } = ready;
    let fault = |e| OpenError::Io(IoFault::new("start a thread for", &shared.layout.dir, e));
    let preparing = spares.clone();
    // Should a later thread not start, dropping this ends the earlier ones.
    let mut store = LocalStore::new(shared.clone(), spares, lock);
    store.spare = Some(writer::spawn("spare", move || preparing.run()).map_err(fault)?);
    store.waiter = Some(writer::spawn("waiters", writer::with(&shared, |s| s.waiters.run())).map_err(fault)?);
    store.applier = Some(
        writer::spawn("applier", writer::with(&shared, move |s| applier::run(s, &note))).map_err(fault)?,
    );
    store.writer = Some(
        writer::spawn("writer", writer::with(&shared, move |s| writer::run(s, journal))).map_err(fault)?,
    );
    Ok(Arc::new(store))
}
