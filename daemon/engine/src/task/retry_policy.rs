//! `retry` of a `catch`: whether and when to try again.

use std::time::Duration;

use dirigent_protocol::source::Node;

use crate::document::{Delay, Fields, Reader};
use crate::expression::Expression;
use crate::machine::{Builder, Me, Stop, Turn, millis};

/// Attempts after the first where the policy names no limit.
const DEFAULT_RETRIES: u32 = 5;
const MAX_DELAY_MS: u64 = 24 * 3_600 * 1_000;

#[derive(Debug)]
pub(super) struct RetryPolicy {
    pub(super) when: Option<Expression>,
    pub(super) except_when: Option<Expression>,
    delay: Option<Delay>,
    backoff: Backoff,
    retries: Option<u32>,
    duration: Option<Delay>,
    /// How long one attempt may take, the first one too.
    pub(super) attempt: Option<Delay>,
    jitter: Option<(Delay, Delay)>,
}

#[derive(Debug)]
enum Backoff {
    Constant,
    Linear(Option<Delay>),
    Exponential { factor: f64, ceiling: Option<Delay> },
}

impl RetryPolicy {
    pub(super) fn read(builder: &mut Builder, node: &Node, path: &str) -> Option<Self> {
        let (node, path) = builder.reader.referenced("retries", node, path)?;
        Self::read_here(builder, &node, &path)
    }

    fn read_here(builder: &mut Builder, node: &Node, path: &str) -> Option<Self> {
        let reader = &mut builder.reader;
        let known = ["when", "exceptWhen", "delay", "backoff", "limit", "jitter"];
        let fields = reader.fields(node, path, &known)?;
        let mut delay = |name: &str| fields.get(name).and_then(|(n, at)| Delay::read(reader, n, &at));
        let delay = delay("delay");
        let when = fields.get("when").and_then(|(n, at)| reader.expression(n, &at));
        let except_when = fields
            .get("exceptWhen")
            .and_then(|(n, at)| reader.expression(n, &at));
        let backoff = read_backoff(reader, &fields)?;
        let (retries, duration, attempt) = read_limit(reader, &fields);
        let jitter = fields.get("jitter").and_then(|(n, at)| {
            let inner = reader.fields(n, &at, &["from", "to"])?;
            reader.require(&inner, &["from", "to"]);
            let (from, from_at) = inner.get("from")?;
            let (to, to_at) = inner.get("to")?;
            Some((
                Delay::read(reader, from, &from_at)?,
                Delay::read(reader, to, &to_at)?,
            ))
        });
        Some(Self {
            when,
            except_when,
            delay,
            backoff,
            retries,
            duration,
            attempt,
            jitter,
        })
    }

    /// How long to wait before the attempt behind `attempt`; none when it is not to be tried again.
    pub(super) fn next(
        &self,
        turn: &mut Turn<'_, '_>,
        me: Me<'_>,
        attempt: u32,
    ) -> Result<Option<Duration>, Stop> {
        let retries = self
            .retries
            .or(self.duration.is_none().then_some(DEFAULT_RETRIES));
        if retries.is_some_and(|most| attempt > most) {
            return Ok(None);
        }
        let base = match &self.delay {
            Some(delay) => millis(turn.delay(me, delay)?),
            None => 0,
        };
        let steps = u64::from(attempt.saturating_sub(1));
        let mut delay = match &self.backoff {
            Backoff::Constant => base,
            Backoff::Linear(increment) => {
                let increment = match increment {
                    Some(increment) => millis(turn.delay(me, increment)?),
                    None => base,
                };
                base.saturating_add(increment.saturating_mul(steps))
            }
            Backoff::Exponential { factor, ceiling } => {
                let grown = scale(base, factor.powi(i32::try_from(steps.min(64)).unwrap_or(64)));
                match ceiling {
                    Some(ceiling) => grown.min(millis(turn.delay(me, ceiling)?)),
                    None => grown,
                }
            }
        };
        if let Some((from, to)) = &self.jitter {
            let (from, to) = (millis(turn.delay(me, from)?), millis(turn.delay(me, to)?));
            let range = to.saturating_sub(from).saturating_add(1);
            delay = delay
                .saturating_add(from)
                .saturating_add((turn.cx.random)() % range);
        }
        let delay = delay.min(MAX_DELAY_MS);
        if let Some(limit) = &self.duration {
            let limit = turn.delay(me, limit)?;
            let began = turn.state.frame(me.frame).map(|frame| frame.started_at);
            let spent = began.map_or(0, |began| turn.cx.now.as_millisecond() - began.as_millisecond());
            if u64::try_from(spent).unwrap_or(0).saturating_add(delay) > millis(limit) {
                return Ok(None);
            }
        }
        Ok(Some(Duration::from_millis(delay)))
    }
}

