//! Documents through the public door: the socket, the wire, the store on disk.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail as the test does")]
#![expect(clippy::too_many_lines, reason = "each test tells one story in order")]

mod applying;
mod bed;
mod documents;
mod late_index;
mod rights;
mod watching;
