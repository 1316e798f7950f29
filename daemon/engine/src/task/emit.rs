//! `emit`: puts an event on the bus, in the very commit in which the task ends.

use std::sync::Arc;

use dirigent_protocol::bus::LIFECYCLE;
use dirigent_protocol::run::{EventBody, WorkflowError};
use serde_json::{Map, Value, json};

use crate::document::{Fields, Template};
use crate::machine::{Builder, KindRow, Me, Next, Outcome, Stop, Task, TaskIndex, Turn};

/// Largest event, bytes of JSON.
const MAX_EVENT: usize = 256 << 10;

pub(super) const ROW: KindRow = KindRow {
    keyword: "emit",
    target: None,
    fields: &["emit"],
    doc: "Publishes an event (CloudEvents 1.0); it is on the bus exactly once.",
    shape: "emit: { event: { with: { type: TEXT, source: URI, data: VALUE, ... } } }",
    read: Some(read),
};

#[derive(Debug)]
struct Emit {
    /// None where the document leaves it out, as the standard's schema allows: it fails when it is performed.
    with: Option<Template>,
}

fn read(builder: &mut Builder, fields: &Fields<'_>, _: TaskIndex) -> Option<Box<dyn Task>> {
    let reader = &mut builder.reader;
    if !reader.require(fields, &["emit"]) {
        return None;
    }
    let (node, path) = fields.get("emit")?;
    let emit = reader.fields(node, &path, &["event"])?;
    if !reader.require(&emit, &["event"]) {
        return None;
    }
    let (node, path) = emit.get("event")?;
    let event = reader.fields(node, &path, &["with"])?;
    let Some((node, path)) = event.get("with") else {
        let message = "an event without `with` has no type: this step will fail";
        reader
            .warning("missing_field", message, node.span.start, &path)
            .help = Some("write `with: { type: ... }`".to_owned());
        return Some(Box::new(Emit { with: None }));
    };
    let attributes = reader.open(node, &path)?;
    if !reader.require(&attributes, &["type"]) {
        return None;
    }
    let with = Template::read(reader, node, &path)?;
    Some(Box::new(Emit { with: Some(with) }))
}

impl Emit {
    fn event(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Result<Value, Stop> {
        let given = match &self.with {
            Some(with) => turn.template(me, with, None)?,
            None => Arc::new(Value::Null),
        };
        let mut event = Map::new();
        let workflow = turn.workflow;
        let source = format!(
            "/{}/{}/{}",
            workflow.namespace(),
            workflow.name(),
            workflow.version()
        );
        event.insert("specversion".to_owned(), json!("1.0"));
        event.insert("id".to_owned(), json!((turn.cx.ids)().to_string()));
        event.insert("source".to_owned(), json!(source));
        event.insert("time".to_owned(), json!(turn.cx.now));
        for (name, value) in given.as_object().into_iter().flatten() {
            if !value.is_null() {
                event.insert(name.clone(), value.clone());
            }
        }
        if event.contains_key("data") {
            event
                .entry("datacontenttype")
                .or_insert_with(|| json!("application/json"));
        }
        for name in ["id", "source", "type"] {
            let good = event
                .get(name)
                .and_then(Value::as_str)
                .is_some_and(|text| !text.is_empty());
            if !good {
                return Err(invalid(&format!(
                    "`{name}` of an event must be a text that is not empty"
                )));
            }
        }
        if event["type"]
            .as_str()
            .is_some_and(|kind| kind.starts_with(LIFECYCLE))
        {
            let why = format!("types that begin with `{LIFECYCLE}` are what the daemon says of its runs");
            return Err(invalid(&why));
        }
        let event = Value::Object(event);
        let size = event.to_string().len();
        if size > MAX_EVENT {
            let why = format!("the event has {size} bytes, the limit is {MAX_EVENT}");
            return Err(invalid(&why));
        }
        Ok(event)
    }
}

fn invalid(why: &str) -> Stop {
    Stop::fault(WorkflowError::standard("validation", 400, "The event cannot be emitted").detail(why))
}

impl Task for Emit {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let event = Arc::new(self.event(turn, me)?);
        let step = turn.step(me.frame);
        turn.emit(EventBody::EventEmitted {
            step,
            event: event.clone(),
        });
        Ok(Next::Done(event, None))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::Bench;

    const GREET: &str = "do:
  - greet:
      emit:
        event:
          with:
            source: https://fake-source.com
            type: com.fake-source.user.greeted.v1
            data: { greetings: '${ \"Hello \\(.user)!\" }' }
";

    #[test]
    fn the_event_is_the_output_and_in_the_commit_that_ends_the_task() {
        let mut run = Bench::yaml(GREET).start(json!({"user": "John"}));
        let names = run.names();
        assert_eq!(names[2..4], ["event.emitted", "task.completed"]);
        assert_eq!(run.commits(), 1);
        let event = run.output();
        assert_eq!(event["data"], json!({"greetings": "Hello John!"}));
        assert_eq!(event["specversion"], "1.0");
        assert_eq!(event["source"], "https://fake-source.com");
        assert_eq!(event["time"], "2026-11-22T18:00:00Z");
        assert!(event["id"].as_str().is_some_and(|id| !id.is_empty()));
    }

    #[test]
    fn the_source_is_the_workflow_where_none_is_given_and_nonsense_is_refused() {
        let mut run =
            Bench::yaml("do:\n  - e: { emit: { event: { with: { type: a.b } } } }\n").start(json!({}));
        assert_eq!(run.output()["source"], "/test/test/1.0.0");
        let error = Bench::yaml("do:\n  - e: { emit: { event: { with: { type: '${ .kind }' } } } }\n")
            .start(json!({"kind": 7}))
            .error();
        assert!(error.kind.ends_with("/validation"));
        let error = Bench::yaml(
            "do:\n  - e: { emit: { event: { with: { type: io.serverlessworkflow.task.x } } } }\n",
        )
        .start(json!({}))
        .error();
        assert!(
            error.kind.ends_with("/validation"),
            "nobody says what the daemon says"
        );
    }
}
