//! An agent elsewhere that speaks the A2A protocol: its message, its task, its answer.
//!
//! No program of this machine and no tree. Whatever it says counts as untrusted, and telling it something is an outward
//! act: where private data came into the run and untrusted content with it, a person is asked first.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dirigent_protocol::entity::{Agent, ForeignAgent};
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{
    AnswerWord, ApprovalClass, Authentication, EffectAnswer, EffectAsk, EffectOutcome, EffectRequest,
    Resource, Scheme, Usage, WorkflowError,
};
use serde_json::{Value, json};

use super::super::a2a::{Follow, Gone, Link, Told};
use super::super::performer::{Call, Means, failed, refused};
use super::super::web::Web;
use super::super::{agent_answer, secrets, secrets_mask};
use super::ask::given;
use super::work::{Task, limit};
use crate::clock::Clock;
use crate::misfit::misfit;
use crate::runtime::error::RuntimeError;

/// The longest time between two looks at a task, seconds, where nothing is said.
const POLL_S: u32 = 5;
/// Names the question whether something may be told at all.
const SEND: &str = "send";

/// The way to agents elsewhere.
pub(in super::super) struct Elsewhere {
    web: Web,
    data_dir: PathBuf,
    gone: Gone,
    clock: Clock,
}

/// Where one is, and what must not come back.
struct Place {
    card: Option<Resource>,
    server: Option<Resource>,
    values: Vec<String>,
}

impl Elsewhere {
    /// # Errors
    /// The client for HTTP cannot be set up.
    pub(super) fn open(means: &Means) -> Result<Self, RuntimeError> {
        Ok(Self {
            web: Web::open(means)?,
            data_dir: means.data_dir.clone(),
            gone: Gone::default(),
            clock: means.clock.clone(),
        })
    }

    /// One effect of it: sent, followed or answered.
    pub(super) async fn turn(&self, task: &Task<'_>, call: &Call) -> EffectOutcome {
        let answers = call.request.answers();
        if let Some(ended) = may_send(task, call, answers) {
            return ended;
        }
        let place = match self.place(task.foreign) {
            Ok(place) => place,
            Err(refusal) => return *refusal,
        };
        let quiet = (!place.values.is_empty()).then(|| Call {
            live: call.live.clone().silenced(),
            ..call.clone()
        });
        let message = |newer: bool| message(&task.prompt, newer, &call.key);
        let follow = follow(
            (&self.web, &self.clock),
            task,
            (&place, quiet.as_ref().unwrap_or(call)),
            &message,
        );
        let outcome = match Box::pin(follow.go_on()).await {
            Ok((told, _)) => done(task, &told),
            Err(ended) => *ended,
        };
        let outcome = secrets_mask::masked(outcome, &place.values);
        self.gone.note(call, &outcome);
        outcome
    }

    /// Calls off what is open there.
    pub(in super::super) async fn stop(&self, (agent, foreign): (&Agent, &ForeignAgent), call: &Call) {
        let task = Task {
            agent,
            foreign,
            version: "",
            prompt: String::new(),
            secrets: BTreeMap::new(),
        };
        if let Ok(place) = self.place(foreign) {
            let nothing = |_: bool| Value::Null;
            Box::pin(follow((&self.web, &self.clock), &task, (&place, call), &nothing).stop()).await;
        }
    }

    /// Calls that wait for people, of a run that is over.
    pub(in super::super) fn over(&self, run: RunId) -> Vec<Call> {
        self.gone.over(run)
    }

    fn place(&self, foreign: &ForeignAgent) -> Result<Place, Box<EffectOutcome>> {
        let wanted: BTreeMap<String, String> = Some(&foreign.token)
            .filter(|token| !token.is_empty())
            .map(|token| ("token".to_owned(), token.clone()))
            .into_iter()
            .collect();
        let granted = secrets::granted(&self.data_dir, &wanted)?;
        let authentication = granted.variables.get("token").map(|token| Authentication {
            scheme: Scheme::Bearer,
            with: json!({ "token": token }),
        });
        let resource = |uri: &String| {
            (!uri.is_empty()).then(|| Resource {
                uri: uri.clone(),
                authentication: authentication.clone(),
            })
        };
        Ok(Place {
            card: resource(&foreign.card),
            server: resource(&foreign.endpoint),
            values: granted.values,
        })
    }
}

