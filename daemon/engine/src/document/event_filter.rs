//! Which events are taken: `one`, `any`, `all`, their filters, correlations and `until`. Shared by `listen` and by
//! `schedule.on`.
//!
//! A literal attribute must be equal, or, where it is written as a regular expression, fit it whole. An expression
//! sees the attribute's own value as `.`: `true` fits, `false` and `null` do not, any other value must be equal.
//! Invariant: an expression that fails on an event means that the event does not fit; what comes from outside never
//! fails a run through a filter.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dirigent_protocol::Payload;
use dirigent_protocol::run::{EventPattern, member};
use dirigent_protocol::source::{Node, join_pointer};
use serde_json::Value;

use super::reader::{Fields, Reader};
use super::template::Template;
use crate::expression::{Expression, strip};

/// Most filters of one strategy.
const MAX_FILTERS: usize = 100;

/// Which events are taken, and when that ends.
#[derive(Debug)]
pub(crate) struct Strategy {
    pub(crate) how: How,
    pub(crate) filters: Vec<EventFilter>,
    pub(crate) until: Option<Until>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    One,
    Any,
    All,
}

#[derive(Debug)]
pub(crate) enum Until {
    /// `until: false`: for ever.
    Never,
    /// This holds of what was taken so far.
    Condition(Expression),
    /// These events came.
    Events(Box<Strategy>),
}

/// One filter.
#[derive(Debug)]
pub(crate) struct EventFilter {
    attributes: Vec<(String, Wanted)>,
    correlate: Vec<Correlation>,
}

#[derive(Debug)]
enum Wanted {
    Equal(Payload),
    /// Text or a regular expression that stands for it.
    Shape(String, Expression),
    Expression(Expression),
}

#[derive(Debug)]
struct Correlation {
    name: String,
    from: Expression,
    expect: Option<Template>,
}

/// Runs an expression on a value; none where it failed.
pub(crate) type Eval<'a, E> = dyn FnMut(&Expression, Payload) -> Result<Option<Payload>, E> + 'a;

/// What matching must know, and how it runs an expression on a value: none where the expression failed.
pub(crate) struct Matching<'a, E> {
    /// Filters that are fulfilled.
    pub(crate) matched: &'a BTreeSet<u32>,
    /// Filters of `until` that are fulfilled.
    pub(crate) until: &'a BTreeSet<u32>,
    /// Correlated values.
    pub(crate) correlations: &'a BTreeMap<String, Value>,
    /// What they must be, by filter.
    pub(crate) expected: &'a [BTreeMap<String, Value>],
    /// Runs an expression.
    pub(crate) eval: &'a mut Eval<'a, E>,
}

/// What an event is to a strategy.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    /// Nothing.
    Ignored,
    /// It fits a filter.
    Taken {
        filter: u32,
        /// It is the last one, unless `until` is a condition, which is asked when it is taken in.
        closes: bool,
        correlations: BTreeMap<String, Value>,
    },
    /// It fits a filter of `until`.
    Until {
        filter: u32,
        closes: bool,
        correlations: BTreeMap<String, Value>,
    },
}

impl Strategy {
    /// Reads `{ one | any | all, until }`.
    pub(crate) fn read(reader: &mut Reader, node: &Node, path: &str) -> Option<Self> {
        Self::read_within(reader, node, path, true)
    }

    fn read_within(reader: &mut Reader, node: &Node, path: &str, until: bool) -> Option<Self> {
        let fields = reader.fields(node, path, &["one", "any", "all", "until"])?;
        let given: Vec<(&str, How)> = [("one", How::One), ("any", How::Any), ("all", How::All)]
            .into_iter()
            .filter(|(name, _)| fields.has(name))
            .collect();
        let &[(name, how)] = given.as_slice() else {
            let message = if given.is_empty() {
                "it does not say which events"
            } else {
                "it says in two ways which events"
            };
            reader.error("missing_field", message, node.span.start, path).help =
                Some("write exactly one of: one, any, all".to_owned());
            return None;
        };
        let entry = fields.entry(name)?;
        let at = join_pointer(path, name);
        let filters = match how {
            How::One => vec![EventFilter::read(reader, &entry.value, &at)?],
            How::Any | How::All => read_filters(reader, &entry.value, &at)?,
        };
        let until = match fields.get("until") {
            Some((node, at)) if until && how == How::Any => Some(Until::read(reader, node, &at)?),
            Some((node, at)) => {
                let message = "`until` means something beside `any` alone";
                reader
                    .warning("until_ignored", message, node.span.start, &at)
                    .help = Some("leave it out".to_owned());
                None
            }
            None => None,
        };
        Some(Self { how, filters, until })
    }

