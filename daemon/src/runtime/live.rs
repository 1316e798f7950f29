//! Live text of runs: what models and commands are writing right now, in bounded rings.
//!
//! Not durable, and never a reason for a writer to wait: when a ring is full its oldest chunks go, and a reader who was
//! too slow is told how many. Invariant: chunk numbers of one run rise by one.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dirigent_protocol::id::RunId;
use dirigent_protocol::run::StepId;
use dirigent_protocol::watch::{StreamChunk, StreamPage, StreamRequest, StreamSource};
use tokio::sync::Notify;

/// Most chunks a ring keeps.
const MAX_CHUNKS: usize = 2_048;
/// Most bytes of text a ring keeps.
const MAX_BYTES: usize = 1 << 20;
/// Small pieces are joined up to this size while nobody has seen them.
const JOIN_BYTES: usize = 2_048;
/// Largest piece of text in one chunk.
const MAX_CHUNK_BYTES: usize = 64 << 10;
/// Most bytes of text in one page, well under the frame limit.
const PAGE_BYTES: usize = 512 << 10;
/// Rings of ended runs that are kept for late readers.
const MAX_ENDED: usize = 64;
/// Longest wait of a reader.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// All rings.
#[derive(Default)]
pub(crate) struct Live {
    rings: Mutex<Rings>,
}

#[derive(Default)]
struct Rings {
    by_run: HashMap<RunId, Arc<Ring>>,
    ended: VecDeque<RunId>,
}

#[derive(Default)]
struct Ring {
    text: Mutex<Kept>,
    grown: Notify,
}

#[derive(Default)]
struct Kept {
    chunks: VecDeque<StreamChunk>,
    bytes: usize,
    /// Number of the newest chunk.
    last: u64,
    /// Number of the newest chunk that a reader has seen; it must not grow any more.
    seen: u64,
}

/// Where one effect writes its live text.
#[derive(Clone)]
pub(crate) struct LiveSink {
    /// None where nothing may be shown.
    ring: Option<Arc<Ring>>,
    step: StepId,
    attempt: u32,
}

impl LiveSink {
    /// Adds text; never waits.
    pub(crate) fn write(&self, source: StreamSource, text: &str) {
        let Some(ring) = &self.ring else { return };
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, tail) = rest.split_at(rest.floor_char_boundary(MAX_CHUNK_BYTES));
            rest = tail;
            let mut kept = lock(&ring.text);
            kept.add(&self.step, self.attempt, source, piece);
        }
        ring.grown.notify_waiters();
    }

    /// Says once that nothing will be shown, and then shows nothing.
    pub(crate) fn silenced(mut self) -> Self {
        self.write(
            StreamSource::Note,
            "this step uses secrets: what it writes is not shown\n",
        );
        self.ring = None;
        self
    }
}

impl Live {
    /// The sink of one effect.
    pub(crate) fn sink(&self, run: RunId, step: &StepId, attempt: u32) -> LiveSink {
        LiveSink {
            ring: Some(self.ring(run)),
            step: step.clone(),
            attempt,
        }
    }

    /// The run is over or parked; its ring stays for late readers until newer ones push it out.
    pub(crate) fn ended(&self, run: RunId) {
        let mut rings = lock(&self.rings);
        if rings.by_run.contains_key(&run) && !rings.ended.contains(&run) {
            rings.ended.push_back(run);
        }
        while rings.ended.len() > MAX_ENDED {
            if let Some(oldest) = rings.ended.pop_front() {
                rings.by_run.remove(&oldest);
            }
        }
    }

    /// A page behind `after`; waits for one at most as long as asked.
    pub(crate) async fn read(&self, request: &StreamRequest) -> StreamPage {
        let wait = Duration::from_millis(u64::from(request.wait_ms)).min(MAX_WAIT);
        let Some(ring) = self.existing(request.run) else {
            // Whoever polls must not be made to poll without pause.
            tokio::time::sleep(wait).await;
            return StreamPage {
                last: request.after,
                ..StreamPage::default()
            };
        };
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            let grown = ring.grown.notified();
            tokio::pin!(grown);
            grown.as_mut().enable();
            let page = lock(&ring.text).page(request.after);
            if !page.chunks.is_empty() || wait.is_zero() {
                return page;
            }
            if tokio::time::timeout_at(deadline, grown).await.is_err() {
                return page;
            }
        }
    }

    fn ring(&self, run: RunId) -> Arc<Ring> {
        lock(&self.rings).by_run.entry(run).or_default().clone()
    }

    fn existing(&self, run: RunId) -> Option<Arc<Ring>> {
        lock(&self.rings).by_run.get(&run).cloned()
    }

    /// Makes the ring of a run that begins, so that readers can wait for its first text.
    pub(crate) fn began(&self, run: RunId) {
        lock(&self.rings).ended.retain(|ended| *ended != run);
        self.ring(run);
    }
}

