//! Kinds of the standard that this version knows by name and does not run yet: a document that uses one is refused
//! with its name and place. Each becomes a file of its own when it is built.

use crate::machine::KindRow;

const fn later(
    keyword: &'static str,
    target: Option<&'static str>,
    fields: &'static [&'static str],
    doc: &'static str,
) -> KindRow {
    KindRow {
        keyword,
        target,
        fields,
        doc,
        shape: "not supported yet",
        read: None,
    }
}

const CALL: &[&str] = &["call", "with"];
const RUN: &[&str] = &["run"];

pub(super) const RUN_SCRIPT: KindRow = later("run", Some("script"), RUN, "Runs a script.");
pub(super) const RUN_CONTAINER: KindRow = later("run", Some("container"), RUN, "Runs a container.");
pub(super) const RUN_WORKFLOW: KindRow = later("run", Some("workflow"), RUN, "Runs another workflow.");
pub(super) const CALL_OPENAPI: KindRow = later("call", Some("openapi"), CALL, "Calls an OpenAPI operation.");
pub(super) const CALL_GRPC: KindRow = later("call", Some("grpc"), CALL, "Calls a gRPC method.");
pub(super) const CALL_MCP: KindRow = later(
    "call",
    Some("mcp"),
    CALL,
    "Calls a Model Context Protocol server.",
);
pub(super) const CALL_A2A: KindRow = later("call", Some("a2a"), CALL, "Calls an agent by the A2A protocol.");
