//! `dirigent orchestrations who RUN`: who works, who waits, who handed what to whom; from the run's own events.

use std::collections::BTreeMap;

use dirigent_protocol::entity::{Kind, WorkflowExecution};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::run::{EffectRequest, EventBody, Handoff, RunEvent};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::follow_run::read_all;
use crate::cli::format::clock;
use crate::cli::out::Tone;
use crate::cli::resolve;
use crate::cli::table::Table;

/// `dirigent orchestrations who`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id, short id or prefix of the run
    #[arg(value_name = "RUN")]
    pub run: String,
}

/// A member, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Standing {
    /// Steps it is at now.
    open: BTreeMap<String, bool>,
    /// How often it worked.
    done: u32,
    failed: u32,
}

impl Standing {
    fn word(&self) -> (Tone, &'static str) {
        match (
            self.open.values().any(|waits| !waits),
            self.open.is_empty(),
            self.failed,
            self.done,
        ) {
            (true, ..) => (Tone::Busy, "works"),
            (false, false, ..) => (Tone::Ask, "waits"),
            (_, true, 1.., _) => (Tone::Bad, "failed"),
            (_, true, 0, 1..) => (Tone::Good, "done"),
            _ => (Tone::Dim, "not yet"),
        }
    }
}

/// What the events say, folded.
#[derive(Debug, Default)]
struct Seen {
    members: BTreeMap<String, Standing>,
    handoffs: Vec<(Timestamp, Handoff)>,
    /// The member whose step it is.
    steps: BTreeMap<String, String>,
}

impl Seen {
    fn of(names: impl IntoIterator<Item = String>) -> Self {
        Self {
            members: names
                .into_iter()
                .map(|name| (name, Standing::default()))
                .collect(),
            ..Self::default()
        }
    }

