//! `metadata.dirigent.runs` of a document: how many runs of it go at once, together and by a key of their input, and how
//! many may begin within a time. The standard has no word for it.
//!
//! Counts nothing: whoever starts runs does. Invariant: a key follows from the input alone.

use std::time::Duration;

use dirigent_protocol::Payload;
use dirigent_protocol::source::Node;
use jiff::Timestamp;
use serde_json::Value;

use super::duration::parse_iso;
use super::reader::{Fields, Reader};
use super::schedule::Bare;
use crate::expression::{Answers, EvalError, EvalRequest, Expression};

/// Most runs at once that a document may ask for.
const MOST: i64 = 10_000;
/// Most runs within a period: the moments of all of them are kept.
const MOST_IN_PERIOD: i64 = 1_000;
/// Longest key, bytes.
const MAX_KEY: usize = 256;
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3_600);

/// What a document says about its runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunLimits {
    /// Most runs at once.
    pub limit: Option<u32>,
    /// Runs with the same key are a group.
    pub key: Option<Expression>,
    /// Most runs of a group at once.
    pub per_key: Option<u32>,
    /// Most runs that begin within a period.
    pub rate: Option<RunRate>,
}

/// Most runs that begin within a period, wherever it is laid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunRate {
    /// How many.
    pub limit: u32,
    /// Within which time.
    pub period: Duration,
}

/// The key of a run's input.
#[derive(Debug, Clone, PartialEq)]
pub enum RunKey {
    /// It is in no group.
    None,
    /// Its group.
    Of(String),
    /// The expression worker must run these first.
    Ask(Vec<EvalRequest>),
    /// The input gives none.
    Failed(String),
}

impl RunLimits {
    /// Whether anything is limited.
    #[must_use]
    pub fn limits(&self) -> bool {
        self.limit.is_some() || self.key.is_some() || self.rate.is_some()
    }

    /// The group of a run that is given this; `null` is in none.
    #[must_use]
    pub fn key_of(&self, input: &Payload, answers: &Answers, now: Timestamp) -> RunKey {
        let Some(key) = &self.key else { return RunKey::None };
        let failed = |why: &str| RunKey::Failed(format!("`runs.key` ({}): {why}", key.text()));
        let found = match key.evaluate(&Bare(input.clone(), now), answers) {
            Ok(found) => found,
            Err(EvalError::Worker(request)) => return RunKey::Ask(vec![*request]),
            Err(EvalError::Failed(why)) => return failed(&why),
        };
        let text = match &*found {
            Value::Null => return RunKey::None,
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) => found.to_string(),
            Value::Array(_) | Value::Object(_) => return failed("it gives no text and no number"),
        };
        if text.len() > MAX_KEY {
            return failed("it gives more than 256 bytes");
        }
        RunKey::Of(text)
    }

    /// Reads it.
    pub(super) fn read(reader: &mut Reader, node: &Node, path: &str) -> Self {
        let mut limits = Self::default();
        let Some(fields) = reader.fields(node, path, &["limit", "key", "per_key", "rate"]) else {
            return limits;
        };
        limits.limit = count(reader, &fields, "limit", MOST);
        limits.per_key = count(reader, &fields, "per_key", MOST);
        if let Some((node, at)) = fields.get("key") {
            limits.key = reader.expression(node, &at);
            limits.per_key = limits.per_key.or(Some(1));
        } else if let Some((node, at)) = fields.get("per_key") {
            let message = "`per_key` limits runs with the same key, and there is no `key`";
            reader.error("missing_field", message, node.span.start, &at).help =
                Some("add `key:` with an expression on the input, such as `${ .customer }`".to_owned());
        }
        if let Some((node, at)) = fields.get("rate") {
            limits.rate = read_rate(reader, node, &at);
        }
        if fields.entries.is_empty() {
            reader.expected(node, path, "at least one of limit, key, rate");
        }
        limits
    }
}

fn read_rate(reader: &mut Reader, node: &Node, path: &str) -> Option<RunRate> {
    let fields = reader.fields(node, path, &["limit", "period"])?;
    if !reader.require(&fields, &["limit", "period"]) {
        return None;
    }
    let limit = count(reader, &fields, "limit", MOST_IN_PERIOD);
    let (node, at) = fields.get("period")?;
    let text = reader.text(node, &at)?;
    match parse_iso(text) {
        Ok(period) if (SHORTEST..=LONGEST).contains(&period) => limit.map(|limit| RunRate { limit, period }),
        Ok(_) => {
            reader.expected(node, &at, "a time from a second to a year");
            None
        }
        Err(why) => {
            reader.error("bad_duration", why, node.span.start, &at).help =
                Some("write a time such as `PT1M`".to_owned());
            None
        }
    }
}

