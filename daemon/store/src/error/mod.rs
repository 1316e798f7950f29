//! Errors by operation: kind, place and, for people, help. Nothing here is a plain string.

mod answers;
mod commit;
mod faults;
mod open;

pub use answers::{BlobError, ExportError, LeaseError, MaintainError, ReadError};
pub use commit::{CommitError, Conflict, Failure, Part};
pub use faults::{Damage, DamageKind, IoFault, StateFault};
pub use open::OpenError;
