//! New runs that come from another: tried again where it failed or from a step, begun anew, forked from an event.
//!
//! Invariant: such a run refers to the other's journal and copies nothing of it; an effect that had finished there is
//! not performed again, one that was in flight begins anew with a key of its own.

use std::sync::Arc;

use dirigent_engine::machine::{Fork, Stimulus};
use dirigent_protocol::Payload;
use dirigent_protocol::entity::{Document, Kind, WorkflowExecution, WorkflowVersion};
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::{Lineage, Origin, Status};
use dirigent_store::{Guard, Txn};
use serde_json::{Value, json};

use super::survey::Survey;
use crate::records::{Actor, Draft, Journal, MAX_CHAIN};
use crate::review::LABEL;
use crate::runtime::api::Started;
use crate::runtime::approvals::papers::shown;
use crate::runtime::conversation;
use crate::runtime::error::RuntimeError;
use crate::runtime::handle::RuntimeHandle;
use crate::runtime::plans::{body, unread};
use crate::runtime::run::driver::Driver;
use crate::runtime::run::load::fold_tail;
use crate::runtime::run::message::Wish;

/// An input that is the other run's is repeated in the document only up to this size, bytes of JSON.
const REPEATED: usize = 1 << 10;

/// From where a run goes on, as a new run.
#[derive(Debug, Clone, PartialEq)]
pub enum From {
    /// Where it failed or was stopped.
    Failure,
    /// The last time a step began; its address or its task's name.
    Step(String),
    /// Its beginning: the same version, the same input.
    Start,
    /// One of its events, perhaps with another input.
    Event {
        /// The last event that counts.
        at: u64,
        /// Another input.
        input: Option<Value>,
    },
}

/// The run gone on from, as it is read.
struct Past {
    run: RunId,
    document: Document,
    execution: WorkflowExecution,
    journal: Journal,
}

impl RuntimeHandle {
    /// Starts a new run that comes from another; answers when its first events are durable.
    ///
    /// # Errors
    /// The other run cannot be gone on from there, the input does not fit, or the store did not commit.
    pub async fn again(&self, run: RunId, from: From, actor: Actor) -> Result<Started, RuntimeError> {
        self.core.space.get().admit()?;
        let past = self.past(run)?;
        let request = actor.key;
        // What a report says was counted for that run alone.
        let other_input = matches!(&from, From::Event { input: Some(_), .. });
        let is_review = past.document.metadata.labels.contains_key(LABEL);
        if is_review && (other_input || past.execution.status == Status::Completed) {
            let detail = "it is an agent's look back on its work, counted once".to_owned();
            return Err(past.refuse(detail, "look back again: `dirigent agents review`"));
        }
        let started = match from {
            From::Start => Box::pin(self.anew(&past, actor)).await,
            From::Event { at, input } => {
                let survey = Survey::of(&past.journal, &*self.core.store, None)?;
                let at = past.event(at, &survey)?;
                Box::pin(self.go_on(&past, at, Lineage::Forked, input, actor)).await
            }
            From::Failure => {
                let survey = Survey::of(&past.journal, &*self.core.store, None)?;
                let at = past.failure(&survey)?;
                Box::pin(self.go_on(&past, at, Lineage::Retried, None, actor)).await
            }
            From::Step(step) => {
                let survey = Survey::of(&past.journal, &*self.core.store, Some(&step))?;
                let at = past.step(&step, &survey)?;
                Box::pin(self.go_on(&past, at, Lineage::Retried, None, actor)).await
            }
        };
        match started {
            Ok(started) if started.status == Status::Pending => self.answered_before(request),
            other => other,
        }
    }

    fn past(&self, run: RunId) -> Result<Past, RuntimeError> {
        let document = self.core.plans.execution(run)?;
        let execution: WorkflowExecution = body(&document)?;
        let journal = Journal::of(&self.core.records, run, execution.origin.as_ref()).map_err(unread)?;
        Ok(Past {
            run,
            document,
            execution,
            journal,
        })
    }

