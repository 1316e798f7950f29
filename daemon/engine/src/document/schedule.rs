//! `schedule:` when runs of a workflow begin by themselves: at times (`cron`, `every`), after one another (`after`), on
//! events (`on`). Zone, missed runs and overlap stand in `metadata.dirigent.schedule`; the standard has no word for them.
//!
//! Invariant: due times follow from the schedule and the time asked about alone; they are the same in every process.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use dirigent_protocol::Payload;
use dirigent_protocol::run::{BusPosition, EventBody, EventPattern, ReadAs, StepId};
use dirigent_protocol::source::Node;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::duration::Delay;
use super::event_filter::{Matching, Strategy, Until, Verdict};
use super::reader::{Fields, Reader};
use crate::expression::{Answers, EvalError, EvalRequest, Expression, Scope};
use crate::state::Listening;

/// Shortest interval of `every` and `after`.
const SHORTEST: Duration = Duration::from_secs(1);

/// What becomes of due times that passed while nobody could begin their runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissedRuns {
    /// They are left out.
    Skip,
    /// The newest one stands for all of them.
    #[default]
    One,
    /// Each is made up for, oldest first.
    All,
}

/// What happens when a run is due while an earlier one of the schedule is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overlap {
    /// They run side by side, up to a limit.
    #[default]
    Allow,
    /// The new one is left out.
    Skip,
    /// The earlier one is cancelled.
    Replace,
}

impl MissedRuns {
    /// `skip`, `one`, `all`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::One => "one",
            Self::All => "all",
        }
    }
}

impl Overlap {
    /// `allow`, `skip`, `replace`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Skip => "skip",
            Self::Replace => "replace",
        }
    }
}

/// `metadata.dirigent.schedule`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScheduleRules {
    /// Name of the time zone that `cron` is in; UTC where none is given.
    pub zone: Option<String>,
    /// What becomes of missed runs.
    pub missed: MissedRuns,
    /// What becomes of runs that would overlap.
    pub overlap: Overlap,
    /// Input of runs that begin at a time.
    pub input: Option<Value>,
}

impl ScheduleRules {
    /// Reads it.
    pub(super) fn read(reader: &mut Reader, node: &Node, path: &str) -> Self {
        let mut rules = Self::default();
        let Some(fields) = reader.fields(node, path, &["timezone", "missed", "overlap", "input"]) else {
            return rules;
        };
        if let Some((node, at)) = fields.get("timezone")
            && let Some(name) = reader.text(node, &at)
        {
            if TimeZone::get(name).is_err() {
                let message = format!("there is no time zone `{name}`");
                reader.error("bad_timezone", message, node.span.start, &at).help =
                    Some("write its IANA name, such as Europe/Berlin".to_owned());
            }
            rules.zone = Some(name.to_owned());
        }
        if let Some((node, at)) = fields.get("missed") {
            rules.missed = match reader.word(node, &at, &["skip", "one", "all"]) {
                Some("skip") => MissedRuns::Skip,
                Some("all") => MissedRuns::All,
                _ => MissedRuns::One,
            };
        }
        if let Some((node, at)) = fields.get("overlap") {
            rules.overlap = match reader.word(node, &at, &["allow", "skip", "replace"]) {
                Some("skip") => Overlap::Skip,
                Some("replace") => Overlap::Replace,
                _ => Overlap::Allow,
            };
        }
        rules.input = fields.get("input").map(|(node, _)| node.to_json());
        rules
    }
}

/// When runs begin by themselves.
#[derive(Debug)]
pub struct Schedule {
    cron: Option<Cron>,
    every: Option<Duration>,
    after: Option<Duration>,
    on: Option<Strategy>,
    read: ReadAs,
    zone: TimeZone,
    /// Zone, missed runs, overlap.
    pub rules: ScheduleRules,
}

