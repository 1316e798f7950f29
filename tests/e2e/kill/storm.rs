//! Runs that keep going while their daemon is killed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use dirigent_protocol::command::{Command, CommandReply, RunTarget};
use dirigent_protocol::entity::{Kind, WorkflowApproval, WorkflowExecution};
use dirigent_protocol::filter::Filter;
use dirigent_protocol::id::{RequestId, RunId};
use dirigent_protocol::query::{ListQuery, MAX_PAGE, Query, QueryReply};
use dirigent_protocol::run::{Decision, EventBody, RunEvent, Status};
use dirigent_tests::{Daemon, Home, LONG, Link, Seed, Server, until};
use serde_json::json;

use super::audit;
use super::outside::Outside;

/// Policies for an effect whose outcome is unknown, one workflow each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    /// Repeat with the same key.
    Retry,
    /// Ask a person; the test always denies.
    Ask,
    /// Fail the task.
    Fail,
}

impl Policy {
    const ALL: [Self; 3] = [Self::Retry, Self::Ask, Self::Fail];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Ask => "ask",
            Self::Fail => "fail",
        }
    }
}

/// What the test knows of one run that is under way.
pub(crate) struct Storming {
    pub(crate) policy: Policy,
    pub(crate) tag: String,
    request: RequestId,
    run: Option<RunId>,
    /// Every event that was ever shown: none may be lost or changed.
    pub(crate) shown: Vec<RunEvent>,
    settled: Settled,
    pub(crate) status: Status,
}

/// Names of effects seen settled, with the number of requests the outside had counted by then.
type Settled = BTreeMap<String, usize>;

/// A run whose journal was found right.
pub(crate) struct Ended {
    pub(crate) policy: Policy,
    pub(crate) tag: String,
    pub(crate) settled: Settled,
}

/// The storm: a home, its counting server, and its runs.
pub(crate) struct Storm<'a> {
    home: &'a Home,
    outside: Outside<'a>,
    under_way: Vec<Storming>,
    started: usize,
    pub(crate) ended: Vec<Ended>,
}

/// Rounds of one run: each does a command, a request and an agent call.
pub(crate) const ROUNDS: usize = 6;
/// Runs under way at any time, so that no kill meets an idle daemon.
const AT_ONCE: usize = 6;

/// A step that failed because its policy said so must not stop the storm: every round is in a `try`.
fn workflow(policy: Policy, home: &Home, server: &Server) -> String {
    let mut text = format!(
        "document:\n  dsl: '1.0.3'\n  namespace: storm\n  name: storm-{word}\n  version: '1.0.0'\n  metadata:\n    \
         dirigent:\n      on_unknown: {word}\ndo:\n",
        word = policy.word()
    );
    for round in 0..ROUNDS {
        let steps = [
            (
                "s",
                format!(
                    "run:\n              shell:\n                command: 'printf \"%s %s\\n\" \"$1\" \
                 \"$DIRIGENT_IDEMPOTENCY_KEY\" >> {}'\n                arguments:\n                  - \
                 ${{ $workflow.input.tag + \"-s{round}\" }}\n",
                    home.path("shell.log").display()
                ),
            ),
            (
                "h",
                format!(
                    "call: http\n            with:\n              method: post\n              endpoint:\n                uri: \
                 ${{ \"http://{}/effect/\" + $workflow.input.tag + \"-h{round}\" }}\n",
                    server.place()
                ),
            ),
            (
                "a",
                format!(
                    "call: agent\n            with:\n              agent: counter\n              input:\n                \
                 name: ${{ $workflow.input.tag + \"-a{round}\" }}\n"
                ),
            ),
        ];
        for (letter, step) in steps {
            text += &format!(
                "  - {letter}{round}:\n      try:\n        - act:\n            {step}      catch:\n        do:\n          - \
                 note:\n              set:\n                failed: true\n"
            );
        }
    }
    text
}

const AGENT: &str = "kind: Agent\nmetadata:\n  name: counter\nspec:\n  model: counting/counter\n  prompt: '{{ input.name }}'\n";

impl<'a> Storm<'a> {
    pub(crate) fn prepare(home: &'a Home, server: &'a Server) -> Self {
        let daemon = home.start();
        let mut text = AGENT.to_owned();
        for policy in Policy::ALL {
            text += "---\n";
            text += &workflow(policy, home, server);
        }
        let file = home.write("storm.yaml", &text);
        let applied = home.client(&["apply", "-f", file.to_str().unwrap(), "--json"]);
        drop(applied.expect_code(0));
        daemon.stop();
        Self {
            home,
            outside: Outside::new(home, server),
            under_way: Vec::new(),
            started: 0,
            ended: Vec::new(),
        }
    }

