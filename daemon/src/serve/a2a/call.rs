//! One JSON-RPC call of an agent.

use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use dirigent_protocol::entity::Over;
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::id::RunId;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::message::Message;
use super::stream;
use super::words::Revision;
use crate::serve::catalog::Entry;
use crate::serve::guest::{Guest, words};
use crate::serve::work::{self, Follow, Moment};

/// How long an answer that waits for the end of a task is waited for; then the task is told as it stands.
const PATIENCE: Duration = Duration::from_secs(110);

/// What a method does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Send,
    Stream,
    Get,
    Cancel,
    Subscribe,
    Push,
}

/// Names of 0.3 and of 1.0.
const METHODS: [(Method, &str, &str); 9] = [
    (Method::Send, "message/send", "SendMessage"),
    (Method::Stream, "message/stream", "SendStreamingMessage"),
    (Method::Get, "tasks/get", "GetTask"),
    (Method::Cancel, "tasks/cancel", "CancelTask"),
    (Method::Subscribe, "tasks/resubscribe", "SubscribeToTask"),
    (
        Method::Push,
        "tasks/pushNotificationConfig/set",
        "CreateTaskPushNotificationConfig",
    ),
    (
        Method::Push,
        "tasks/pushNotificationConfig/get",
        "GetTaskPushNotificationConfig",
    ),
    (
        Method::Push,
        "tasks/pushNotificationConfig/list",
        "ListTaskPushNotificationConfigs",
    ),
    (
        Method::Push,
        "tasks/pushNotificationConfig/delete",
        "DeleteTaskPushNotificationConfig",
    ),
];

/// A refusal: the code of JSON-RPC or of A2A, and words.
pub(super) struct Refusal(i64, String);

const PARSE: i64 = -32_700;
const REQUEST: i64 = -32_600;
const METHOD: i64 = -32_601;
const PARAMETERS: i64 = -32_602;
const INTERNAL: i64 = -32_603;
const NO_TASK: i64 = -32_001;
const NOT_CANCELABLE: i64 = -32_002;
const NO_PUSH: i64 = -32_003;
const UNSUPPORTED: i64 = -32_004;

/// The matter of one call.
struct Asked<'a> {
    guest: &'a Guest,
    entry: &'a Entry,
    revision: Revision,
    params: &'a Value,
}

/// Answers a call to an offer.
pub(in crate::serve) async fn answer(
    guest: &Guest,
    entry: &Entry,
    body: &[u8],
    stop: CancellationToken,
) -> Response {
    let request: Value = match serde_json::from_slice(body) {
        Ok(request) => request,
        Err(error) => return refused(&Value::Null, &Refusal(PARSE, format!("this is no JSON: {error}"))),
    };
    let id = &request["id"];
    match carry_out(guest, entry, &request).await {
        Ok(Told::Result(result)) => {
            Json(json!({ "jsonrpc": "2.0", "id": id, "result": result })).into_response()
        }
        Ok(Told::Stream(follow, revision)) => stream::of(follow, revision, id.clone(), stop),
        Err(refusal) => refused(id, &refusal),
    }
}

fn refused(id: &Value, Refusal(code, message): &Refusal) -> Response {
    Json(json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })).into_response()
}

/// What an answer is.
enum Told {
    Result(Value),
    Stream(Box<Follow>, Revision),
}

async fn carry_out(guest: &Guest, entry: &Entry, request: &Value) -> Result<Told, Refusal> {
    let named = request["method"]
        .as_str()
        .filter(|_| request["jsonrpc"] == "2.0" && !request["id"].is_null())
        .ok_or_else(|| {
            Refusal(
                REQUEST,
                "a call has `jsonrpc: \"2.0\"`, `id` and `method`".to_owned(),
            )
        })?;
    let row = METHODS.iter().find(|(_, old, new)| [*old, *new].contains(&named));
    let (method, old, _) = row.ok_or_else(|| Refusal(METHOD, "there is no such method".to_owned()))?;
    let revision = if *old == named {
        Revision::V03
    } else {
        Revision::V10
    };
    let asked = Asked {
        guest,
        entry,
        revision,
        params: &request["params"],
    };
    match method {
        Method::Send => asked.send().await.map(Told::Result),
        Method::Stream => {
            let run = asked.begin().await?;
            Ok(Told::Stream(Box::new(Follow::new(guest.clone(), run)), revision))
        }
        Method::Subscribe => {
            let moment = asked.task("id").await?;
            if moment.is_over() {
                return Err(Refusal(UNSUPPORTED, "the task is over".to_owned()));
            }
            Ok(Told::Stream(
                Box::new(Follow::new(guest.clone(), moment.run)),
                revision,
            ))
        }
        Method::Get => Ok(Told::Result(revision.task(&asked.task("id").await?))),
        Method::Cancel => asked.cancel().await.map(Told::Result),
        Method::Push => Err(Refusal(
            NO_PUSH,
            "tasks are streamed or asked for; nothing is pushed".to_owned(),
        )),
    }
}

