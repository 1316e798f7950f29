//! `call: noop`: an effect that does nothing, with its own intent and outcome. The unit of every benchmark.

use dirigent_protocol::run::EffectRequest;

use crate::document::{Fields, Template};
use crate::machine::{Builder, KindRow, Me, Outcome, Task, TaskIndex, Turn};

pub(super) const ROW: KindRow = KindRow {
    keyword: "call",
    target: Some("noop"),
    fields: &["call", "with"],
    doc: "Does nothing, durably; gives `with`, or the task's input.",
    shape: "call: noop, with: VALUE",
    read: Some(read),
};

#[derive(Debug)]
struct CallNoop {
    value: Option<Template>,
}

fn read(builder: &mut Builder, fields: &Fields<'_>, _: TaskIndex) -> Option<Box<dyn Task>> {
    let value = match fields.get("with") {
        Some((node, at)) => Some(Template::read(&mut builder.reader, node, &at)?),
        None => None,
    };
    Some(Box::new(CallNoop { value }))
}

impl Task for CallNoop {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let value = match &self.value {
            Some(value) => turn.template(me, value, None)?,
            None => turn.input(me.frame),
        };
        turn.request(me, EffectRequest::Noop { value })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{Bench, done};

    #[test]
    fn n_sequential_effects_cost_n_plus_one_commits() {
        let tasks: Vec<String> = (0..20).map(|i| format!("  - s{i}: {{ call: noop }}\n")).collect();
        let mut run = Bench::yaml(&format!("do:\n{}", tasks.concat())).start(json!({"a": 1}));
        while run.status() == "running" {
            let effect = run.intended()[0];
            run.settle(effect, done(json!({"a": 1})));
        }
        assert_eq!(run.output(), json!({"a": 1}));
        assert_eq!(run.commits(), 21);
    }
}
