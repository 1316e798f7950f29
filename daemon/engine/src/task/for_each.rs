//! `for`: tasks for each item of a collection.

use std::sync::Arc;

use dirigent_protocol::Payload;
use dirigent_protocol::run::{Data, EventBody, WorkflowError};
use serde_json::{Value, json};

use crate::document::{Fields, Template, Then};
use crate::expression::Expression;
use crate::machine::{
    Builder, Done, KindRow, Me, Next, Outcome, Stop, Task, TaskIndex, TaskList, Turn, expression_error,
};
use crate::state::Frame;

/// Most rounds of one loop.
const MAX_ITERATIONS: u32 = 10_000;

pub(super) const ROW: KindRow = KindRow {
    keyword: "for",
    target: None,
    fields: &["for", "while", "do"],
    doc: "Runs tasks for each item of a collection; `exit` leaves the loop. At most 10,000 rounds.",
    shape: "for: { each: NAME, in: COLLECTION, at: NAME }, while: EXPRESSION, do: [ ... ]",
    read: Some(read),
};

#[derive(Debug)]
struct ForEach {
    each: String,
    at: String,
    collection: Template,
    condition: Option<Expression>,
    list: TaskList,
}

fn read(builder: &mut Builder, fields: &Fields<'_>, me: TaskIndex) -> Option<Box<dyn Task>> {
    let whole = builder.reader.require(fields, &["for", "do"]);
    let mut names = ("item".to_owned(), "index".to_owned());
    let mut collection = None;
    if let Some((node, path)) = fields.get("for")
        && let Some(inner) = builder.reader.fields(node, &path, &["each", "in", "at"])
    {
        let reader = &mut builder.reader;
        reader.require(&inner, &["in"]);
        if let Some(each) = inner.get("each").and_then(|(n, at)| reader.variable_name(n, &at)) {
            names.0 = each;
        }
        if let Some(at) = inner.get("at").and_then(|(n, at)| reader.variable_name(n, &at)) {
            names.1 = at;
        }
        if let Some((items, at)) = inner.get("in") {
            if items.as_str().is_none() && items.as_sequence().is_none() {
                reader.expected(items, &at, "an expression or a list");
            } else {
                collection = Template::read_bare(reader, items, &at);
            }
        }
    }
    let before = builder.reader.enter(&[&names.0, &names.1]);
    let condition = fields
        .get("while")
        .map(|(node, at)| builder.reader.expression(node, &at));
    let list = builder.list(fields, "do", me);
    builder.reader.leave(before);
    if !whole || matches!(condition, Some(None)) {
        return None;
    }
    let (each, at) = names;
    Some(Box::new(ForEach {
        each,
        at,
        collection: collection?,
        condition: condition.flatten(),
        list,
    }))
}

impl ForEach {
    /// Begins a round, or ends the loop.
    fn round(
        &self,
        turn: &mut Turn<'_, '_>,
        me: Me<'_>,
        iteration: u32,
        items: &Payload,
        first: bool,
        data: Payload,
    ) -> Outcome {
        let Some(item) = items.get(iteration as usize) else {
            return Ok(Next::Done(data, None));
        };
        if let Some(condition) = &self.condition {
            let extra = vec![
                (self.each.clone(), Arc::new(item.clone())),
                (self.at.clone(), Arc::new(json!(iteration))),
            ];
            if !turn.holds_with(me, condition, data.clone(), extra)? {
                return Ok(Next::Done(data, None));
            }
        }
        if iteration >= MAX_ITERATIONS {
            let detail = format!("`{}` has gone through {MAX_ITERATIONS} rounds", me.task.name);
            return Err(Stop::fault(
                WorkflowError::standard("runtime", 500, "Too many rounds").detail(detail),
            ));
        }
        let Some(task) = self.list.tasks.first() else {
            return Ok(Next::Done(data, None));
        };
        let step = turn.step(me.frame);
        let collection = first.then(|| items.clone());
        turn.emit(EventBody::TaskIterated {
            step,
            iteration,
            item: Data::Item,
            collection,
        });
        Ok(Next::Start(vec![*task]))
    }
}

