//! Runs that keep going while their daemon is killed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use dirigent_protocol::command::{Command, CommandReply, RunTarget};
use dirigent_protocol::entity::{Kind, WorkflowApproval, WorkflowExecution};
use dirigent_protocol::filter::Filter;
use dirigent_protocol::id::{RequestId, RunId};
use dirigent_protocol::query::{ListQuery, MAX_PAGE, Query, QueryReply};
use dirigent_protocol::run::{Decision, EffectId, EventBody, RunEvent, Status};
use dirigent_tests::{Daemon, Home, LONG, Link, Seed, until};
use serde_json::json;

use super::audit;

/// What a storm is about.
pub(crate) trait Subject {
    /// Definitions, as one file.
    fn definitions(&self) -> String;

    /// The workflow that the run of this number is a run of.
    fn target(&self, number: usize) -> String;

    /// The name an effect goes by outside.
    fn name(&self, tag: &str, events: &[RunEvent], effect: EffectId) -> String;

    /// Takes in what came since the last time.
    fn read_on(&mut self);

    /// How often the outside was asked for what has that name.
    fn asked(&self, name: &str) -> usize;
}

/// What the test knows of one run that is under way.
pub(crate) struct Storming {
    pub(crate) number: usize,
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
    pub(crate) number: usize,
    pub(crate) tag: String,
    pub(crate) settled: Settled,
}

/// The storm: a home, what it is about, and its runs.
pub(crate) struct Storm<'a, S> {
    home: &'a Home,
    subject: S,
    under_way: Vec<Storming>,
    started: usize,
    pub(crate) ended: Vec<Ended>,
}

/// Runs under way at any time, so that no kill meets an idle daemon.
const AT_ONCE: usize = 6;

impl<'a, S: Subject> Storm<'a, S> {
    pub(crate) fn prepare(home: &'a Home, subject: S) -> Self {
        let daemon = home.start();
        let file = home.write("storm.yaml", &subject.definitions());
        let applied = home.client(&["apply", "-f", file.to_str().unwrap(), "--json"]);
        drop(applied.expect_code(0));
        daemon.stop();
        Self {
            home,
            subject,
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
            storming.start(link, &self.subject)?;
        }
        answer_unknowns(link)?;
        for storming in &mut self.under_way {
            storming.look(link, &mut self.subject)?;
        }
        let over = |storming: &mut Storming| storming.status.is_final();
        for storming in self.under_way.extract_if(.., over) {
            audit::check_journal(&storming);
            self.ended.push(Ended {
                number: storming.number,
                tag: storming.tag,
                settled: storming.settled,
            });
        }
        Some(())
    }

    /// A last life, long enough for every run to end.
    pub(crate) fn finish(mut self) -> (S, Vec<Ended>) {
        let _daemon = self.home.start();
        let link = Link::open(self.home).unwrap();
        until("every run to end", LONG * 4, || {
            self.one_look(&link).unwrap();
            self.under_way.is_empty().then_some(())
        });
        self.subject.read_on();
        (self.subject, self.ended)
    }
}

impl Storming {
    fn new(number: usize) -> Self {
        Self {
            number,
            tag: format!("r{number}"),
            request: RequestId::new(),
            run: None,
            shown: Vec::new(),
            settled: BTreeMap::new(),
            status: Status::Pending,
        }
    }

    fn start(&mut self, link: &Link, subject: &impl Subject) -> Option<()> {
        if self.run.is_some() {
            return Some(());
        }
        let command = Command::RunStart {
            target: RunTarget::Name(subject.target(self.number)),
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

    fn look(&mut self, link: &Link, subject: &mut impl Subject) -> Option<()> {
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
        subject.read_on();
        for event in &events[self.shown.len()..] {
            if let EventBody::EffectSettled { effect, .. } = &event.body {
                let name = subject.name(&self.tag, &events, *effect);
                let requests = subject.asked(&name);
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
