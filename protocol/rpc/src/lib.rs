//! The wire: the tarpc service, its codec and its transports. The only crate that names tarpc.
//!
//! tarpc cannot push, so watching is a long poll. A method the other side lacks, or a frame over the limit, kills the
//! connection: hence `hello` first, additive versions, and sizes checked before encoding.
//!
//! Invariant: a frame is MessagePack with named fields, at most [`MAX_FRAME`](dirigent_protocol::hello::MAX_FRAME)
//! bytes, and decodes for ever.

mod client;
mod codec;
mod pulse;
mod server;
mod service;
pub mod unix;
mod wary;

pub use client::{CallError, Connection};
pub use pulse::Pulse;
pub use server::{Limits, serve};
pub use service::Handler;
pub use wary::Trouble;