impl Kept {
    fn add(&mut self, step: &StepId, attempt: u32, source: StreamSource, text: &str) {
        self.bytes += text.len();
        if let Some(newest) = self.chunks.back_mut()
            && newest.seq > self.seen
            && newest.text.len() + text.len() <= JOIN_BYTES
            && newest.source == source
            && newest.attempt == attempt
            && newest.step == *step
        {
            newest.text.push_str(text);
        } else {
            self.last += 1;
            let text = text.to_owned();
            self.chunks.push_back(StreamChunk {
                seq: self.last,
                step: step.clone(),
                attempt,
                source,
                text,
            });
        }
        while self.chunks.len() > MAX_CHUNKS || self.bytes > MAX_BYTES {
            let Some(oldest) = self.chunks.pop_front() else {
                break;
            };
            self.bytes -= oldest.text.len();
        }
    }

    fn page(&mut self, after: u64) -> StreamPage {
        // A number from before a restart of the daemon is ahead of us: begin anew.
        let after = if after > self.last { 0 } else { after };
        let first = self.chunks.front().map_or(self.last + 1, |chunk| chunk.seq);
        let lost = first.saturating_sub(after + 1);
        let from = after.max(first.saturating_sub(1));
        let skip = usize::try_from(from + 1 - first).unwrap_or(usize::MAX);
        let mut bytes = 0;
        let chunks: Vec<_> = self
            .chunks
            .iter()
            .skip(skip)
            .take_while(|chunk| {
                let fits = bytes == 0 || bytes + chunk.text.len() <= PAGE_BYTES;
                bytes += chunk.text.len();
                fits
            })
            .cloned()
            .collect();
        let last = chunks.last().map_or(from, |chunk| chunk.seq);
        self.seen = self.seen.max(last);
        StreamPage { chunks, last, lost }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(run: RunId, after: u64, wait_ms: u32) -> StreamRequest {
        StreamRequest { run, after, wait_ms }
    }

    #[tokio::test]
    async fn a_reader_gets_every_piece_once_and_small_pieces_are_joined() {
        let (live, run) = (Live::default(), RunId::new());
        let sink = live.sink(run, &StepId::new("/do/0/a"), 1);
        sink.write(StreamSource::Model, "Hel");
        sink.write(StreamSource::Model, "lo");
        let first = live.read(&ask(run, 0, 0)).await;
        assert_eq!(first.chunks.len(), 1);
        assert_eq!(first.chunks[0].text, "Hello");
        sink.write(StreamSource::Model, "!");
        let second = live.read(&ask(run, first.last, 0)).await;
        assert_eq!(
            (second.chunks[0].text.as_str(), second.lost),
            ("!", 0),
            "what was seen does not grow"
        );
        assert!(live.read(&ask(run, second.last, 0)).await.chunks.is_empty());
    }

    #[tokio::test]
    async fn a_slow_reader_is_told_what_it_lost() {
        let (live, run) = (Live::default(), RunId::new());
        let sink = live.sink(run, &StepId::new("/do/0/a"), 1);
        let line = "x".repeat(JOIN_BYTES);
        for _ in 0..5_000 {
            sink.write(StreamSource::Stdout, &line);
        }
        let mut got = 0;
        let mut page = live.read(&ask(run, 0, 0)).await;
        let lost = page.lost;
        while !page.chunks.is_empty() {
            got += page.chunks.len() as u64;
            page = live.read(&ask(run, page.last, 0)).await;
            assert_eq!(page.lost, 0);
        }
        assert_eq!(got + lost, 5_000);
        assert!(lost > 4_000, "{lost}");
    }

    #[tokio::test]
    async fn a_waiting_reader_is_woken() {
        let (live, run) = (Arc::new(Live::default()), RunId::new());
        live.began(run);
        let sink = live.sink(run, &StepId::new("/do/0/a"), 1);
        let reading = ask(run, 0, 20_000);
        let reader = live.read(&reading);
        let writer = async { sink.write(StreamSource::Stderr, "now") };
        let (page, ()) = tokio::join!(reader, writer);
        assert_eq!(page.chunks[0].text, "now");
    }
}