    /// Whether it ends by itself.
    pub(crate) fn is_forever(&self) -> bool {
        matches!(self.until, Some(Until::Never))
    }

    /// Which events may concern it. `expected` is by filter, those of `until` behind the own ones; `value` runs an
    /// expression that does not look at an event.
    pub(crate) fn patterns(
        &self,
        expected: &[BTreeMap<String, Value>],
        value: &mut dyn FnMut(&Expression) -> Option<Payload>,
    ) -> Vec<EventPattern> {
        let none = BTreeMap::new();
        let mut patterns = Vec::new();
        for (i, filter) in self.all_filters().enumerate() {
            patterns.push(filter.pattern(expected.get(i).unwrap_or(&none), value));
        }
        if self.filters.is_empty() && self.how == How::Any {
            patterns.push(EventPattern::default());
        }
        if let Some(Until::Events(until)) = &self.until
            && until.filters.is_empty()
        {
            patterns.push(EventPattern::default());
        }
        patterns.dedup();
        patterns
    }

    /// What correlated values must be, by filter; `value` makes it.
    pub(crate) fn expected<E>(
        &self,
        mut value: impl FnMut(&Template) -> Result<Payload, E>,
    ) -> Result<Vec<BTreeMap<String, Value>>, E> {
        let mut any = false;
        let mut expected = Vec::new();
        for filter in self.all_filters() {
            let mut of = BTreeMap::new();
            for correlation in &filter.correlate {
                if let Some(template) = &correlation.expect {
                    any = true;
                    of.insert(correlation.name.clone(), (*value(template)?).clone());
                }
            }
            expected.push(of);
        }
        Ok(if any { expected } else { Vec::new() })
    }

    fn all_filters(&self) -> impl Iterator<Item = &EventFilter> {
        let until = match &self.until {
            Some(Until::Events(until)) => until.filters.as_slice(),
            _ => &[],
        };
        self.filters.iter().chain(until)
    }

    /// What an event is to it. `until` goes before the filters.
    pub(crate) fn verdict<E>(&self, event: &Payload, known: &mut Matching<'_, E>) -> Result<Verdict, E> {
        if let Some(Until::Events(until)) = &self.until {
            let offset = self.filters.len();
            let fulfilled = known.until;
            if let Some((filter, correlations)) = until.find(event, offset, fulfilled, known)? {
                let closes = until.complete(fulfilled, filter);
                return Ok(Verdict::Until {
                    filter,
                    closes,
                    correlations,
                });
            }
        }
        let matched = known.matched;
        let Some((filter, correlations)) = self.find(event, 0, matched, known)? else {
            return Ok(Verdict::Ignored);
        };
        let closes = self.until.is_none() && self.complete(matched, filter);
        Ok(Verdict::Taken {
            filter,
            closes,
            correlations,
        })
    }

    /// The filter an event fits, and what it correlates; for `all` one that is not fulfilled yet.
    #[expect(clippy::type_complexity, reason = "a number and named values, used once")]
    fn find<E>(
        &self,
        event: &Payload,
        offset: usize,
        fulfilled: &BTreeSet<u32>,
        known: &mut Matching<'_, E>,
    ) -> Result<Option<(u32, BTreeMap<String, Value>)>, E> {
        if self.filters.is_empty() {
            return Ok((self.how == How::Any).then(|| (0, BTreeMap::new())));
        }
        for (i, filter) in (0_u32..).zip(&self.filters) {
            if self.how == How::All && fulfilled.contains(&i) {
                continue;
            }
            let expected = known.expected.get(offset + i as usize);
            if let Some(found) = filter.takes(event, expected, known)? {
                return Ok(Some((i, found)));
            }
        }
        Ok(None)
    }