/// Checks a policy under `use.retries` that nobody may refer to; its conditions see the error under its usual name.
pub(super) fn check(builder: &mut Builder, node: &Node, path: &str) {
    let before = builder.reader.enter(&["error"]);
    RetryPolicy::read_here(builder, node, path);
    builder.reader.leave(before);
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "capped at a day; a float keeps that exactly"
)]
fn scale(base: u64, factor: f64) -> u64 {
    (base as f64 * factor).min(MAX_DELAY_MS as f64) as u64
}

fn read_backoff(reader: &mut Reader, fields: &Fields<'_>) -> Option<Backoff> {
    let Some((node, path)) = fields.get("backoff") else {
        return Some(Backoff::Constant);
    };
    let inner = reader.fields(node, &path, &["constant", "linear", "exponential"])?;
    if inner.entries.len() != 1 {
        reader
            .error("bad_backoff", "a backoff is one of three", node.span.start, &path)
            .help = Some("write one of: constant: {}, linear: {}, exponential: {}".to_owned());
        return None;
    }
    if let Some((node, at)) = inner.get("linear") {
        let linear = reader.fields(node, &at, &["increment"])?;
        let increment = linear
            .get("increment")
            .and_then(|(n, at)| Delay::read(reader, n, &at));
        return Some(Backoff::Linear(increment));
    }
    let Some((node, at)) = inner.get("exponential") else {
        return Some(Backoff::Constant);
    };
    let exponential = reader.fields(node, &at, &["factor", "multiplier", "maxDelay"])?;
    let mut factor = 2.0;
    if let Some((node, at)) = exponential
        .get("factor")
        .or_else(|| exponential.get("multiplier"))
    {
        let number = match &node.value {
            dirigent_protocol::source::Value::Number { value, .. } => value.as_f64(),
            _ => None,
        };
        match number.filter(|n| (1.0..=10.0).contains(n)) {
            Some(number) => factor = number,
            None => {
                let message = "the factor of a backoff is a number from 1 to 10";
                reader.error("number_range", message, node.span.start, &at).help =
                    Some("write a number from 1 to 10; 2 doubles the delay each time".to_owned());
            }
        }
    }
    let ceiling = exponential
        .get("maxDelay")
        .and_then(|(n, at)| Delay::read(reader, n, &at));
    Some(Backoff::Exponential { factor, ceiling })
}

/// Attempts, time for all of them, time for one.
type Limits = (Option<u32>, Option<Delay>, Option<Delay>);

fn read_limit(reader: &mut Reader, fields: &Fields<'_>) -> Limits {
    let Some((node, path)) = fields.get("limit") else {
        return (None, None, None);
    };
    let Some(limit) = reader.fields(node, &path, &["attempt", "duration"]) else {
        return (None, None, None);
    };
    let duration = limit
        .get("duration")
        .and_then(|(n, at)| Delay::read(reader, n, &at));
    let (mut count, mut each) = (None, None);
    if let Some((node, at)) = limit.get("attempt")
        && let Some(attempt) = reader.fields(node, &at, &["count", "duration"])
    {
        let number = attempt
            .get("count")
            .and_then(|(n, at)| reader.integer(n, &at, 0, 10_000));
        count = number.and_then(|n| u32::try_from(n).ok());
        each = attempt
            .get("duration")
            .and_then(|(n, at)| Delay::read(reader, n, &at));
    }
    (count, duration, each)
}
