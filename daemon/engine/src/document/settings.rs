//! `metadata.dirigent`: what the standard has no word for.

use std::collections::BTreeMap;

use dirigent_protocol::run::{Budget, OnExceeded, OnUnknown, Risk, Sandbox};
use dirigent_protocol::source::{Node, Value, join_pointer, nearest};

use super::duration::parse_iso;
use super::reader::{Fields, Reader};
use super::run_limits::RunLimits;
use super::schedule::ScheduleRules;

/// What a document or a task declares about its effects.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    /// What to do when nobody knows how an effect ended.
    pub on_unknown: Option<OnUnknown>,
    /// Most attempts after known, retryable failures.
    pub max_attempts: Option<u32>,
    /// Class of approvals.
    pub risk: Option<Risk>,
    /// Most effects of the run at once.
    pub concurrency: Option<u32>,
    /// The most the run, or the task with everything inside it, may take.
    pub budget: Option<Budget>,
    /// What its effect does to the world where that cannot be taken back: nobody repeats it unasked.
    pub class: Option<Class>,
    /// A lookup is declared that says whether an effect happened.
    pub verify: bool,
    /// How runs begin by themselves.
    pub schedule: ScheduleRules,
    /// A compensation is declared that undoes it where the run is cancelled.
    pub compensate: bool,
    /// How many runs of the document go at once, and how fast they may begin.
    pub runs: RunLimits,
    /// Which runs go first where runs wait, from -100 to 100; 0 where nothing is said.
    pub priority: Option<i32>,
    /// Most branches of a `fork` at once.
    pub fan_out: Option<u32>,
    /// How runs of earlier versions go on under this one.
    pub migrate: MigrationRules,
    /// What commands are kept to at least.
    pub sandbox: Option<Sandbox>,
}

/// `migrate`: what a version says about runs that began on another one. Tasks are named, or addressed by their JSON
/// pointers where a name stands several times.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MigrationRules {
    /// Names of tasks in earlier versions, and what they are called now.
    pub rename: BTreeMap<String, String>,
    /// Tasks whose change, or whose being new, does not matter to runs that are beyond them.
    pub pass: Vec<String>,
}

/// Effects that are not repeated unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Money moves.
    Payment,
    /// A message leaves the house.
    Mail,
    /// Something is gone.
    Delete,
}

const KNOWN: [&str; 15] = [
    "on_unknown",
    "max_attempts",
    "risk",
    "concurrency",
    "budget",
    "class",
    "verify",
    "schedule",
    "compensate",
    "runs",
    "priority",
    "fan_out",
    // Read by dry runs alone: a document's input, a task's outcome.
    "sample",
    "migrate",
    "sandbox",
];
/// What only a document says, not a task.
const OF_DOCUMENTS: [&str; 3] = ["runs", "priority", "migrate"];
/// Where a document's own metadata stand.
const DOCUMENT: &str = "/document/metadata";

impl Settings {
    /// Reads `metadata`, of which only `dirigent` is ours.
    pub fn read(reader: &mut Reader, node: &Node, path: &str) -> Self {
        let mut settings = Self::default();
        let Some(metadata) = reader.open(node, path) else {
            return settings;
        };
        let Some((ours, at)) = metadata.get("dirigent") else {
            for entry in metadata.entries {
                if entry.key != "dirigent" && nearest(&entry.key, ["dirigent"]).is_some() {
                    let message = format!("`metadata.{}` is not read", entry.key);
                    reader
                        .warning("unknown_field", message, entry.key_span.start, path)
                        .help = Some("did you mean `dirigent`?".to_owned());
                }
            }
            return settings;
        };
        if let Some(fields) = reader.fields(ours, &at, &KNOWN) {
            settings.fill(reader, &fields);
            settings.fill_runs(reader, &fields);
            if path != DOCUMENT {
                for name in OF_DOCUMENTS {
                    let Some((node, at)) = fields.get(name) else {
                        continue;
                    };
                    let message = format!("`{name}` of a task is not read");
                    reader
                        .warning("ignored_field", message, node.span.start, &at)
                        .help = Some("write it under `document.metadata.dirigent`".to_owned());
                }
            }
        }
        settings
    }

