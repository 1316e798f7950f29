//! `run: { workflow }`: a published workflow, as a run of its own. It is cancelled with this one.

use dirigent_protocol::Payload;
use dirigent_protocol::run::{EffectRequest, OnUnknown, WorkflowCall};

use super::process_parts::Around;
use crate::document::{Fields, Template};
use crate::machine::{Builder, KindRow, Me, Next, Outcome, Task, TaskIndex, Turn};

pub(super) const ROW: KindRow = KindRow {
    keyword: "run",
    target: Some("workflow"),
    fields: &["run"],
    doc: "Runs a published workflow as a run of its own and gives its output.",
    shape: "run: { workflow: { namespace: NAME, name: NAME, version: VERSION|latest, input: {...} }, await: true }",
    read: Some(read),
};

#[derive(Debug)]
struct RunWorkflow {
    namespace: Template,
    name: Template,
    version: Template,
    input: Option<Template>,
    detached: bool,
}

fn read(builder: &mut Builder, fields: &Fields<'_>, _: TaskIndex) -> Option<Box<dyn Task>> {
    let reader = &mut builder.reader;
    let (node, path) = fields.get("run")?;
    let run = reader.fields(node, &path, &["workflow", "return", "await"])?;
    let around = Around::read(reader, &run);
    let (node, path) = run.get("workflow")?;
    let workflow = reader.fields(node, &path, &["namespace", "name", "version", "input"])?;
    let whole = reader.require(&workflow, &["namespace", "name", "version"]);
    let mut part = |name: &str| {
        let (node, at) = workflow.get(name)?;
        reader.text(node, &at)?;
        Template::read(reader, node, &at)
    };
    let (namespace, name, version) = (part("namespace"), part("name"), part("version"));
    let input = match workflow.get("input") {
        Some((node, at)) if node.as_str().is_none() => {
            reader.open(node, &at)?;
            Some(Template::read(reader, node, &at)?)
        }
        Some((node, at)) => Some(Template::read_bare(reader, node, &at)?),
        None => None,
    };
    whole.then_some(())?;
    Some(Box::new(RunWorkflow {
        namespace: namespace?,
        name: name?,
        version: version?,
        input,
        detached: around?.detached,
    }))
}

impl Task for RunWorkflow {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let mut part = |template: &Template| super::process_parts::text(turn, me, template, "the workflow");
        let (namespace, name, version) = (part(&self.namespace)?, part(&self.name)?, part(&self.version)?);
        let input = match &self.input {
            Some(input) => turn.template(me, input, None)?,
            None => turn.input(me.frame),
        };
        let call = WorkflowCall {
            namespace,
            name,
            version,
            input,
            detached: self.detached,
        };
        turn.request(me, EffectRequest::Workflow(call))
    }

    fn performed(&self, turn: &mut Turn<'_, '_>, me: Me<'_>, output: Payload) -> Outcome {
        let output = if self.detached {
            turn.input(me.frame)
        } else {
            output
        };
        Ok(Next::Done(output, None))
    }

    /// The same key finds the same run again.
    fn always_on_unknown(&self) -> Option<OnUnknown> {
        Some(OnUnknown::Retry)
    }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::EffectRequest;
    use serde_json::json;

    use crate::testing::{Bench, done};

    #[test]
    fn its_input_is_computed_and_its_output_comes_back() {
        let mut run = Bench::yaml(
            "do:
  - s: { run: { workflow: { namespace: test, name: other, version: '${ .v }', input: { customer: '${ .user }' } } } }
",
        )
        .start(json!({"user": "ada", "v": "1.0.0"}));
        let effect = run.intended()[0];
        let EffectRequest::Workflow(call) = run.request(effect) else {
            panic!("no workflow")
        };
        assert_eq!((call.name.as_str(), call.version.as_str()), ("other", "1.0.0"));
        assert_eq!(*call.input, json!({"customer": "ada"}));
        run.settle(effect, done(json!({"registered": true})));
        assert_eq!(run.output(), json!({"registered": true}));
    }
}
