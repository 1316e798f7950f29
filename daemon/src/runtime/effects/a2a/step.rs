//! `call: a2a`, the standard's step: one method; a message is followed to the end of its task.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dirigent_protocol::run::{A2aCall, EffectOutcome, Usage};
use serde_json::{Map, Value, json};

use super::super::performer::Call;
use super::super::web::{Ended, Web};
use super::follow::Follow;
use super::task::Told;
use super::wire::Link;
use crate::clock::Clock;

/// How long a task is followed where the step's own `timeout` does not end it before.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3_600);
/// The longest time between two looks.
const POLL: Duration = Duration::from_secs(5);
/// The name of the agent, for people.
const WHOM: &str = "the agent";

fn link<'a>(web: &'a Web, wanted: &'a A2aCall) -> Link<'a> {
    Link {
        web,
        card: wanted.card.as_ref(),
        server: wanted.server.as_ref(),
    }
}

/// Asks and answers with the JSON-RPC result.
pub(in super::super) async fn ask(
    (web, clock): (&Web, &Clock),
    wanted: &A2aCall,
    call: &Call,
) -> EffectOutcome {
    let asked = async {
        if wanted.method == "message/send" && !at_once(&wanted.parameters) {
            return followed((web, clock), wanted, call).await;
        }
        let server = link(web, wanted).find().await?;
        let parameters = |newer: bool| parameters(wanted, newer, &call.key);
        let asked = link(web, wanted);
        asked.call(&server, &wanted.method, &parameters, &call.key).await
    };
    match asked.await {
        Ok(output) => EffectOutcome::Done {
            output: Arc::new(output),
            usage: Usage::default(),
            facts: BTreeMap::new(),
        },
        Err(ended) => *ended,
    }
}

/// Calls off what is open of it.
pub(in super::super) async fn stop(with: (&Web, &Clock), wanted: &A2aCall, call: &Call) {
    follow(with, wanted, call, &|_| Value::Null).stop().await;
}

/// Its author wants the task as it is at first, and looks after it in steps of their own.
fn at_once(parameters: &Value) -> bool {
    let how = &parameters["configuration"];
    how["blocking"] == false || how["returnImmediately"] == true
}

fn follow<'a>(
    (web, clock): (&'a Web, &'a Clock),
    wanted: &'a A2aCall,
    call: &'a Call,
    parameters: &'a (dyn Fn(bool) -> Value + Send + Sync),
) -> Follow<'a> {
    Follow {
        link: link(web, wanted),
        whom: WHOM,
        parameters,
        answers: &wanted.answers,
        call,
        clock,
        limit: LONGEST,
        poll: POLL,
    }
}

async fn followed(with: (&Web, &Clock), wanted: &A2aCall, call: &Call) -> Result<Value, Ended> {
    let message = |newer: bool| {
        let mut parameters = parameters(wanted, newer, &call.key);
        not_waiting(&mut parameters, newer);
        parameters
    };
    let (told, newer) = follow(with, wanted, call, &message).go_on().await?;
    Ok(match (told, newer) {
        (Told::Task(task), true) => json!({ "task": task }),
        (Told::Message(message), true) => json!({ "message": message }),
        (Told::Task(said) | Told::Message(said), false) => said,
    })
}

/// The answer is wanted at once: what its task is called must be known before anything can be cut off.
fn not_waiting(parameters: &mut Value, newer: bool) {
    if let Some(all) = parameters.as_object_mut() {
        let how = all
            .entry("configuration")
            .or_insert_with(|| Value::Object(Map::new()));
        if let Some(how) = how.as_object_mut() {
            how.remove("blocking");
            how.remove("returnImmediately");
            let (word, value) = if newer {
                ("returnImmediately", true)
            } else {
                ("blocking", false)
            };
            how.insert(word.to_owned(), value.into());
        }
    }
}

/// Parameters with what the standard wants filled in: the message's id and who says it.
fn parameters(call: &A2aCall, newer: bool, key: &str) -> Value {
    let mut parameters = match &call.parameters {
        Value::Null => json!({}),
        given => given.clone(),
    };
    if !call.method.starts_with("message/") {
        return parameters;
    }
    if let Some(message) = parameters.get_mut("message").and_then(Value::as_object_mut) {
        // The same attempt has the same id, so that a server can tell a repeat.
        message
            .entry("messageId")
            .or_insert_with(|| Value::String(key.to_owned()));
        let role = if newer { "ROLE_USER" } else { "user" };
        message
            .entry("role")
            .or_insert_with(|| Value::String(role.to_owned()));
        if !newer {
            message
                .entry("kind")
                .or_insert_with(|| Value::String("message".to_owned()));
        } else if let Some(Value::Array(parts)) = message.get_mut("parts") {
            // In 1.0 a part is told by its field.
            for part in parts.iter_mut().filter_map(Value::as_object_mut) {
                part.remove("kind");
            }
        }
    }
    parameters
}
