//! `switch`: goes where the first matching case leads.

use dirigent_protocol::source::{Position, Value, join_pointer};

use crate::document::{Fields, Then};
use crate::expression::Expression;
use crate::machine::{Builder, KindRow, Me, Next, Outcome, Task, TaskIndex, Turn, Way};

pub(super) const ROW: KindRow = KindRow {
    keyword: "switch",
    target: None,
    fields: &["switch"],
    doc: "Goes where the first matching case leads; a case without `when` always matches.",
    shape: "switch: [ { NAME: { when: EXPRESSION, then: TASK } }, ... ]",
    read: Some(read),
};

#[derive(Debug)]
struct Switch {
    cases: Vec<Case>,
}

#[derive(Debug)]
struct Case {
    name: String,
    when: Option<Expression>,
    then: Then,
    at: Position,
}

fn read(builder: &mut Builder, fields: &Fields<'_>, _: TaskIndex) -> Option<Box<dyn Task>> {
    let reader = &mut builder.reader;
    if !reader.require(fields, &["switch"]) {
        return None;
    }
    let (node, path) = fields.get("switch")?;
    let Some(items) = node.as_sequence().filter(|items| !items.is_empty()) else {
        let at = node.span.start;
        reader
            .error("bad_switch", "`switch` is a list of named cases", at, &path)
            .help = Some("write `- name: { when: EXPRESSION, then: TASK }` for each case".to_owned());
        return None;
    };
    let mut cases = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let at = format!("{path}/{i}");
        let entry = match item.as_mapping().map(|entries| entries.0.as_slice()) {
            Some([entry]) if matches!(entry.value.value, Value::Mapping(_)) => entry,
            _ => {
                reader
                    .error(
                        "bad_switch",
                        "a case is a name with `when` and `then`",
                        item.span.start,
                        &at,
                    )
                    .help = Some("write `- name: { when: EXPRESSION, then: TASK }`".to_owned());
                continue;
            }
        };
        let place = join_pointer(&at, &entry.key);
        let case = reader.fields(&entry.value, &place, &["when", "then"])?;
        let when = case.get("when").map(|(when, at)| reader.expression(when, &at));
        reader.require(&case, &["then"]);
        if let Some((target, at)) = case.get("then")
            && let Some(then) = Then::read(reader, target, &at)
        {
            cases.push(Case {
                name: entry.key.clone(),
                when: when.flatten(),
                then,
                at: target.span.start,
            });
        }
    }
    // A case with a mistake is kept as far as it was read: the document is refused, and its other names are checked.
    Some(Box::new(Switch { cases }) as Box<dyn Task>)
}

impl Task for Switch {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let input = turn.input(me.frame);
        for case in &self.cases {
            let matches = match &case.when {
                Some(when) => turn.holds(me, when, None)?,
                None => true,
            };
            if matches {
                return Ok(Next::Done(input, Some(case.then.clone())));
            }
        }
        Ok(Next::Done(input, None))
    }

    fn ways(&self) -> Vec<Way> {
        self.cases
            .iter()
            .map(|case| Way {
                label: case.name.clone(),
                then: case.then.clone(),
                conditional: true,
                at: case.at,
            })
            .collect()
    }

    fn always_leaves(&self) -> bool {
        self.cases.iter().any(|case| case.when.is_none())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::Bench;

    const TEXT: &str = "do:
  - switchColor:
      switch:
        - red: { when: '.color == \"red\"', then: setRed }
        - green: { when: '.color == \"green\"', then: setGreen }
      then: end
  - setRed: { set: { colors: '${ .colors + [ \"red\" ] }' }, then: end }
  - setGreen: { set: { colors: '${ .colors + [ \"green\" ] }' }, then: end }
";

    #[test]
    fn the_matching_case_leads_and_none_goes_on() {
        assert_eq!(
            Bench::yaml(TEXT).start(json!({"color": "green"})).output(),
            json!({"colors": ["green"]})
        );
        let mut none = Bench::yaml(TEXT).start(json!({"color": "yellow"}));
        assert_eq!(none.output(), json!({"color": "yellow"}));
        assert_eq!(none.started(), ["/do/0/switchColor"]);
    }

    #[test]
    fn an_explicit_default_case() {
        let mut run = Bench::yaml(
            "do:
  - choose: { switch: [ { a: { when: .a, then: never } }, { other: { then: custom } } ] }
  - never: { set: { x: 1 } }
  - custom: { set: { colors: '${ .colors + [ $input.color ] }' } }
",
        )
        .start(json!({"color": "yellow"}));
        assert_eq!(run.output(), json!({"colors": ["yellow"]}));
    }
}