fn count(reader: &mut Reader, fields: &Fields<'_>, name: &str, most: i64) -> Option<u32> {
    let (node, at) = fields.get(name)?;
    let number = reader.integer(node, &at, 1, most)?;
    u32::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::workflow::load;

    fn document(metadata: &str) -> String {
        format!(
            "document:\n  dsl: '1.0.3'\n  namespace: t\n  name: w\n  version: '1.0.0'\n  metadata:\n    dirigent: {metadata}\n\
             do:\n  - a: {{ set: {{ x: 1 }} }}\n"
        )
    }

    fn limits(metadata: &str) -> RunLimits {
        let workflow = load("w", &document(metadata));
        workflow
            .unwrap_or_else(|found| panic!("{found:?}"))
            .settings()
            .runs
            .clone()
    }

    fn findings(metadata: &str) -> Vec<String> {
        let found = load("w", &document(metadata)).err().unwrap_or_default();
        found
            .into_iter()
            .map(|found| format!("{} {}", found.code, found.at.path))
            .collect()
    }

    #[test]
    fn what_a_document_says_is_read() {
        let read = limits(
            "{ priority: 7, runs: { limit: 3, key: '${ .customer }', rate: { limit: 10, period: PT1M } } }",
        );
        assert_eq!((read.limit, read.per_key), (Some(3), Some(1)));
        let rate = RunRate {
            limit: 10,
            period: Duration::from_secs(60),
        };
        assert_eq!(read.rate, Some(rate));
        assert!(read.limits() && !RunLimits::default().limits());
        let workflow = load("w", &document("{ priority: -100 }")).unwrap();
        assert_eq!(workflow.settings().priority, Some(-100));
    }

    #[test]
    fn slips_are_named_with_their_place() {
        for (metadata, wanted) in [
            (
                "{ runs: { limit: 0 } }",
                "number_range /document/metadata/dirigent/runs/limit",
            ),
            ("{ runs: {} }", "/document/metadata/dirigent/runs"),
            (
                "{ runs: { per_key: 2 } }",
                "missing_field /document/metadata/dirigent/runs/per_key",
            ),
            (
                "{ runs: { rate: { limit: 5 } } }",
                "missing_field /document/metadata/dirigent/runs/rate",
            ),
            (
                "{ runs: { rate: { limit: 5, period: PT0S } } }",
                "/document/metadata/dirigent/runs/rate/period",
            ),
            (
                "{ runs: { rate: { limit: 5, period: soon } } }",
                "bad_duration /document/metadata/dirigent/runs/rate/period",
            ),
            (
                "{ priority: 101 }",
                "number_range /document/metadata/dirigent/priority",
            ),
            (
                "{ fan_out: 0 }",
                "number_range /document/metadata/dirigent/fan_out",
            ),
        ] {
            let found = findings(metadata);
            assert!(
                found.iter().any(|found| found.ends_with(wanted)),
                "{metadata}: {found:?}"
            );
        }
    }

    #[test]
    fn a_key_is_a_text_a_number_or_nothing() {
        let read = limits("{ runs: { key: '${ .customer }' } }");
        let key = |input: Value| read.key_of(&Arc::new(input), &Answers::default(), Timestamp::UNIX_EPOCH);
        assert_eq!(key(json!({"customer": "acme"})), RunKey::Of("acme".into()));
        assert_eq!(key(json!({"customer": 7})), RunKey::Of("7".into()));
        assert_eq!(key(json!({})), RunKey::None);
        assert!(matches!(key(json!({"customer": [1]})), RunKey::Failed(_)));
        assert!(matches!(
            key(json!({"customer": "x".repeat(300)})),
            RunKey::Failed(_)
        ));
        assert!(matches!(key(json!(3)), RunKey::Failed(_)));
    }

    #[test]
    fn a_key_that_could_loop_is_the_workers() {
        let read = limits("{ runs: { key: '${ def f: f; f }' } }");
        let asked = read.key_of(&Arc::new(json!({})), &Answers::default(), Timestamp::UNIX_EPOCH);
        assert!(matches!(asked, RunKey::Ask(requests) if requests.len() == 1));
    }
}
