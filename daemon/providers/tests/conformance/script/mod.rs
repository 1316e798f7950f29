//! What a server of each dialect says: one file and one row a dialect, so that the suite runs over all of them.
//!
//! The streams are written in the form the providers' public documentation shows.

mod anthropic_messages;
mod gemini_generate_content;
mod openai_chat;
mod openai_responses;

use dirigent_providers::DIALECTS;
use serde_json::Value;

use crate::server::Received;

/// Tokens in, out, and of those in cached.
pub(crate) type Counts = (u64, u64, u64);
/// Text of the last message, model, and whether streaming is asked for.
pub(crate) type Asked = (String, String, bool);

/// A call as a server sends it.
pub(crate) struct Called {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    /// Its arguments, as they are cut; together they are JSON, or not.
    pub(crate) pieces: &'static [&'static str],
}

/// An answer that thinks, speaks, and calls tools.
pub(crate) struct Turn {
    pub(crate) thought: &'static str,
    pub(crate) text: &'static str,
    pub(crate) calls: &'static [Called],
}

/// The words of one dialect.
pub(crate) struct Script {
    pub(crate) dialect: &'static str,
    /// Path below the base URL, for the model `tiny`.
    pub(crate) path: &'static str,
    /// Events of a whole answer.
    pub(crate) stream: fn(pieces: &[&str], usage: Option<Counts>) -> Vec<String>,
    /// Events of an answer that has only begun.
    pub(crate) begin: fn(pieces: &[&str]) -> Vec<String>,
    /// Body of an answer that is not streamed.
    pub(crate) whole: fn(text: &str) -> String,
    /// Events of an answer that calls tools.
    pub(crate) turn: fn(&Turn) -> Vec<String>,
    /// Body of an error.
    pub(crate) error: fn(code: &str, message: &str) -> String,
    /// Data of an error inside a stream.
    pub(crate) failure: fn(code: &str, message: &str) -> String,
    /// The text of the last message, the model and whether streaming is asked for, from a request.
    pub(crate) asked: fn(&Received) -> Asked,
    /// What the request repeats of `Turn`: its thinking, text and calls exactly as a server of this dialect wants them.
    pub(crate) repeated: fn(body: &Value) -> Value,
    /// What [`Script::repeated`] must give.
    pub(crate) kept: fn(&Turn) -> Value,
    /// The results of tools in a request: id, text, and whether it failed.
    pub(crate) results: fn(body: &Value) -> Vec<(String, String, bool)>,
    /// The name, description and schema of the first tool in a request, and the choice.
    pub(crate) tools: fn(body: &Value) -> (Value, Value),
    /// The choices as they are written: as it likes, none, any, `lookup`.
    pub(crate) choices: fn() -> [Value; 4],
    /// A piece of a call that never began; `None` where calls have no pieces.
    pub(crate) orphan: Option<fn() -> String>,
    /// Whether a request asks for an answer that fits a schema in the dialect's own way.
    pub(crate) shaped: fn(body: &Value) -> bool,
    /// Words of a server that does not know that way.
    pub(crate) unshaped: &'static str,
    /// Whether it knows a seed.
    pub(crate) seeds: bool,
}

const SCRIPTS: &[Script] = &[
    openai_chat::SCRIPT,
    openai_responses::SCRIPT,
    anthropic_messages::SCRIPT,
    gemini_generate_content::SCRIPT,
];

/// The script of every listed dialect.
pub(crate) fn all() -> impl Iterator<Item = &'static Script> {
    DIALECTS.iter().map(|dialect| {
        let script = SCRIPTS.iter().find(|script| script.dialect == dialect.name);
        script.unwrap_or_else(|| {
            panic!(
                "dialect `{}` has no row in tests/conformance/script",
                dialect.name
            )
        })
    })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A call's arguments as the JSON they are.
fn arguments(call: &Called) -> Value {
    serde_json::from_str(&call.pieces.concat()).unwrap_or_else(|_| Value::String(call.pieces.concat()))
}
