//! The rules of the house, as tests. A rule that cannot fail a build is a wish.

#![expect(
    clippy::unwrap_used,
    reason = "a rule that cannot be read should stop the build"
)]

mod arrows;
mod cycles;
mod forgotten;
mod headers;
mod house;
mod lock;
mod rows;
mod sizes;
