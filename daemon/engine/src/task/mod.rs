//! Kinds of tasks: one file each, one row each.
//!
//! A kind's file holds its syntax, its behaviour and its tests. To add a kind: write the file, add its row to [`KINDS`].
//! Invariant: nothing outside a kind's file knows what is particular to it.

mod agent_tool;
mod approval_terms;
mod call_a2a;
mod call_agent;
mod call_approval;
mod call_asyncapi;
mod call_function;
mod call_grpc;
mod call_handoff;
mod call_http;
mod call_mcp;
mod call_named;
mod call_noop;
mod call_notify;
mod call_openapi;
mod call_route;
mod do_tasks;
mod emit;
mod endpoint;
mod for_each;
mod fork;
mod http_auth;
mod http_uri;
mod listen;
mod process_parts;
mod raise;
mod retry_policy;
mod run_container;
mod run_script;
mod run_shell;
mod run_workflow;
mod set;
mod switch;
mod try_catch;
mod wait;

use dirigent_protocol::source::Node;

use crate::document::TimeLimit;
use crate::machine::{Builder, KindRow};

pub(crate) use do_tasks::DoTasks;

/// Checks a part under `use`.
pub(crate) type Check = fn(&mut Builder, &Node, &str);

/// How parts under `use` are checked, whether or not a task refers to them.
pub(crate) const USED: &[(&str, Check)] = &[
    ("authentications", http_auth::Authentication::check),
    ("catalogs", call_function::check_catalog),
    ("errors", raise::check),
    ("functions", Builder::check_function),
    ("retries", retry_policy::check),
    ("timeouts", |builder, node, path| {
        // A text would refer to another: a limit is written out here.
        if builder.reader.open(node, path).is_some() {
            TimeLimit::read(&mut builder.reader, node, path);
        }
    }),
];

/// Every kind, in the order of the manual. Kinds with one keyword stand together; `*` takes what is left.
pub const KINDS: &[KindRow] = &[
    do_tasks::ROW,
    set::ROW,
    switch::ROW,
    for_each::ROW,
    fork::ROW,
    try_catch::ROW,
    raise::ROW,
    wait::ROW,
    run_shell::ROW,
    run_script::ROW,
    run_container::ROW,
    run_workflow::ROW,
    call_http::ROW,
    call_agent::ROW,
    call_approval::ROW,
    call_noop::ROW,
    call_notify::ROW,
    call_named::ORCHESTRATION,
    call_handoff::ROW,
    call_route::ROW,
    call_named::TOOL,
    call_named::KNOWLEDGE,
    call_openapi::ROW,
    call_grpc::ROW,
    call_asyncapi::ROW,
    call_mcp::ROW,
    call_a2a::ROW,
    call_function::ROW,
    listen::ROW,
    emit::ROW,
];
