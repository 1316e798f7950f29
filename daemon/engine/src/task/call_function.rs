//! `call: NAME`: a function of the document, under `use.functions`.

use crate::document::{Fields, Template};
use crate::machine::{Builder, Done, KindRow, Me, Next, Outcome, Task, TaskIndex, TaskList, Turn};
use dirigent_protocol::run::WorkflowError;

pub(super) const ROW: KindRow = KindRow {
    keyword: "call",
    target: Some("*"),
    fields: &["call", "with"],
    doc: "Runs the task of that name under `use.functions`; `with` is its input.",
    shape: "call: NAME, with: { NAME: VALUE, ... }",
    read: Some(read),
};

/// What other versions will know as functions of a built-in catalog.
const LATER: [&str; 5] = ["orchestration", "handoff", "tool", "knowledge", "notify"];
const KNOWN: [&str; 4] = ["http", "agent", "approval", "noop"];

#[derive(Debug)]
struct CallFunction {
    with: Option<Template>,
    list: TaskList,
}

fn read(builder: &mut Builder, fields: &Fields<'_>, me: TaskIndex) -> Option<Box<dyn Task>> {
    let (node, path) = fields.get("call")?;
    let name = node.as_str()?.to_owned();
    let with = match fields.get("with") {
        Some((node, at)) => Template::read(&mut builder.reader, node, &at).map(Some),
        None => Some(None),
    };
    let Some((function, at)) = builder.function(&name) else {
        let reader = &mut builder.reader;
        let elsewhere = name.contains("://") || name.contains('@');
        if elsewhere || LATER.contains(&name.as_str()) {
            let message = format!("`call: {name}` is not supported yet");
            reader
                .error("unsupported_task", message, node.span.start, &path)
                .help = Some("define the function under `use.functions`".to_owned());
            return None;
        }
        let functions = reader.named.keys().filter(|(section, _)| *section == "functions");
        let names: Vec<String> = functions.map(|(_, name)| name.clone()).collect();
        let candidates = names.iter().map(String::as_str).chain(KNOWN);
        let help = match dirigent_protocol::source::nearest(&name, candidates) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "define it under `use.functions`, or call http, agent, approval or noop".to_owned(),
        };
        let message = format!("there is no function `{name}`");
        reader
            .error("unknown_function", message, node.span.start, &path)
            .help = Some(help);
        return None;
    };
    let list = builder.expand_function(&name, &function, &at, node, &path, me)?;
    Some(Box::new(CallFunction { with: with?, list }))
}

impl Task for CallFunction {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let Some(task) = self.list.tasks.first() else {
            return Err(WorkflowError::standard("configuration", 500, "The function is empty").into());
        };
        let input = match &self.with {
            Some(with) => turn.template(me, with, None)?,
            None => turn.input(me.frame),
        };
        Ok(Next::StartWith(*task, input))
    }

    fn begin_again(&self, turn: &mut Turn<'_, '_>, me: Me<'_>, _: TaskIndex) -> Outcome {
        self.start(turn, me)
    }

    fn child_done(&self, _turn: &mut Turn<'_, '_>, _me: Me<'_>, done: Done) -> Outcome {
        Ok(Next::Done(done.output, None))
    }

    fn lists(&self) -> Vec<(&'static str, &TaskList)> {
        vec![("", &self.list)]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::Bench;

    #[test]
    fn a_function_gets_its_arguments() {
        let mut run = Bench::yaml(
            "use:
  functions:
    double: { set: { v: '${ .n * 2 }' } }
do:
  - a: { call: double, with: { n: '${ .x }' } }
  - b: { call: double, with: { n: '${ .v }' } }
",
        )
        .start(json!({"x": 3}));
        assert_eq!(run.output(), json!({"v": 12}));
    }
}
