//! Functions of our own catalog that name something published: `orchestration`, `handoff`, `tool`, `knowledge`.

use dirigent_protocol::run::{
    AgentCall, EffectRequest, FunctionCall, OnUnknown, WorkflowCall, WorkflowError,
};
use serde_json::{Value, json};

use super::process_parts::text;
use crate::document::{Fields, Template};
use crate::machine::{Builder, KindRow, Me, Outcome, Stop, Task, TaskIndex, Turn};

pub(super) const ORCHESTRATION: KindRow = KindRow {
    keyword: "call",
    target: Some("orchestration"),
    fields: &["call", "with"],
    doc: "Runs a published orchestration or workflow by its name, as a run of its own.",
    shape: "call: orchestration, with: { name: NAME, version: VERSION|latest, input: VALUE }",
    read: Some(read_orchestration),
};

pub(super) const HANDOFF: KindRow = KindRow {
    keyword: "call",
    target: Some("handoff"),
    fields: &["call", "with"],
    doc: "Hands the matter over to another agent: it gets the input, who hands over, and why.",
    shape: "call: handoff, with: { agent: NAME, input: VALUE, reason: TEXT }",
    read: Some(read_handoff),
};

pub(super) const TOOL: KindRow = KindRow {
    keyword: "call",
    target: Some("tool"),
    fields: &["call", "with"],
    doc: "Runs a function of the daemon's own catalog by its name, as a run of its own.",
    shape: "call: tool, with: { name: NAME, version: VERSION|latest, arguments: {...} }",
    read: Some(read_tool),
};

pub(super) const KNOWLEDGE: KindRow = KindRow {
    keyword: "call",
    target: Some("knowledge"),
    fields: &["call", "with"],
    doc: "Searches a knowledge base. Read and checked; the call itself fails by name, there are no bases yet.",
    shape: "call: knowledge, with: { base: NAME, query: TEXT, limit: NUMBER }",
    read: Some(read_knowledge),
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Orchestration,
    Handoff,
    Tool,
    Knowledge,
}

#[derive(Debug)]
struct CallNamed {
    what: What,
    name: Template,
    version: Option<Template>,
    value: Option<Template>,
    reason: Option<Template>,
}

fn read_orchestration(builder: &mut Builder, fields: &Fields<'_>, _: TaskIndex) -> Option<Box<dyn Task>> {
    read(
        builder,
        fields,
        What::Orchestration,
        ["name", "version", "input", ""],
    )
}

fn read_handoff(builder: &mut Builder, fields: &Fields<'_>, _: TaskIndex) -> Option<Box<dyn Task>> {
    read(builder, fields, What::Handoff, ["agent", "", "input", "reason"])
}

fn read_tool(builder: &mut Builder, fields: &Fields<'_>, _: TaskIndex) -> Option<Box<dyn Task>> {
    read(builder, fields, What::Tool, ["name", "version", "arguments", ""])
}

fn read_knowledge(builder: &mut Builder, fields: &Fields<'_>, _: TaskIndex) -> Option<Box<dyn Task>> {
    let reader = &mut builder.reader;
    let message = "there are no knowledge bases yet: the call will fail";
    reader
        .warning("not_there", message, fields.node.span.start, fields.path)
        .help = Some("catch the error, or ask an agent that reads the files".to_owned());
    read(builder, fields, What::Knowledge, ["base", "limit", "query", ""])
}