    /// Whether nothing is missing once this filter is fulfilled too.
    fn complete(&self, fulfilled: &BTreeSet<u32>, with: u32) -> bool {
        match self.how {
            How::One | How::Any => true,
            How::All => (0_u32..)
                .zip(&self.filters)
                .all(|(i, _)| i == with || fulfilled.contains(&i)),
        }
    }
}

fn read_filters(reader: &mut Reader, node: &Node, path: &str) -> Option<Vec<EventFilter>> {
    let Some(items) = node.as_sequence() else {
        reader.expected(node, path, "a list of filters (`- with: { type: ... }`)");
        return None;
    };
    if items.len() > MAX_FILTERS {
        let message = format!("more than {MAX_FILTERS} filters");
        reader.error("too_large", message, node.span.start, path).help =
            Some("write fewer, wider filters".to_owned());
        return None;
    }
    let read: Vec<_> = items
        .iter()
        .enumerate()
        .map(|(i, item)| EventFilter::read(reader, item, &format!("{path}/{i}")))
        .collect();
    read.into_iter().collect()
}

impl Until {
    fn read(reader: &mut Reader, node: &Node, path: &str) -> Option<Self> {
        let Some(text) = node.as_str() else {
            return Strategy::read_within(reader, node, path, false)
                .map(|strategy| Self::Events(Box::new(strategy)));
        };
        let inside = strip(text).map_or(text, |(_, inside)| inside);
        if inside.trim() == "false" {
            return Some(Self::Never);
        }
        reader.expression(node, path).map(Self::Condition)
    }
}

impl EventFilter {
    fn read(reader: &mut Reader, node: &Node, path: &str) -> Option<Self> {
        let fields = reader.fields(node, path, &["with", "correlate"])?;
        if !reader.require(&fields, &["with"]) {
            return None;
        }
        let (with, at) = fields.get("with")?;
        let attributes = reader.open(with, &at)?;
        if attributes.entries.is_empty() {
            let message = "a filter names at least one attribute";
            reader.error("missing_field", message, with.span.start, &at).help =
                Some("write with: { type: com.example.happened }".to_owned());
            return None;
        }
        let mut wanted = Vec::new();
        for entry in attributes.entries {
            let place = join_pointer(&at, &entry.key);
            wanted.push((
                entry.key.clone(),
                Wanted::read(reader, &entry.key, &entry.value, &place)?,
            ));
        }
        Some(Self {
            attributes: wanted,
            correlate: read_correlations(reader, &fields)?,
        })
    }

    fn pattern(
        &self,
        expected: &BTreeMap<String, Value>,
        value: &mut dyn FnMut(&Expression) -> Option<Payload>,
    ) -> EventPattern {
        let mut pattern = EventPattern::default();
        for (name, wanted) in &self.attributes {
            let fixed = match wanted {
                Wanted::Equal(value) => Some((**value).clone()),
                Wanted::Shape(..) => None,
                // What the run itself holds still, and is no verdict of its own.
                Wanted::Expression(expression) => match expression.plain_path() {
                    Some((Some("workflow" | "input"), _)) => value(expression)
                        .map(|value| (*value).clone())
                        .filter(|value| !matches!(value, Value::Null | Value::Bool(_))),
                    _ => None,
                },
            };
            match fixed {
                Some(Value::String(kind)) if name == "type" => pattern.kind = Some(kind),
                Some(fixed) => pattern.equal.push((vec![name.clone()], fixed)),
                None => {}
            }
        }
        for correlation in &self.correlate {
            if let (Some(value), Some((None, path))) =
                (expected.get(&correlation.name), correlation.from.plain_path())
                && !value.is_null()
            {
                pattern.equal.push((path, value.clone()));
            }
        }
        pattern
    }

