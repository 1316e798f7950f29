//! A store without threads: whoever opens it says when each piece of work is done. For programs that own the order of
//! everything, such as a simulation.
//!
//! The same code does the work as behind `open`; only the waiting is left out. The state is in memory and is brought up
//! from the journal at every open, so that what `Options::disk` holds is all there is. Nothing blocks.

use crate::contract::Store;
use crate::error::OpenError;
use crate::journal::Journal;
use crate::local::LocalStore;
use crate::meta::Noted;
use crate::occupied::Lock;
use crate::open::{Ready, bring_up, look};
use crate::options::Options;
use crate::shared::Shared;
use crate::spare::Spares;
use crate::{applier, writer};
use std::sync::Arc;

/// The work of a store that has no threads.
pub struct Steps {
    shared: Arc<Shared>,
    journal: Journal,
    spares: Arc<Spares>,
    note: Noted,
}

/// Opens a store whose work is done through `Steps`. A commit is answered by the `write` after it.
///
/// # Errors
/// As for `open`; also where the journal was pruned, because the state is built from nothing else.
pub fn open_in_steps(options: Options) -> Result<(Arc<dyn Store>, Steps), OpenError> {
    let layout = look(&options)?;
    let lock = Lock::take(&*options.disk, &layout)?;
    let Ready {
        shared,
        journal,
        spares,
        note,
    } = bring_up(options, &layout, |rebuild| rebuild.in_memory())?;
    let store = LocalStore::new(shared.clone(), spares.clone(), lock);
    let steps = Steps {
        shared,
        journal,
        spares,
        note,
    };
    Ok((Arc::new(store), steps))
}

impl Steps {
    /// Writes what waits as one group, syncs it and answers. Answers whether there was anything.
    pub fn write(&mut self) -> bool {
        let jobs = self.shared.queue.waiting(self.shared.options.txn_limit());
        if jobs.is_empty() {
            return false;
        }
        if self.spares.is_due() {
            self.spares.prepare();
        }
        writer::write(&self.shared, &mut self.journal, jobs);
        true
    }

    /// Confirms the newest group; due a moment after the last write.
    pub fn confirm(&mut self) {
        if self.shared.failure().is_none() {
            writer::confirm(&self.shared, &mut self.journal);
        }
    }

    /// Makes the next segment or the reserve, if one is missing; due now and then.
    pub fn prepare(&mut self) {
        self.spares.prepare();
    }

    /// Looks at the free space and carries what is acknowledged into the state; due now and then.
    pub fn apply(&mut self) {
        if self.shared.failure().is_none() {
            applier::turn(&self.shared, &self.note);
        }
    }
}
