//! Recorded tests: a file is read, played by the engine with everything from outside taken from it, and held against what
//! was recorded. Offline: no store, no network, no daemon.
//!
//! Owns: reading the file and the drafts it is held against, the play with the expression worker, the verdict. Does not
//! own: making a recording (the client does, of a run's events), the play itself (engine). Invariant: a file that is no
//! whole recorded test is refused with its place, and nothing of it is played.

mod agents;
mod drafts;
mod play;
mod read;
mod verdict;

pub use drafts::Drafts;
pub use play::play;
pub use read::{MAX_BYTES, read};
pub use verdict::Verdict;
