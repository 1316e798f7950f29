//! `call: notify`: a notice to people. It stands in their inbox with the commit that begins the step.

use dirigent_protocol::run::{EffectRequest, NotifyCall};
use dirigent_protocol::source::Value;

use super::process_parts::text;
use crate::document::{Fields, Template};
use crate::machine::{Builder, KindRow, Me, Outcome, Task, TaskIndex, Turn};

pub(super) const ROW: KindRow = KindRow {
    keyword: "call",
    target: Some("notify"),
    fields: &["call", "with"],
    doc: "Puts a notice into people's inbox, exactly once.",
    shape: "call: notify, with: { title: TEXT, text: TEXT, level: info|warning|critical }",
    read: Some(read),
};

#[derive(Debug)]
struct CallNotify {
    title: Template,
    text: Option<Template>,
    level: &'static str,
}

fn read(builder: &mut Builder, fields: &Fields<'_>, _: TaskIndex) -> Option<Box<dyn Task>> {
    let reader = &mut builder.reader;
    if !reader.require(fields, &["with"]) {
        return None;
    }
    let (node, path) = fields.get("with")?;
    let with = reader.fields(node, &path, &["title", "text", "level"])?;
    let whole = reader.require(&with, &["title"]);
    let mut part = |name: &str| {
        let (node, at) = with.get(name)?;
        if matches!(node.value, Value::Mapping(_) | Value::Sequence(_)) {
            reader.expected(node, &at, "text");
            return None;
        }
        Template::read(reader, node, &at)
    };
    let (title, text) = (part("title"), part("text"));
    let level = match with.get("level") {
        Some((node, at)) => reader.word(node, &at, &["info", "warning", "critical"])?,
        None => "info",
    };
    if !whole || (with.has("text") && text.is_none()) {
        return None;
    }
    Some(Box::new(CallNotify {
        title: title?,
        text,
        level,
    }))
}

impl Task for CallNotify {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let title = text(turn, me, &self.title, "the title")?;
        let text = match &self.text {
            Some(template) => text(turn, me, template, "the text")?,
            None => String::new(),
        };
        let call = NotifyCall {
            title,
            text,
            level: self.level.to_owned(),
        };
        turn.request(me, EffectRequest::Notify(call))
    }

    /// Nothing comes of it: what came in goes on.
    fn performed(&self, turn: &mut Turn<'_, '_>, me: Me<'_>, _output: dirigent_protocol::Payload) -> Outcome {
        Ok(crate::machine::Next::Done(turn.input(me.frame), None))
    }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::EffectRequest;
    use serde_json::json;

    use crate::testing::{Bench, done};

    #[test]
    fn a_notice_is_complete_and_the_data_goes_on() {
        let mut run = Bench::yaml(
            "do:\n  - n: { call: notify, with: { title: '${ \"\\(.n) files\" }', level: warning } }\n",
        )
        .start(json!({"n": 3}));
        let effect = run.intended()[0];
        let EffectRequest::Notify(call) = run.request(effect) else {
            panic!("no notice")
        };
        assert_eq!((call.title.as_str(), call.level.as_str()), ("3 files", "warning"));
        run.settle(effect, done(json!(null)));
        assert_eq!(run.output(), json!({"n": 3}));
    }
}
