//! `run: { shell }`: a command of this machine.

use dirigent_protocol::Payload;
use dirigent_protocol::run::{EffectRequest, ShellCall};

use super::process_parts::{Around, PARTS, Parts, text};
use crate::document::{Fields, Template};
use crate::machine::{Builder, KindRow, Me, Outcome, Task, TaskIndex, Turn};

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
    parts: Parts,
}

fn read(builder: &mut Builder, fields: &Fields<'_>, _: TaskIndex) -> Option<Box<dyn Task>> {
    let reader = &mut builder.reader;
    let (node, path) = fields.get("run")?;
    let run = reader.fields(node, &path, &["shell", "return", "await"])?;
    let around = Around::read(reader, &run);
    let (node, path) = run.get("shell")?;
    let shell = reader.fields(node, &path, &[&["command"], &PARTS[..]].concat())?;
    let whole = reader.require(&shell, &["command"]);
    let command = shell.get("command").and_then(|(n, at)| {
        reader.text(n, &at)?;
        Template::read(reader, n, &at)
    });
    let parts = Parts::read(reader, around?, &shell)?;
    whole.then_some(())?;
    Some(Box::new(RunShell {
        command: command?,
        parts,
    }))
}

impl Task for RunShell {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let command = text(turn, me, &self.command, "the command")?;
        let process = self.parts.process(turn, me)?;
        let call = ShellCall {
            command,
            arguments: process.arguments,
            stdin: process.stdin,
            environment: process.environment,
            directory: None,
            returns: process.returns,
            detached: process.detached,
            sandbox: process.sandbox,
            secrets: process.secrets,
        };
        turn.request(me, EffectRequest::Shell(call))
    }

    fn performed(&self, turn: &mut Turn<'_, '_>, me: Me<'_>, output: Payload) -> Outcome {
        self.parts.performed(turn, me, output)
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
