//! The order of things: what comes next is told to the engine at its time, until nothing comes any more.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use dirigent_engine::expression::Answers;
use dirigent_engine::{
    Context, Decision, EffectPhase, MOST_EVENTS, RunState, Stimulus, Unlimited, Workflow, apply, decide,
};
use dirigent_protocol::Payload;
use dirigent_protocol::dry_run::{DryEnding, DryRun, DryRunQuery, MAX_EVENTS};
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::{
    BusPosition, Decision as Verdict, DecisionRecord, EffectId, EventBody, Pins, RunEvent, StepId, TimerId,
    WorkflowError,
};
use dirigent_protocol::source::{self, Diagnostic, Node, Place};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::agents::AgentShapes;
use super::compiled::compiled;
use super::report::Report;
use super::sample::{Samples, Source};
use crate::worker::WorkerPool;

/// How long an effect takes.
const EFFECT: SignedDuration = SignedDuration::from_secs(1);
/// How long a person or an event takes.
const OTHERS: SignedDuration = SignedDuration::from_secs(60);
/// How long an approval lives whose document does not say: three days.
const EXPIRY: Duration = Duration::from_secs(72 * 3_600);
/// Most bytes of events: a reply has to fit its frame.
const MAX_BYTES: usize = 4 << 20;
/// Longest time it takes in the real world.
const PATIENCE: Duration = Duration::from_secs(20);
/// Most questions to the worker for one decision.
const MOST_QUESTIONS: usize = 1_000;

/// Tries a text out, beginning at `began` of its own time.
pub async fn dry_run(
    query: &DryRunQuery,
    mut agents: AgentShapes,
    worker: &WorkerPool,
    began: Timestamp,
) -> DryRun {
    let compiled = compiled(&query.source);
    let text = match &compiled {
        None => &query.source,
        Some(Ok(text)) => text,
        Some(Err(findings)) => return refused(findings.clone()),
    };
    let parsed = source::parse(text.as_bytes());
    let mut findings = parsed.diagnostics;
    let node = match only_workflow(&parsed.documents) {
        Ok(node) => node,
        Err(finding) => {
            if !findings.iter().any(Diagnostic::is_error) {
                findings.push(*finding);
            }
            return refused(findings);
        }
    };
    let (workflow, more) = dirigent_engine::parse_workflow(node);
    findings.extend(more);
    let Some(workflow) = workflow.filter(|_| !findings.iter().any(Diagnostic::is_error)) else {
        return refused(findings);
    };
    agents.read(&parsed.documents);
    let graph = dirigent_engine::graph(&workflow);
    let samples = Samples {
        given: query.samples.clone(),
        definition: Arc::new(node.to_json()),
        agents,
    };
    let mut driver = Driver::new(&workflow, samples, worker, began);
    let input = driver.samples.input(query.input.as_ref());
    let ending = driver.drive(input).await;
    let report = Report {
        node,
        state: &driver.state,
        made_up: &driver.made_up,
        stuck: driver.stuck.as_ref(),
    };
    findings.extend(report.findings());
    if compiled.is_some() {
        // Their places are those of a text that nobody wrote.
        findings
            .iter_mut()
            .for_each(|finding| finding.at = Place::default());
    }
    DryRun {
        findings,
        graph: Some(graph),
        events: driver.events,
        ending,
    }
}

fn refused(findings: Vec<Diagnostic>) -> DryRun {
    DryRun {
        findings,
        ..DryRun::default()
    }
}

/// The one workflow of a file.
fn only_workflow(documents: &[Node]) -> Result<&Node, Box<Diagnostic>> {
    let mut found = documents
        .iter()
        .filter(|node| node.get("document").is_some() || node.get("do").is_some());
    match (found.next(), found.next()) {
        (Some(node), None) => Ok(node),
        (None, _) => {
            let wrong = Diagnostic::error(
                "no_workflow",
                "there is no workflow in this text",
                Place::default(),
            );
            Err(Box::new(wrong.help("begin with `document:` and `do:`")))
        }
        (Some(_), Some(second)) => {
            let at = Place::new(second.span.start, "");
            let wrong = Diagnostic::error("several_documents", "one workflow is tried at a time", at);
            Err(Box::new(
                wrong.help("keep one workflow in it; agents may stand beside it"),
            ))
        }
    }
}

