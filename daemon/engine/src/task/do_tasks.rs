//! `do`: tasks one after the other.

use crate::document::{Fields, Then};
use crate::machine::{Builder, Done, KindRow, Me, Next, Outcome, Task, TaskIndex, TaskList, Turn};

pub(super) const ROW: KindRow = KindRow {
    keyword: "do",
    target: None,
    fields: &["do"],
    doc: "Runs tasks one after the other; each gets the output of the one before.",
    shape: "do: [ { NAME: TASK }, ... ]",
    read: Some(read),
};

/// A list of tasks; also the workflow itself.
#[derive(Debug)]
pub(crate) struct DoTasks {
    pub(crate) list: TaskList,
}

fn read(builder: &mut Builder, fields: &Fields<'_>, me: TaskIndex) -> Option<Box<dyn Task>> {
    Some(Box::new(DoTasks {
        list: builder.list(fields, "do", me),
    }))
}

impl Task for DoTasks {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let input = turn.input(me.frame);
        turn.enter_list(&self.list, input)
    }

    fn child_done(&self, turn: &mut Turn<'_, '_>, me: Me<'_>, done: Done) -> Outcome {
        if done.then == Then::End {
            return Ok(Next::Done(done.output, Some(Then::End)));
        }
        turn.advance(me, &self.list, done)
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
    fn sequential_sub_tasks() {
        let mut run = Bench::yaml(
            "do:
  - compositeExample:
      do:
        - setRed: { set: { colors: '${ .colors + [\"red\"] }' } }
        - setGreen: { set: { colors: '${ .colors + [\"green\"] }' } }
        - setBlue: { set: { colors: '${ .colors + [\"blue\"] }' } }
",
        )
        .start(json!({}));
        assert_eq!(run.output(), json!({"colors": ["red", "green", "blue"]}));
    }

    #[test]
    fn explicit_sequence_and_end() {
        let mut run = Bench::yaml(
            "do:
  - setRed: { set: { colors: '${ .colors + [ \"red\" ] }' }, then: setGreen }
  - setBlue: { set: { colors: '${ .colors + [ \"blue\" ] }' }, then: end }
  - setGreen: { set: { colors: '${ .colors + [ \"green\" ] }' }, then: setBlue }
",
        )
        .start(json!({}));
        assert_eq!(run.output(), json!({"colors": ["red", "green", "blue"]}));
        assert_eq!(run.started(), ["/do/0/setRed", "/do/2/setGreen", "/do/1/setBlue"]);
    }

    #[test]
    fn exit_leaves_the_list_and_end_leaves_the_workflow() {
        let text = |then: &str| {
            format!(
                "do:
  - inner:
      do:
        - first: {{ set: {{ a: 1 }}, then: {then} }}
        - never: {{ set: {{ a: 2 }} }}
  - after: {{ set: {{ b: '${{ .a }}' }} }}
"
            )
        };
        assert_eq!(
            Bench::yaml(&text("exit")).start(json!({})).output(),
            json!({"b": 1})
        );
        assert_eq!(
            Bench::yaml(&text("end")).start(json!({})).output(),
            json!({"a": 1})
        );
    }

    #[test]
    fn an_endless_loop_faults_by_name_after_its_limit_and_lets_others_go_first() {
        let mut run = Bench::yaml("do:\n  - again: { set: { a: 1 }, then: again }\n").start(json!({}));
        let error = run.error();
        assert!(error.detail.unwrap().contains("again"));
        assert!(run.commits() > 10, "{} commits", run.commits());
    }

    #[test]
    fn data_flows_through_input_output_and_export() {
        let mut run = Bench::yaml(
            "input: { from: .body }
output: { as: '{ result: ., seen: $context.seen }' }
do:
  - one:
      input: { from: .user }
      set: { id: '${ .name }' }
      output: { as: .id }
      export: { as: '{ seen: $output, was: $task.name }' }
  - two:
      if: $context.was == \"one\"
      set: { both: '${ [., $context.seen, $workflow.input.body.user.name] }' }
  - three: { if: .nothing, set: { never: true } }
",
        )
        .start(json!({"body": {"user": {"name": "ada"}}}));
        assert_eq!(
            run.output(),
            json!({"result": {"both": ["ada", "ada", "ada"]}, "seen": "ada"})
        );
    }

    #[test]
    fn schemas_are_kept() {
        let text = "input: { schema: { document: { type: object, required: [id] } } }
do:
  - one: { set: { a: 1 }, output: { schema: { document: { required: [b] } } } }
";
        let error = Bench::yaml(text).start(json!({})).error();
        assert!(error.kind.ends_with("/validation"), "{error:?}");
        let error = Bench::yaml(text).start(json!({"id": 1})).error();
        assert_eq!(error.instance.unwrap().to_string(), "/do/0/one");
    }

    #[test]
    fn a_limit_stops_what_runs() {
        let mut run = Bench::yaml(
            "timeout: { after: PT10S }
do:
  - slow: { wait: PT1H, timeout: { after: { seconds: 5 } } }
",
        )
        .start(json!({}));
        run.advance();
        let error = run.error();
        assert_eq!(
            (error.status, error.instance.unwrap().to_string()),
            (408, "/do/0/slow".to_owned())
        );
    }
}
