//! The mirror of the daemon, built only from a snapshot and the news behind it; pure, without clock or I/O.
//!
//! It knows what the daemon said, how fresh that is, and which decisions are held back in their grace time. It
//! does not know pages, keys or the terminal.
//! Invariant: the same news in the same order at the same times give the same mirror.

pub mod approval;
pub mod cmd;
pub mod collaboration;
pub mod connection;
pub mod counters;
pub mod fold;
pub mod journal;
pub mod looks;
pub mod mirror;
pub mod msg;
pub mod outbox;
pub mod run;
pub mod suggested;
pub mod talk;
pub mod tool_lines;

pub use approval::Approval;
pub use cmd::{Answer, Cmd, Handling, LinkCmd, Note, NoteKind, Steer, Verdict};
pub use connection::{Connection, Link};
pub use journal::{Journal, Live};
pub use looks::Looks;
pub use mirror::{Model, Named};
pub use msg::{Msg, News, Signal, Time, Wish};
pub use outbox::{GRACE, Held, Outbox};
pub use run::Run;
pub use talk::Tell;
