//! Functions of our own catalog that name something published: `orchestration`, `tool`, `knowledge`.

use super::process_parts::text;
use crate::document::{Fields, Template};
use crate::machine::{Builder, KindRow, Me, Outcome, Stop, Task, TaskIndex, Turn};
use dirigent_protocol::run::{EffectRequest, FunctionCall, OnUnknown, WorkflowCall, WorkflowError};

pub(super) const ORCHESTRATION: KindRow = KindRow {
    keyword: "call",
    target: Some("orchestration"),
    fields: &["call", "with"],
    doc: "Runs a published orchestration or workflow by its name, as a run of its own.",
    shape: "call: orchestration, with: { name: NAME, version: VERSION|latest, input: VALUE }",
    read: Some(read_orchestration),
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
    Tool,
    Knowledge,
}

#[derive(Debug)]
struct CallNamed {
    what: What,
    name: Template,
    version: Option<Template>,
    value: Option<Template>,
}

fn read_orchestration(builder: &mut Builder, fields: &Fields<'_>, _: TaskIndex) -> Option<Box<dyn Task>> {
    read(builder, fields, What::Orchestration, ["name", "version", "input"])
}

fn read_tool(builder: &mut Builder, fields: &Fields<'_>, _: TaskIndex) -> Option<Box<dyn Task>> {
    read(builder, fields, What::Tool, ["name", "version", "arguments"])
}

fn read_knowledge(builder: &mut Builder, fields: &Fields<'_>, _: TaskIndex) -> Option<Box<dyn Task>> {
    let reader = &mut builder.reader;
    let message = "there are no knowledge bases yet: the call will fail";
    reader
        .warning("not_there", message, fields.node.span.start, fields.path)
        .help = Some("catch the error, or ask an agent that reads the files".to_owned());
    read(builder, fields, What::Knowledge, ["base", "limit", "query"])
}

/// `names`: the fields for the name, its version, the value.
fn read(
    builder: &mut Builder,
    fields: &Fields<'_>,
    what: What,
    names: [&'static str; 3],
) -> Option<Box<dyn Task>> {
    let reader = &mut builder.reader;
    if !reader.require(fields, &["with"]) {
        return None;
    }
    let (node, path) = fields.get("with")?;
    let with = reader.fields(node, &path, &names)?;
    if !reader.require(&with, &[names[0]]) {
        return None;
    }
    let part = |name: &str| with.get(name).map(|(node, at)| Template::read(reader, node, &at));
    let [name, version, value] = names.map(part);
    if [&version, &value].iter().any(|part| matches!(part, Some(None))) {
        return None;
    }
    Some(Box::new(CallNamed {
        what,
        name: name??,
        version: version.flatten(),
        value: value.flatten(),
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
            What::Knowledge => {
                let error = WorkflowError::standard("configuration", 501, "There are no knowledge bases yet");
                return Err(Stop::fault(error.detail(format!("`{name}` was not searched"))));
            }
        };
        turn.request(me, request)
    }

    fn always_on_unknown(&self) -> Option<OnUnknown> {
        Some(OnUnknown::Retry)
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