fn follow<'a>(
    (web, clock): (&'a Web, &'a Clock),
    task: &Task<'a>,
    (place, call): (&'a Place, &'a Call),
    parameters: &'a (dyn Fn(bool) -> Value + Send + Sync),
) -> Follow<'a> {
    let poll = task.foreign.poll_s.unwrap_or(POLL_S).max(1);
    Follow {
        link: Link {
            web,
            card: place.card.as_ref(),
            server: place.server.as_ref(),
        },
        whom: whom(&call.request),
        parameters,
        answers: call.request.answers(),
        call,
        clock,
        limit: limit(task),
        poll: Duration::from_secs(u64::from(poll)),
    }
}

fn whom(request: &EffectRequest) -> &str {
    match request {
        EffectRequest::Agent(call) => &call.agent,
        _ => "the agent",
    }
}

fn message(text: &str, newer: bool, key: &str) -> Value {
    let mut message = json!({ "messageId": key, "parts": [{ "text": text }] });
    if newer {
        message["role"] = "ROLE_USER".into();
        return json!({ "message": message, "configuration": { "returnImmediately": true } });
    }
    message["role"] = "user".into();
    message["kind"] = "message".into();
    message["parts"][0]["kind"] = "text".into();
    json!({ "message": message, "configuration": { "blocking": false } })
}

/// Where a person must be asked before anything is told, or said no.
fn may_send(task: &Task<'_>, call: &Call, answers: &[EffectAnswer]) -> Option<EffectOutcome> {
    match answers.first().filter(|answer| answer.id == SEND) {
        Some(answer) if answer.word == AnswerWord::Accept => return None,
        Some(answer) => {
            let detail = match answer.word {
                AnswerWord::Decline => format!("{} said no", answer.by),
                _ => "nobody allowed it in time".to_owned(),
            };
            return Some(refused(
                "approval",
                403,
                "The agent was not told anything",
                detail,
            ));
        }
        None if !answers.is_empty() => return None,
        None => {}
    }
    let seen = call.seen.and(given(task.agent, task.foreign));
    let both = seen.private && (call.seen.untrusted || !task.agent.trusted_input);
    let declared = task
        .foreign
        .approval
        .is_some_and(|class| class > ApprovalClass::Never);
    if !both && !declared {
        return None;
    }
    let whom = whom(&call.request);
    let to = match task.foreign.card.as_str() {
        "" => &task.foreign.endpoint,
        card => card,
    };
    let reason = match both {
        true => "untrusted content and private data came into this run, and this goes out of it",
        false => "its definition says that a person is asked",
    };
    let ask = EffectAsk {
        id: SEND.to_owned(),
        title: format!("Tell {whom} this?"),
        action: format!("send it to {whom}"),
        reason: Some(reason.to_owned()),
        payload: json!({ "agent": whom, "to": to, "message": task.prompt }),
        ..EffectAsk::default()
    };
    Some(EffectOutcome::Asks { ask: Arc::new(ask) })
}

/// What came out, as the step's output.
fn done(task: &Task<'_>, told: &Told) -> EffectOutcome {
    let said = told.said();
    let mut output = json!({ "text": said.text });
    for (name, parts) in [("data", &said.data), ("files", &said.files)] {
        if !parts.is_empty() {
            output[name] = json!(parts);
        }
    }
    for (name, value) in [("task", told.task()), ("context", told.context())] {
        if let Some(value) = value {
            output[name] = value.into();
        }
    }
    if let Some(schema) = &task.agent.output_schema {
        match structured(schema, &said.data, &said.text) {
            Ok(answer) => output["answer"] = answer,
            Err(error) => {
                let title = "The agent's answer does not fit its schema";
                let mut problem = WorkflowError::standard("validation", 422, title).detail(error);
                problem.data = output;
                return failed(problem, false);
            }
        }
    }
    let facts = BTreeMap::from([
        ("protocol".to_owned(), "a2a".into()),
        ("agent_version".to_owned(), task.version.into()),
    ]);
    EffectOutcome::Done {
        output: Arc::new(output),
        usage: Usage {
            calls: 1,
            unpriced_calls: 1,
            ..Usage::default()
        },
        facts,
    }
}

/// The first part of data that fits; else its words, read as JSON.
fn structured(schema: &Value, data: &[Value], text: &str) -> Result<Value, String> {
    let mut found = None;
    for one in data {
        match misfit(schema, one) {
            Ok(None) => return Ok(one.clone()),
            Ok(Some(why)) | Err(why) => found = found.or(Some(why)),
        }
    }
    match (found, text.is_empty()) {
        (Some(why), true) => Err(why),
        _ => agent_answer::read(Some(schema), text).map_err(|error| error.to_string()),
    }
}
