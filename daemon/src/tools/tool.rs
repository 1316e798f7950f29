//! What a kind of tool must be able to do.

use std::sync::Arc;

use dirigent_protocol::Payload;
use dirigent_protocol::chat::ToolDefinition;
use dirigent_protocol::entity::McpServer;
use dirigent_protocol::run::{EffectAsk, EffectRequest, OnUnknown, Sandbox, Traits};
use futures::future::BoxFuture;
use serde_json::Value;

use super::change::Open;

/// Why there is nothing to offer.
#[derive(Debug)]
pub(crate) enum Closed {
    /// In words.
    Words(String),
    /// A person is asked first; with what they say it is looked at again.
    Asks(Arc<EffectAsk>),
}

impl From<String> for Closed {
    fn from(words: String) -> Self {
        Self::Words(words)
    }
}

/// What tools must ask of the outside to describe themselves.
pub(crate) trait World: Send + Sync {
    /// The list of tools of a server, whole, as it is now.
    ///
    /// # Errors
    /// Why there is none.
    fn manifest<'a>(&'a self, server: &'a McpServer) -> BoxFuture<'a, Result<Vec<Value>, Closed>>;
}

/// A tool as it is offered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Offered {
    /// For the model; the name may have the grant's before it.
    pub(crate) definition: ToolDefinition,
    /// The name on the tool's own side.
    pub(crate) own: String,
    /// What it has to do with, as its kind assumes.
    pub(crate) traits: Traits,
    /// It only reads.
    pub(crate) read_only: bool,
    /// What is done when nobody knows how a call ended, where its kind knows better than the rule.
    pub(crate) on_unknown: Option<OnUnknown>,
}

/// What a grant offers now.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Described {
    /// Its tools.
    pub(crate) offered: Vec<Offered>,
    /// Names of tools that are there and cannot be offered.
    pub(crate) withheld: Vec<String>,
    /// Why a person must be asked before any of them: they are not what was looked at.
    pub(crate) stale: Option<String>,
    /// What names this list, where it comes from outside.
    pub(crate) manifest: Option<dirigent_protocol::digest::Digest>,
}

/// A call as its performer will have it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    /// What is performed.
    pub(crate) request: EffectRequest,
    /// Where it goes, for people.
    pub(crate) destination: String,
    /// What would be written over.
    pub(crate) before: Option<Payload>,
}

/// A kind of tool, as one grant has it.
pub(crate) trait Tool: Send + Sync {
    /// What it offers now.
    ///
    /// # Errors
    /// Why nothing can be offered.
    fn describe<'a>(&'a self, world: &'a dyn World) -> BoxFuture<'a, Result<Described, Closed>>;

    /// A call of it by its own name, complete. Arguments have been checked against its schema and the grant's limits.
    ///
    /// # Errors
    /// Why it is refused, for the model.
    fn call(&self, own: &str, arguments: &Value, described: &Described) -> Result<Wanted, String>;

    /// What its program is kept to; none where it is no program, or where nothing is said.
    fn sandbox(&self) -> Option<Sandbox> {
        None
    }

    /// What of a call's request a person may change before it is made; `limits` are the schemas of its arguments.
    fn open(&self, _own: &str, _limits: &[&Value]) -> Vec<Open> {
        Vec::new()
    }
}
