//! Schedules, in the order of commits: one run for one due time or event, none early, none without a reason, and every
//! due time that is dealt with is counted once, as a run or as left out.

use std::collections::BTreeMap;

use dirigent_daemon::records::decode_document;
use dirigent_daemon::records::key::parse_document;
use dirigent_protocol::entity::{Document, Kind, Schedule, WorkflowExecution};
use dirigent_protocol::id::EntityId;
use dirigent_protocol::run::BusPosition;
use dirigent_store::Commit;
use jiff::Timestamp;
use serde_json::Value;

use crate::bus::Bus;
use crate::hearing::Strategy;
use crate::library::Library;
use crate::must;

/// What idempotency keys of scheduled runs begin with.
const KEY: &str = "schedule:";

#[derive(Default)]
pub(crate) struct Dues(BTreeMap<EntityId, Kept>);

/// A schedule as its document says it, and what came of it.
struct Kept {
    /// Milliseconds between due times.
    every: Option<i64>,
    /// The same, counted from the beginning of time.
    cron: Option<i64>,
    on: Option<Strategy>,
    /// Runs of it may be side by side: none is left out for that.
    allows: bool,
    now: Option<Schedule>,
    /// Since then as many due times were dealt with as there were.
    counted: Option<(Timestamp, u64)>,
    paused: bool,
    runs: BTreeMap<String, EntityId>,
    /// The newest event a run began with, and the first one it could begin with.
    newest: Option<BusPosition>,
    since: u64,
}

impl Dues {
    pub(crate) fn new(library: &Library) -> Self {
        let each = library
            .scheduled
            .iter()
            .map(|id| (*id, Kept::read(&library.schedule(*id))));
        Self(each.collect())
    }

