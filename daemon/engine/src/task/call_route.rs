//! `call: route`: asks the rules of routing which agent does something, by what it must be able to do.

use dirigent_protocol::run::{EffectRequest, RouteCall};

use super::process_parts::text;
use crate::document::{Fields, Template};
use crate::machine::{Builder, KindRow, Me, Outcome, Task, TaskIndex, Turn};

pub(super) const ROW: KindRow = KindRow {
    keyword: "call",
    target: Some("route"),
    fields: &["call", "with"],
    doc: "Chooses an agent by a capability and the rules of routing. Gives { agent, version, rule, why }.",
    shape: "call: route, with: { capability: NAME, input: VALUE }",
    read: Some(read),
};

#[derive(Debug)]
struct CallRoute {
    capability: Template,
    input: Option<Template>,
}

fn read(builder: &mut Builder, fields: &Fields<'_>, _: TaskIndex) -> Option<Box<dyn Task>> {
    let reader = &mut builder.reader;
    if !reader.require(fields, &["with"]) {
        return None;
    }
    let (node, path) = fields.get("with")?;
    let with = reader.fields(node, &path, &["capability", "input"])?;
    if !reader.require(&with, &["capability"]) {
        return None;
    }
    let (capability, at) = with.get("capability")?;
    reader.text(capability, &at)?;
    let capability = Template::read(reader, capability, &at)?;
    let input = match with.get("input") {
        Some((node, at)) => Some(Template::read(reader, node, &at)?),
        None => None,
    };
    Some(Box::new(CallRoute { capability, input }))
}

impl Task for CallRoute {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let capability = text(turn, me, &self.capability, "the capability")?;
        let input = match &self.input {
            Some(input) => turn.template(me, input, None)?,
            None => turn.input(me.frame),
        };
        turn.request(me, EffectRequest::Route(RouteCall { capability, input }))
    }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::EffectRequest;
    use serde_json::json;

    use crate::testing::{Bench, done};

    #[test]
    fn the_answer_is_what_was_chosen() {
        let mut run = Bench::yaml(
            "do: [ { a: { call: route, with: { capability: review, input: { n: '${ .n }' } } } } ]\n",
        )
        .start(json!({"n": 1}));
        let effect = run.intended()[0];
        let EffectRequest::Route(call) = run.request(effect) else {
            panic!("no route")
        };
        assert_eq!(
            (call.capability.as_str(), &*call.input),
            ("review", &json!({"n": 1}))
        );
        run.settle(effect, done(json!({"agent": "reviewer"})));
        assert_eq!(run.output(), json!({"agent": "reviewer"}));
    }
}
