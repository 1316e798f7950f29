//! What is emitted and what is listened for: a few types of events, each with a number.

use serde_json::{Value, json};

use crate::rng::Rng;

/// Types that are listened for.
const KINDS: [&str; 3] = ["red", "green", "blue"];
/// The type that ends a listening.
const STOP: &str = "stop";

/// A task that emits.
pub(crate) fn emit(rng: &mut Rng) -> String {
    let (kind, n) = (kind(rng), rng.below(10));
    format!("emit: {{ event: {{ with: {{ type: {kind}, data: {{ n: {n} }} }} }} }}")
}

/// A task that listens.
pub(crate) fn listen(rng: &mut Rng) -> String {
    let read = rng.pick(&["", "", ", read: envelope"]);
    format!("listen: {{ to: {{ {} }}{read} }}", strategy(rng))
}

/// Which events are taken.
fn strategy(rng: &mut Rng) -> String {
    match rng.below(10) {
        0..=3 => format!("one: {}", filter(rng)),
        4..=5 => format!("any: {}", filters(rng)),
        6 => format!(
            "any: {}, until: '( . | length ) >= {}'",
            filters(rng),
            rng.between(1, 3)
        ),
        7 => format!(
            "any: {}, until: {{ one: {{ with: {{ type: {STOP} }} }} }}",
            filters(rng)
        ),
        _ => format!("all: {}", filters(rng)),
    }
}

fn filters(rng: &mut Rng) -> String {
    let each: Vec<String> = (0..rng.between(1, 2)).map(|_| filter(rng)).collect();
    format!("[ {} ]", each.join(", "))
}

/// A filter of one type.
pub(crate) fn filter(rng: &mut Rng) -> String {
    let kind = kind(rng);
    match rng.below(10) {
        0..=4 => format!("{{ with: {{ type: {kind} }} }}"),
        5..=7 => format!(
            "{{ with: {{ type: {kind}, data: '${{ .n > {} }}' }} }}",
            rng.below(9)
        ),
        _ => {
            let n = rng.below(10);
            // Each value has a name of its own: the first value of a name binds the filters behind it.
            format!(
                "{{ with: {{ type: {kind} }}, correlate: {{ is{n}: {{ from: .data.n, expect: '${{ {n} }}' }} }} }}"
            )
        }
    }
}

fn kind(rng: &mut Rng) -> &'static str {
    rng.pick(&KINDS)
}

/// An event that somebody publishes, `name` its id.
pub(crate) fn event(rng: &mut Rng, name: &str) -> Value {
    let kind = if rng.percent(15) { STOP } else { kind(rng) };
    with(kind, rng.below(10), name)
}

fn with(kind: &str, n: u64, name: &str) -> Value {
    json!({ "type": kind, "id": name, "source": "https://outside.test", "data": { "n": n } })
}

/// The strategy of a document, as this file reads it: what is said by it, not how the product reads it.
#[derive(Debug, Clone)]
pub(crate) struct Strategy {
    how: How,
    filters: Vec<Filter>,
    /// So many were taken.
    enough: Option<usize>,
    /// An event of that type came.
    stop: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    One,
    Any,
    All,
}

#[derive(Debug, Clone)]
struct Filter {
    kind: String,
    over: Option<u64>,
    equal: Option<u64>,
}

/// What an event is to somebody who listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Nothing,
    /// It is kept.
    Taken {
        closes: bool,
    },
    /// It only ends the listening.
    Stops,
}

impl Strategy {
    /// Reads the `to` of a document.
    pub(crate) fn read(to: &Value) -> Self {
        let (how, filters) = match (to.get("one"), to.get("any"), to.get("all")) {
            (Some(one), _, _) => (How::One, vec![Filter::read(one)]),
            (_, Some(any), _) => (How::Any, Filter::all(any)),
            (_, _, Some(all)) => (How::All, Filter::all(all)),
            _ => panic!("{to} says no events"),
        };
        let until = to.get("until");
        let enough = until.and_then(Value::as_str).map(number);
        let stop = until.and_then(|until| until["one"]["with"]["type"].as_str());
        Self {
            how,
            filters,
            enough: enough.map(|n| usize::try_from(n).unwrap()),
            stop: stop.map(str::to_owned),
        }
    }

    /// What an event is, where `met` are the filters that others fit and `kept` how many there were.
    pub(crate) fn judge(&self, event: &Value, met: &mut Vec<usize>, kept: usize) -> Verdict {
        let kind = event["type"].as_str().unwrap();
        if self.stop.as_deref() == Some(kind) {
            return Verdict::Stops;
        }
        let open = |at: &usize| self.how != How::All || !met.contains(at);
        let fits = (0..self.filters.len()).find(|at| open(at) && self.filters[*at].fits(event));
        let Some(at) = fits else {
            return Verdict::Nothing;
        };
        met.push(at);
        let closes = match self.how {
            How::One => true,
            How::Any if self.stop.is_some() => false,
            How::Any => self.enough.is_none_or(|most| kept + 1 >= most),
            How::All => (0..self.filters.len()).all(|at| met.contains(&at)),
        };
        Verdict::Taken { closes }
    }

    /// An event that helps somebody who listens so to their end.
    pub(crate) fn helpful(&self, rng: &mut Rng, name: &str) -> Value {
        if let Some(stop) = self.stop.as_deref().filter(|_| rng.percent(40)) {
            return with(stop, 0, name);
        }
        let at = usize::try_from(rng.below(self.filters.len() as u64)).unwrap();
        let filter = &self.filters[at];
        let n = filter.equal.or(filter.over.map(|over| over + 1)).unwrap_or(5);
        with(&filter.kind, n, name)
    }
}

impl Filter {
    fn all(list: &Value) -> Vec<Self> {
        list.as_array().unwrap().iter().map(Self::read).collect()
    }

    fn read(filter: &Value) -> Self {
        let with = &filter["with"];
        let correlated = filter["correlate"]
            .as_object()
            .and_then(|all| all.values().next());
        Self {
            kind: with["type"].as_str().unwrap().to_owned(),
            over: with["data"].as_str().map(number),
            equal: correlated.and_then(|one| one["expect"].as_str()).map(number),
        }
    }

    fn fits(&self, event: &Value) -> bool {
        let n = event["data"]["n"].as_u64();
        event["type"] == *self.kind
            && self.over.is_none_or(|over| n.is_some_and(|n| n > over))
            && self.equal.is_none_or(|equal| n == Some(equal))
    }
}

/// The one number that stands in a text.
fn number(text: &str) -> u64 {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}
