//! Who works in a run of an orchestration, who waits, who handed what to whom: from the run's own events.
//!
//! Invariant: the same events give the same picture, however they are batched; a member is whoever the orchestration
//! names, and nobody else.

use std::collections::BTreeMap;

use dirigent_protocol::run::{EffectRequest, EventBody, Handoff, RunEvent, StepId};
use jiff::Timestamp;
use serde_json::Value;

/// What a member is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its turn has not come.
    NotYet,
    /// It works.
    Works,
    /// It waits: for a permit, for room in a budget, for a person.
    Waits,
    /// It worked, and what it did last went well.
    Done,
    /// What it did failed.
    Failed,
}

impl State {
    /// In words.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotYet => "not yet",
            Self::Works => "works",
            Self::Waits => "waits",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// A member, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Member {
    /// Its name in the orchestration.
    pub name: String,
    /// `agent triage`
    pub who: String,
    /// How often it worked.
    pub done: u32,
    /// How often that failed.
    pub failed: u32,
    /// Since when it is at what it is at.
    pub since: Option<Timestamp>,
    /// Steps it is at now, and whether it waits there.
    open: BTreeMap<String, bool>,
}

impl Member {
    fn named(about: &Value) -> Self {
        let given = ["agent", "workflow", "capability"].into_iter();
        let named = given.filter_map(|word| Some(format!("{word} {}", about[word].as_str()?)));
        Self {
            name: about["name"].as_str().unwrap_or_default().to_owned(),
            who: named.collect::<Vec<_>>().join(" "),
            ..Self::default()
        }
    }

    /// What it is at.
    #[must_use]
    pub fn state(&self) -> State {
        let works = self.open.values().any(|waits| !waits);
        match (works, self.open.is_empty(), self.failed, self.done) {
            (true, ..) => State::Works,
            (false, false, ..) => State::Waits,
            (_, true, 1.., _) => State::Failed,
            (_, true, 0, 1..) => State::Done,
            _ => State::NotYet,
        }
    }
}

/// Everybody, and what was handed over.
#[derive(Debug, Clone, Default)]
pub struct Collaboration {
    /// How they work together.
    pub strategy: String,
    /// The members, the lead last.
    pub members: Vec<Member>,
    /// Who handed what to whom, and when.
    pub handoffs: Vec<(Timestamp, Handoff)>,
    /// The member whose step it is.
    steps: BTreeMap<String, usize>,
    seq: u64,
}

impl Collaboration {
    /// Of the version of a workflow that an orchestration compiled to; none of any other.
    #[must_use]
    pub fn of(version: &Value) -> Option<Self> {
        let about = &version["document"]["document"]["metadata"]["orchestration"];
        let members = about["members"]
            .as_array()
            .filter(|members| !members.is_empty())?;
        Some(Self {
            strategy: about["strategy"].as_str().unwrap_or_default().to_owned(),
            members: members
                .iter()
                .chain(about.get("lead"))
                .map(Member::named)
                .collect(),
            ..Self::default()
        })
    }

    /// Takes the events it has not seen.
    pub fn follow(&mut self, events: &[RunEvent]) {
        let first = events.partition_point(|event| event.seq <= self.seq);
        events.iter().skip(first).for_each(|event| self.take(event));
    }

    /// Takes an event; one that was taken is skipped.
    pub fn take(&mut self, event: &RunEvent) {
        if event.seq <= self.seq {
            return;
        }
        self.seq = event.seq;
        let now = event.time;
        match &event.body {
            EventBody::TaskStarted { step, task, .. } => self.begins(&step.to_string(), task, now),
            EventBody::TaskCompleted { step, .. } => self.over(step, now, |known| known.done += 1),
            EventBody::TaskFaulted { step, .. } => self.over(step, now, |known| known.failed += 1),
            EventBody::TaskCancelled { step, .. } => self.over(step, now, |_| {}),
            EventBody::EffectQueued { step, request, .. } => {
                self.waits(step, true, now);
                self.hands(now, request);
            }
            EventBody::EffectHeld { step, .. } | EventBody::ApprovalRequested { step, .. } => {
                self.waits(step, true, now);
            }
            EventBody::ApprovalDecided { step, .. } => self.waits(step, false, now),
            EventBody::EffectIntended { step, request, .. } => {
                self.waits(step, false, now);
                if let Some(request) = request {
                    self.hands(now, request);
                }
            }
            _ => {}
        }
    }

