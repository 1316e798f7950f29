//! `run: { shell }`: a command of this machine.

use std::collections::BTreeMap;

use dirigent_protocol::run::{EffectRequest, ShellCall, WorkflowError};
use serde_json::Value;

use crate::document::{Fields, Template};
use crate::machine::{Builder, KindRow, Me, Outcome, Stop, Task, TaskIndex, Turn};

pub(super) const ROW: KindRow = KindRow {
    keyword: "run",
    target: Some("shell"),
    fields: &["run"],
    doc: "Runs a command as the daemon's user; arguments are passed unchanged as $1, $2, ...",
    shape: "run: { shell: { command: TEXT, arguments: [ TEXT ], stdin: TEXT, environment: { NAME: TEXT } }, return: stdout|stderr|code|all|none, await: true }",
    read: Some(read),
};

#[derive(Debug)]
struct RunShell {
    command: Template,
    arguments: Vec<Template>,
    stdin: Option<Template>,
    environment: Vec<(String, Template)>,
    returns: &'static str,
    detached: bool,
}

fn read(builder: &mut Builder, fields: &Fields<'_>, _: TaskIndex) -> Option<Box<dyn Task>> {
    let reader = &mut builder.reader;
    let (node, path) = fields.get("run")?;
    let run = reader.fields(node, &path, &["shell", "return", "await"])?;
    let returns = match run.get("return") {
        Some((node, at)) => reader.word(node, &at, &["stdout", "stderr", "code", "all", "none"])?,
        None => "stdout",
    };
    let waits = run
        .get("await")
        .and_then(|(n, at)| reader.boolean(n, &at))
        .unwrap_or(true);
    let (node, path) = run.get("shell")?;
    let shell = reader.fields(node, &path, &["command", "arguments", "stdin", "environment"])?;
    let whole = reader.require(&shell, &["command"]);
    let command = shell.get("command").and_then(|(n, at)| {
        reader.text(n, &at)?;
        Template::read(reader, n, &at)
    });
    let mut arguments = Vec::new();
    if let Some((node, at)) = shell.get("arguments") {
        match node.as_sequence() {
            Some(items) => {
                for (i, item) in items.iter().enumerate() {
                    let at = format!("{at}/{i}");
                    if reader.text(item, &at).is_some() {
                        arguments.push(Template::read(reader, item, &at)?);
                    }
                }
            }
            None => reader.expected(node, &at, "a list of texts"),
        }
    }
    let stdin = match shell.get("stdin") {
        Some((node, at)) => Some(Template::read(reader, node, &at)?),
        None => None,
    };
    let mut environment = Vec::new();
    if let Some((node, at)) = shell.get("environment")
        && let Some(variables) = reader.open(node, &at)
    {
        for entry in variables.entries {
            let at = dirigent_protocol::source::join_pointer(&at, &entry.key);
            if entry.key.is_empty() || entry.key.contains('=') {
                let message = format!("`{}` is not a variable's name", entry.key);
                reader.error("bad_name", message, entry.key_span.start, &at).help =
                    Some("use letters, digits and `_`".to_owned());
                continue;
            }
            environment.push((entry.key.clone(), Template::read(reader, &entry.value, &at)?));
        }
    }
    whole.then_some(())?;
    Some(Box::new(RunShell {
        command: command?,
        arguments,
        stdin,
        environment,
        returns,
        detached: !waits,
    }))
}

/// Text as it is, anything else as JSON; a process cannot be given a NUL.
fn text(turn: &mut Turn<'_, '_>, me: Me<'_>, template: &Template, what: &str) -> Result<String, Stop> {
    let value = turn.template(me, template, None)?;
    let text = match &*value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    if text.contains('\0') && what != "stdin" {
        let error =
            WorkflowError::standard("validation", 400, "A NUL character cannot be passed to a command");
        return Err(Stop::fault(error.detail(format!("in {what}"))));
    }
    Ok(text)
}

impl Task for RunShell {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let command = text(turn, me, &self.command, "the command")?;
        let mut arguments = Vec::with_capacity(self.arguments.len());
        for argument in &self.arguments {
            arguments.push(text(turn, me, argument, "an argument")?);
        }
        let stdin = self
            .stdin
            .as_ref()
            .map(|stdin| text(turn, me, stdin, "stdin"))
            .transpose()?;
        let mut environment = BTreeMap::new();
        for (name, value) in &self.environment {
            environment.insert(name.clone(), text(turn, me, value, "the environment")?);
        }
        let call = ShellCall {
            command,
            arguments,
            stdin,
            environment,
            directory: None,
            returns: self.returns.to_owned(),
            detached: self.detached,
        };
        turn.request(me, EffectRequest::Shell(call))
    }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::EffectRequest;
    use serde_json::json;

    use crate::testing::{Bench, done};

    #[test]
    fn the_command_and_its_arguments_are_complete_and_unchanged() {
        let mut run = Bench::yaml(
            "do:
  - s:
      run:
        shell:
          command: echo \"$1\"
          stdin: ${ .message }
          arguments: [ '${ .evil }', Bar ]
          environment: { N: '${ .n }' }
        return: all
",
        )
        .start(json!({"message": "hi", "evil": "$(id); `x`\n'", "n": 3}));
        let effect = run.intended()[0];
        let EffectRequest::Shell(call) = run.request(effect) else {
            panic!("no shell call")
        };
        assert_eq!(call.command, "echo \"$1\"");
        assert_eq!(call.arguments, ["$(id); `x`\n'", "Bar"]);
        assert_eq!(call.stdin.as_deref(), Some("hi"));
        assert_eq!(call.environment["N"], "3");
        assert_eq!(call.returns, "all");
        run.settle(effect, done(json!({"code": 0})));
        assert_eq!(run.output(), json!({"code": 0}));
    }

    #[test]
    fn a_nul_is_refused() {
        let error = Bench::yaml("do: [ { s: { run: { shell: { command: '${ .c }' } } } } ]\n")
            .start(json!({"c": "a\u{0}b"}))
            .error();
        assert!(error.kind.ends_with("/validation"));
    }
}
