//! Keeps the next segment ready, and one more for a full disk, so that the writer never waits for zeros.
//!
//! The reserve becomes the next segment only when the disk is full, and then only for transactions that may use it.

use crate::error::IoFault;
use crate::io::Disk;
use crate::layout::Layout;
use crate::segment;
use crate::sync::lock;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Why a group was not written.
pub(crate) enum Refused {
    /// No room for a new segment; nothing was written, and it may be tried again.
    Full,
    /// Only the reserve is left and not all of the group may use it.
    ReserveOnly,
    /// The journal is of no use any more. `written` tells whether the group may be on disk.
    Broken { fault: IoFault, written: bool },
}

pub(crate) struct Spares {
    disk: Arc<dyn Disk>,
    layout: Layout,
    size: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    spare: bool,
    reserve: bool,
    /// The last attempt found the disk full.
    full: bool,
    broken: Option<IoFault>,
    closing: bool,
}

/// A full disk is looked at again this often.
const RETRY: Duration = Duration::from_secs(1);

impl Spares {
    /// `spare` and `reserve` tell what the directory holds already.
    pub(crate) fn new(disk: Arc<dyn Disk>, layout: Layout, size: u64, spare: bool, reserve: bool) -> Self {
        let state = Mutex::new(State {
            spare,
            reserve,
            ..State::default()
        });
        Self {
            disk,
            layout,
            size,
            state,
            changed: Condvar::new(),
        }
    }

    /// Path of a prepared file; call `taken` once it has its new name.
    pub(crate) fn take(&self, may_use_reserve: bool) -> Result<PathBuf, Refused> {
        let mut state = lock(&self.state);
        loop {
            if state.spare {
                return Ok(self.layout.spare());
            }
            if let Some(fault) = state.broken.take() {
                return Err(Refused::Broken {
                    fault,
                    written: false,
                });
            }
            if state.full {
                return match (state.reserve, may_use_reserve) {
                    (true, true) => Ok(self.layout.reserve()),
                    (true, false) => Err(Refused::ReserveOnly),
                    (false, _) => Err(Refused::Full),
                };
            }
            if state.closing {
                return Err(Refused::Full);
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }

    pub(crate) fn taken(&self) {
        let mut state = lock(&self.state);
        if state.spare {
            state.spare = false;
        } else {
            state.reserve = false;
        }
        self.changed.notify_all();
    }

    pub(crate) fn close(&self) {
        lock(&self.state).closing = true;
        self.changed.notify_all();
    }

    /// Body of the preparing thread.
    pub(crate) fn run(&self) {
        let mut state = lock(&self.state);
        while !state.closing {
            if state.spare && state.reserve {
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                continue;
            }
            if state.full {
                let waited = self.changed.wait_timeout(state, RETRY);
                state = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
                if state.closing {
                    return;
                }
            }
            drop(state);
            self.prepare();
            state = lock(&self.state);
        }
    }

    /// Makes one of the two, if one is missing.
    pub(crate) fn prepare(&self) {
        let path = {
            let state = lock(&self.state);
            match (state.spare, state.reserve) {
                (false, _) => self.layout.spare(),
                (true, false) => self.layout.reserve(),
                (true, true) => return,
            }
        };
        let made = segment::prepare(&*self.disk, &path, self.size);
        let mut state = lock(&self.state);
        state.full = false;
        match made {
            Ok(()) if path == self.layout.spare() => state.spare = true,
            Ok(()) => state.reserve = true,
            Err(fault) if fault.is_full() => state.full = true,
            Err(fault) => {
                tracing::error!(error = %fault, "cannot prepare the next journal segment");
                state.full = true;
                state.broken = Some(fault);
            }
        }
        self.changed.notify_all();
    }

    /// Whether the next segment is neither there nor known to be impossible.
    pub(crate) fn is_due(&self) -> bool {
        let state = lock(&self.state);
        !state.spare && !state.full
    }
}
