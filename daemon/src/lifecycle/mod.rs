//! Start, reload and stop: data directory, store, first documents, runtime, socket, upkeep, signs of life; and all of
//! it back again.
//!
//! Does not parse the command line, and does not answer calls.
//!
//! Invariants: the socket answers only when everything behind it is ready; what is stopped is stopped in the reverse
//! order; two daemons never share a data directory or a socket.

mod bootstrap;
mod connections;
mod descriptors;
mod error;
mod listen;
mod models;
mod notify;
mod options;
mod process_file;
mod reload;
mod space;
mod start;
mod tenure;
mod time;
mod upkeep;
mod watchdog;

pub use error::StartError;
pub use listen::inherited;
pub use options::Options;
pub use process_file::ProcessFile;
pub use start::{Running, start, store_dir};