    fn begins(&mut self, step: &str, task: &str, now: Timestamp) {
        let of = |name: &str| self.members.iter().position(|member| member.name == name);
        let handed = task.strip_prefix("to-").and_then(of);
        if let Some(at) = handed.or_else(|| of(task)) {
            self.steps.insert(step.to_owned(), at);
            if let Some(member) = self.members.get_mut(at) {
                member.open.insert(step.to_owned(), false);
                member.since = Some(now);
            }
        }
    }

    fn over(&mut self, step: &StepId, now: Timestamp, count: impl FnOnce(&mut Member)) {
        let step = step.to_string();
        let at = self.steps.remove(&step);
        if let Some(member) = at.and_then(|at| self.members.get_mut(at)) {
            member.open.remove(&step);
            member.since = Some(now);
            count(member);
        }
    }

    /// The member that a step, or one inside of it, is of.
    fn waits(&mut self, step: &StepId, waits: bool, now: Timestamp) {
        let step = step.to_string();
        let around = self.steps.iter().filter(|(own, _)| {
            step.strip_prefix(own.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        if let Some((own, at)) = around.max_by_key(|(own, _)| own.len())
            && let Some(member) = self.members.get_mut(*at)
        {
            let before = member.state();
            member.open.insert(own.clone(), waits);
            if member.state() != before {
                member.since = Some(now);
            }
        }
    }

    fn hands(&mut self, time: Timestamp, request: &EffectRequest) {
        if let EffectRequest::Agent(call) = request
            && let Some(handoff) = &call.handoff
        {
            self.handoffs.push((time, handoff.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::digest::Digest;
    use dirigent_protocol::run::{AgentCall, Data, EffectId, OnUnknown};
    use serde_json::json;

    use super::*;

    fn handed_over(at: &str) -> EventBody {
        let call = AgentCall {
            agent: "x".into(),
            handoff: Some(Handoff {
                from: "a".into(),
                to: "b".into(),
                reason: "hard".into(),
                ..Handoff::default()
            }),
            ..AgentCall::default()
        };
        EventBody::EffectIntended {
            effect: EffectId(5),
            step: StepId::new(at),
            attempt: 1,
            key: "k".into(),
            digest: Digest([0; 32]),
            on_unknown: OnUnknown::Retry,
            request: Some(EffectRequest::Agent(call)),
            reserved: None,
        }
    }

    #[test]
    fn who_works_waits_and_hands_over_follows_from_the_events() {
        let members = ["a", "b", "c"].map(|name| json!({ "name": name, "agent": "x" }));
        let about = json!({ "strategy": "handoff", "members": members });
        let version = json!({ "document": { "document": { "metadata": { "orchestration": about } } } });
        let mut seen = Collaboration::of(&version).unwrap();
        let step = |at: &str| StepId::new(at);
        let started = |at: &str, task: &str| EventBody::TaskStarted {
            step: step(at),
            task: task.into(),
            kind: "call".into(),
            input: Data::WorkflowInput,
        };
        let completed = EventBody::TaskCompleted {
            step: step("/do/1/work/do/0/a"),
            output: Data::WorkflowInput,
            context: None,
            then: None,
            undo: false,
        };
        let bodies = [
            started("/do/1/work/do/0/a", "a"),
            completed,
            started("/do/1/work/do/2/to-b", "to-b"),
            handed_over("/do/1/work/do/2/to-b"),
            started("/do/1/work/do/3/c", "c"),
        ];
        for (seq, body) in (1..).zip(bodies) {
            seen.take(&RunEvent {
                seq,
                time: Timestamp::UNIX_EPOCH,
                body,
            });
        }
        let held = EventBody::EffectHeld {
            effect: EffectId(6),
            step: step("/do/1/work/do/3/c/do/1/chosen"),
            attempt: 1,
            limited: None,
            request: None,
        };
        seen.take(&RunEvent {
            seq: 9,
            time: Timestamp::UNIX_EPOCH,
            body: held,
        });
        let words: Vec<&str> = seen.members.iter().map(|known| known.state().word()).collect();
        assert_eq!(words, ["done", "works", "waits"]);
        assert_eq!(seen.handoffs[0].1.reason, "hard");
    }
}