/// What came of an event that a schedule was offered.
#[derive(Debug, PartialEq)]
pub enum Catch {
    /// It does not concern it.
    Nothing,
    /// It was taken; fold this. A run is due where it closes.
    Taken(Box<EventBody>),
    /// The expression worker must run these first.
    Ask(Vec<EvalRequest>),
}

impl Schedule {
    /// Reads `schedule:`.
    pub(crate) fn read(reader: &mut Reader, node: &Node, path: &str, rules: ScheduleRules) -> Option<Self> {
        let fields = reader.fields(node, path, &["every", "cron", "after", "on", "read"])?;
        if !["every", "cron", "after", "on"]
            .iter()
            .any(|name| fields.has(name))
        {
            let message = "the schedule does not say when";
            reader.error("missing_field", message, node.span.start, path).help =
                Some("write one of: every, cron, after, on".to_owned());
            return None;
        }
        let every = interval(reader, &fields, "every");
        let after = interval(reader, &fields, "after");
        let mut zone = rules
            .zone
            .as_ref()
            .and_then(|name| TimeZone::get(name).ok())
            .unwrap_or(TimeZone::UTC);
        let cron = fields
            .get("cron")
            .and_then(|(node, at)| read_cron(reader, node, &at, &mut zone));
        let on = fields
            .get("on")
            .and_then(|(node, at)| Strategy::read(reader, node, &at));
        let mut read = ReadAs::Data;
        if let Some((node, at)) = fields.get("read") {
            read = reader.read_as(node, &at).unwrap_or_default();
            if !fields.has("on") {
                let message = "`read` says how events are read, and there is no `on`";
                reader
                    .error("read_without_on", message, node.span.start, &at)
                    .help = Some("leave it out, or say which events with `on`".to_owned());
            }
        }
        Some(Self {
            cron,
            every,
            after,
            on,
            read,
            zone,
            rules,
        })
    }

    /// The next due time behind a moment, of `cron` and `every`; `anchor` is when the schedule began.
    #[must_use]
    pub fn next(&self, behind: Timestamp, anchor: Timestamp) -> Option<Timestamp> {
        let cron = self
            .cron
            .as_ref()
            .and_then(|cron| next_cron(cron, &self.zone, behind));
        let every = self.every.and_then(|every| next_every(every, behind, anchor));
        cron.into_iter().chain(every).min()
    }

    /// The newest due time up to a moment, that included, of `cron` and `every`.
    #[must_use]
    pub fn newest(&self, until: Timestamp, anchor: Timestamp) -> Option<Timestamp> {
        let start = until.to_zoned(self.zone.clone());
        let cron = self
            .cron
            .as_ref()
            .and_then(|cron| cron.find_previous_occurrence(&start, true).ok())
            .map(|found| found.timestamp())
            .filter(|found| *found <= until);
        let every = self.every.and_then(|every| {
            let next = next_every(every, until, anchor)?;
            next.checked_sub(every).ok().filter(|before| *before > anchor)
        });
        cron.into_iter().chain(every).max()
    }

    /// How long after the end of a run the next one begins.
    #[must_use]
    pub fn after(&self) -> Option<Duration> {
        self.after
    }

    /// Whether events begin runs.
    #[must_use]
    pub fn listens(&self) -> bool {
        self.on.is_some()
    }