    /// The member that a step, or one inside of it, is of.
    fn at(&mut self, step: &str) -> Option<(&mut Standing, String)> {
        let around = self.steps.iter().filter(|(own, _)| {
            step.strip_prefix(own.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        let (own, name) = around.max_by_key(|(own, _)| own.len())?;
        let (own, name) = (own.clone(), name.clone());
        self.members.get_mut(&name).map(|standing| (standing, own))
    }

    fn take(&mut self, event: &RunEvent) {
        match &event.body {
            EventBody::TaskStarted { step, task, .. } => {
                let name = task
                    .strip_prefix("to-")
                    .filter(|name| self.members.contains_key(*name));
                let name = name.unwrap_or(task);
                if let Some(standing) = self.members.get_mut(name) {
                    standing.open.insert(step.to_string(), false);
                    self.steps.insert(step.to_string(), name.to_owned());
                }
            }
            EventBody::TaskCompleted { step, .. } => self.over(&step.to_string(), |known| known.done += 1),
            EventBody::TaskFaulted { step, .. } => self.over(&step.to_string(), |known| known.failed += 1),
            EventBody::TaskCancelled { step, .. } => self.over(&step.to_string(), |_| {}),
            EventBody::EffectQueued { step, request, .. } => {
                self.waits(&step.to_string(), true);
                self.hands(event.time, request);
            }
            EventBody::EffectHeld { step, .. } => self.waits(&step.to_string(), true),
            EventBody::EffectIntended { step, request, .. } => {
                self.waits(&step.to_string(), false);
                if let Some(request) = request {
                    self.hands(event.time, request);
                }
            }
            _ => {}
        }
    }

    fn over(&mut self, step: &str, count: impl FnOnce(&mut Standing)) {
        if let Some(name) = self.steps.remove(step)
            && let Some(standing) = self.members.get_mut(&name)
        {
            standing.open.remove(step);
            count(standing);
        }
    }

    fn waits(&mut self, step: &str, waits: bool) {
        if let Some((standing, own)) = self.at(step) {
            standing.open.insert(own, waits);
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

/// Does it.
///
/// # Errors
/// No such run, it is none of an orchestration, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let run = resolve::run(cx, &args.run).await?;
    let document = resolve::document(cx, Kind::WorkflowExecution, &run.to_string()).await?;
    let body: WorkflowExecution = document
        .body()
        .map_err(|error| Fault::new(Code::Unsupported, format!("this run cannot be read: {error}")))?;
    let version = resolve::document(cx, Kind::WorkflowVersion, &body.workflow_version.to_string()).await?;
    let about = &version.spec["document"]["document"]["metadata"]["orchestration"];
    let members: Vec<Value> = about["members"].as_array().cloned().unwrap_or_default();
    if members.is_empty() {
        return Err(Fault::new(
            Code::Usage,
            format!("the run {} is none of an orchestration", run.short()),
        ));
    }
    let lead = about.get("lead").cloned();
    let all: Vec<Value> = members.into_iter().chain(lead).collect();
    let name = |member: &Value| member["name"].as_str().unwrap_or_default().to_owned();
    let mut seen = Seen::of(all.iter().map(name));
    read_all(cx, run, 0, u64::MAX, &mut |_, event| seen.take(event)).await?;
    show(cx, &all, &seen, (run.to_string(), body.status.as_str(), about))?;
    Ok(Exit::Done)
}

fn show(
    cx: &mut Cx,
    all: &[Value],
    seen: &Seen,
    (run, status, about): (String, &str, &Value),
) -> Result<(), Fault> {
    let nobody = Standing::default();
    let standing = |member: &Value| {
        let name = member["name"].as_str().unwrap_or_default();
        seen.members.get(name).unwrap_or(&nobody)
    };
    let who = |member: &Value| {
        let given = ["agent", "workflow", "capability"].into_iter();
        let named = given.filter_map(|word| Some(format!("{word} {}", member[word].as_str()?)));
        named.collect::<Vec<_>>().join(" ")
    };
    let rows: Vec<Value> = all
        .iter()
        .map(|member| {
            let known = standing(member);
            json!({ "name": member["name"], "who": who(member), "state": known.word().1, "done": known.done, "failed": known.failed })
        })
        .collect();
    let handoffs: Vec<Value> = seen
        .handoffs
        .iter()
        .map(|(time, handoff)| json!({ "time": time, "from": handoff.from, "to": handoff.to, "reason": handoff.reason, "depth": handoff.depth, "max_depth": handoff.max_depth }))
        .collect();
    let value = json!({ "run": run, "status": status, "strategy": about["strategy"], "members": rows, "handoffs": handoffs });
    cx.show(&value, |out| {
        let mut table = Table::new(&["member", "who", "state", "times"]);
        for member in all {
            let known = standing(member);
            let (tone, word) = known.word();
            table.row([
                (
                    Tone::Strong,
                    member["name"].as_str().unwrap_or_default().to_owned(),
                ),
                (Tone::Plain, who(member)),
                (tone, word.to_owned()),
                (Tone::Plain, (known.done + known.failed).to_string()),
            ]);
        }
        table.write(out);
        for (time, handoff) in &seen.handoffs {
            out.text(&format!(
                "{}  {} hands over to {} ({} of {}): {}",
                clock(*time),
                handoff.from,
                handoff.to,
                handoff.depth,
                handoff.max_depth,
                handoff.reason
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use dirigent_protocol::digest::Digest;
    use dirigent_protocol::run::{AgentCall, Data, EffectId, OnUnknown, StepId};

    use super::*;

    fn handed_over(at: &str) -> EventBody {
        let call = AgentCall {
            agent: "x".into(),
            version: None,
            input: Arc::default(),
            message: None,
            handoff: Some(Handoff {
                from: "a".into(),
                to: "b".into(),
                reason: "hard".into(),
                ..Handoff::default()
            }),
            turn: None,
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
        let mut seen = Seen::of(["a", "b", "c"].map(str::to_owned));
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
        let words: Vec<&str> = seen.members.values().map(|known| known.word().1).collect();
        assert_eq!(words, ["done", "works", "waits"]);
        assert_eq!(seen.handoffs[0].1.reason, "hard");
    }
}