    fn takes<E>(
        &self,
        event: &Payload,
        expected: Option<&BTreeMap<String, Value>>,
        known: &mut Matching<'_, E>,
    ) -> Result<Option<BTreeMap<String, Value>>, E> {
        for (name, wanted) in &self.attributes {
            let own = member(event, std::slice::from_ref(name));
            if !wanted.fits(own, known)? {
                return Ok(None);
            }
        }
        let mut found = BTreeMap::new();
        for correlation in &self.correlate {
            let value = match (known.eval)(&correlation.from, event.clone())? {
                Some(value) if !value.is_null() => value,
                _ => return Ok(None),
            };
            let name = &correlation.name;
            let wanted = expected
                .and_then(|expected| expected.get(name))
                .or_else(|| known.correlations.get(name))
                .or_else(|| found.get(name));
            match wanted {
                Some(wanted) if *wanted != *value => return Ok(None),
                Some(_) => {}
                None => drop(found.insert(name.clone(), (*value).clone())),
            }
        }
        Ok(Some(found))
    }
}

fn read_correlations(reader: &mut Reader, fields: &Fields<'_>) -> Option<Vec<Correlation>> {
    let Some((node, at)) = fields.get("correlate") else {
        return Some(Vec::new());
    };
    let entries = reader.open(node, &at)?;
    let mut correlate = Vec::new();
    for entry in entries.entries {
        let place = join_pointer(&at, &entry.key);
        let inner = reader.fields(&entry.value, &place, &["from", "expect"])?;
        if !reader.require(&inner, &["from"]) {
            return None;
        }
        let (from, at) = inner.get("from")?;
        let from = reader.expression(from, &at)?;
        let expect = match inner.get("expect") {
            Some((node, at)) => Some(Template::read(reader, node, &at)?),
            None => None,
        };
        correlate.push(Correlation {
            name: entry.key.clone(),
            from,
            expect,
        });
    }
    Some(correlate)
}

impl Wanted {
    fn read(reader: &mut Reader, name: &str, node: &Node, path: &str) -> Option<Self> {
        let Some(text) = node.as_str() else {
            let template = Template::read(reader, node, path)?;
            let Some(value) = template.literal() else {
                let message = format!("`{name}` must be a value, or one expression");
                reader.error("bad_value", message, node.span.start, path).help =
                    Some("write one expression that compares, such as ${ .id == 7 }".to_owned());
                return None;
            };
            return Some(Self::Equal(Arc::new(value)));
        };
        if let Some((start, inside)) = strip(text) {
            return reader.compile(inside, start, node, path).map(Self::Expression);
        }
        if is_regex(text) {
            let quoted = Value::String(format!("^(?:{text})$")).to_string();
            return match Expression::compile(&format!("tostring | test({quoted})")) {
                Ok(expression) => Some(Self::Shape(text.to_owned(), expression)),
                Err(error) => {
                    reader
                        .error("bad_value", error.message, node.span.start, path)
                        .help = Some("write the value itself, or a regular expression".to_owned());
                    None
                }
            };
        }
        Some(Self::Equal(Arc::new(Value::String(text.to_owned()))))
    }

    fn fits<E>(&self, own: Option<&Value>, known: &mut Matching<'_, E>) -> Result<bool, E> {
        let value = || Arc::new(own.cloned().unwrap_or(Value::Null));
        Ok(match self {
            Self::Equal(wanted) => own == Some(wanted),
            Self::Shape(text, expression) => match own {
                None | Some(Value::Null) => false,
                Some(Value::String(own)) if own == text => true,
                Some(_) => (known.eval)(expression, value())?.is_some_and(|fits| *fits == Value::Bool(true)),
            },
            Self::Expression(expression) => match (known.eval)(expression, value())?.as_deref() {
                None | Some(Value::Null | Value::Bool(false)) => false,
                Some(Value::Bool(true)) => true,
                Some(other) => own == Some(other),
            },
        })
    }
}

/// Whether a text was meant as a regular expression: a URI or a dotted name was not.
fn is_regex(text: &str) -> bool {
    text.contains(['*', '\\', '^', '$', '|', '[', '(']) || text.contains(".+")
}
