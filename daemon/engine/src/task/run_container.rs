//! `run: { container }`: a container of this machine's engine.

use std::collections::BTreeMap;

use dirigent_protocol::Payload;
use dirigent_protocol::run::{ContainerCall, EffectRequest, WorkflowError};
use serde_json::Value;

use super::process_parts::{Around, PARTS, Parts, text};
use crate::document::{Delay, Fields, Reader, Template};
use crate::machine::{Builder, KindRow, Me, Outcome, Stop, Task, TaskIndex, Turn, millis};

pub(super) const ROW: KindRow = KindRow {
    keyword: "run",
    target: Some("container"),
    fields: &["run"],
    doc: "Runs a container with docker or podman, where one of them is installed.",
    shape: "run: { container: { image: NAME, name: TEXT, command: TEXT, arguments: [ TEXT ], stdin: TEXT, environment: {...}, ports: {...}, volumes: {...}, lifetime: { cleanup: always|never|eventually, after: DURATION }, pullPolicy: ifNotPresent|always|never }, return: stdout|stderr|code|all|none, await: true }",
    read: Some(read),
};

#[derive(Debug)]
struct RunContainer {
    image: Template,
    name: Option<Template>,
    command: Option<Template>,
    ports: Option<Template>,
    volumes: Option<Template>,
    pull: &'static str,
    cleanup: &'static str,
    after: Option<Delay>,
    parts: Parts,
}

const FIELDS: [&str; 7] = [
    "image",
    "name",
    "command",
    "ports",
    "volumes",
    "lifetime",
    "pullPolicy",
];

fn read(builder: &mut Builder, fields: &Fields<'_>, _: TaskIndex) -> Option<Box<dyn Task>> {
    let reader = &mut builder.reader;
    let (node, path) = fields.get("run")?;
    let run = reader.fields(node, &path, &["container", "return", "await"])?;
    let around = Around::read(reader, &run);
    let (node, path) = run.get("container")?;
    let container = reader.fields(node, &path, &[&FIELDS[..], &PARTS[..]].concat())?;
    let mut whole = reader.require(&container, &["image"]);
    let mut part = |name: &str, is_map: bool| {
        let (node, at) = container.get(name)?;
        let good = if is_map {
            reader.open(node, &at).is_some()
        } else {
            reader.text(node, &at).is_some()
        };
        let template = good.then(|| Template::read(reader, node, &at)).flatten();
        whole &= template.is_some();
        template
    };
    let (image, name, command) = (part("image", false), part("name", false), part("command", false));
    let (ports, volumes) = (part("ports", true), part("volumes", true));
    let pull = match container.get("pullPolicy") {
        Some((node, at)) => reader.word(node, &at, &["ifNotPresent", "always", "never"]),
        None => Some("ifNotPresent"),
    };
    let lifetime = read_lifetime(reader, &container);
    let parts = Parts::read(reader, around?, &container)?;
    let (cleanup, after) = lifetime?;
    whole.then_some(())?;
    Some(Box::new(RunContainer {
        image: image?,
        name,
        command,
        ports,
        volumes,
        pull: pull?,
        cleanup,
        after,
        parts,
    }))
}

fn read_lifetime(reader: &mut Reader, container: &Fields<'_>) -> Option<(&'static str, Option<Delay>)> {
    let Some((node, path)) = container.get("lifetime") else {
        return Some(("never", None));
    };
    let lifetime = reader.fields(node, &path, &["cleanup", "after"])?;
    if !reader.require(&lifetime, &["cleanup"]) {
        return None;
    }
    let (cleanup, at) = lifetime.get("cleanup")?;
    let cleanup = reader.word(cleanup, &at, &["always", "never", "eventually"])?;
    match (cleanup, lifetime.get("after")) {
        ("eventually", None) => {
            reader.require(&lifetime, &["after"]);
            None
        }
        (_, Some((after, at))) if cleanup != "eventually" => {
            let message = format!("`after` means nothing with `cleanup: {cleanup}`");
            reader.error("bad_value", message, after.span.start, &at).help =
                Some("write cleanup: eventually, or leave `after` out".to_owned());
            None
        }
        (_, Some((after, at))) => Some((cleanup, Some(Delay::read(reader, after, &at)?))),
        (_, None) => Some((cleanup, None)),
    }
}

/// A mapping of names to plain values.
fn pairs(
    turn: &mut Turn<'_, '_>,
    me: Me<'_>,
    template: Option<&Template>,
) -> Result<BTreeMap<String, String>, Stop> {
    let Some(template) = template else {
        return Ok(BTreeMap::new());
    };
    let value = turn.template(me, template, None)?;
    let Value::Object(fields) = &*value else {
        return Ok(BTreeMap::new());
    };
    let pair = |(name, value): (&String, &Value)| match value {
        Value::String(text) => Ok((name.clone(), text.clone())),
        Value::Number(number) => Ok((name.clone(), number.to_string())),
        other => {
            let error = WorkflowError::standard("validation", 400, "A container cannot be given that");
            Err(Stop::fault(error.detail(format!("`{name}` is {other}"))))
        }
    };
    fields.iter().map(pair).collect()
}

impl Task for RunContainer {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let image = text(turn, me, &self.image, "the image")?;
        let mut optional = |template: &Option<Template>, what: &str| match template {
            Some(template) => text(turn, me, template, what).map(Some),
            None => Ok(None),
        };
        let name = optional(&self.name, "the name")?.filter(|name| !name.is_empty());
        let command = optional(&self.command, "the command")?;
        let cleanup_after_ms = match &self.after {
            Some(after) => Some(millis(turn.delay(me, after)?)),
            None => None,
        };
        let call = ContainerCall {
            image,
            name,
            command,
            ports: pairs(turn, me, self.ports.as_ref())?,
            volumes: pairs(turn, me, self.volumes.as_ref())?,
            pull: self.pull.to_owned(),
            cleanup: self.cleanup.to_owned(),
            cleanup_after_ms,
            process: self.parts.process(turn, me)?,
        };
        turn.request(me, EffectRequest::Container(call))
    }

    fn performed(&self, turn: &mut Turn<'_, '_>, me: Me<'_>, output: Payload) -> Outcome {
        self.parts.performed(turn, me, output)
    }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::EffectRequest;
    use serde_json::json;

    use crate::testing::Bench;

    #[test]
    fn a_container_is_complete() {
        let run = Bench::yaml(
            "do:
  - c:
      run:
        container:
          image: alpine
          name: ${ \"c-\\(.n)\" }
          command: echo $1
          arguments: [ '${ .a }' ]
          ports: { '8080': 80 }
          volumes: { /tmp/x: /x }
          lifetime: { cleanup: eventually, after: PT1M }
          pullPolicy: never
",
        )
        .start(json!({"a": "x y", "n": 3}));
        let EffectRequest::Container(call) = run.request(run.intended()[0]) else {
            panic!("no container")
        };
        assert_eq!(
            (call.image.as_str(), call.name.as_deref()),
            ("alpine", Some("c-3"))
        );
        assert_eq!(
            (call.ports["8080"].as_str(), call.volumes["/tmp/x"].as_str()),
            ("80", "/x")
        );
        assert_eq!(
            (call.cleanup.as_str(), call.cleanup_after_ms),
            ("eventually", Some(60_000))
        );
        assert_eq!(call.process.arguments, ["x y"]);
    }
}