/// What comes next.
enum Next {
    Settle(EffectId),
    Fire(TimerId),
    Decide(EntityId),
    Receive(u64),
    Permit(EffectId),
}

struct Driver<'a> {
    workflow: &'a Workflow,
    samples: Samples,
    worker: &'a WorkerPool,
    state: RunState,
    events: Vec<RunEvent>,
    bytes: usize,
    now: Timestamp,
    chance: u64,
    ids: u128,
    /// Events of the bus so far.
    bus: u64,
    /// When effects, questions and listeners began to wait, by the event that says so.
    since: BTreeMap<u64, Timestamp>,
    asked: BTreeMap<EntityId, Timestamp>,
    /// What it put on the bus itself, on its way to its own listeners.
    emitted: VecDeque<Payload>,
    /// Samples that each listener has had.
    heard: BTreeMap<StepId, usize>,
    made_up: Vec<(StepId, String)>,
    stuck: Option<WorkflowError>,
}

impl<'a> Driver<'a> {
    fn new(workflow: &'a Workflow, samples: Samples, worker: &'a WorkerPool, began: Timestamp) -> Self {
        Self {
            workflow,
            samples,
            worker,
            state: RunState::new(RunId(Uuid::nil())),
            events: Vec::new(),
            bytes: 0,
            now: began,
            chance: 1,
            ids: 0,
            bus: 0,
            since: BTreeMap::new(),
            asked: BTreeMap::new(),
            emitted: VecDeque::new(),
            heard: BTreeMap::new(),
            made_up: Vec::new(),
            stuck: None,
        }
    }

    async fn drive(&mut self, input: Value) -> DryEnding {
        let start = Stimulus::Start {
            input: Arc::new(input),
            pins: Pins::default(),
        };
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut told = self.tell(start).await;
        loop {
            if let Err(why) = told {
                self.stuck = Some(*why);
                return DryEnding::Cut {};
            }
            if self.state.status().is_final() {
                let status = self.state.status();
                return DryEnding::Ended { status };
            }
            let late = tokio::time::Instant::now() > deadline;
            if late || self.events.len() >= MAX_EVENTS || self.bytes >= MAX_BYTES {
                return DryEnding::Cut {};
            }
            told = if let Some(event) = self.emitted.pop_front() {
                self.receive(event).await
            } else {
                let Some((at, next)) = self.next() else {
                    return DryEnding::Waits {
                        steps: self.waiting(),
                    };
                };
                self.now = self.now.max(at);
                self.come(next).await
            };
        }
    }

    /// What is due first.
    fn next(&self) -> Option<(Timestamp, Next)> {
        let begun = |seq: &u64| self.since.get(seq).copied().unwrap_or(self.now);
        let effects = self.state.effects().filter_map(|effect| {
            let at = begun(&effect.id.0);
            match effect.phase {
                EffectPhase::Queued => Some((at, Next::Permit(effect.id))),
                _ if effect.abort => Some((at, Next::Settle(effect.id))),
                EffectPhase::Intended { .. } => Some((at + EFFECT, Next::Settle(effect.id))),
                _ => None,
            }
        });
        let approvals = self.state.approvals().filter_map(|pending| {
            let said = self
                .samples
                .of(&pending.step)
                .map(|(value, _)| &value["decision"]);
            let silent = said.is_some_and(|word| word == "expired");
            let at = self.asked.get(&pending.id).copied().unwrap_or(self.now);
            (!silent).then_some((at + OTHERS, Next::Decide(pending.id)))
        });
        let listens = self.state.listens().filter_map(|(frame, _)| {
            let step = &self.state.frames().find(|(id, _)| *id == frame)?.1.step;
            let heard = self.heard.get(step).copied().unwrap_or(0);
            (heard < self.most_heard(step)).then(|| (begun(&frame) + OTHERS, Next::Receive(frame)))
        });
        let timers = self.state.timers().map(|timer| (timer.due, Next::Fire(timer.id)));
        let all = effects.chain(approvals).chain(listens).chain(timers);
        all.min_by_key(|(at, _)| *at)
    }

