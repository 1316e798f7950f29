//! Waiting for a state with a deadline.

use std::time::{Duration, Instant};

/// What a slow, shared machine may take for anything that should be quick.
pub const LONG: Duration = Duration::from_secs(60);

/// Asks again and again until there is an answer.
///
/// # Panics
/// When the deadline passes; the message says what was waited for.
pub fn until<T>(what: &str, deadline: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(
            start.elapsed() < deadline,
            "waited {deadline:?} in vain for {what}"
        );
        pause();
    }
}

/// Between two looks at something that sends no word of its own.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that polls a process from outside"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}
