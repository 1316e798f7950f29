//! Which tools the rehearsal calls: those its script names for this turn, as far as they are offered.
//!
//! Invariant: no tool is called that nobody wrote down. What a tool's schema requires beyond the arguments that are
//! written down is taken from what was read.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::brief::Brief;
use super::extract::Findings;
use super::fill;
use crate::{ChatRequest, Part, RehearsedCall, Role, ToolCall, ToolChoice, ToolDefinition, tokens};

/// The calls of this turn; none where the script has ended or names no tool that is offered.
pub(super) fn next(request: &ChatRequest, brief: &Brief, findings: &Findings<'_>) -> Vec<Part> {
    if request.tool_choice == ToolChoice::None {
        return Vec::new();
    }
    // What was said before what is said now was rehearsed in its own calls.
    let now = request
        .messages
        .iter()
        .rev()
        .take_while(|message| message.role != Role::User);
    let turn = now
        .filter(|message| message.tool_calls().next().is_some())
        .count();
    let written = request.rehearsal.get(turn).map_or(&[][..], Vec::as_slice);
    let offered = written.iter().filter_map(|call| {
        let tool = request.tools.iter().find(|tool| tool.name == call.tool)?;
        Some((call, tool))
    });
    let calls = offered.enumerate().map(|(place, (call, tool))| {
        Part::ToolCall(ToolCall {
            id: format!("rehearsal-{}-{}", turn + 1, place + 1),
            name: tool.name.clone(),
            arguments: Arc::new(Value::Object(arguments(call, tool, brief, findings))),
            opaque: Value::Null,
        })
    });
    calls.collect()
}

fn arguments(
    call: &RehearsedCall,
    tool: &ToolDefinition,
    brief: &Brief,
    findings: &Findings<'_>,
) -> Map<String, Value> {
    let filled = fill::answer(&missing(call, &tool.parameters), brief, findings);
    let Value::Object(mut arguments) = filled else {
        return call.arguments.clone();
    };
    arguments.extend(call.arguments.clone());
    arguments
}

/// The schema of what is required and not written down.
fn missing(call: &RehearsedCall, schema: &Value) -> Value {
    let mut schema = schema.clone();
    let required: Vec<Value> = schema["required"].as_array().cloned().unwrap_or_default();
    let open = |name: &str| required.iter().any(|known| known == name) && !call.arguments.contains_key(name);
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.retain(|name, _| open(name));
    }
    if let Some(object) = schema.as_object_mut() {
        let left: Vec<Value> = required
            .iter()
            .filter(|name| name.as_str().is_some_and(open))
            .cloned()
            .collect();
        object.insert("required".into(), Value::Array(left));
    }
    schema
}

/// About how many tokens the calls are.
pub(super) fn tokens(calls: &[Part]) -> u64 {
    let count = |part: &Part| match part {
        Part::ToolCall(call) => tokens::count(&call.name) + tokens::count(&call.arguments.to_string()),
        _ => 0,
    };
    calls.iter().map(count).sum()
}
