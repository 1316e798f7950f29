//! `call: asyncapi`: messages over the transports of an AsyncAPI document. Its syntax is read and checked; no transport
//! is built in, so the task fails with an error that says so, which a `try` may catch.

use dirigent_protocol::run::WorkflowError;

use crate::document::{Delay, Fields, OutputRule};
use crate::machine::{Builder, KindRow, Me, Outcome, Stop, Task, TaskIndex, TaskList, Turn};

pub(super) const ROW: KindRow = KindRow {
    keyword: "call",
    target: Some("asyncapi"),
    fields: &["call", "with"],
    doc: "Publishes or consumes messages; no transport is built in yet, so it fails. Use `emit` and `listen`.",
    shape: "call: asyncapi, with: { document: ..., operation: NAME, message: ... | subscription: ... }",
    read: Some(read),
};

#[derive(Debug)]
struct CallAsyncApi {
    protocol: String,
    each: TaskList,
}

fn read(builder: &mut Builder, fields: &Fields<'_>, me: TaskIndex) -> Option<Box<dyn Task>> {
    if !builder.reader.require(fields, &["with"]) {
        return None;
    }
    let (node, path) = fields.get("with")?;
    let known = [
        "document",
        "channel",
        "operation",
        "server",
        "protocol",
        "message",
        "subscription",
        "authentication",
    ];
    let with = builder.reader.fields(node, &path, &known)?;
    let reader = &mut builder.reader;
    let mut whole = reader.require(&with, &["document"]);
    for (one, other) in [("channel", "operation"), ("message", "subscription")] {
        if with.has(one) == with.has(other) {
            let message = format!("write exactly one of `{one}` and `{other}`");
            reader
                .error("missing_field", message, node.span.start, &path)
                .help = Some(format!("`{one}` or `{other}`"));
            whole = false;
        }
    }
    let protocol = with
        .get("protocol")
        .and_then(|(node, at)| reader.text(node, &at))
        .unwrap_or("the document's protocol")
        .to_owned();
    let message = format!(
        "no AsyncAPI transport is built in: `{}` will fail",
        "call: asyncapi"
    );
    reader
        .warning("no_transport", message, fields.node.span.start, &path)
        .help = Some("use `emit` and `listen`, or catch the error with `try`".to_owned());
    let each = match with.get("subscription") {
        Some((node, at)) => subscription(builder, node, &at, me)?,
        None => TaskList::default(),
    };
    whole.then(|| Box::new(CallAsyncApi { protocol, each }) as Box<dyn Task>)
}

/// The tasks of a subscription's `foreach`.
fn subscription(
    builder: &mut Builder,
    node: &dirigent_protocol::source::Node,
    path: &str,
    me: TaskIndex,
) -> Option<TaskList> {
    let fields = builder
        .reader
        .fields(node, path, &["filter", "consume", "foreach"])?;
    builder.reader.require(&fields, &["consume"]);
    if let Some((node, at)) = fields.get("filter") {
        builder.reader.expression(node, &at);
    }
    if let Some((node, at)) = fields.get("consume")
        && let Some(consume) = builder
            .reader
            .fields(node, &at, &["amount", "for", "while", "until"])
    {
        let reader = &mut builder.reader;
        if let Some((node, at)) = consume.get("amount") {
            reader.integer(node, &at, 1, 1_000_000);
        }
        if let Some((node, at)) = consume.get("for") {
            Delay::read(reader, node, &at);
        }
        for name in ["while", "until"] {
            if let Some((node, at)) = consume.get(name) {
                reader.expression(node, &at);
            }
        }
    }
    let Some((node, at)) = fields.get("foreach") else {
        return Some(TaskList::default());
    };
    let known = ["item", "at", "do", "output", "export"];
    let each = builder.reader.fields(node, &at, &known)?;
    let mut name = |field: &str, default: &str| match each.get(field) {
        Some((node, at)) => builder.reader.variable_name(node, &at),
        None => Some(default.to_owned()),
    };
    let (item, index) = (name("item", "item")?, name("at", "index")?);
    let before = builder.reader.enter(&[&item, &index]);
    let list = builder.list(&each, "do", me);
    for field in ["output", "export"] {
        if let Some((node, at)) = each.get(field) {
            OutputRule::read(&mut builder.reader, node, &at);
        }
    }
    builder.reader.leave(before);
    Some(list)
}

impl Task for CallAsyncApi {
    fn start(&self, _turn: &mut Turn<'_, '_>, _me: Me<'_>) -> Outcome {
        let detail = format!(
            "there is no transport for {} in this daemon; use `emit` and `listen`",
            self.protocol
        );
        let error = WorkflowError::standard("communication", 501, "AsyncAPI has no transport here");
        Err(Stop::fault(error.detail(detail)))
    }

    fn lists(&self) -> Vec<(&'static str, &TaskList)> {
        vec![("each message", &self.each)]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::Bench;

    #[test]
    fn it_says_that_there_is_no_transport_and_can_be_caught() {
        let call = "call: asyncapi, with: { document: { endpoint: 'https://e.com/a.json' }, operation: chat, protocol: kafka, message: { payload: { a: 1 } } }";
        let error = Bench::yaml(&format!("do:\n  - tell: {{ {call} }}\n"))
            .start(json!({}))
            .error();
        assert_eq!(
            (error.status, error.kind.ends_with("/communication")),
            (501, true)
        );
        assert!(error.detail.unwrap().contains("kafka"));
        let mut caught = Bench::yaml(&format!(
            "do:\n  - t:\n      try: [ {{ tell: {{ {call} }} }} ]\n      catch: {{ as: e, do: [ {{ say: {{ set: {{ code: '${{ $e.status }}' }} }} }} ] }}\n"
        ))
        .start(json!({}));
        assert_eq!(caught.output(), json!({"code": 501}));
    }
}