    /// Name of its time zone.
    #[must_use]
    pub fn zone(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// In words: `cron 0 6 * * *`, `every 1h`, `on events`.
    #[must_use]
    pub fn words(&self) -> String {
        let spoken = |duration: Duration| {
            let span = jiff::SignedDuration::try_from(duration).unwrap_or_default();
            format!("{span:#}")
        };
        let cron = self.cron.as_ref().map(|cron| format!("cron {}", cron.as_str()));
        let every = self.every.map(|every| format!("every {}", spoken(every)));
        let after = self
            .after
            .map(|after| format!("{} after the last run", spoken(after)));
        let on = self.on.as_ref().map(|_| "on events".to_owned());
        let parts: Vec<String> = cron.into_iter().chain(every).chain(after).chain(on).collect();
        parts.join(", ")
    }

    /// Which events may concern it.
    #[must_use]
    pub fn patterns(&self) -> Vec<EventPattern> {
        let Some(on) = &self.on else { return Vec::new() };
        let answers = Answers::default();
        let bare = Bare(Arc::new(Value::Null), Timestamp::UNIX_EPOCH);
        let expected = on
            .expected(|template| template.evaluate(&bare, &answers))
            .unwrap_or_default();
        on.patterns(&expected, &mut |_| None)
    }

    /// What listening begins with.
    #[must_use]
    pub fn fresh(&self) -> Listening {
        let mut listening = Listening::default();
        listening.fold(&EventBody::ListenOpened {
            step: StepId::new("/schedule/on"),
            patterns: Vec::new(),
            read: self.read,
            expected: Vec::new(),
            rounds: false,
            forever: false,
        });
        listening
    }

    /// What an event is to it.
    #[must_use]
    pub fn consider(
        &self,
        known: &Listening,
        at: BusPosition,
        event: &Payload,
        answers: &Answers,
        now: Timestamp,
    ) -> Catch {
        let Some(on) = &self.on else {
            return Catch::Nothing;
        };
        if known.last.is_some_and(|last| at <= last) {
            return Catch::Nothing;
        }
        match self.judge(on, known, event, answers, now) {
            Err(request) => Catch::Ask(vec![*request]),
            Ok(None) => Catch::Nothing,
            Ok(Some((filter, until, closes, correlations))) => {
                Catch::Taken(Box::new(EventBody::EventReceived {
                    step: StepId::new("/schedule/on"),
                    at,
                    event: event.clone(),
                    filter,
                    until,
                    closes,
                    correlations,
                }))
            }
        }
    }

    #[expect(clippy::type_complexity, reason = "the parts of one event, used once")]
    fn judge(
        &self,
        on: &Strategy,
        known: &Listening,
        event: &Payload,
        answers: &Answers,
        now: Timestamp,
    ) -> Result<
        Option<(
            Option<u32>,
            Option<u32>,
            bool,
            std::collections::BTreeMap<String, Value>,
        )>,
        Box<EvalRequest>,
    > {
        let mut eval =
            |expression: &Expression, dot: Payload| match expression.evaluate(&Bare(dot, now), answers) {
                Ok(value) => Ok(Some(value)),
                Err(EvalError::Failed(_)) => Ok(None),
                Err(EvalError::Worker(request)) => Err(request),
            };
        let null = Arc::new(Value::Null);
        let expected = match on.expected(|template| template.evaluate(&Bare(null.clone(), now), answers)) {
            Ok(expected) => expected,
            Err(EvalError::Failed(_)) => Vec::new(),
            Err(EvalError::Worker(request)) => return Err(request),
        };
        let none = BTreeSet::new();
        let mut matching = Matching {
            matched: &known.matched,
            until: if known.until.is_empty() {
                &none
            } else {
                &known.until
            },
            correlations: &known.correlations,
            expected: &expected,
            eval: &mut eval,
        };
        Ok(match on.verdict(event, &mut matching)? {
            Verdict::Ignored => None,
            Verdict::Until {
                filter,
                closes,
                correlations,
            } => Some((None, Some(filter), closes, correlations)),
            Verdict::Taken {
                filter,
                mut closes,
                correlations,
            } => {
                if let Some(Until::Condition(condition)) = &on.until {
                    let mut taken: Vec<Value> = known.taken.iter().map(|value| (**value).clone()).collect();
                    taken.push(self.read.of(event));
                    let holds = eval(condition, Arc::new(Value::Array(taken)))?;
                    closes = holds.is_some_and(|holds| !matches!(*holds, Value::Null | Value::Bool(false)));
                }
                Some((Some(filter), None, closes, correlations))
            }
        })
    }
}

/// Outside of any run: nothing but a value and the time.
pub(super) struct Bare(pub(super) Payload, pub(super) Timestamp);

impl Scope for Bare {
    fn input(&self) -> Payload {
        self.0.clone()
    }