impl Task for ForEach {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let value = turn.template(me, &self.collection, None)?;
        let items = match &*value {
            Value::Array(_) => value,
            Value::Null => Arc::new(Value::Array(Vec::new())),
            other => {
                let why = format!("`for.in` gave {}, not a list", shorten(&other.to_string()));
                return Err(Stop::fault(expression_error(&why)));
            }
        };
        let data = turn.input(me.frame);
        self.round(turn, me, 0, &items, true, data)
    }

    fn child_done(&self, turn: &mut Turn<'_, '_>, me: Me<'_>, done: Done) -> Outcome {
        if matches!(done.then, Then::Exit | Then::End) {
            let then = (done.then == Then::End).then_some(Then::End);
            return Ok(Next::Done(done.output, then));
        }
        match turn.advance(me, &self.list, done)? {
            Next::Done(output, None) => {
                let Some(frame) = turn.state.frame(me.frame) else {
                    return Ok(Next::Wait);
                };
                let (iteration, items) = (frame.iteration + 1, frame.items.clone().unwrap_or_default());
                self.round(turn, me, iteration, &items, false, output)
            }
            other => Ok(other),
        }
    }

    fn go_on(&self, turn: &mut Turn<'_, '_>, me: Me<'_>, last: Option<Done>) -> Outcome {
        let Some(frame) = turn.state.frame(me.frame).filter(|frame| frame.items.is_some()) else {
            return self.start(turn, me);
        };
        let round = frame.data_of.as_ref().and_then(|step| step.iterations.last());
        match last.filter(|_| round == Some(&frame.iteration)) {
            Some(done) => self.child_done(turn, me, done),
            None => Ok(Next::Start(
                self.list.tasks.first().copied().into_iter().collect(),
            )),
        }
    }

    fn variable(&self, frame: &Frame, name: &str) -> Option<Payload> {
        let items = frame.items.as_ref()?;
        if name == self.each {
            return items
                .get(frame.iteration as usize)
                .map(|item| Arc::new(item.clone()));
        }
        (name == self.at).then(|| Arc::new(json!(frame.iteration)))
    }

    fn lists(&self) -> Vec<(&'static str, &TaskList)> {
        vec![("each", &self.list)]
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::Bench;

    #[test]
    fn each_item_with_its_index() {
        let mut run = Bench::yaml(
            "do:
  - loopColors:
      for: { each: color, in: '.colors' }
      do:
        - markProcessed:
            set:
              processed: '${ { colors: (.processed.colors + [ $color ]), indexes: (.processed.indexes + [ $index ])} }'
",
        )
        .start(json!({"colors": ["red", "green", "blue"]}));
        assert_eq!(
            run.output(),
            json!({"processed": {"colors": ["red", "green", "blue"], "indexes": [0, 1, 2]}})
        );
        assert_eq!(
            run.started()[1..],
            [
                "/do/0/loopColors/do/0/markProcessed#0",
                "/do/0/loopColors/do/0/markProcessed#1",
                "/do/0/loopColors/do/0/markProcessed#2"
            ]
        );
    }

    #[test]
    fn loops_in_loops_while_exit_and_empty() {
        let mut run = Bench::yaml(
            "do:
  - outer:
      for: { each: x, in: [ {n: 1}, {n: 2} ], at: i }
      do:
        - inner:
            for: { each: y, in: '${ .list // [10, 20, 30] }', at: j }
            while: $y < 30
            do:
              - add: { set: { out: '${ .out + [[$x.n, $y, $i, $j]] }' } }
  - none: { for: { in: .missing }, do: [ { never: { set: { a: 1 } } } ] }
  - stop:
      for: { in: '${ [1,2,3] }' }
      do: [ { one: { set: { out: '${ .out + [$item] }' }, then: exit } }, { two: { set: { a: 1 } } } ]
",
        )
        .start(json!({}));
        assert_eq!(
            run.output(),
            json!({"out": [[1, 10, 0, 0], [1, 20, 0, 1], [2, 10, 1, 0], [2, 20, 1, 1], 1]})
        );
    }

    #[test]
    fn the_iteration_limit_is_a_named_fault() {
        let items: Vec<u32> = (0..10_001).collect();
        let mut run = Bench::yaml(
            "do:\n  - many: { for: { in: . }, while: 'true', do: [ { x: { set: { a: 1 } } } ] }\n",
        )
        .start(json!(items));
        let error = run.error();
        assert!(error.detail.unwrap().contains("`many`"));
    }

    #[test]
    fn something_that_is_no_list_is_an_expression_error() {
        let error = Bench::yaml("do:\n  - a: { for: { in: . }, do: [ { x: { set: { a: 1 } } } ] }\n")
            .start(json!({}))
            .error();
        assert!(error.kind.ends_with("/expression"));
    }
}
