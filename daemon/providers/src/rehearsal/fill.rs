//! Findings to JSON: a value of the wanted schema, each field filled by its name and description.
//!
//! Structure is what is promised: types, required members, enums, constants, lengths, ranges and item counts. A
//! `pattern`, a `format` other than times, or members that exclude each other may not be met; the caller validates.

use serde_json::{Map, Value, json};

use super::bounds::{date_time, exact, fit, merge, number, says, words_of};
use super::brief::Brief;
use super::entry::Entry;
use super::extract::{Findings, Trouble};
use super::stamp::Severity;
use super::write;

/// Deepest nesting filled.
const MAX_DEPTH: usize = 24;
/// Most items of a list that names no limit.
const MAX_ITEMS: usize = 8;
/// Most items of a list that demands many.
const MAX_DEMANDED: u64 = 1_000;

/// The answer to a schema.
pub(super) fn answer(schema: &Value, brief: &Brief, findings: &Findings<'_>) -> Value {
    Filler {
        root: schema,
        brief,
        findings,
        entries: std::cell::Cell::new(0),
    }
    .value(schema, "", None, 0)
}

/// What a list item speaks about.
#[derive(Clone, Copy)]
struct Item<'a> {
    text: &'a str,
    raw: &'a str,
    severity: Severity,
    count: usize,
    time: Option<&'a str>,
    last: Option<&'a str>,
    source: Option<&'a str>,
}

impl<'a> Item<'a> {
    fn of_trouble(trouble: &Trouble<'a>) -> Self {
        let last = trouble.last.time;
        Self {
            severity: trouble.severity,
            count: trouble.count,
            last,
            ..Self::of_entry(trouble.example)
        }
    }

    fn of_entry(entry: &'a Entry<'a>) -> Self {
        Self {
            text: entry.message,
            raw: entry.raw,
            severity: entry.severity,
            count: 1,
            time: entry.time,
            last: entry.time,
            source: entry.source,
        }
    }

    fn of_name(name: &'a str, count: usize) -> Self {
        let severity = Severity::Plain;
        Self {
            text: name,
            raw: name,
            severity,
            count,
            time: None,
            last: None,
            source: Some(name),
        }
    }
}

struct Filler<'a> {
    root: &'a Value,
    brief: &'a Brief,
    findings: &'a Findings<'a>,
    /// Values made so far: a schema that refers to itself stops growing.
    entries: std::cell::Cell<usize>,
}