    fn variable(&self, _name: &str) -> Payload {
        Arc::new(Value::Null)
    }

    fn now(&self) -> Timestamp {
        self.1
    }
}

fn interval(reader: &mut Reader, fields: &Fields<'_>, name: &str) -> Option<Duration> {
    let (node, at) = fields.get(name)?;
    match Delay::read(reader, node, &at)? {
        Delay::Fixed(duration) if duration >= SHORTEST => Some(duration),
        Delay::Fixed(_) => {
            let message = format!("`{name}` is shorter than a second");
            reader.error("bad_duration", message, node.span.start, &at).help =
                Some("write a second or more".to_owned());
            None
        }
        Delay::Computed(_) => {
            let message = format!("`{name}` of a schedule cannot be computed: no run is there yet");
            reader.error("bad_duration", message, node.span.start, &at).help =
                Some("write a duration, such as PT1H".to_owned());
            None
        }
    }
}

/// Five fields, or six with seconds in front, or `@daily` and its like; `CRON_TZ=Europe/Berlin` may stand before them.
fn read_cron(reader: &mut Reader, node: &Node, path: &str, zone: &mut TimeZone) -> Option<Cron> {
    let text = reader.text(node, path)?;
    let mut fields = text.trim();
    if let Some(rest) = fields
        .strip_prefix("CRON_TZ=")
        .or_else(|| fields.strip_prefix("TZ="))
    {
        let (name, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        match TimeZone::get(name) {
            Ok(found) => *zone = found,
            Err(_) => {
                let message = format!("there is no time zone `{name}`");
                reader.error("bad_timezone", message, node.span.start, path).help =
                    Some("write its IANA name, such as Europe/Berlin".to_owned());
                return None;
            }
        }
        fields = rest.trim();
    }
    let parser = CronParser::builder()
        .seconds(Seconds::Optional)
        .year(Year::Disallowed)
        .build();
    let help =
        "write five fields: minute hour day month weekday, such as 0 6 * * 1-5; six with seconds in front";
    let cron = match parser.parse(fields) {
        Ok(cron) if fields.len() <= 200 => cron,
        Ok(_) => return refuse_cron(reader, node, path, "it is too long", help),
        Err(error) => return refuse_cron(reader, node, path, &error.to_string(), help),
    };
    if next_cron(&cron, &TimeZone::UTC, Timestamp::UNIX_EPOCH).is_none() {
        return refuse_cron(reader, node, path, "there is no such day", help);
    }
    Some(cron)
}

fn refuse_cron(reader: &mut Reader, node: &Node, path: &str, why: &str, help: &str) -> Option<Cron> {
    let text = node.as_str().unwrap_or_default();
    let message = format!("`{text}` is not a cron expression: {why}");
    reader.error("bad_cron", message, node.span.start, path).help = Some(help.to_owned());
    None
}

/// A job at a fixed time of day that the clock leaps over is due at the first moment behind the leap; one whose time
/// comes twice is due at the first. A job at intervals is due whenever the clock shows its time.
fn next_cron(cron: &Cron, zone: &TimeZone, behind: Timestamp) -> Option<Timestamp> {
    let start = behind.to_zoned(zone.clone());
    let found = cron.find_next_occurrence(&start, false).ok()?.timestamp();
    // Fractions of the start must not make the same second due again.
    (found > behind).then_some(found)
}

fn next_every(every: Duration, behind: Timestamp, anchor: Timestamp) -> Option<Timestamp> {
    let step = i128::try_from(every.as_millis()).ok()?.max(1);
    let passed = i128::from(behind.as_millisecond()) - i128::from(anchor.as_millisecond());
    let rounds = if passed < 0 { 1 } else { passed / step + 1 };
    let due = i128::from(anchor.as_millisecond()) + rounds * step;
    Timestamp::from_millisecond(i64::try_from(due).ok()?).ok()
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
