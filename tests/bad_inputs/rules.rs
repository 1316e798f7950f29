//! The six rules: (a) the daemon answers within a second, (b) nothing is stored but the audit log's lines, (c) the error
//! has a code, a place and a next action on one screen, (d) it shows no secret, no stack and no place of the daemon's,
//! (e) the daemon took less than 64 MiB and one second of CPU for it, (f) where a control was concerned there is an
//! audit record.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use dirigent_protocol::entity::Kind;
use dirigent_protocol::query::Query;
use dirigent_protocol::watch::StreamSource;
use dirigent_tests::{Daemon, Home, Link, Output};
use serde_json::Value;

/// A key in the daemon's environment that must never be seen again.
pub(crate) const CANARY: &str = "sk-canary-5f3a9c1e7b2d4f6a8c0e";

const MOST_MEMORY_KIB: u64 = 64 * 1024;
const MOST_CPU: Duration = Duration::from_secs(1);
const SCREEN: usize = 24;

/// What a row may leave behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaves {
    /// Nothing but lines of the audit log.
    Nothing,
    /// A run that ended, and what belongs to it.
    ARun,
}

/// A daemon that lives through a whole table of rows.
pub(crate) struct Bed {
    pub(crate) home: Home,
    pub(crate) daemon: Daemon,
}

impl Bed {
    /// A daemon with a secret of its own that may reach the given `host:port`s.
    pub(crate) fn start(egress: &[String], configuration: &str) -> Self {
        let home = Home::new(egress);
        home.configure(configuration);
        let key = home.write("key", CANARY);
        fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
        let daemon = home.start();
        Self { home, daemon }
    }

    /// Tries one row and looks at the rules.
    pub(crate) fn row<T>(&self, id: &str, leaves: Leaves, act: impl FnOnce() -> T) -> T {
        let (state, before) = (self.state(), self.used());
        let answer = act();
        let used = self.used();
        self.answers(id);
        if leaves == Leaves::Nothing {
            assert_eq!(state, self.state(), "{id} (b): something was stored");
        }
        let memory = used.memory_kib.saturating_sub(before.memory_kib);
        assert!(memory < MOST_MEMORY_KIB, "{id} (e): took {memory} KiB");
        let cpu = used.cpu.saturating_sub(before.cpu);
        assert!(cpu < MOST_CPU, "{id} (e): took {cpu:?} of CPU");
        answer
    }

    /// Rule (a).
    pub(crate) fn answers(&self, id: &str) {
        let start = Instant::now();
        let link = Link::open(&self.home)
            .unwrap_or_else(|| panic!("{id} (a): nobody listens:\n{}", self.home.log()));
        link.query(Query::Status {})
            .unwrap_or_else(|error| panic!("{id} (a): {error}"));
        let took = start.elapsed();
        // A loaded machine is not the daemon's fault; a daemon that hangs takes for ever.
        assert!(
            took < Duration::from_secs(10),
            "{id} (a): answered after {took:?}"
        );
    }

    /// Rules (c) and (d) for a command of the client that must be refused with that code, somewhere in its words.
    pub(crate) fn refused(&self, id: &str, output: &Output, exit: i32, code: &str) {
        let text = &output.stderr;
        assert_eq!(output.code, Some(exit), "{id} (c): exit code: {output:#?}");
        assert!(text.contains(code), "{id} (c): no `{code}` in:\n{text}");
        assert!(text.contains("error["), "{id} (c): no code in:\n{text}");
        assert!(text.contains("help:"), "{id} (c): no next action in:\n{text}");
        self.shows_nothing(id, text);
        assert!(
            text.lines().count() <= SCREEN,
            "{id} (c): more than a screen:\n{text}"
        );
    }

    /// Rule (d).
    pub(crate) fn shows_nothing(&self, id: &str, text: &str) {
        let data = self.home.path("data");
        for secret in [CANARY, "panicked at", "stack backtrace", data.to_str().unwrap()] {
            assert!(!text.contains(secret), "{id} (d): shows `{secret}`:\n{text}");
        }
        let control = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t'));
        assert_eq!(
            control, None,
            "{id} (d): a control character reaches the terminal:\n{text:?}"
        );
    }

    /// Rule (f): the audit records of what was done or refused under that name, for what.
    pub(crate) fn audited(&self, action: &str) -> Vec<Value> {
        let link = Link::open(&self.home).unwrap();
        let records = link.list(Kind::AuditLog).unwrap();
        let of_it = records.into_iter().map(|document| document.spec);
        of_it.filter(|spec| spec["action"] == action).collect()
    }

    /// What was shown live of a run: text of models, and whether something was taken back.
    pub(crate) fn live(&self, run: &Value) -> (String, bool) {
        let link = Link::open(&self.home).unwrap();
        let chunks = link.live(run.as_str().unwrap().parse().unwrap()).unwrap();
        let said = chunks.iter().filter(|chunk| chunk.source == StreamSource::Model);
        (
            said.map(|chunk| chunk.text.as_str()).collect(),
            chunks.iter().any(|chunk| chunk.withdraws),
        )
    }

    /// Everything stored but the audit log, by kind and id.
    fn state(&self) -> BTreeMap<String, Value> {
        let link = Link::open(&self.home).unwrap();
        let mut all = BTreeMap::new();
        for kind in Kind::ALL.iter().copied().filter(|kind| *kind != Kind::AuditLog) {
            for document in link.list(kind).unwrap() {
                let name = format!("{kind:?} {}", document.metadata.id);
                all.insert(name, serde_json::to_value(&document).unwrap());
            }
        }
        all
    }

    fn used(&self) -> Used {
        let pid = self.daemon.pid();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let memory_kib = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.trim().strip_suffix(" kB"))
            .and_then(|number| number.trim().parse().ok())
            .unwrap();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        // Behind the name in brackets: field 3 is the state; 14 and 15 are the process's own ticks.
        let ticks: u64 = stat
            .rsplit(')')
            .next()
            .unwrap()
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(|field| field.parse::<u64>().unwrap())
            .sum();
        Used {
            memory_kib,
            cpu: Duration::from_millis(ticks * 10),
        }
    }
}

struct Used {
    memory_kib: u64,
    cpu: Duration,
}
