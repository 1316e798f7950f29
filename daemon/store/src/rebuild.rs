//! Brings sled up to the journal's head: uses it if it can be trusted, otherwise sets it aside and builds a new one from
//! the newest verified export and the journal.
//!
//! Invariants: never an empty store in place of a lost one; the old state is renamed, not deleted, and only once the new
//! one is known to be possible; a half-built state has a name of its own and is thrown away.

use crate::archive::{Archive, Filter};
use crate::error::{ExportError, IoFault, OpenError, ReadError, StateFault};
use crate::export;
use crate::layout::Layout;
use crate::options::Options;
use crate::sled_apply::batches;
use crate::sled_state::State;
use crate::source::Source;
use crate::types::{Commit, Position, Progress};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Commits whose outcome is compared with sled at open. What sled loses is the end of its log, so the newest few tell;
/// each is looked up, and what is looked up stays in memory.
const SAMPLE: u64 = 64;
/// Commits collected before they are applied.
const APPLY_AT_ONCE: usize = 4096;
/// States set aside that are kept.
const KEEP_ASIDE: usize = 2;

/// Why the work stopped: for good, or only because of this state.
enum Stop {
    Refuse(OpenError),
    Fault(StateFault),
}

impl From<OpenError> for Stop {
    fn from(e: OpenError) -> Self {
        Self::Refuse(e)
    }
}

impl From<ReadError> for Stop {
    fn from(e: ReadError) -> Self {
        match e {
            ReadError::State(fault) => Self::Fault(fault),
            ReadError::Damaged(damage) => Self::Refuse(damage.into()),
            ReadError::Io(fault) => Self::Refuse(fault.into()),
            ReadError::Compacted { .. } | ReadError::Rebuilding { .. } | ReadError::Limit => {
                Self::Fault(StateFault::Row)
            }
        }
    }
}

impl From<StateFault> for Stop {
    fn from(fault: StateFault) -> Self {
        Self::Fault(fault)
    }
}

pub(crate) struct Rebuild<'a> {
    pub(crate) archive: &'a Archive,
    pub(crate) options: &'a Options,
    pub(crate) layout: &'a Layout,
    pub(crate) source: Source<'a>,
    /// Lower bound of what sled holds.
    pub(crate) noted: Position,
    /// Epoch about to begin: names what is set aside.
    pub(crate) epoch: u64,
    /// Told how many commits of how many are replayed, beside `Options::progress`.
    pub(crate) progress: Option<&'a dyn Fn(u64, u64)>,
}

