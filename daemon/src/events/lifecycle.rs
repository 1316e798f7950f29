//! Lifecycle events of the standard, derived from a run's own events.
//!
//! Invariant: the same event of a run always gives the same CloudEvents, with the same ids.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use dirigent_protocol::bus::LIFECYCLE;
use dirigent_protocol::entity::{Kind, WorkflowExecution, WorkflowVersion};
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::{EventBody, RunEvent, StepId};
use serde_json::{Map, Value, json};

use crate::records::{RecordError, Records};

/// Runs whose names are kept in memory.
const MAX_KNOWN: usize = 10_000;

/// What is said of a run in each of its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The run.
    pub run: RunId,
    /// Its organisation.
    pub org: EntityId,
    /// The workflow's name.
    pub workflow: String,
    /// Its namespace.
    pub namespace: String,
    /// The author's version.
    pub version: String,
}

/// Finds what is to be said of runs.
pub struct Abouts {
    records: Records,
    known: Mutex<HashMap<RunId, Option<Arc<About>>>>,
}

impl Abouts {
    /// Reads from these records.
    #[must_use]
    pub fn new(records: Records) -> Self {
        Self {
            records,
            known: Mutex::default(),
        }
    }

    /// What is said of a run; none where there is no such run.
    ///
    /// # Errors
    /// The store did not answer.
    pub fn of(&self, run: RunId) -> Result<Option<Arc<About>>, RecordError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(&run) {
            return Ok(found.clone());
        }
        let about = self.read(run)?.map(Arc::new);
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(run, about.clone());
        Ok(about)
    }

    fn read(&self, run: RunId) -> Result<Option<About>, RecordError> {
        let Some(stored) = self.records.get(Kind::WorkflowExecution, run.into())? else {
            return Ok(None);
        };
        let Ok(execution) = stored.document.body::<WorkflowExecution>() else {
            return Ok(None);
        };
        let version = self
            .records
            .get(Kind::WorkflowVersion, execution.workflow_version)?
            .and_then(|stored| stored.document.body::<WorkflowVersion>().ok());
        let namespace = version
            .as_ref()
            .and_then(|version| version.document["document"]["namespace"].as_str())
            .unwrap_or("default");
        Ok(Some(About {
            run,
            org: stored.document.metadata.org,
            namespace: namespace.to_owned(),
            workflow: execution.workflow,
            version: execution.version,
        }))
    }
}

/// The CloudEvents that an event of a run gives: none, one, two for a task that is created and started at once, or one for
/// each task that is suspended or resumed with its run.
#[must_use]
pub fn derived(about: &About, event: &RunEvent) -> Vec<Value> {
    let at = event.time.to_string();
    let workflow = |word: &str, moment: &str, more: Value| {
        let mut data = json!({ "name": about.qualified(), moment: at });
        extend(&mut data, more);
        about.event(event, &format!("workflow.{word}.v1"), data)
    };
    let task = |word: &str, moment: &str, step: &StepId, more: Value| {
        let mut data = json!({ "workflow": about.qualified(), "task": step.to_string(), moment: at });
        extend(&mut data, more);
        about.event(event, &format!("task.{word}.v1"), data)
    };
    match &event.body {
        EventBody::WorkflowStarted { .. } | EventBody::WorkflowForked { .. } => {
            let definition = json!({
                "name": about.workflow, "namespace": about.namespace, "version": about.version
            });
            vec![workflow(
                "started",
                "startedAt",
                json!({ "definition": definition }),
            )]
        }
        EventBody::WorkflowSuspended { tasks, .. } => {
            let of_task = |step| task("suspended", "suspendedAt", step, json!({}));
            let own = workflow("suspended", "suspendedAt", json!({}));
            [own].into_iter().chain(tasks.iter().map(of_task)).collect()
        }
        EventBody::WorkflowResumed { by: Some(_), tasks } => {
            let of_task = |step| task("resumed", "resumedAt", step, json!({}));
            let own = workflow("resumed", "resumedAt", json!({}));
            [own].into_iter().chain(tasks.iter().map(of_task)).collect()
        }
        EventBody::WorkflowCompleted { .. } => vec![workflow("completed", "completedAt", json!({}))],
        EventBody::WorkflowCancelled { .. } => vec![workflow("cancelled", "cancelledAt", json!({}))],
        EventBody::WorkflowFaulted { error } => {
            vec![workflow("faulted", "faultedAt", json!({ "error": error }))]
        }
        EventBody::ListenOpened { .. } => {
            vec![workflow("correlation-started", "startedAt", json!({}))]
        }
        EventBody::EventReceived {
            closes: true,
            correlations,
            ..
        } => {
            let keys = json!({ "correlationKeys": correlations });
            vec![workflow("correlation-completed", "completedAt", keys)]
        }
        EventBody::TaskStarted { step, .. } => vec![
            task("created", "createdAt", step, json!({})),
            task("started", "startedAt", step, json!({})),
        ],
        EventBody::TaskCompleted { step, .. } => vec![task("completed", "completedAt", step, json!({}))],
        EventBody::TaskRetried { step, .. } => vec![task("retried", "retriedAt", step, json!({}))],
        EventBody::TaskCancelled { step, .. } => vec![task("cancelled", "cancelledAt", step, json!({}))],
        EventBody::TaskFaulted { step, error } => {
            vec![task("faulted", "faultedAt", step, json!({ "error": error }))]
        }
        _ => Vec::new(),
    }
}

