//! When the other side was last heard, and what it said first where it said no frame.
//!
//! A link that is cut without a word (a stopped `ssh`, a machine that sleeps) shows in silence alone. Does not judge:
//! how long is too long is the caller's to say.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::AsyncRead;
use tokio_util::io::InspectReader;

/// Bytes kept of what came first.
const FIRST: usize = 400;

/// Kept by both ends of the watch; cheap to clone.
#[derive(Debug, Clone)]
pub struct Pulse(Arc<Kept>);

#[derive(Debug)]
struct Kept {
    since: Instant,
    /// Milliseconds from `since` to the last byte.
    last: AtomicU64,
    first: Mutex<Vec<u8>>,
}

impl Default for Pulse {
    fn default() -> Self {
        Self(Arc::new(Kept {
            since: Instant::now(),
            last: AtomicU64::new(0),
            first: Mutex::default(),
        }))
    }
}

impl Pulse {
    /// How long nothing has been heard.
    #[must_use]
    pub fn silence(&self) -> Duration {
        let last = Duration::from_millis(self.0.last.load(Ordering::Relaxed));
        self.0.since.elapsed().saturating_sub(last)
    }

    /// The beginning of what came, where it cannot be a frame: the text of something else that answers there.
    #[must_use]
    pub fn noise(&self) -> Option<String> {
        let first = self.0.first.lock().unwrap_or_else(PoisonError::into_inner);
        // A frame begins with its length, which is far below 16 MiB.
        let strange = first.first().is_some_and(|byte| *byte != 0);
        strange.then(|| String::from_utf8_lossy(&first).into_owned())
    }

    fn hear(&self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let now = u64::try_from(self.0.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        if self.0.last.swap(now.max(1), Ordering::Relaxed) == 0 {
            let mut first = self.0.first.lock().unwrap_or_else(PoisonError::into_inner);
            first.extend_from_slice(&bytes[..bytes.len().min(FIRST)]);
        }
    }
}

/// `io`, with its incoming bytes noted.
pub(crate) fn heard<Io: AsyncRead>(io: Io, pulse: Pulse) -> InspectReader<Io, impl FnMut(&[u8])> {
    InspectReader::new(io, move |bytes| pulse.hear(bytes))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn words_in_front_of_the_frames_are_kept_and_frames_are_not_words() {
        for (sent, noise) in [
            (&b"Welcome to ops\n"[..], Some("Welcome to ops\n")),
            (&[0, 0, 0, 1, 7][..], None),
        ] {
            let (mut far, near) = tokio::io::duplex(64);
            let pulse = Pulse::default();
            let mut near = heard(near, pulse.clone());
            assert_eq!(pulse.noise(), None);
            far.write_all(sent).await.unwrap();
            drop(far);
            let mut all = Vec::new();
            near.read_to_end(&mut all).await.unwrap();
            assert_eq!(all, sent);
            assert_eq!(pulse.noise().as_deref(), noise);
            assert!(pulse.silence() < Duration::from_secs(5));
        }
    }
}