    fn fill(&mut self, reader: &mut Reader, fields: &Fields<'_>) {
        if let Some((node, at)) = fields.get("on_unknown") {
            self.on_unknown = match reader.word(node, &at, &["retry", "ask", "fail", "verify"]) {
                Some("retry") => Some(OnUnknown::Retry),
                Some("ask") => Some(OnUnknown::Ask),
                Some("fail") => Some(OnUnknown::Fail),
                Some(_) => Some(OnUnknown::Verify),
                None => None,
            };
        }
        self.verify = fields.has("verify");
        self.compensate = fields.has("compensate");
        if self.on_unknown == Some(OnUnknown::Verify)
            && !self.verify
            && let Some((node, at)) = fields.get("on_unknown")
        {
            let message = "`on_unknown: verify` needs the lookup that tells";
            reader.error("missing_field", message, node.span.start, &at).help =
                Some("add `verify:` with the name of a function under `use.functions`, or a task".to_owned());
        }
        if let Some((node, at)) = fields.get("class") {
            self.class = match reader.word(node, &at, &["payment", "mail", "delete"]) {
                Some("payment") => Some(Class::Payment),
                Some("mail") => Some(Class::Mail),
                Some(_) => Some(Class::Delete),
                None => None,
            };
        }
        if let Some((node, at)) = fields.get("max_attempts") {
            let number = reader.integer(node, &at, 1, 100);
            self.max_attempts = number.and_then(|n| u32::try_from(n).ok());
        }
        if let Some((node, at)) = fields.get("risk") {
            self.risk = read_risk(reader, node, &at);
        }
        if let Some((node, at)) = fields.get("concurrency") {
            let number = reader.integer(node, &at, 1, 10_000);
            self.concurrency = number.and_then(|n| u32::try_from(n).ok());
        }
        if let Some((node, at)) = fields.get("schedule") {
            self.schedule = ScheduleRules::read(reader, node, &at);
        }
        if let Some((node, at)) = fields.get("budget") {
            self.budget = read_budget(reader, node, &at);
        }
        if let Some((node, at)) = fields.get("sandbox") {
            let names = Sandbox::ALL.map(Sandbox::name);
            self.sandbox = reader.word(node, &at, &names).and_then(Sandbox::named);
        }
        if let Some((node, at)) = fields.get("migrate") {
            self.migrate = read_migrate(reader, node, &at);
        }
    }

    fn fill_runs(&mut self, reader: &mut Reader, fields: &Fields<'_>) {
        if let Some((node, at)) = fields.get("runs") {
            self.runs = RunLimits::read(reader, node, &at);
        }
        if let Some((node, at)) = fields.get("priority") {
            let number = reader.integer(node, &at, -100, 100);
            self.priority = number.and_then(|n| i32::try_from(n).ok());
        }
        if let Some((node, at)) = fields.get("fan_out") {
            let number = reader.integer(node, &at, 1, 10_000);
            self.fan_out = number.and_then(|n| u32::try_from(n).ok());
        }
    }
}

/// `{ usd: 1.00, tokens: 50000, calls: 20, time: PT1H, on_exceeded: fail|ask }`.
fn read_budget(reader: &mut Reader, node: &Node, at: &str) -> Option<Budget> {
    let fields = reader.fields(node, at, &["usd", "tokens", "calls", "time", "on_exceeded"])?;
    let mut budget = Budget::default();
    if let Some((usd, at)) = fields.get("usd") {
        match &usd.value {
            Value::Number { value, .. } if value.as_f64().is_some_and(|v| (0.0..=1e9).contains(&v)) => {
                budget.micro_usd = value.as_f64().map(Budget::micro_of_usd);
            }
            _ => reader.expected(usd, &at, "an amount from 0 to 1e9"),
        }
    }
    let mut count = |name: &str| {
        let (node, at) = fields.get(name)?;
        let number = reader.integer(node, &at, 0, i64::MAX)?;
        u64::try_from(number).ok()
    };
    (budget.tokens, budget.calls) = (count("tokens"), count("calls"));
    if let Some((node, at)) = fields.get("time")
        && let Some(text) = reader.text(node, &at)
    {
        match parse_iso(text) {
            Ok(time) => budget.time_ms = u64::try_from(time.as_millis()).ok(),
            Err(why) => {
                reader.error("bad_duration", why, node.span.start, &at).help =
                    Some("write how long it may take, such as `PT1H`".to_owned());
            }
        }
    }
    if let Some((node, at)) = fields.get("on_exceeded") {
        budget.on_exceeded = match reader.word(node, &at, &["fail", "ask"])? {
            "ask" => OnExceeded::Ask,
            _ => OnExceeded::Fail,
        };
    }
    if !budget.limits() {
        reader.expected(node, at, "at least one of usd, tokens, calls, time");
    }
    Some(budget)
}

/// `{ rename: { old: new }, pass: [name] }`.
fn read_migrate(reader: &mut Reader, node: &Node, at: &str) -> MigrationRules {
    let mut rules = MigrationRules::default();
    let Some(fields) = reader.fields(node, at, &["rename", "pass"]) else {
        return rules;
    };
    if let Some((node, at)) = fields.get("rename")
        && let Some(names) = reader.open(node, &at)
    {
        for entry in names.entries {
            let path = join_pointer(&at, &entry.key);
            if let Some(now) = reader.text(&entry.value, &path) {
                rules.rename.insert(entry.key.clone(), now.to_owned());
            }
        }
    }
    if let Some((node, at)) = fields.get("pass")
        && let Some(names) = reader.texts(node, &at)
    {
        rules.pass = names
            .iter()
            .filter_map(|(node, _)| node.as_str().map(str::to_owned))
            .collect();
    }
    rules
}

/// `low`, `medium` or `high`.
pub(crate) fn read_risk(reader: &mut Reader, node: &Node, path: &str) -> Option<Risk> {
    Some(match reader.word(node, path, &["low", "medium", "high"])? {
        "low" => Risk::Low,
        "medium" => Risk::Medium,
        _ => Risk::High,
    })
}