    /// How many events come to a listener: those of its sample, or one that is made up.
    fn most_heard(&self, step: &StepId) -> usize {
        match self.samples.of(step) {
            Some((Value::Array(events), _)) => events.len(),
            _ => 1,
        }
    }

    async fn come(&mut self, next: Next) -> Result<(), Box<WorkflowError>> {
        match next {
            Next::Permit(effect) => self.tell(Stimulus::Permitted { effect }).await,
            Next::Fire(timer) => self.tell(Stimulus::TimerFired { timer }).await,
            Next::Settle(effect) => self.settle(effect).await,
            Next::Decide(approval) => self.decided(approval).await,
            Next::Receive(frame) => self.hear(frame).await,
        }
    }

    async fn settle(&mut self, effect: EffectId) -> Result<(), Box<WorkflowError>> {
        let Some(known) = self.state.effect(effect) else {
            return Ok(());
        };
        let (step, abort) = (known.step.clone(), known.abort);
        let (outcome, source) = if abort {
            (dirigent_protocol::run::EffectOutcome::Cancelled, Source::Given)
        } else {
            self.samples.outcome(&step, &known.request)
        };
        if source == Source::MadeUp {
            let what = known.request.summary();
            self.make_up(&step, what);
        }
        self.tell(Stimulus::Settled { effect, outcome }).await
    }

    fn make_up(&mut self, step: &StepId, what: String) {
        if !self
            .made_up
            .iter()
            .any(|(known, _)| known.pointer == step.pointer)
        {
            self.made_up.push((step.clone(), what));
        }
    }

    /// A person answers: as the sample says, or yes.
    async fn decided(&mut self, approval: EntityId) -> Result<(), Box<WorkflowError>> {
        let Some(pending) = self.state.approvals().find(|pending| pending.id == approval) else {
            return Ok(());
        };
        let (step, votes) = (pending.step.clone(), pending.votes.len());
        let said = self
            .samples
            .of(&step)
            .map(|(value, _)| value.clone())
            .unwrap_or_default();
        let several = pending.request.deciders.quorum() > 1;
        let decision = if said["decision"] == "denied" {
            Verdict::Deny
        } else {
            let edited = said.get("payload").filter(|_| !several);
            Verdict::Approve {
                edited: edited.cloned(),
            }
        };
        let named = pending.request.deciders.users.get(votes).cloned();
        let by = said["by"]
            .as_str()
            .map(str::to_owned)
            .filter(|_| !several)
            .or(named);
        let record = DecisionRecord {
            decision,
            by: by.unwrap_or_else(|| format!("sample-person-{}", votes + 1)),
            reason: said["reason"].as_str().map(str::to_owned),
            digest: pending.digest,
            stops_run: false,
        };
        // The next of several takes a minute too.
        self.asked.insert(approval, self.now);
        self.tell(Stimulus::Decided { approval, record }).await
    }

    /// An event comes to one listener: of its sample, or one that fits what it waits for.
    async fn hear(&mut self, frame: u64) -> Result<(), Box<WorkflowError>> {
        let listener = self.state.frames().find(|(id, _)| *id == frame);
        let Some((_, listener)) = listener else {
            return Ok(());
        };
        let step = listener.step.clone();
        let patterns = listener
            .listening
            .as_ref()
            .map(|all| all.patterns.clone())
            .unwrap_or_default();
        let heard = self.heard.entry(step.clone()).or_default();
        let turn = std::mem::replace(heard, *heard + 1);
        self.since.insert(frame, self.now);
        let said = match self.samples.of(&step) {
            Some((Value::Array(events), _)) => events.get(turn).cloned(),
            Some((value, _)) => Some(value.clone()),
            None => None,
        };
        let kind = patterns.iter().find_map(|pattern| pattern.kind.clone());
        if said.is_none() {
            let what = kind.as_deref().unwrap_or("any event");
            self.make_up(&step, format!("event {what}"));
        }
        let mut event = match said {
            Some(event) if event["type"].is_string() => event,
            data => json!({ "data": data.unwrap_or_else(|| json!({})) }),
        };
        if let Some(members) = event.as_object_mut() {
            let kind = kind.unwrap_or_else(|| "sample".to_owned());
            for (name, value) in [
                ("specversion", json!("1.0")),
                ("id", json!(format!("sample-{}", self.bus + 1))),
                ("source", json!("/dry-run")),
                ("type", json!(kind)),
                ("time", json!(self.now)),
            ] {
                members.entry(name).or_insert(value);
            }
        }
        self.bus += 1;
        let at = BusPosition {
            commit: self.bus,
            index: 0,
        };
        let stimulus = Stimulus::Received {
            at,
            event: Arc::new(event),
            listens: vec![frame],
        };
        self.tell(stimulus).await
    }