    /// The same run from its beginning, with the versions it pinned.
    async fn anew(&self, past: &Past, actor: Actor) -> Result<Started, RuntimeError> {
        let workflow = self.core.plans.of_run(&past.execution)?;
        let mut reader = Driver::new(&self.core, past.run, workflow);
        fold_tail(&mut reader, &past.journal, u64::MAX)?;
        past.began(&reader)?;
        let stimulus = Stimulus::Start {
            input: reader.state.input().clone(),
            pins: reader.state.pins().clone(),
        };
        let origin = Origin {
            run: past.run,
            at: 0,
            how: Lineage::Restarted,
        };
        let run = RunId(self.core.chance.id());
        let version = past.execution.workflow_version;
        let document = self.born((past, version), run, origin, past.execution.input.clone(), &actor)?;
        let fresh = Driver::new(&self.core, run, reader.workflow);
        let input = reader.state.input().clone();
        self.begin(fresh, document, stimulus, &input, actor).await
    }

    async fn go_on(
        &self,
        past: &Past,
        at: u64,
        how: Lineage,
        input: Option<Value>,
        actor: Actor,
    ) -> Result<Started, RuntimeError> {
        if past.journal.chain() > MAX_CHAIN {
            return Err(RuntimeError::NotFrom {
                run: past.run,
                detail: format!("it comes from another run, that from another, and so on {MAX_CHAIN} times"),
                help: "begin it anew: `dirigent runs retry RUN --from-start`",
            });
        }
        let run = RunId(self.core.chance.id());
        let mut driver = Driver::new(&self.core, run, self.core.plans.of_run(&past.execution)?);
        fold_tail(&mut driver, &past.journal, at)?;
        past.began(&driver)?;
        // At that event it may have been on an earlier version than it is now.
        let version;
        (version, driver.workflow) = self.core.plans.of_state(&past.execution, &driver.state)?;
        (driver.tally.events, driver.tally.bytes) = (0, 0);
        driver.base = at;
        // Events that the other run has from a third one are that one's.
        let origin = Origin {
            run: past.journal.owner(at).unwrap_or(past.run),
            at,
            how,
        };
        let said = match &input {
            Some(input) => shown(input),
            None => past.input(origin.run),
        };
        let mut document = self.born((past, version), run, origin, said, &actor)?;
        conversation::label(&mut document.metadata.labels, input.as_ref());
        let given = input
            .clone()
            .map_or_else(|| driver.state.input().clone(), Arc::new);
        let stimulus = Stimulus::Fork(Fork {
            origin: origin.run,
            at,
            how,
            input: input.map(Arc::new),
        });
        self.begin(driver, document, stimulus, &given, actor).await
    }

    async fn begin(
        &self,
        driver: Driver,
        document: Document,
        stimulus: Stimulus,
        input: &Payload,
        actor: Actor,
    ) -> Result<Started, RuntimeError> {
        let run = driver.run;
        let ask = self.core.ask_for(&driver.workflow, input, None, None).await?;
        let origin = body::<WorkflowExecution>(&document)?.origin;
        let wish = Wish::Start {
            document: Box::new(document),
            stimulus: Box::new(stimulus),
            ask: Box::new(ask),
            beside: Some(Box::new(while_there(origin))),
        };
        let status = self.set_going(driver, wish, actor).await?;
        Ok(Started {
            run,
            existing: false,
            status,
        })
    }

