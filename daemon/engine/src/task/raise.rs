//! `raise`: fails with an error of the author's making.

use dirigent_protocol::run::{StepId, WorkflowError};
use dirigent_protocol::source::Node;
use serde_json::Value;

use crate::document::{Fields, Reader, Template};
use crate::machine::{Builder, KindRow, Me, Outcome, Stop, Task, TaskIndex, Turn};

pub(super) const ROW: KindRow = KindRow {
    keyword: "raise",
    target: None,
    fields: &["raise"],
    doc: "Fails with an error, given here or under `use.errors`.",
    shape: "raise: { error: { type: URI, status: NUMBER, title: TEXT, detail: TEXT } }",
    read: Some(read),
};

#[derive(Debug)]
struct Raise {
    kind: Template,
    status: u16,
    title: Option<Template>,
    detail: Option<Template>,
    instance: Option<Template>,
}

fn read(builder: &mut Builder, fields: &Fields<'_>, _: TaskIndex) -> Option<Box<dyn Task>> {
    let reader = &mut builder.reader;
    if !reader.require(fields, &["raise"]) {
        return None;
    }
    let (node, path) = fields.get("raise")?;
    let inner = reader.fields(node, &path, &["error"])?;
    if !reader.require(&inner, &["error"]) {
        return None;
    }
    let (error, at) = inner.get("error")?;
    let (error, at) = reader.referenced("errors", error, &at)?;
    read_error(reader, &error, &at).map(|raise| Box::new(raise) as Box<dyn Task>)
}

/// Checks an error under `use.errors` that nobody may refer to.
pub(super) fn check(builder: &mut Builder, node: &Node, path: &str) {
    read_error(&mut builder.reader, node, path);
}

fn read_error(reader: &mut Reader, node: &Node, path: &str) -> Option<Raise> {
    let error = reader.fields(node, path, &["type", "status", "title", "detail", "instance"])?;
    let whole = reader.require(&error, &["type", "status"]);
    let status = error
        .get("status")
        .and_then(|(node, at)| reader.integer(node, &at, 100, 599));
    let mut texts = ["type", "title", "detail", "instance"].map(|name| {
        let (node, at) = error.get(name)?;
        reader.text(node, &at)?;
        Template::read(reader, node, &at)
    });
    let kind = texts[0].take()?;
    let status = u16::try_from(status?).ok()?;
    let [_, title, detail, instance] = texts;
    whole.then_some(Raise {
        kind,
        status,
        title,
        detail,
        instance,
    })
}

impl Raise {
    fn text(turn: &mut Turn<'_, '_>, me: Me<'_>, template: &Template) -> Result<String, Stop> {
        Ok(match &*turn.template(me, template, None)? {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    }
}

impl Task for Raise {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let kind = Self::text(turn, me, &self.kind)?;
        let mut rest = [&self.title, &self.detail, &self.instance]
            .into_iter()
            .map(|part| part.as_ref().map(|part| Self::text(turn, me, part)).transpose());
        let mut next = || rest.next().transpose().map(Option::flatten);
        let (title, detail, instance) = (next()?, next()?, next()?);
        let instance = instance
            .filter(|text| text.starts_with('/'))
            .and_then(|text| text.parse::<StepId>().ok());
        Err(Stop::fault(WorkflowError {
            title: title.unwrap_or_else(|| kind.rsplit('/').next().unwrap_or("error").to_owned()),
            kind,
            status: self.status,
            detail,
            instance,
            data: Value::Null,
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::Bench;

    #[test]
    fn an_inline_error_faults_the_run() {
        let error = Bench::yaml(
            "do:
  - raiseError:
      raise:
        error:
          status: 400
          type: https://open-workflow-specification.org/errors/types/compliance
          title: Compliance Error
          detail: ${ \"run of \\($workflow.definition.document.name) for \\(.who)\" }
",
        )
        .start(json!({"who": "ada"}))
        .error();
        assert_eq!((error.status, error.title.as_str()), (400, "Compliance Error"));
        assert_eq!(
            error.kind,
            "https://open-workflow-specification.org/errors/types/compliance"
        );
        assert_eq!(error.detail.unwrap(), "run of test for ada");
        assert_eq!(error.instance.unwrap().to_string(), "/do/0/raiseError");
    }

    #[test]
    fn a_named_error() {
        let error = Bench::yaml(
            "use: { errors: { nope: { type: 'https://x/nope', status: 418 } } }
do: [ { a: { raise: { error: nope } } } ]
",
        )
        .start(json!({}))
        .error();
        assert_eq!((error.status, error.title.as_str()), (418, "nope"));
    }
}
