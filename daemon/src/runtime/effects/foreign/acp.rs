//! One turn with an agent that speaks the Agent Client Protocol (version 1): from its prompt, or from an answer to its
//! questions, to its next question or its end.

use std::collections::BTreeMap;

use dirigent_protocol::run::{ApprovalClass, EffectOutcome, Usage, WorkflowError};
use dirigent_protocol::watch::StreamSource;
use serde_json::{Value, json};

use super::super::confine::Kept;
use super::super::performer::{Call, failed, refused};
use super::super::web::Ended;
use super::ask::{self, Known};
use super::place::{Noted, Place};
use super::session::{Pause, Session};
use super::terminals::Spawner;
use super::work::{Foreign, Outcome, Task, limit};

/// The version that is spoken.
const VERSION: u64 = 1;
/// The protocol's number for "log in first".
const NOT_LOGGED_IN: i64 = -32_000;
/// What an agent is told whose session is taken up again.
const GO_ON: &str = "You were interrupted. Look at what is done already, and go on from where you stopped.";

/// A turn.
pub(super) async fn turn(
    foreign: &Foreign,
    task: &Task<'_>,
    kept: Kept,
    call: &Call,
) -> Result<EffectOutcome, Ended> {
    let place = Place::of(&foreign.dir, &call.key);
    let limit = limit(task);
    let begun = async {
        match foreign.take(&place.name) {
            Some(session) if call.conversation.is_some() => answered(session, call).await,
            _ => start(foreign, task, kept, &place, call).await,
        }
    };
    let session = tokio::select! {
        biased;
        () = call.cancel.cancelled() => return Ok(EffectOutcome::Cancelled),
        begun = tokio::time::timeout(limit, Box::pin(begun)) => begun,
    };
    let mut session = session.unwrap_or_else(|_| Err(Box::new(too_long(limit.as_secs()))))?;
    let ended = tokio::select! {
        biased;
        () = call.cancel.cancelled() => None,
        pause = tokio::time::timeout(limit, Box::pin(session.until(session_prompt(&session), &call.live))) => Some(pause),
    };
    match ended {
        Some(Ok(Pause::Asks)) => asks(foreign, task, session, call),
        Some(Ok(Pause::Answered(Ok(result)))) => Ok(done(foreign, task, session, &result).await),
        Some(Ok(Pause::Answered(Err(error)))) => {
            let problem = problem("The agent failed", &error);
            Ok(give_up(foreign, task, session, problem).await)
        }
        Some(Ok(Pause::Gone(reason))) => Ok(EffectOutcome::Unknown { reason }),
        Some(Err(_)) => {
            drop(tokio::time::timeout(foreign.grace, session.cancel(&call.live)).await);
            let problem = WorkflowError::standard("timeout", 408, "The agent takes too long");
            let problem = problem.detail(format!("a turn may take {} s", limit.as_secs()));
            Ok(give_up(foreign, task, session, problem).await)
        }
        None => {
            drop(tokio::time::timeout(foreign.grace, session.cancel(&call.live)).await);
            let problem = WorkflowError::standard("runtime", 500, "The agent was stopped");
            drop(give_up(foreign, task, session, problem).await);
            Ok(EffectOutcome::Cancelled)
        }
    }
}

fn session_prompt(session: &Session) -> u64 {
    session.prompt
}

fn too_long(seconds: u64) -> EffectOutcome {
    let detail = format!("it has not begun after {seconds} s");
    refused("timeout", 408, "The agent takes too long", detail)
}

/// A session whose questions a person answered.
async fn answered(mut session: Session, call: &Call) -> Result<Session, Ended> {
    let chosen = ask::answers(call.conversation.as_deref());
    match session.reply(&chosen).await {
        Ok(()) => Ok(session),
        Err(reason) => Err(Box::new(EffectOutcome::Unknown { reason })),
    }
}

/// A new process: with a new session, or with the one that a crash left.
async fn start(
    foreign: &Foreign,
    task: &Task<'_>,
    kept: Kept,
    place: &Place,
    call: &Call,
) -> Result<Session, Ended> {
    let noted = foreign.tree(place, task, true).await?;
    let spawner = Spawner {
        dirigentd: foreign.dirigentd.clone(),
        kept,
        room: foreign.room(place, &noted.worktree, task.foreign),
        environment: task.foreign.environment.clone().into_iter().collect(),
        key: place.name.clone(),
    };
    let program = (task.foreign.command.as_str(), &task.foreign.arguments[..]);
    let begun = Session::begin(
        (program, &task.secrets),
        spawner,
        (place.clone(), noted.worktree.clone()),
    );
    let mut session = match begun {
        Ok(session) => session,
        Err(error) => {
            place.leave(false);
            noted.worktree.remove().await;
            let problem = WorkflowError::standard("configuration", 501, "The agent cannot be started");
            let problem = problem.detail(format!("{}: {error}", task.foreign.command));
            return Err(Box::new(failed(problem, false)));
        }
    };
    session.known = Known::of(call.conversation.as_deref());
    session.allows = task.foreign.approval == Some(ApprovalClass::Never);
    match greet(&mut session, &noted, call).await {
        Ok(resumed) => {
            let words = if resumed { GO_ON } else { &task.prompt };
            match session.prompt(words).await {
                Ok(()) => Ok(session),
                Err(reason) => Err(Box::new(EffectOutcome::Unknown { reason })),
            }
        }
        // It has done nothing yet.
        Err(problem) => Err(Box::new(give_up(foreign, task, session, problem).await)),
    }
}

