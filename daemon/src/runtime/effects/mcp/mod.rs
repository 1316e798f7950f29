//! Servers of the Model Context Protocol: connections, requests, what servers ask, and signing in where they want that.
//!
//! Decides nothing about the run. Invariants: a call is made only while the server's list of tools is the one it was
//! planned with; a token goes to the server it is for and to nobody else.

mod connect;
mod lines;
mod perform;
mod pipes;
mod questions;
mod refusals;
mod request;
mod rounds;
mod sign_in;

pub(super) use perform::{Mcp, open};
