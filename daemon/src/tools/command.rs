//! Commands: refused by name until they have their sandbox.

use dirigent_protocol::entity::AgentTool;
use futures::future::BoxFuture;
use serde_json::Value;

use super::Kind;
use super::tool::{Described, Tool, Wanted, World};

/// Why there are none.
pub(super) const REFUSED: &str =
    "commands need a sandbox that this version does not have; grant an MCP server or files of a workspace";

pub(super) const KIND: Kind = Kind {
    field: "command",
    open: |grant: &AgentTool| grant.command.as_ref().map(|_| Box::new(Command) as Box<dyn Tool>),
};

struct Command;

impl Tool for Command {
    fn describe<'a>(&'a self, _: &'a dyn World) -> BoxFuture<'a, Result<Described, String>> {
        Box::pin(std::future::ready(Err(REFUSED.to_owned())))
    }

    fn call(&self, _: &str, _: &Value, _: &Described) -> Result<Wanted, String> {
        Err(REFUSED.to_owned())
    }
}
