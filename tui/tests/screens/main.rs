//! The client through its public door: messages in, screens and commands out. No terminal, no daemon, no clock.

mod approvals;
mod everywhere;
mod keys;
mod random;
mod screens;
mod world;