/// `names`: the fields for the name, its version, the value, the reason; empty where there is none.
fn read(
    builder: &mut Builder,
    fields: &Fields<'_>,
    what: What,
    names: [&'static str; 4],
) -> Option<Box<dyn Task>> {
    let reader = &mut builder.reader;
    if !reader.require(fields, &["with"]) {
        return None;
    }
    let (node, path) = fields.get("with")?;
    let known: Vec<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
    let with = reader.fields(node, &path, &known)?;
    if !reader.require(&with, &[names[0]]) {
        return None;
    }
    let part = |name: &str| with.get(name).map(|(node, at)| Template::read(reader, node, &at));
    let [name, version, value, reason] = names.map(part);
    let fixed = with.get(names[0]).and_then(|(node, _)| node.as_str());
    if what == What::Handoff
        && let Some(agent) = fixed.filter(|name| crate::expression::strip(name).is_none())
    {
        builder.uses_agent(agent);
    }
    if [&version, &value, &reason]
        .iter()
        .any(|part| matches!(part, Some(None)))
    {
        return None;
    }
    Some(Box::new(CallNamed {
        what,
        name: name??,
        version: version.flatten(),
        value: value.flatten(),
        reason: reason.flatten(),
    }))
}

impl CallNamed {
    fn optional(
        turn: &mut Turn<'_, '_>,
        me: Me<'_>,
        template: Option<&Template>,
        otherwise: &str,
    ) -> Result<String, Stop> {
        match template {
            Some(template) => text(turn, me, template, "a name"),
            None => Ok(otherwise.to_owned()),
        }
    }
}

impl Task for CallNamed {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let name = text(turn, me, &self.name, "a name")?;
        let version = Self::optional(turn, me, self.version.as_ref(), "latest")?;
        let input = match &self.value {
            Some(value) => turn.template(me, value, None)?,
            None => turn.input(me.frame),
        };
        let request = match self.what {
            What::Orchestration => EffectRequest::Workflow(WorkflowCall {
                namespace: String::new(),
                name,
                version,
                input,
                detached: false,
            }),
            What::Tool => EffectRequest::Function(FunctionCall {
                function: format!("{name}:{version}@default"),
                catalog: None,
                input,
            }),
            What::Handoff => {
                let reason = Self::optional(turn, me, self.reason.as_ref(), "")?;
                let from = turn.step(me.frame).to_string();
                let told = match &*input {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                let message = json!({ "handed over by": from, "why": reason, "matter": told });
                EffectRequest::Agent(AgentCall {
                    version: turn.state.pins().agents.get(&name).copied(),
                    agent: name,
                    input,
                    message: Some(message.to_string()),
                })
            }
            What::Knowledge => {
                let error = WorkflowError::standard("configuration", 501, "There are no knowledge bases yet");
                return Err(Stop::fault(error.detail(format!("`{name}` was not searched"))));
            }
        };
        turn.request(me, request)
    }

    fn always_on_unknown(&self) -> Option<OnUnknown> {
        (self.what != What::Handoff).then_some(OnUnknown::Retry)
    }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::EffectRequest;
    use serde_json::json;

    use crate::testing::Bench;

    fn request(task: &str) -> EffectRequest {
        let run = Bench::yaml(&format!("do:\n  - a: {task}\n")).start(json!({"x": 1}));
        run.request(run.intended()[0])
    }

    #[test]
    fn each_names_what_it_wants() {
        let EffectRequest::Workflow(call) = request("{ call: orchestration, with: { name: review } }") else {
            panic!("no workflow")
        };
        assert_eq!(
            (call.version.as_str(), &*call.input),
            ("latest", &json!({"x": 1}))
        );
        let EffectRequest::Function(call) =
            request("{ call: tool, with: { name: grep, arguments: { n: '${ .x }' } } }")
        else {
            panic!("no function")
        };
        assert_eq!(
            (call.function.as_str(), &*call.input),
            ("grep:latest@default", &json!({"n": 1}))
        );
        let EffectRequest::Agent(call) =
            request("{ call: handoff, with: { agent: expert, reason: too hard } }")
        else {
            panic!("no agent")
        };
        assert!(call.message.unwrap().contains("too hard"));
    }

    #[test]
    fn knowledge_is_refused_by_name() {
        let error = Bench::yaml("do:\n  - a: { call: knowledge, with: { base: manuals, query: q } }\n")
            .start(json!({}))
            .error();
        assert_eq!(error.status, 501);
        assert!(error.detail.unwrap().contains("manuals"));
    }
}