impl Filler<'_> {
    fn value(&self, schema: &Value, name: &str, item: Option<Item<'_>>, depth: usize) -> Value {
        self.entries.set(self.entries.get() + 1);
        let schema = self.resolved(schema);
        if let Some(constant) = schema.get("const") {
            return constant.clone();
        }
        if let Some(default) = schema.get("default") {
            return default.clone();
        }
        if let Some(words) = schema.get("enum").and_then(Value::as_array) {
            return self.choose(words, item);
        }
        // The name decides before the description does: descriptions mention much.
        let description = schema
            .get("description")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let hint = words_of(if name.is_empty() { description } else { name });
        match self.type_of(&schema) {
            "object" => self.object(&schema, item, depth),
            "array" => self.array(&schema, &hint, depth),
            "string" => Value::String(fit(self.string(&schema, &hint, description, item), &schema)),
            "integer" => number(&schema, self.amount(&hint, item), true),
            "number" => number(&schema, self.amount(&hint, item), false),
            "boolean" => Value::Bool(self.flag(&hint, item)),
            _ => Value::Null,
        }
    }

    /// Follows `$ref`, takes the first choice, and merges `allOf`.
    fn resolved(&self, schema: &Value) -> Map<String, Value> {
        let mut current = schema.as_object().cloned().unwrap_or_default();
        for _ in 0..MAX_DEPTH {
            if let Some(Value::String(target)) = current.remove("$ref") {
                let found = target
                    .strip_prefix('#')
                    .and_then(|pointer| self.root.pointer(pointer));
                merge(&mut current, found);
            } else if let Some(Value::Array(choices)) =
                current.remove("anyOf").or_else(|| current.remove("oneOf"))
            {
                let is_null = |choice: &&Value| choice.get("type") == Some(&json!("null"));
                merge(
                    &mut current,
                    choices.iter().find(|choice| !is_null(choice)).or(choices.first()),
                );
            } else if let Some(Value::Array(all)) = current.remove("allOf") {
                all.iter().for_each(|one| merge(&mut current, Some(one)));
            } else {
                break;
            }
        }
        current
    }

    fn type_of<'s>(&self, schema: &'s Map<String, Value>) -> &'s str {
        match schema.get("type") {
            Some(Value::String(name)) => name,
            Some(Value::Array(names)) => names
                .iter()
                .filter_map(Value::as_str)
                .find(|name| *name != "null")
                .unwrap_or("null"),
            _ if schema.contains_key("properties") || schema.contains_key("required") => "object",
            _ if schema.contains_key("items") => "array",
            _ if schema.contains_key("minimum") || schema.contains_key("maximum") => "number",
            _ => "string",
        }
    }

    fn object(&self, schema: &Map<String, Value>, item: Option<Item<'_>>, depth: usize) -> Value {
        let empty = Map::new();
        let properties = schema
            .get("properties")
            .and_then(Value::as_object)
            .unwrap_or(&empty);
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let mut object = Map::new();
        // What is not required is left out once it gets deep or large.
        let spare = depth < MAX_DEPTH / 4 && self.entries.get() < 2_000;
        for (key, schema) in properties
            .iter()
            .filter(|(key, _)| spare || required.contains(&key.as_str()))
        {
            if depth < MAX_DEPTH {
                object.insert(key.clone(), self.value(schema, key, item, depth + 1));
            }
        }
        for key in required.iter().filter(|key| !properties.contains_key(**key)) {
            object.insert(
                (*key).to_owned(),
                self.value(&json!({"type": "string"}), key, item, depth + 1),
            );
        }
        Value::Object(object)
    }

    fn array(&self, schema: &Map<String, Value>, hint: &str, depth: usize) -> Value {
        let bound = |key: &str| schema.get(key).and_then(Value::as_u64);
        let least = usize::try_from(bound("minItems").unwrap_or(0).min(MAX_DEMANDED)).unwrap_or_default();
        let most = bound("maxItems")
            .and_then(|most| usize::try_from(most).ok())
            .unwrap_or(usize::MAX)
            .min(MAX_ITEMS.max(least));
        let text = json!({"type": "string"});
        let items = schema
            .get("items")
            .filter(|items| items.is_object())
            .unwrap_or(&text);
        let steps = write::step_texts(self.findings);
        let mut list = Vec::new();
        if depth < MAX_DEPTH && self.entries.get() < 5_000 {
            for item in self.items(hint, &steps).into_iter().take(most) {
                let value = self.value(items, "", Some(item), depth + 1);
                if !list.contains(&value) {
                    list.push(value);
                }
            }
        }
        let mut n = 0;
        while list.len() < least {
            n += 1;
            let label = format!("none ({n})");
            list.push(self.value(items, "", Some(Item::of_name(&label, 0)), depth + 1));
        }
        Value::Array(list)
    }

    /// What a list speaks about, by its name.
    fn items<'s>(&'s self, hint: &str, steps: &'s [String]) -> Vec<Item<'s>> {
        let findings = self.findings;
        if says(hint, &["action", "step", "recommend", "suggest", "todo", "remed"]) {
            return steps.iter().map(|step| Item::of_name(step, 1)).collect();
        }
        if says(
            hint,
            &[
                "author",
                "source",
                "unit",
                "service",
                "component",
                "program",
                "package",
                "people",
                "who",
            ],
        ) {
            return findings
                .sources()
                .map(|(name, count)| Item::of_name(name, count))
                .collect();
        }
        if says(
            hint,
            &["timeline", "event", "chronolog", "change", "commit", "milestone"],
        ) {
            return findings
                .readings
                .iter()
                .flat_map(write::milestones)
                .map(Item::of_entry)
                .collect();
        }
        if says(
            hint,
            &[
                "error", "warning", "problem", "issue", "risk", "symptom", "failure", "trouble",
            ],
        ) {
            return findings.troubles().iter().map(Item::of_trouble).collect();
        }
        if says(hint, &["fact", "metric", "number", "statistic", "tag", "label"])
            && !self.brief.facts.is_empty()
        {
            return self
                .brief
                .facts
                .iter()
                .map(|(key, _)| Item::of_name(key, 1))
                .collect();
        }
        self.all_items()
    }

    /// What is bad, then what says most.
    fn all_items(&self) -> Vec<Item<'_>> {
        let troubles = self.findings.troubles();
        let telling = self
            .findings
            .key()
            .filter(|entry| troubles.is_empty() || entry.severity == Severity::Plain);
        troubles
            .iter()
            .map(Item::of_trouble)
            .chain(telling.map(Item::of_entry))
            .collect()
    }

    fn string(
        &self,
        schema: &Map<String, Value>,
        hint: &str,
        description: &str,
        item: Option<Item<'_>>,
    ) -> String {
        match schema.get("format").and_then(Value::as_str) {
            Some("date-time") => return date_time(self.time(hint, item)),
            Some("date") => return date_time(self.time(hint, item)).chars().take(10).collect(),
            _ => {}
        }
        if let Some(item) = item {
            return item_string(hint, &item);
        }
        let words = format!("{hint} {}", words_of(description));
        if says(hint, &["title", "headline", "name", "subject"]) {
            return write::title(self.findings);
        }
        if says(hint, &["severity", "level", "status", "verdict", "risk"]) {
            return self.findings.worst().word().to_owned();
        }
        if says(
            hint,
            &["time", "date", "since", "until", "from", "start", "end", "when"],
        ) {
            return self.time(hint, None).unwrap_or("unknown").to_owned();
        }
        if says(hint, &["author", "source", "unit", "service", "component"]) {
            return self
                .findings
                .sources()
                .next()
                .map_or("unknown", |(name, _)| name)
                .to_owned();
        }
        if says(hint, &["quote", "evidence", "example", "line"]) {
            return self
                .findings
                .key()
                .next()
                .map(|entry| write::quote(entry.raw, 300))
                .unwrap_or_default();
        }
        if says(hint, &["step", "action", "recommend", "suggest"]) {
            return write::step_texts(self.findings).join("\n");
        }
        if says(
            &words,
            &["report", "markdown", "body", "full text", "analysis", "details"],
        ) {
            return write::prose(self.brief, self.findings);
        }
        if says(hint, &["cause", "reason", "why", "error", "problem"])
            && let Some(trouble) = self.findings.troubles().first()
        {
            return write::quote(trouble.example.message, 300);
        }
        self.fact(hint)
            .unwrap_or_else(|| write::summary(self.brief, self.findings))
    }

    /// A fact of the input under that very name.
    fn fact(&self, hint: &str) -> Option<String> {
        let named = |path: &str| path.rsplit('.').next().is_some_and(|last| words_of(last) == hint);
        self.brief
            .facts
            .iter()
            .find(|(path, _)| named(path))
            .map(|(_, value)| value.clone())
    }

    fn time<'s>(&'s self, hint: &str, item: Option<Item<'s>>) -> Option<&'s str> {
        let late = says(hint, &["end", "last", "until", "to", "finish"]);
        match (item, self.findings.span()) {
            (Some(item), _) => {
                if late {
                    item.last
                } else {
                    item.time
                }
            }
            (None, Some((first, last))) => Some(if late { last } else { first }),
            (None, None) => None,
        }
    }

    fn amount(&self, hint: &str, item: Option<Item<'_>>) -> f64 {
        let findings = self.findings;
        if let Some(value) = self.fact(hint).and_then(|value| value.parse().ok()) {
            return value;
        }
        if says(hint, &["confidence", "probability", "score", "ratio", "share"]) {
            let (bad, all) = (findings.count(Severity::Warning), findings.entries());
            return if all == 0 {
                0.0
            } else {
                1.0 - exact(bad) / exact(all)
            };
        }
        let count = match item {
            Some(item) => item.count,
            None if says(hint, &["warning"]) => findings.count_of(Severity::Warning),
            None if says(hint, &["critical", "fatal"]) => findings.count_of(Severity::Critical),
            None if says(hint, &["error", "fail", "problem", "issue"]) => findings.count(Severity::Error),
            None if says(hint, &["author", "source", "unit", "service", "component"]) => {
                findings.sources().count()
            }
            None if says(hint, &["kind", "distinct", "unique", "cluster", "pattern"]) => findings
                .readings
                .iter()
                .map(|reading| reading.clusters.len())
                .sum(),
            None => findings.entries(),
        };
        exact(count)
    }

    fn flag(&self, hint: &str, item: Option<Item<'_>>) -> bool {
        let bad = item.map_or(self.findings.worst(), |item| item.severity) >= Severity::Error;
        if says(hint, &["ok", "healthy", "success", "clean", "safe", "pass"]) {
            !bad
        } else {
            bad
        }
    }

    /// A word of an enum: by severity where its words are severities, else one the input names, else the first.
    fn choose(&self, words: &[Value], item: Option<Item<'_>>) -> Value {
        let worst = item.map_or(self.findings.worst(), |item| item.severity);
        let wanted: &[&str] = match worst {
            Severity::Critical => &[
                "critical",
                "fatal",
                "sev1",
                "high",
                "error",
                "fail",
                "red",
                "unhealthy",
            ],
            Severity::Error => &[
                "error",
                "high",
                "major",
                "sev2",
                "fail",
                "red",
                "unhealthy",
                "critical",
                "degraded",
            ],
            Severity::Warning => &[
                "warning", "warn", "medium", "moderate", "minor", "sev3", "yellow", "degraded",
            ],
            Severity::Plain => &[
                "info", "plain", "none", "low", "ok", "pass", "healthy", "success", "green", "sev4",
            ],
        };
        let named = |word: &&&str| {
            words
                .iter()
                .find(|value| value.as_str().is_some_and(|v| v.eq_ignore_ascii_case(word)))
        };
        wanted
            .iter()
            .find_map(|word| named(&word))
            .or_else(|| words.first())
            .cloned()
            .unwrap_or(Value::Null)
    }
}

fn item_string(hint: &str, item: &Item<'_>) -> String {
    if says(hint, &["severity", "level", "status"]) {
        item.severity.word().to_owned()
    } else if says(hint, &["last", "until", "end"]) {
        item.last.unwrap_or("unknown").to_owned()
    } else if says(hint, &["time", "date", "since", "first", "when", "at"]) {
        item.time.unwrap_or("unknown").to_owned()
    } else if says(hint, &["source", "author", "unit", "service", "component", "who"]) {
        item.source.unwrap_or("unknown").to_owned()
    } else if says(hint, &["quote", "evidence", "example", "line", "raw"]) {
        write::quote(item.raw, 300)
    } else {
        write::quote(item.text, 300)
    }
}