impl Rebuild<'_> {
    /// A state that holds everything up to the journal's head.
    pub(crate) fn run(&self) -> Result<State, OpenError> {
        let fault = match self.existing() {
            Ok(state) => return Ok(state),
            Err(Stop::Refuse(e)) => return Err(e),
            Err(Stop::Fault(fault)) => fault,
        };
        if fault != StateFault::Missing {
            tracing::warn!(%fault, "the state is set aside and rebuilt from the journal");
        }
        self.anew(&fault)
    }

    /// A state built from nothing but exports, archive and journal, in the place of the one that is there.
    pub(crate) fn anew(&self, fault: &StateFault) -> Result<State, OpenError> {
        let base = self.base(fault)?;
        match self.build(base.as_deref()) {
            Ok(()) => {}
            Err(Stop::Refuse(e)) => {
                // Half a state is of no use, and a refusal leaves what it found.
                if let Err(left) = clear(&self.layout.state_new()) {
                    tracing::warn!(error = %left, "half a state was left behind");
                }
                return Err(e);
            }
            Err(Stop::Fault(fault)) => {
                return Err(OpenError::State {
                    dir: self.layout.state_new(),
                    fault,
                });
            }
        }
        self.swap()?;
        self.open(&self.layout.state()).map_err(|fault| OpenError::State {
            dir: self.layout.state(),
            fault,
        })
    }

    fn open(&self, dir: &Path) -> Result<State, StateFault> {
        let Options {
            cache_bytes,
            state_deadline,
            disk,
            ..
        } = self.options;
        State::open(dir, *cache_bytes, *state_deadline, disk.clone())
    }

    /// A state that ends with the process, from the journal alone.
    pub(crate) fn in_memory(&self) -> Result<State, OpenError> {
        let refused = |fault| OpenError::NotRebuildable {
            dir: self.layout.state(),
            fault,
            oldest: self.source.oldest(),
        };
        if self.source.oldest() != Position(1) {
            return Err(refused(StateFault::Missing));
        }
        let state = State::in_memory();
        let built = state
            .found(self.source.database(), Position(0))
            .map_err(Stop::Fault)
            .and_then(|()| self.replay(&state, Position(0), true));
        match built {
            Ok(()) => Ok(state),
            Err(Stop::Refuse(e)) => Err(e),
            Err(Stop::Fault(fault)) => Err(refused(fault)),
        }
    }

    fn existing(&self) -> Result<State, Stop> {
        let dir = self.layout.state();
        if !dir.join("db").exists() {
            return Err(StateFault::Missing.into());
        }
        if self.layout.state_suspect().exists() {
            return Err(StateFault::Row.into());
        }
        let state = self.open(&dir)?;
        let applied = state.applied()?.ok_or(StateFault::Missing)?;
        if state.database()? != Some(self.source.database()) {
            return Err(StateFault::Foreign.into());
        }
        let head = self.source.head();
        if applied > head {
            return Err(OpenError::JournalBehind {
                dir: self.layout.journal(),
                journal: head,
                known: applied,
            }
            .into());
        }
        if applied < self.noted || applied.next() < self.source.oldest() {
            let noted = self.noted.max(Position(self.source.oldest().0 - 1));
            return Err(StateFault::Behind {
                found: applied,
                noted,
            }
            .into());
        }
        if let Some(number) = self.archive.lacks(&state.volumes()?) {
            return Err(StateFault::Volume(number).into());
        }
        self.compare(&state, applied)?;
        self.replay(&state, applied, false)?;
        state.persist()?;
        Ok(state)
    }

    /// The newest commits sled claims to hold must be in it as the journal has them.
    fn compare(&self, state: &State, applied: Position) -> Result<(), Stop> {
        let from = Position(applied.0.saturating_sub(SAMPLE).max(self.source.oldest().0));
        let (mut keys, mut filter) = (BTreeMap::new(), Filter::new(self.archive));
        self.source
            .commits(&*self.options.disk, from, |commits: Vec<Commit>| {
                for commit in commits.into_iter().take_while(|c| c.position <= applied) {
                    let at = commit.position;
                    for append in &commit.appends {
                        if filter.holds(append.stream)? {
                            continue;
                        }
                        let run = state.run_before(append.stream, append.expected)?;
                        if run != Some((append.expected, at, append.records.clone())) {
                            return Err(StateFault::Differs(at).into());
                        }
                    }
                    keys.extend(commit.deletes.into_iter().map(|key| (key, (at, None))));
                    keys.extend(
                        commit
                            .puts
                            .into_iter()
                            .map(|(key, value)| (key, (at, Some(value)))),
                    );
                }
                Ok::<(), Stop>(())
            })?;
        for (key, (at, value)) in keys {
            let found = state.value(&key)?.map(|v| (v.revision, v.value));
            if found != value.map(|value| (at.0, value)) {
                return Err(StateFault::Differs(at).into());
            }
        }
        Ok(())
    }

    /// Applies what the journal has after `applied`.
    fn replay(&self, state: &State, applied: Position, rebuild: bool) -> Result<(), Stop> {
        let total = self.source.head().0.saturating_sub(applied.0);
        if total == 0 {
            return Ok(());
        }
        let mut done = 0;
        let mut waiting: Vec<Arc<Commit>> = Vec::new();
        let mut filter = Filter::new(self.archive);
        let mut flush = |waiting: &mut Vec<Arc<Commit>>| -> Result<(), Stop> {
            for batch in batches(waiting) {
                state.apply(batch)?;
            }
            done += waiting.len() as u64;
            waiting.clear();
            if let Some(progress) = &self.options.progress {
                progress(Progress { done, total, rebuild });
            }
            if let Some(progress) = self.progress {
                progress(done, total);
            }
            Ok(())
        };
        self.source
            .commits(&*self.options.disk, applied.next(), |commits: Vec<Commit>| {
                for commit in commits {
                    waiting.push(Arc::new(filter.commit(commit)?));
                }
                if waiting.len() >= APPLY_AT_ONCE {
                    flush(&mut waiting)
                } else {
                    Ok(())
                }
            })?;
        flush(&mut waiting)
    }

    /// The export to begin with; `None`: the journal reaches back to the first commit.
    fn base(&self, fault: &StateFault) -> Result<Option<PathBuf>, OpenError> {
        let oldest = self.source.oldest();
        let exports = self
            .layout
            .all_exports()
            .map_err(|e| IoFault::new("list", &self.layout.exports(), e))?;
        for path in exports {
            match export::verify(&path) {
                Ok(seen) if self.source.follows(&seen) && self.archive.lacks(&seen.volumes).is_none() => {
                    return Ok(Some(path));
                }
                Ok(_) => {}
                Err(e) => tracing::warn!(error = %e, "an export is left out"),
            }
        }
        if oldest == Position(1) {
            return Ok(None);
        }
        Err(OpenError::NotRebuildable {
            dir: self.layout.state(),
            fault: fault.clone(),
            oldest,
        })
    }

    fn build(&self, base: Option<&Path>) -> Result<(), Stop> {
        let dir = self.layout.state_new();
        clear(&dir)?;
        let state = self.open(&dir)?;
        let applied = match base {
            None => Position(0),
            Some(path) => export::load(path, &state, self.archive).map_err(|e| match e {
                ExportError::Read(ReadError::State(fault)) => Stop::Fault(fault),
                ExportError::Damaged(damage) => Stop::Refuse(damage.into()),
                other => Stop::Fault(StateFault::Failed(other.to_string())),
            })?,
        };
        state.found(self.source.database(), applied)?;
        self.replay(&state, applied, true)?;
        state.persist()?;
        Ok(())
    }

    /// Puts the built state in the place of the old one.
    fn swap(&self) -> Result<(), OpenError> {
        let (state, aside) = (self.layout.state(), self.layout.state_aside(self.epoch));
        let rename = |from: &Path, to: &Path| {
            std::fs::rename(from, to).map_err(|e| OpenError::Io(IoFault::new("rename", from, e)))
        };
        if state.exists() {
            clear(&aside)?;
            rename(&state, &aside)?;
        }
        rename(&self.layout.state_new(), &state)?;
        let dir = &self.layout.dir;
        self.options
            .disk
            .sync_dir(dir)
            .map_err(|e| IoFault::new("sync", dir, e))?;
        let suspect = self.layout.state_suspect();
        if suspect.exists() {
            std::fs::remove_file(&suspect).map_err(|e| IoFault::new("remove", &suspect, e))?;
        }
        let asides = self.layout.asides().map_err(|e| IoFault::new("list", dir, e))?;
        asides
            .iter()
            .take(asides.len().saturating_sub(KEEP_ASIDE))
            .try_for_each(|old| clear(old))
    }
}

pub(crate) fn clear(dir: &Path) -> Result<(), OpenError> {
    match std::fs::remove_dir_all(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(IoFault::new("remove", dir, e).into()),
        _ => Ok(()),
    }
}
