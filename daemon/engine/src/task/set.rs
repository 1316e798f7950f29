//! `set`: makes a value.

use crate::document::{Fields, Template};
use crate::machine::{Builder, KindRow, Me, Next, Outcome, Task, TaskIndex, Turn};

pub(super) const ROW: KindRow = KindRow {
    keyword: "set",
    target: None,
    fields: &["set"],
    doc: "Makes a value, with expressions inside.",
    shape: "set: { NAME: VALUE, ... } | set: ${ EXPRESSION }",
    read: Some(read),
};

#[derive(Debug)]
struct Set {
    value: Template,
}

fn read(builder: &mut Builder, fields: &Fields<'_>, _: TaskIndex) -> Option<Box<dyn Task>> {
    let reader = &mut builder.reader;
    if !reader.require(fields, &["set"]) {
        return None;
    }
    let (node, path) = fields.get("set")?;
    if node.as_str().is_none()
        && node
            .as_mapping()
            .is_none_or(dirigent_protocol::source::Mapping::is_empty)
    {
        reader.expected(node, &path, "a mapping with at least one field, or an expression");
        return None;
    }
    let value = Template::read_bare(reader, node, &path)?;
    Some(Box::new(Set { value }))
}

impl Task for Set {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        turn.template(me, &self.value, None)
            .map(|value| Next::Done(value, None))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::Bench;

    #[test]
    fn values_and_expressions() {
        let mut run = Bench::yaml(
            "do:
  - setShape:
      set: { shape: circle, size: '${ .configuration.size }', list: [1, '${ .configuration.size.width * 2 }'] }
",
        )
        .start(json!({"configuration": {"size": {"width": 6}}}));
        assert_eq!(
            run.output(),
            json!({"shape": "circle", "size": {"width": 6}, "list": [1, 12]})
        );
    }

    #[test]
    fn a_whole_expression_and_input_filtering() {
        let mut run = Bench::yaml(
            "do:
  - a: { set: '${ {x: .n} }' }
  - b: { input: { from: .x }, set: { y: '${ . }' } }
",
        )
        .start(json!({"n": [1]}));
        assert_eq!(run.output(), json!({"y": [1]}));
    }

    #[test]
    fn a_failing_expression_is_an_expression_error_with_its_step() {
        let error = Bench::yaml("do:\n  - a: { set: { x: '${ .a.b }' } }\n")
            .start(json!({"a": "text"}))
            .error();
        assert!(error.kind.ends_with("/errors/expression"));
        assert_eq!(error.instance.unwrap().to_string(), "/do/0/a");
    }
}