impl Asked<'_> {
    /// The run of a message: a new one, or the one that the same message began before.
    async fn begin(&self) -> Result<RunId, Refusal> {
        let unfit = |why: &str| Refusal(PARAMETERS, why.to_owned());
        let message = Message::read(self.params).map_err(unfit)?;
        if let Some(task) = message.task {
            let moment = self.named(task).await?;
            if moment.is_over() {
                return Err(Refusal(UNSUPPORTED, "the task is over".to_owned()));
            }
            // What it waits for is a person's decision, and nobody decides through the agent.
            return Ok(moment.run);
        }
        let input = message.input(self.entry).map_err(unfit)?;
        let run = work::begin(self.guest, Over::A2a, self.entry, input, message.id).await;
        run.map_err(|fault| of_fault(&fault, PARAMETERS))
    }

    /// Begins a task and, unless the caller does not want to wait, tells it when it is over or needs somebody.
    async fn send(&self) -> Result<Value, Refusal> {
        let how = &self.params["configuration"];
        let waits = match self.revision {
            Revision::V03 => how["blocking"] != false,
            Revision::V10 => how["returnImmediately"] != true,
        };
        let run = self.begin().await?;
        let mut following = Follow::new(self.guest.clone(), run);
        let mut moment = following.next().await.map_err(|fault| internal(&fault))?;
        let waiting = async {
            while waits && !moment.is_over() && !moment.waits_for_person() {
                moment = following.next().await?;
            }
            Ok(())
        };
        if let Ok(Err(fault)) = tokio::time::timeout(PATIENCE, waiting).await {
            return Err(internal(&fault));
        }
        Ok(self.revision.sent(&moment))
    }

    async fn cancel(&self) -> Result<Value, Refusal> {
        let moment = self.task("id").await?;
        if moment.is_over() {
            return Err(Refusal(NOT_CANCELABLE, "the task is over".to_owned()));
        }
        let called_off = work::cancel(self.guest, moment.run, "cancelled over A2A").await;
        called_off.map_err(|fault| of_fault(&fault, NOT_CANCELABLE))?;
        let mut following = Follow::new(self.guest.clone(), moment.run);
        let mut moment = following.next().await.map_err(|fault| internal(&fault))?;
        let ending = async {
            while !moment.is_over() {
                moment = following.next().await?;
            }
            Ok(())
        };
        if let Ok(Err(fault)) = tokio::time::timeout(PATIENCE, ending).await {
            return Err(internal(&fault));
        }
        Ok(self.revision.task(&moment))
    }

    /// The task that a parameter names.
    async fn task(&self, parameter: &str) -> Result<Moment, Refusal> {
        let id = self.params[parameter].as_str();
        let id = id.ok_or_else(|| Refusal(PARAMETERS, format!("`{parameter}` must name a task")))?;
        self.named(id).await
    }

    async fn named(&self, id: &str) -> Result<Moment, Refusal> {
        let missing = || Refusal(NO_TASK, "there is no such task".to_owned());
        let run: RunId = id.parse().map_err(|_| missing())?;
        let found = work::look(self.guest, self.entry, run).await;
        found.map_err(|fault| match fault.code {
            Code::NotFound => missing(),
            _ => internal(&fault),
        })
    }
}

fn internal(fault: &Fault) -> Refusal {
    of_fault(fault, INTERNAL)
}

fn of_fault(fault: &Fault, wrong: i64) -> Refusal {
    let code = match fault.code {
        Code::Internal | Code::StoreDamaged | Code::StoreFailed => INTERNAL,
        _ => wrong,
    };
    Refusal(code, words(fault))
}