    /// One life of the daemon: keep enough runs under way, look, and kill it at a random moment. One life in four ends
    /// before the daemon answers, so that recovery itself is killed too.
    pub(crate) fn keep_going(&mut self, seed: &mut Seed) {
        let mut daemon = self.home.start_quietly();
        let stillborn = seed.below(4) == 0;
        let link = (!stillborn).then(|| self.connect(&mut daemon));
        let life = Duration::from_millis(seed.below(if stillborn { 100 } else { 250 }));
        let born = Instant::now();
        while born.elapsed() < life {
            while self.under_way.len() < AT_ONCE {
                self.under_way.push(Storming::new(self.started));
                self.started += 1;
            }
            match &link {
                Some(link) if self.one_look(link).is_none() => break,
                _ => std::thread::yield_now(),
            }
        }
        daemon.kill();
    }

    fn connect(&self, daemon: &mut Daemon) -> Link {
        until("the daemon to answer", LONG, || {
            if let Some(status) = daemon.ended() {
                let log = self.home.log();
                let last: Vec<_> = log.lines().rev().take(20).collect();
                panic!("the daemon ended with {status}: {last:#?}");
            }
            Link::open(self.home)
        })
    }

    /// Starts, answers and reads what there is; nothing when the connection broke.
    fn one_look(&mut self, link: &Link) -> Option<()> {
        for storming in &mut self.under_way {
            storming.start(link)?;
        }
        answer_unknowns(link)?;
        for storming in &mut self.under_way {
            storming.look(link, &mut self.outside)?;
        }
        let over = |storming: &mut Storming| storming.status.is_final();
        for storming in self.under_way.extract_if(.., over) {
            audit::check_journal(&storming);
            self.ended.push(Ended {
                policy: storming.policy,
                tag: storming.tag,
                settled: storming.settled,
            });
        }
        Some(())
    }

    /// A last life, long enough for every run to end.
    pub(crate) fn finish(mut self) -> (Outside<'a>, Vec<Ended>) {
        let _daemon = self.home.start();
        let link = Link::open(self.home).unwrap();
        until("every run to end", LONG * 4, || {
            self.one_look(&link).unwrap();
            self.under_way.is_empty().then_some(())
        });
        self.outside.read_on();
        (self.outside, self.ended)
    }
}

impl Storming {
    fn new(number: usize) -> Self {
        Self {
            policy: Policy::ALL[number % 3],
            tag: format!("r{number}"),
            request: RequestId::new(),
            run: None,
            shown: Vec::new(),
            settled: BTreeMap::new(),
            status: Status::Pending,
        }
    }

    fn start(&mut self, link: &Link) -> Option<()> {
        if self.run.is_some() {
            return Some(());
        }
        let command = Command::RunStart {
            target: RunTarget::Name(format!("storm-{}", self.policy.word())),
            input: json!({ "tag": self.tag }),
            idempotency_key: None,
            budget: None,
            priority: None,
        };
        match link.command(self.request, command) {
            Ok(CommandReply::RunStarted { run, .. }) => self.run = Some(run),
            Ok(other) => panic!("{other:?}"),
            Err(dirigent_rpc::CallError::Lost(_)) => return None,
            Err(wrong) => panic!("{wrong:?}"),
        }
        Some(())
    }

    fn look(&mut self, link: &Link, outside: &mut Outside<'_>) -> Option<()> {
        let Some(run) = self.run else { return Some(()) };
        // The status first: events read after it are never behind it.
        let reply = link.query(Query::Get {
            kind: Kind::WorkflowExecution,
            id: run.to_string(),
            include: Vec::new(),
        });
        let QueryReply::Document(document) = reply.ok()? else {
            panic!()
        };
        let status = document.body::<WorkflowExecution>().unwrap().status;
        let events = link.events(run).ok()?;
        assert!(
            events.len() >= self.shown.len(),
            "{}: events that were shown are gone",
            self.tag
        );
        assert_eq!(
            events[..self.shown.len()],
            self.shown,
            "{}: the past has changed",
            self.tag
        );
        outside.read_on();
        for event in &events[self.shown.len()..] {
            if let EventBody::EffectSettled { effect, .. } = &event.body {
                let name = audit::effect_name(&self.tag, &events, *effect);
                let requests = outside.keys(&name).len();
                self.settled.insert(name, requests);
            }
        }
        self.shown = events;
        self.status = status;
        Some(())
    }
}

/// Denies every question about an unknown effect: nobody repeats it.
fn answer_unknowns(link: &Link) -> Option<()> {
    let pending = ListQuery {
        filter: Some(Filter::eq("status", json!("pending"))),
        limit: MAX_PAGE,
        ..ListQuery::of(Kind::WorkflowApproval)
    };
    let QueryReply::Page { items, .. } = link.query(Query::List(pending)).ok()? else {
        panic!()
    };
    for document in items {
        let approval: WorkflowApproval = document.body().unwrap();
        assert!(approval.unknown_effect.is_some(), "{approval:?}");
        let command = Command::ApprovalDecide {
            approval: document.metadata.id,
            digest: approval.digest.parse().unwrap(),
            decision: Decision::Deny,
            reason: Some("nobody knows".into()),
            also: None,
        };
        // Any other refusal is fine: it was decided a moment ago, by an answer that was lost with the daemon.
        if let Err(dirigent_rpc::CallError::Lost(_)) = link.command(RequestId::new(), command) {
            return None;
        }
    }
    Some(())
}