    /// The next commit.
    pub(crate) fn commit(&mut self, commit: &Commit, bus: &Bus) -> Result<(), String> {
        for (key, value) in &commit.puts {
            let Some((kind, id)) = parse_document(key) else {
                continue;
            };
            match kind {
                Kind::WorkflowExecution => {
                    let document = decode_document(value).map_err(|e| e.to_string())?;
                    if document.metadata.revision == 1 {
                        self.begins(&document, bus)?;
                    }
                }
                Kind::Schedule => {
                    let document = decode_document(value).map_err(|e| e.to_string())?;
                    if let Some(kept) = self.0.get_mut(&id) {
                        let body: Schedule = document.body().unwrap();
                        kept.note(body, commit.position.0)
                            .map_err(|what| format!("schedule {}: {what}", document.metadata.name))?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A run begins: perhaps a schedule's.
    fn begins(&mut self, document: &Document, bus: &Bus) -> Result<(), String> {
        let run: WorkflowExecution = document.body().unwrap();
        let Some(rest) = run
            .idempotency_key
            .as_deref()
            .and_then(|key| key.strip_prefix(KEY))
        else {
            return Ok(());
        };
        let (schedule, name) = rest.split_once(':').ok_or("a key without a due time")?;
        let kept = schedule.parse().ok().and_then(|id: EntityId| self.0.get_mut(&id));
        let kept = kept.ok_or_else(|| format!("a run of {schedule}, which is no schedule"))?;
        let id = document.metadata.id;
        let other = kept.runs.insert(name.to_owned(), id);
        must(other.is_none(), || {
            format!("{name} has two runs: {other:?} and {id}")
        })?;
        let fits = match name.strip_prefix("event:") {
            Some(place) => kept.hears(place, bus),
            None => kept.is_due(name, document.metadata.created_at),
        };
        fits.map_err(|what| format!("the run of {name}: {what}"))
    }
}

impl Kept {
    fn read(definition: &Value) -> Self {
        let when = &definition["schedule"];
        let seconds = |text: Option<&str>| {
            let digits: String = text?.chars().filter(char::is_ascii_digit).collect();
            digits.parse::<i64>().ok()
        };
        let every = seconds(when["every"].as_str()).map(|s| s * 1_000);
        // `*/20 * * * * *`: each twentieth second; `0 */2 * * * *`: each second minute.
        let cron = when["cron"].as_str().map(|text| {
            let (scale, part) = match text.strip_prefix("0 ") {
                Some(rest) => (60_000, rest),
                None => (1_000, text),
            };
            seconds(part.split(' ').next()).unwrap() * scale
        });
        Self {
            every,
            cron,
            on: when.get("on").map(Strategy::read),
            allows: definition["document"]["metadata"]["dirigent"]["schedule"]["overlap"] == "allow",
            now: None,
            counted: None,
            paused: false,
            runs: BTreeMap::new(),
            newest: None,
            since: 0,
        }
    }

    /// How many due times there are up to a moment.
    fn until(&self, at: Timestamp, since: Timestamp) -> i64 {
        let (at, since) = (at.as_millisecond(), since.as_millisecond());
        let every = self.every.map_or(0, |every| (at - since).div_euclid(every));
        every + self.cron.map_or(0, |cron| at.div_euclid(cron))
    }

    fn is_due(&self, name: &str, now: Timestamp) -> Result<(), String> {
        let text = name.strip_prefix("after:").unwrap_or(name);
        let due: Timestamp = text.parse().map_err(|e| format!("no time: {e}"))?;
        must(now >= due, || format!("it is early, at {now}"))?;
        if name.starts_with("after:") {
            return Ok(());
        }
        let since = self
            .now
            .as_ref()
            .and_then(|known| known.since)
            .ok_or("there was no schedule")?;
        let before = Timestamp::from_millisecond(due.as_millisecond() - 1).unwrap();
        let one = self.until(due, since) - self.until(before, since);
        must(one == 1 && due > since, || "nothing is due then".into())
    }

    /// A run for an event: one it listens for, and none before it was left out.
    fn hears(&mut self, place: &str, bus: &Bus) -> Result<(), String> {
        let (commit, index) = place.split_once('.').ok_or("no place on the bus")?;
        let at = BusPosition {
            commit: commit.parse().map_err(|_| "no place on the bus")?,
            index: index.parse().map_err(|_| "no place on the bus")?,
        };
        let strategy = self.on.as_ref().ok_or("it listens for nothing")?;
        must(at.commit > self.since && self.newest < Some(at), || {
            format!("it came before {:?} or {}", self.newest, self.since)
        })?;
        let newest = self.newest.replace(at);
        let mut fits = bus.events().filter(|(place, event)| {
            place.commit > self.since
                && newest < Some(*place)
                && strategy.judge(event, &mut Vec::new(), 0) != crate::hearing::Verdict::Nothing
        });
        let next = fits.next().map(|(place, _)| place);
        must(self.paused || !self.allows || next == Some(at), || {
            format!("the next that fits is {next:?}")
        })
    }

    /// Its document is written.
    fn note(&mut self, body: Schedule, position: u64) -> Result<(), String> {
        if self.now.is_none() {
            self.since = position;
        }
        let since = body.since.ok_or("it has no beginning")?;
        let (dealt, last) = (body.started + body.left_out, body.last_due.unwrap_or(since));
        let resumed = self.now.as_ref().is_some_and(|before| before.paused) && !body.paused;
        self.paused |= body.paused;
        if self.counted.is_none() || resumed {
            self.counted = Some((last, dealt));
        }
        let runs = self.runs.len() as u64;
        // A run and its count begin in one commit.
        must(body.started == runs, || {
            format!("{runs} runs are its own, it counts {}", body.started)
        })?;
        if let (true, Some((from, before))) = (self.every.or(self.cron).is_some(), self.counted) {
            let wanted = self.until(last, since) - self.until(from, since);
            let found = dealt.saturating_sub(before);
            must(found.cast_signed() == wanted, || {
                format!("from {from} to {last} {wanted} times were due, {found} were dealt with")
            })?;
        }
        self.now = Some(body);
        Ok(())
    }
}