    fn born(
        &self,
        (past, pinned): (&Past, EntityId),
        run: RunId,
        origin: Origin,
        input: Value,
        actor: &Actor,
    ) -> Result<Document, RuntimeError> {
        let version = self
            .core
            .records
            .get(Kind::WorkflowVersion, pinned)
            .map_err(unread)?;
        let missing = || RuntimeError::Missing {
            what: "the version the run pinned".into(),
        };
        let version: WorkflowVersion = body(&version.ok_or_else(missing)?.document)?;
        let execution = WorkflowExecution {
            workflow: version.workflow_name,
            workflow_version: pinned,
            digest: version.digest,
            version: version.version,
            input,
            origin: Some(origin),
            started_by: actor.subject.name.clone(),
            ..WorkflowExecution::default()
        };
        let spec = serde_json::to_value(execution).unwrap_or_default();
        Ok(Draft::of(Kind::WorkflowExecution, "", spec)
            .id(run.into())
            .org(past.document.metadata.org)
            .owner(actor.subject.user)
            .labels(past.document.metadata.labels.clone())
            .document((self.core.clock)()))
    }
}

/// Nothing goes on from a run that is deleted meanwhile.
fn while_there(origin: Option<Origin>) -> Txn {
    let guard = |origin: Origin| {
        Guard::Exists(crate::records::key::document(
            Kind::WorkflowExecution,
            origin.run.into(),
        ))
    };
    Txn {
        guards: origin.map(guard).into_iter().collect(),
        ..Txn::default()
    }
}

impl Past {
    /// The other run's input as the new one's document shows it: not a second time where it is large.
    fn input(&self, origin: RunId) -> Value {
        let input = &self.execution.input;
        let bytes = input.to_string().len();
        if bytes <= REPEATED {
            return input.clone();
        }
        json!({ "not_shown": format!("{bytes} bytes; the same as that of run {origin}") })
    }

    fn event(&self, at: u64, survey: &Survey) -> Result<u64, RuntimeError> {
        if at == 0 || at > survey.last {
            return Err(self.refuse(
                format!("it has no event {at}; its events are 1 to {}", survey.last),
                "`dirigent runs events RUN` lists them",
            ));
        }
        Ok(at.min(survey.limit))
    }

    fn failure(&self, survey: &Survey) -> Result<u64, RuntimeError> {
        match survey.ended {
            _ if survey.undone => Err(self.undone()),
            Some(Status::Faulted | Status::Cancelled) => Ok(survey.limit),
            Some(_) => Err(self.refuse(
                "nothing of it failed".to_owned(),
                "say from where: `--from STEP` or `--from-start`",
            )),
            None => Err(self.refuse(
                "it has not ended".to_owned(),
                "cancel it first, or fork it: `dirigent runs fork RUN --at EVENT`",
            )),
        }
    }

    fn step(&self, step: &str, survey: &Survey) -> Result<u64, RuntimeError> {
        if survey.ended.is_none() || survey.undone {
            return self.failure(survey);
        }
        if let Some(failed) = &survey.failed
            && (failed.to_string() == step || failed.pointer.rsplit('/').next() == Some(step))
        {
            // Whatever ended beside it stays.
            return Ok(survey.limit);
        }
        let before = survey.before_step.map(|before| before.clamp(1, survey.limit));
        before.ok_or_else(|| {
            self.refuse(
                format!("its step `{step}` never began"),
                "name a step as `dirigent runs events RUN` shows it, or its task",
            )
        })
    }

    /// A run that was cancelled while it waited for its turn has nothing to go on from.
    fn began(&self, read: &Driver) -> Result<(), RuntimeError> {
        match read.state.started_at() {
            Some(_) => Ok(()),
            None => Err(self.refuse(
                "it never began".to_owned(),
                "start it: `dirigent run NAME --input ...`",
            )),
        }
    }

    /// What counts as done was undone: to go on behind it would build on what is not there.
    fn undone(&self) -> RuntimeError {
        self.refuse(
            "its cancel undid what it had done".to_owned(),
            "begin it anew: `dirigent runs retry RUN --from-start`",
        )
    }

    fn refuse(&self, detail: String, help: &'static str) -> RuntimeError {
        RuntimeError::NotFrom {
            run: self.run,
            detail,
            help,
        }
    }
}