/// The handshake; says whether the session is the old one.
async fn greet(session: &mut Session, noted: &Noted, call: &Call) -> Result<bool, WorkflowError> {
    let client = json!({ "name": "dirigent", "title": "Dirigent", "version": env!("CARGO_PKG_VERSION") });
    let can = json!({ "fs": { "readTextFile": true, "writeTextFile": true }, "terminal": true });
    let hello = json!({ "protocolVersion": VERSION, "clientCapabilities": can, "clientInfo": client });
    let greeted = asked(session, "initialize", hello, call).await?;
    if greeted["protocolVersion"] != VERSION {
        let detail = format!(
            "it speaks version {} of the protocol, and not {VERSION}",
            greeted["protocolVersion"]
        );
        return Err(
            WorkflowError::standard("communication", 501, "The agent speaks another version").detail(detail),
        );
    }
    let loads = greeted["agentCapabilities"]["loadSession"] == true;
    let tree = &session.worktree.tree;
    let mut params = json!({ "cwd": tree, "mcpServers": [] });
    if let Some(old) = noted.session.as_ref().filter(|_| loads) {
        params["sessionId"] = json!(old);
        session.id.clone_from(old);
        session.quiet = true;
        asked(session, "session/load", params, call).await?;
        call.live
            .write(StreamSource::Note, "\nthe agent takes its session up again\n");
        return Ok(true);
    }
    let made = asked(session, "session/new", params, call).await?;
    session.id = made["sessionId"].as_str().unwrap_or_default().to_owned();
    let noted = Noted {
        worktree: session.worktree.clone(),
        session: loads.then(|| session.id.clone()),
    };
    session.place.note(&noted).map_err(|error| {
        WorkflowError::standard("runtime", 500, "The agent's session cannot be noted")
            .detail(error.to_string())
    })?;
    Ok(false)
}

async fn asked(
    session: &mut Session,
    method: &str,
    params: Value,
    call: &Call,
) -> Result<Value, WorkflowError> {
    match session.ask(method, params, &call.live).await {
        Pause::Answered(Ok(result)) => Ok(result),
        Pause::Answered(Err(error)) => Err(problem(&format!("The agent refuses `{method}`"), &error)),
        Pause::Asks => Err(WorkflowError::standard(
            "communication",
            502,
            "The agent asks before it is told anything",
        )),
        Pause::Gone(reason) => {
            let problem = WorkflowError::standard("communication", 503, "The agent does not greet");
            Err(problem.detail(reason))
        }
    }
}

/// An error of the protocol.
fn problem(title: &str, error: &Value) -> WorkflowError {
    let kind = if error["code"] == NOT_LOGGED_IN {
        "authentication"
    } else {
        "runtime"
    };
    let words = error["message"].as_str().unwrap_or("it does not say why");
    let mut problem = WorkflowError::standard(kind, 502, title);
    problem = problem.detail(match error["data"].clone() {
        Value::Null => words.to_owned(),
        more => format!("{words}: {more}"),
    });
    problem
}

/// Its questions are the turn; the session waits for their answers.
fn asks(
    foreign: &Foreign,
    task: &Task<'_>,
    mut session: Session,
    call: &Call,
) -> Result<EffectOutcome, Ended> {
    let said = std::mem::take(&mut session.said);
    let place = format!(
        "{} ({})",
        session.worktree.tree.display(),
        task.foreign.sandbox.name()
    );
    let turn = ask::turn(
        (task.agent, task.foreign),
        task.version,
        &said,
        &session.asked,
        &place,
    );
    session.said = said;
    foreign.wait(call.run, session, task.foreign.keep)?;
    Ok(EffectOutcome::Turn {
        turn: turn.into(),
        usage: Usage::default(),
        facts: BTreeMap::new(),
    })
}

async fn done(foreign: &Foreign, task: &Task<'_>, session: Session, result: &Value) -> EffectOutcome {
    let stop = result["stopReason"].as_str().unwrap_or("end_turn").to_owned();
    let problem = (stop != "end_turn").then(|| {
        let title = match stop.as_str() {
            "refusal" => "The agent refuses",
            _ => "The agent stopped before it was done",
        };
        WorkflowError::standard("runtime", 500, title).detail(format!("stop reason `{stop}`"))
    });
    let count = |name: &str| result["usage"][name].as_u64().unwrap_or(0);
    let usage = Usage {
        calls: 1,
        input_tokens: count("inputTokens"),
        output_tokens: count("outputTokens"),
        unpriced_calls: 1,
        ..Usage::default()
    };
    conclude(foreign, task, session, problem, (stop, usage)).await
}

/// Nothing more is to be had of it; what it changed is told with the error.
async fn give_up(
    foreign: &Foreign,
    task: &Task<'_>,
    session: Session,
    problem: WorkflowError,
) -> EffectOutcome {
    conclude(
        foreign,
        task,
        session,
        Some(problem),
        ("none".to_owned(), Usage::default()),
    )
    .await
}

async fn conclude(
    foreign: &Foreign,
    task: &Task<'_>,
    mut session: Session,
    problem: Option<WorkflowError>,
    (stop, usage): (String, Usage),
) -> EffectOutcome {
    let (place, worktree) = (session.place.clone(), session.worktree.clone());
    let text = std::mem::take(&mut session.said);
    // Nobody writes to the tree while it is read.
    drop(session);
    let outcome = Outcome {
        text,
        more: vec![("stop_reason", json!(stop))],
        usage,
        facts: BTreeMap::from([("protocol".to_owned(), "acp".into())]),
        problem,
    };
    foreign.finish(task, (&place, &worktree), outcome).await
}
