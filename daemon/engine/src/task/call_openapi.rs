//! `call: openapi`: one operation of a service, as its OpenAPI document describes it.

use dirigent_protocol::run::{EffectRequest, OpenapiCall};

use super::endpoint::Endpoint;
use super::http_auth::Authentication;
use crate::document::{Fields, Template, unshare};
use crate::machine::{Builder, KindRow, Me, Outcome, Task, TaskIndex, Turn};

pub(super) const ROW: KindRow = KindRow {
    keyword: "call",
    target: Some("openapi"),
    fields: &["call", "with"],
    doc: "Calls an operation that an OpenAPI 3 or Swagger 2.0 document describes.",
    shape: "call: openapi, with: { document: { endpoint: URI }, operationId: NAME, parameters: {...}, authentication: {...}, output: content|response|raw, redirect: false }",
    read: Some(read),
};

const FIELDS: [&str; 6] = [
    "document",
    "operationId",
    "parameters",
    "authentication",
    "output",
    "redirect",
];

#[derive(Debug)]
struct CallOpenapi {
    document: Endpoint,
    operation: Template,
    parameters: Option<Template>,
    authentication: Option<Authentication>,
    output: &'static str,
    redirect: bool,
}

fn read(builder: &mut Builder, fields: &Fields<'_>, _: TaskIndex) -> Option<Box<dyn Task>> {
    let reader = &mut builder.reader;
    if !reader.require(fields, &["with"]) {
        return None;
    }
    let (node, path) = fields.get("with")?;
    let with = reader.fields(node, &path, &FIELDS)?;
    let whole = reader.require(&with, &["document", "operationId"]);
    let document = with
        .get("document")
        .and_then(|(node, at)| Endpoint::read_resource(reader, node, &at));
    let operation = with.get("operationId").and_then(|(node, at)| {
        reader.text(node, &at)?;
        Template::read(reader, node, &at)
    });
    let parameters = match with.get("parameters") {
        Some((node, at)) => {
            reader.open(node, &at)?;
            Some(Template::read(reader, node, &at)?)
        }
        None => None,
    };
    let authentication = match with.get("authentication") {
        Some((node, at)) => Some(Authentication::read(reader, node, &at)?),
        None => None,
    };
    let output = match with.get("output") {
        Some((node, at)) => reader.word(node, &at, &["content", "response", "raw"])?,
        None => "content",
    };
    let redirect = match with.get("redirect") {
        Some((node, at)) => reader.boolean(node, &at)?,
        None => false,
    };
    whole.then_some(())?;
    Some(Box::new(CallOpenapi {
        document: document?,
        operation: operation?,
        parameters,
        authentication,
        output,
        redirect,
    }))
}

impl Task for CallOpenapi {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let document = self.document.resource(turn, me)?;
        let operation = super::process_parts::text(turn, me, &self.operation, "the operation")?;
        let parameters = match &self.parameters {
            Some(parameters) => unshare(turn.template(me, parameters, None)?),
            None => serde_json::Value::Null,
        };
        let authentication = match &self.authentication {
            Some(authentication) => Some(authentication.sender(turn, me)?),
            None => None,
        };
        let call = OpenapiCall {
            document,
            operation,
            parameters,
            authentication,
            output: self.output.to_owned(),
            redirect: self.redirect,
            secrets: turn.secrets(me),
        };
        turn.request(me, EffectRequest::Openapi(call))
    }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::EffectRequest;
    use serde_json::json;

    use crate::testing::{Bench, done};

    #[test]
    fn an_operation_is_complete() {
        let mut run = Bench::yaml(
            "do:
  - o:
      call: openapi
      with:
        document: { endpoint: 'https://h/{version}/swagger.json' }
        operationId: findPetsByStatus
        parameters: { status: '${ .status }' }
      output: { as: . | length }
",
        )
        .start(json!({"status": "sold", "version": "v2"}));
        let effect = run.intended()[0];
        let EffectRequest::Openapi(call) = run.request(effect) else {
            panic!("no operation")
        };
        assert_eq!(call.document.uri, "https://h/v2/swagger.json");
        assert_eq!(
            (call.operation.as_str(), &call.parameters),
            ("findPetsByStatus", &json!({"status": "sold"}))
        );
        run.settle(effect, done(json!([1, 2])));
        assert_eq!(run.output(), json!(2));
    }
}
