//! A bench for kinds: runs a document against scripted answers, and after every commit replays the journal and
//! compares the states byte for byte.

use std::sync::Arc;

use dirigent_protocol::Payload;
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::{
    Decision as Verdict, DecisionRecord, EffectId, EffectOutcome, EffectRequest, EventBody, Lineage, Pins,
    RunEvent, TimerPurpose, Usage, WorkflowError,
};
use jiff::{Timestamp, ToSpan};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    Answers, Context, Decision, EffectPhase, MOST_EVENTS, PendingApproval, Permits, Refusal, RunState,
    Stimulus, Unlimited, Workflow, apply, decide, evaluate, load,
};

/// A document that can be started.
pub(crate) struct Bench {
    workflow: Arc<Workflow>,
}

/// A run under test.
pub(crate) struct Run {
    workflow: Arc<Workflow>,
    pub(crate) state: RunState,
    pub(crate) journal: Vec<RunEvent>,
    pub(crate) now: Timestamp,
    commits: usize,
    ids: u128,
    chance: u64,
    pub(crate) permits: Box<dyn Permits>,
    pub(crate) quotes: Box<dyn crate::Quotes>,
    /// Events of one decision before what follows is put off.
    pub(crate) most_events: usize,
}

pub(crate) fn done(output: Value) -> EffectOutcome {
    EffectOutcome::Done {
        output: Arc::new(output),
        usage: Usage::default(),
        facts: Default::default(),
    }
}

pub(crate) fn failed(kind: &str, status: u16, retryable: bool) -> EffectOutcome {
    let error = WorkflowError::standard(kind, status, "it failed");
    EffectOutcome::Failed {
        error,
        retryable,
        retry_after_ms: None,
        retry: None,
        usage: Usage::default(),
    }
}

impl Bench {
    /// A document without its head.
    pub(crate) fn yaml(text: &str) -> Self {
        Self::declaring("", text)
    }

    /// The same with more in `document`: `metadata: {...}`.
    pub(crate) fn declaring(more: &str, text: &str) -> Self {
        let more = if more.is_empty() {
            String::new()
        } else {
            format!(", {more}")
        };
        let head =
            format!("document: {{ dsl: '1.0.3', namespace: test, name: test, version: '1.0.0'{more} }}\n");
        Self::document(&format!("{head}{text}"))
    }

    /// A whole document.
    pub(crate) fn document(text: &str) -> Self {
        let workflow = load("test", text).unwrap_or_else(|found| {
            let list: Vec<String> = found.iter().map(|finding| finding.render("test")).collect();
            panic!("{}\n{text}", list.join("\n"))
        });
        Self {
            workflow: Arc::new(workflow),
        }
    }

    pub(crate) fn workflow(&self) -> &Workflow {
        &self.workflow
    }

    pub(crate) fn shared(&self) -> Arc<Workflow> {
        self.workflow.clone()
    }

    pub(crate) fn start(&self, input: Value) -> Run {
        self.start_pinned(input, Pins::default())
    }

    pub(crate) fn start_pinned(&self, input: Value, pins: Pins) -> Run {
        let mut run = self.idle(Box::new(Unlimited));
        run.tell(Stimulus::Start {
            input: Arc::new(input),
            pins,
        })
        .unwrap();
        run
    }

    pub(crate) fn idle(&self, permits: Box<dyn Permits>) -> Run {
        Run {
            workflow: self.workflow.clone(),
            state: RunState::new(RunId(Uuid::from_u128(7))),
            journal: Vec::new(),
            now: "2026-11-22T18:00:00Z".parse().unwrap(),
            commits: 0,
            ids: 0,
            chance: 1,
            permits,
            quotes: Box::new(crate::Free),
            most_events: MOST_EVENTS,
        }
    }
}

impl Run {
    pub(crate) fn workflow(&self) -> &Workflow {
        &self.workflow
    }

    /// Decides, asks the worker where needed, commits, folds, and compares with a replay.
    pub(crate) fn tell(&mut self, stimulus: Stimulus) -> Result<Vec<RunEvent>, Refusal> {
        let mut all = self.tell_once(stimulus)?;
        let yielded: Vec<_> = self
            .state
            .timers()
            .filter(|t| t.purpose == TimerPurpose::Yield)
            .map(|t| t.id)
            .collect();
        for timer in yielded {
            all.extend(self.tell(Stimulus::TimerFired { timer })?);
        }
        Ok(all)
    }