fn extend(data: &mut Value, more: Value) {
    if let (Value::Object(data), Value::Object(more)) = (data, more) {
        data.extend(more);
    }
}

impl About {
    /// The name of the run, as the standard has it: the workflow's, made unique, and the namespace.
    fn qualified(&self) -> String {
        format!("{}-{}.{}", self.workflow, self.run, self.namespace)
    }

    fn event(&self, event: &RunEvent, kind: &str, data: Value) -> Value {
        let more = match kind {
            "task.created.v1" => "c".to_owned(),
            "task.suspended.v1" | "task.resumed.v1" => data["task"].as_str().unwrap_or_default().to_owned(),
            _ => String::new(),
        };
        let mut made = Map::new();
        made.insert("specversion".to_owned(), json!("1.0"));
        let id = format!("{}/{}{more}", self.run, event.seq);
        made.insert("id".to_owned(), json!(id));
        let source = format!("/{}/{}/{}", self.namespace, self.workflow, self.version);
        made.insert("source".to_owned(), json!(source));
        made.insert("type".to_owned(), json!(format!("{LIFECYCLE}{kind}")));
        made.insert("time".to_owned(), json!(event.time));
        made.insert("subject".to_owned(), json!(self.run.to_string()));
        made.insert("datacontenttype".to_owned(), json!("application/json"));
        made.insert("data".to_owned(), data);
        Value::Object(made)
    }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::Data;

    use super::*;

    fn about() -> About {
        About {
            run: RunId::new(),
            org: EntityId::new(),
            workflow: "order".into(),
            namespace: "shop".into(),
            version: "1.0.0".into(),
        }
    }

    fn event(body: EventBody) -> RunEvent {
        RunEvent {
            seq: 3,
            time: "2026-11-22T18:00:00Z".parse().unwrap(),
            body,
        }
    }

    #[test]
    fn a_started_task_is_two_events_and_the_same_ones_every_time() {
        let about = about();
        let started = event(EventBody::TaskStarted {
            step: StepId::new("/do/0/pay"),
            task: "pay".into(),
            kind: "call".into(),
            input: Data::WorkflowInput,
        });
        let made = derived(&about, &started);
        let kinds: Vec<_> = made.iter().map(|event| event["type"].clone()).collect();
        assert_eq!(
            kinds,
            [
                "io.serverlessworkflow.task.created.v1",
                "io.serverlessworkflow.task.started.v1"
            ]
        );
        assert_eq!(made[1]["data"]["task"], "/do/0/pay");
        assert_ne!(made[0]["id"], made[1]["id"]);
        assert_eq!(made, derived(&about, &started));
    }

    #[test]
    fn names_are_the_standards_and_inner_works_are_not_told() {
        let about = about();
        let suspended = |tasks| EventBody::WorkflowSuspended {
            by: "ada".into(),
            tasks,
        };
        let made = derived(&about, &event(suspended(Vec::new())));
        assert_eq!(
            made[0]["data"],
            json!({"name": format!("order-{}.shop", about.run), "suspendedAt": "2026-11-22T18:00:00Z"})
        );
        assert!(derived(&about, &event(EventBody::WorkflowWaiting {})).is_empty());
        let by_itself = EventBody::WorkflowResumed {
            by: None,
            tasks: Vec::new(),
        };
        assert!(derived(&about, &event(by_itself)).is_empty());
    }

    #[test]
    fn tasks_are_suspended_with_their_run_each_by_its_own_name() {
        let about = about();
        let tasks = vec![StepId::new("/do/0/each"), "/do/0/each/do/0/a#1".parse().unwrap()];
        let body = EventBody::WorkflowSuspended {
            by: "ada".into(),
            tasks,
        };
        let made = derived(&about, &event(body));
        let kinds: Vec<&str> = made.iter().filter_map(|made| made["type"].as_str()).collect();
        let task = "io.serverlessworkflow.task.suspended.v1";
        assert_eq!(kinds, ["io.serverlessworkflow.workflow.suspended.v1", task, task]);
        assert_eq!(made[2]["data"]["task"], "/do/0/each/do/0/a#1");
        let mut ids: Vec<&Value> = made.iter().map(|made| &made["id"]).collect();
        ids.dedup();
        assert_eq!(ids.len(), 3, "{ids:?}");
    }
}
