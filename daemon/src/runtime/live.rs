//! Live text of runs: what models and commands are writing right now, in bounded rings.
//!
//! Not durable, and never a reason for a writer to wait: when a ring is full its oldest chunks go, and a reader who was
//! too slow is told how many. Who reads along gets a page for all that is written within a moment, not one for every
//! word. Invariant: chunk numbers of one run rise by one, and what one step writes keeps its order.

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
/// How many chunks back a piece looks for the one it goes on with: steps that write at the same time take turns.
const JOIN_REACH: usize = 64;
/// Largest piece of text in one chunk.
const MAX_CHUNK_BYTES: usize = 64 << 10;
/// Most bytes of text in one page, well under the frame limit.
const PAGE_BYTES: usize = 512 << 10;
/// Rings of ended runs that are kept for late readers.
const MAX_ENDED: usize = 64;
/// Longest wait of a reader.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// How close behind its question an answer may come. Who reads along asks again at once, so this is the least time
/// between two pages; who has waited for longer is answered at the first word.
const GATHER: Duration = Duration::from_micros(2_300);

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
    /// Number of the last chunk before its first.
    since: u64,
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
            kept.add(self, source, piece, false);
        }
        ring.grown.notify_waiters();
    }

    /// Takes back what the model has said here: it is not shown any more, and whoever was shown it is told why.
    pub(crate) fn withdraw(&self, why: &str) {
        let Some(ring) = &self.ring else { return };
        let mut kept = lock(&ring.text);
        kept.withdraw(self);
        kept.add(self, StreamSource::Note, why, true);
        drop(kept);
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
        let ring = self.ring(run);
        let since = lock(&ring.text).last;
        LiveSink {
            ring: Some(ring),
            step: step.clone(),
            attempt,
            since,
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
        let asked = tokio::time::Instant::now();
        loop {
            let grown = ring.grown.notified();
            tokio::pin!(grown);
            grown.as_mut().enable();
            if lock(&ring.text).has_more(request.after) {
                let soonest = asked + GATHER.min(wait);
                if tokio::time::Instant::now() < soonest {
                    tokio::time::sleep_until(soonest).await;
                }
                break;
            }
            if wait.is_zero() || tokio::time::timeout_at(asked + wait, grown).await.is_err() {
                break;
            }
        }
        lock(&ring.text).page(request.after)
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
    /// Empties what a step's model has said since its call began; the numbers stay.
    fn withdraw(&mut self, sink: &LiveSink) {
        let said = self.chunks.iter_mut().filter(|chunk| {
            chunk.seq > sink.since && chunk.source == StreamSource::Model && chunk.step == sink.step
        });
        for chunk in said {
            self.bytes -= chunk.text.len();
            chunk.text.clear();
        }
    }

    fn add(&mut self, sink: &LiveSink, source: StreamSource, text: &str, withdraws: bool) {
        self.bytes += text.len();
        let seen = self.seen.max(sink.since);
        let unseen = self.chunks.iter_mut().rev().take_while(|chunk| chunk.seq > seen);
        // The step's newest alone: what it writes keeps its order.
        let own = unseen.take(JOIN_REACH).find(|chunk| chunk.step == sink.step);
        let fits = |chunk: &&mut StreamChunk| {
            let same = chunk.source == source && chunk.attempt == sink.attempt;
            same && !withdraws && chunk.text.len() + text.len() <= JOIN_BYTES
        };
        if let Some(chunk) = own.filter(fits) {
            chunk.text.push_str(text);
        } else {
            self.last += 1;
            let text = text.to_owned();
            self.chunks.push_back(StreamChunk {
                seq: self.last,
                step: sink.step.clone(),
                attempt: sink.attempt,
                source,
                text,
                withdraws,
            });
        }
        while self.chunks.len() > MAX_CHUNKS || self.bytes > MAX_BYTES {
            let Some(oldest) = self.chunks.pop_front() else {
                break;
            };
            self.bytes -= oldest.text.len();
        }
    }

    /// A number from before a restart of the daemon is ahead of us: begin anew.
    const fn known(&self, after: u64) -> u64 {
        if after > self.last { 0 } else { after }
    }

    /// Whether a page behind `after` would not be empty.
    fn has_more(&self, after: u64) -> bool {
        self.last > self.known(after) && !self.chunks.is_empty()
    }

    fn page(&mut self, after: u64) -> StreamPage {
        let after = self.known(after);
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
    async fn steps_that_take_turns_are_joined_each_with_itself_and_keep_their_order() {
        let (live, run) = (Live::default(), RunId::new());
        let sinks = ["/do/0/a", "/do/0/b"].map(|step| live.sink(run, &StepId::new(step), 1));
        for word in ["one ", "two ", "three "] {
            sinks
                .iter()
                .for_each(|sink| sink.write(StreamSource::Model, word));
        }
        sinks[0].write(StreamSource::Note, "again\n");
        sinks[0].write(StreamSource::Model, "four");
        let page = live.read(&ask(run, 0, 0)).await;
        let texts = |step: &str| {
            let of_step = |chunk: &&StreamChunk| chunk.step == StepId::new(step);
            let own = page.chunks.iter().filter(of_step);
            own.map(|chunk| chunk.text.clone()).collect::<Vec<_>>()
        };
        assert_eq!(texts("/do/0/a"), ["one two three ", "again\n", "four"]);
        assert_eq!(texts("/do/0/b"), ["one two three "]);
        assert_eq!(page.last, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn words_close_together_come_on_one_page_and_the_first_after_a_rest_at_once() {
        let (live, run) = (Arc::new(Live::default()), RunId::new());
        live.began(run);
        let sink = live.sink(run, &StepId::new("/do/0/a"), 1);
        let begun = tokio::time::Instant::now();
        let writer = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            for _ in 0..100 {
                sink.write(StreamSource::Model, "word ");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let reader = async {
            let (mut after, mut words, mut pages) = (0, 0, 0);
            while words < 100 {
                let page = live.read(&ask(run, after, 20_000)).await;
                pages += 1;
                words += page
                    .chunks
                    .iter()
                    .map(|chunk| chunk.text.len() / 5)
                    .sum::<usize>();
                after = page.last;
                if pages == 1 {
                    assert_eq!((words, begun.elapsed().as_millis()), (1, 500));
                }
            }
            pages
        };
        let (pages, ()) = tokio::join!(reader, writer);
        assert!((20..=60).contains(&pages), "{pages} pages");
    }

    #[tokio::test]
    async fn what_is_taken_back_is_shown_to_nobody_any_more() {
        let (live, run) = (Live::default(), RunId::new());
        let step = StepId::new("/do/0/a");
        live.sink(run, &step, 1)
            .write(StreamSource::Model, "the turn before; ");
        let sink = live.sink(run, &step, 1);
        sink.write(StreamSource::Model, "half an ans");
        let other = live.sink(run, &StepId::new("/do/0/b"), 1);
        other.write(StreamSource::Model, "; another's");
        let early = live.read(&ask(run, 0, 0)).await;
        sink.withdraw("another model is asked\n");
        sink.write(StreamSource::Model, "a whole answer");
        let text = |page: &StreamPage| -> String { page.chunks.iter().map(|chunk| &*chunk.text).collect() };
        assert_eq!(text(&early), "the turn before; half an ans; another's");
        let late = live.read(&ask(run, early.last, 0)).await;
        assert!(late.chunks[0].withdraws && !late.chunks[1].withdraws, "{late:?}");
        let all = live.read(&ask(run, 0, 0)).await;
        assert_eq!(
            text(&all),
            "the turn before; ; another'sanother model is asked\na whole answer"
        );
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
