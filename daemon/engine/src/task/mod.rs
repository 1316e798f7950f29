//! Kinds of tasks: one file each, one row each.
//!
//! A kind's file holds its syntax, its behaviour and its tests. To add a kind: write the file, add its row to [`KINDS`].
//! Invariant: nothing outside a kind's file knows what is particular to it.

mod approval_terms;
mod call_agent;
mod call_approval;
mod call_asyncapi;
mod call_function;
mod call_http;
mod call_noop;
mod do_tasks;
mod emit;
mod for_each;
mod fork;
mod http_auth;
mod http_uri;
mod later;
mod listen;
mod raise;
mod retry_policy;
mod run_shell;
mod set;
mod switch;
mod try_catch;
mod wait;

use crate::machine::KindRow;

pub(crate) use do_tasks::DoTasks;

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
    later::RUN_SCRIPT,
    later::RUN_CONTAINER,
    later::RUN_WORKFLOW,
    call_http::ROW,
    call_agent::ROW,
    call_approval::ROW,
    call_noop::ROW,
    later::CALL_OPENAPI,
    later::CALL_GRPC,
    call_asyncapi::ROW,
    later::CALL_MCP,
    later::CALL_A2A,
    call_function::ROW,
    listen::ROW,
    emit::ROW,
];
