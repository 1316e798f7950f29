//! One process per store directory, by the lock of the disk it is on, so that a simulated disk has its own.

use crate::error::OpenError;
use crate::io::{Disk, Hold, NotHeld};
use crate::layout::Layout;

/// Held for the life of the store.
pub(crate) struct Lock {
    _held: Box<dyn Hold>,
}

impl Lock {
    pub(crate) fn take(disk: &dyn Disk, layout: &Layout) -> Result<Self, OpenError> {
        match disk.hold(&layout.lock()) {
            Ok(held) => Ok(Self { _held: held }),
            Err(NotHeld::By(pid)) => Err(OpenError::InUse {
                dir: layout.dir.clone(),
                pid,
            }),
            Err(NotHeld::Io(fault)) => Err(fault.into()),
        }
    }
}