    /// An event of its own comes to whoever of it listens.
    async fn receive(&mut self, event: Payload) -> Result<(), Box<WorkflowError>> {
        let listens: Vec<u64> = self.state.listens().map(|(frame, _)| frame).collect();
        if listens.is_empty() {
            return Ok(());
        }
        self.bus += 1;
        let at = BusPosition {
            commit: self.bus,
            index: 0,
        };
        self.tell(Stimulus::Received { at, event, listens }).await
    }

    /// Decides, asks the worker where needed, and folds.
    async fn tell(&mut self, stimulus: Stimulus) -> Result<(), Box<WorkflowError>> {
        let mut answers = Answers::default();
        for _ in 0..MOST_QUESTIONS {
            match self.once(&stimulus, &answers)? {
                Decision::Ready { events } => {
                    events.into_iter().for_each(|event| self.fold(event));
                    return Ok(());
                }
                Decision::Evaluate(requests) => {
                    for reply in self.worker.evaluate(requests).await {
                        answers.insert(reply);
                    }
                }
            }
        }
        let error = WorkflowError::standard("runtime", 500, "One decision asks for too many expressions");
        Err(Box::new(error))
    }

    fn once(&mut self, stimulus: &Stimulus, answers: &Answers) -> Result<Decision, Box<WorkflowError>> {
        let (ids, chance) = (&mut self.ids, &mut self.chance);
        let mut random = || {
            *chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *chance >> 33
        };
        let mut fresh = || {
            *ids += 1;
            EntityId(Uuid::from_u128(*ids))
        };
        let mut cx = Context {
            now: self.now,
            random: &mut random,
            ids: &mut fresh,
            permits: &mut Unlimited,
            quotes: &dirigent_engine::Free,
            answers,
            approval_expiry: EXPIRY,
            most_events: MOST_EVENTS,
        };
        decide(self.workflow, &self.state, stimulus, &mut cx).map_err(|refusal| {
            let error = WorkflowError::standard("runtime", 500, "The engine refuses to go on");
            Box::new(error.detail(refusal.to_string()))
        })
    }

    fn fold(&mut self, event: RunEvent) {
        apply(&mut self.state, &event);
        match &event.body {
            EventBody::TaskStarted { .. }
            | EventBody::EffectQueued { .. }
            | EventBody::ListenOpened { .. } => {
                self.since.insert(event.seq, event.time);
            }
            EventBody::EffectIntended { effect, .. } => {
                self.since.insert(effect.0, event.time);
            }
            EventBody::ApprovalRequested { approval, .. } => {
                self.asked.insert(*approval, event.time);
            }
            EventBody::EventEmitted { event, .. } => self.emitted.push_back(event.clone()),
            _ => {}
        }
        self.bytes += serde_json::to_vec(&event).map_or(0, |bytes| bytes.len());
        self.events.push(event);
    }

    /// What it waits for where nothing comes.
    fn waiting(&self) -> Vec<(String, String)> {
        let listens = self.state.listens().filter_map(|(frame, listening)| {
            let step = &self.state.frames().find(|(id, _)| *id == frame)?.1.step;
            let kinds: Vec<&str> = listening
                .patterns
                .iter()
                .map(|pattern| pattern.kind.as_deref().unwrap_or("any event"))
                .collect();
            Some((step.to_string(), format!("an event: {}", kinds.join(", "))))
        });
        let approvals = self.state.approvals();
        let approvals =
            approvals.map(|asks| (asks.step.to_string(), format!("a person: {}", asks.request.title)));
        listens.chain(approvals).collect()
    }
}