    /// The same; what is put off to the next decision stays so.
    pub(crate) fn tell_once(&mut self, stimulus: Stimulus) -> Result<Vec<RunEvent>, Refusal> {
        let events = self.decide_only(&stimulus)?;
        for event in &events {
            apply(&mut self.state, event);
        }
        self.journal.extend(events.iter().cloned());
        self.commits += usize::from(!events.is_empty());
        if (self.journal.len() < 400 && self.commits % 3 == 1) || self.state.status().is_final() {
            self.compare_with_replay();
        }
        Ok(events)
    }

    pub(crate) fn decide_only(&mut self, stimulus: &Stimulus) -> Result<Vec<RunEvent>, Refusal> {
        let mut answers = Answers::default();
        for _ in 0..1_000 {
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
                permits: &mut *self.permits,
                quotes: &*self.quotes,
                answers: &answers,
                approval_expiry: std::time::Duration::from_secs(72 * 3_600),
                most_events: self.most_events,
            };
            match decide(&self.workflow, &self.state, stimulus, &mut cx)? {
                Decision::Ready { events } => return Ok(events),
                Decision::Evaluate(requests) => {
                    assert!(!requests.is_empty());
                    for request in requests {
                        let text = serde_json::to_string(&request).unwrap();
                        let reply = evaluate(&serde_json::from_str(&text).unwrap());
                        answers.insert(reply);
                    }
                }
            }
        }
        panic!("the worker is asked without end");
    }

    fn compare_with_replay(&self) {
        let bytes = serde_json::to_string(&self.state).unwrap();
        let mut replayed = RunState::new(self.state.run());
        for (i, event) in self.journal.iter().enumerate() {
            assert_eq!(event.seq, i as u64 + 1, "gapless");
            let event: RunEvent = serde_json::from_str(&serde_json::to_string(event).unwrap()).unwrap();
            apply(&mut replayed, &event);
        }
        assert_eq!(
            serde_json::to_string(&replayed).unwrap(),
            bytes,
            "replay gives the same state"
        );
        let snapshot: RunState = serde_json::from_str(&bytes).unwrap();
        assert_eq!(
            serde_json::to_string(&snapshot).unwrap(),
            bytes,
            "a snapshot reads back"
        );
    }

    /// A run that goes on from this one's event.
    pub(crate) fn fork(&self, at: u64, input: Option<Value>) -> Self {
        self.gone_on(at, Lineage::Forked, input)
    }

    pub(crate) fn retry(&self, at: u64) -> Self {
        self.gone_on(at, Lineage::Retried, None)
    }

    fn gone_on(&self, at: u64, how: Lineage, input: Option<Value>) -> Self {
        let mut fork = Self {
            workflow: self.workflow.clone(),
            state: RunState::new(RunId(Uuid::from_u128(8))),
            journal: self.journal[..usize::try_from(at).unwrap()].to_vec(),
            now: self.now + 1.hours(),
            commits: 0,
            ids: 1 << 20,
            chance: 2,
            permits: Box::new(Unlimited),
            quotes: Box::new(crate::Free),
            most_events: self.most_events,
        };
        for event in &fork.journal {
            let event = serde_json::from_str(&serde_json::to_string(event).unwrap()).unwrap();
            apply(&mut fork.state, &event);
        }
        let from = crate::Fork {
            origin: self.state.run(),
            at,
            how,
            input: input.map(Arc::new),
        };
        fork.tell(Stimulus::Fork(from)).unwrap();
        fork
    }

    pub(crate) fn settle(&mut self, effect: EffectId, outcome: EffectOutcome) -> Vec<RunEvent> {
        self.tell(Stimulus::Settled { effect, outcome }).unwrap()
    }

    /// Moves the clock to the next timer and lets all that are due fire.
    pub(crate) fn advance(&mut self) {
        let Some(due) = self.state.next_due() else {
            panic!("no timer is set")
        };
        self.now = self.now.max(due);
        let due: Vec<_> = self
            .state
            .timers()
            .filter(|t| t.due <= self.now)
            .map(|t| t.id)
            .collect();
        for timer in due {
            self.tell(Stimulus::TimerFired { timer }).unwrap();
        }
    }

    pub(crate) fn seconds_to_next_timer(&self) -> i64 {
        self.state
            .next_due()
            .map_or(-1, |due| due.as_second() - self.now.as_second())
    }

    pub(crate) fn swap(&mut self, bench: &Bench) {
        self.workflow = bench.workflow.clone();
    }

    pub(crate) fn pass(&mut self, seconds: i64) {
        self.now += seconds.seconds();
    }

    /// The number of the newest event.
    pub(crate) fn last_event(&self) -> u64 {
        self.journal.len() as u64
    }

    pub(crate) fn intended(&self) -> Vec<EffectId> {
        self.state
            .effects()
            .filter(|effect| matches!(effect.phase, EffectPhase::Intended { .. }))
            .map(|effect| effect.id)
            .collect()
    }

    pub(crate) fn request(&self, effect: EffectId) -> EffectRequest {
        self.state.effect(effect).unwrap().request.clone()
    }

    pub(crate) fn key(&self, effect: EffectId) -> String {
        let phase = &self.state.effect(effect).unwrap().phase;
        phase.key().expect("queued effects have no key").to_string()
    }

    pub(crate) fn approvals(&self) -> Vec<PendingApproval> {
        self.state.approvals().cloned().collect()
    }

    pub(crate) fn decide_as(&mut self, by: &str, decision: Verdict) -> Result<(), Refusal> {
        let pending = self.approvals().remove(0);
        let record = DecisionRecord {
            decision,
            by: by.to_owned(),
            reason: None,
            digest: pending.digest,
            stops_run: false,
        };
        let approval = pending.id;
        self.tell(Stimulus::Decided { approval, record }).map(drop)
    }

    pub(crate) fn delegate(&mut self, from: &str, to: &str) -> Result<(), Refusal> {
        let approval = self.approvals().remove(0).id;
        let (from, to, by) = (from.to_owned(), to.to_owned(), from.to_owned());
        self.tell(Stimulus::Delegate {
            approval,
            from,
            to,
            by,
        })
        .map(drop)
    }

    pub(crate) fn decide_approval(&mut self, decision: Verdict, reason: Option<&str>) -> Result<(), Refusal> {
        let pending = self.approvals().remove(0);
        let record = DecisionRecord {
            decision,
            by: "ada".to_owned(),
            reason: reason.map(str::to_owned),
            digest: pending.digest,
            stops_run: false,
        };
        self.tell(Stimulus::Decided {
            approval: pending.id,
            record,
        })
        .map(drop)
    }

    pub(crate) fn deny_and_stop(&mut self) -> Result<(), Refusal> {
        let pending = self.approvals().remove(0);
        let record = DecisionRecord {
            decision: Verdict::Deny,
            by: "ada".to_owned(),
            reason: Some("not like this".to_owned()),
            digest: pending.digest,
            stops_run: true,
        };
        self.tell(Stimulus::Decided {
            approval: pending.id,
            record,
        })
        .map(drop)
    }

    pub(crate) fn decide_stale(&mut self, decision: Verdict) -> Result<(), Refusal> {
        let pending = self.approvals().remove(0);
        let digest = dirigent_protocol::digest::Digest::of(&Value::Null);
        let record = DecisionRecord {
            decision,
            by: "ada".to_owned(),
            reason: None,
            digest,
            stops_run: false,
        };
        self.tell(Stimulus::Decided {
            approval: pending.id,
            record,
        })
        .map(drop)
    }

    pub(crate) fn decide_again(&mut self, pending: &PendingApproval) -> Result<(), Refusal> {
        let record = DecisionRecord {
            decision: Verdict::Deny,
            by: "ada".to_owned(),
            reason: None,
            digest: pending.digest,
            stops_run: false,
        };
        self.tell(Stimulus::Decided {
            approval: pending.id,
            record,
        })
        .map(drop)
    }

    pub(crate) fn status(&self) -> &'static str {
        self.state.status().as_str()
    }

    pub(crate) fn output(&mut self) -> Value {
        assert_eq!(self.status(), "completed", "{:?}", self.state.error());
        let output: &Payload = self.state.output().unwrap();
        (**output).clone()
    }

    pub(crate) fn error(&mut self) -> WorkflowError {
        assert_eq!(self.status(), "faulted");
        self.state.error().unwrap().clone()
    }

    pub(crate) fn commits(&self) -> usize {
        self.commits
    }

    /// Steps in the order they began.
    pub(crate) fn started(&self) -> Vec<String> {
        self.journal
            .iter()
            .filter_map(|event| match &event.body {
                EventBody::TaskStarted { step, .. } => Some(step.to_string()),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.journal.iter().map(|event| event.body.name()).collect()
    }
}
