//! `call: NAME`: a function of the document (`use.functions`), of a catalog (`name:version@catalog`), or at an address.

use dirigent_protocol::run::{EffectRequest, FunctionCall, OnUnknown, WorkflowError};
use dirigent_protocol::source::{Node, nearest};

use super::endpoint::Endpoint;
use crate::document::{Fields, Reader, Template};
use crate::machine::{Builder, Done, KindRow, Me, Next, Outcome, Task, TaskIndex, TaskList, Turn};

pub(super) const ROW: KindRow = KindRow {
    keyword: "call",
    target: Some("*"),
    fields: &["call", "with"],
    doc: "Runs the task of that name under `use.functions`, in a catalog, or at an address; `with` is its input.",
    shape: "call: NAME | NAME:VERSION@CATALOG | URI, with: { NAME: VALUE, ... }",
    read: Some(read),
};

const KNOWN: [&str; 10] = [
    "http",
    "agent",
    "approval",
    "noop",
    "tool",
    "notify",
    "orchestration",
    "handoff",
    "route",
    "knowledge",
];

#[derive(Debug)]
struct CallFunction {
    with: Option<Template>,
    list: TaskList,
}

fn read(builder: &mut Builder, fields: &Fields<'_>, me: TaskIndex) -> Option<Box<dyn Task>> {
    let (node, path) = fields.get("call")?;
    let name = node.as_str()?.to_owned();
    let with = match fields.get("with") {
        Some((node, at)) => {
            builder.reader.open(node, &at)?;
            Template::read(&mut builder.reader, node, &at).map(Some)
        }
        None => Some(None),
    };
    if let Some((function, at)) = builder.function(&name) {
        let list = builder.expand_function(&name, &function, &at, node, &path, me)?;
        return Some(Box::new(CallFunction { with: with?, list }));
    }
    if name.contains("://") || name.contains('@') {
        let catalog = cataloged(&mut builder.reader, &name, node, &path)?;
        return Some(Box::new(CallCataloged {
            function: name,
            catalog,
            with: with?,
        }));
    }
    let reader = &mut builder.reader;
    let functions = reader.named.keys().filter(|(section, _)| *section == "functions");
    let names: Vec<String> = functions.map(|(_, name)| name.clone()).collect();
    let candidates = names.iter().map(String::as_str).chain(KNOWN);
    let help = match nearest(&name, candidates) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "define it under `use.functions`, or call http, agent, approval or noop".to_owned(),
    };
    let message = format!("there is no function `{name}`");
    reader
        .error("unknown_function", message, node.span.start, &path)
        .help = Some(help);
    None
}

/// The catalog of `name:version@catalog`; none for an address, and for the daemon's own catalog.
fn cataloged(reader: &mut Reader, name: &str, node: &Node, path: &str) -> Option<Option<Endpoint>> {
    if name.contains("://") {
        return Some(None);
    }
    let (function, catalog) = name.rsplit_once('@')?;
    let named = function.split_once(':').is_some_and(|(name, version)| {
        let plain = |text: &str| {
            !text.is_empty()
                && !text.starts_with('.')
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.+".contains(&b))
        };
        plain(name) && plain(version)
    });
    if !named {
        let message = format!("`{name}` does not name a function of a catalog");
        reader.error("bad_function", message, node.span.start, path).help =
            Some("write name:version@catalog, such as log:1.0.0@default".to_owned());
        return None;
    }
    let known = reader.named.get(&("catalogs", catalog.to_owned())).cloned();
    match known {
        Some((catalog, at)) => {
            let fields = reader.fields(&catalog, &at, &["endpoint"])?;
            if !reader.require(&fields, &["endpoint"]) {
                return None;
            }
            let (endpoint, at) = fields.get("endpoint")?;
            Endpoint::read(reader, endpoint, &at).map(Some)
        }
        None if catalog == "default" => Some(None),
        None => {
            let names: Vec<String> = reader
                .named
                .keys()
                .filter(|(section, _)| *section == "catalogs")
                .map(|(_, name)| name.clone())
                .collect();
            let help = match nearest(catalog, names.iter().map(String::as_str).chain(["default"])) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "define it under `use.catalogs`, or write @default".to_owned(),
            };
            let message = format!("there is no catalog `{catalog}`");
            reader
                .error("unknown_reference", message, node.span.start, path)
                .help = Some(help);
            None
        }
    }
}

/// Checks a catalog under `use.catalogs` that nobody may refer to.
pub(super) fn check_catalog(builder: &mut Builder, node: &Node, path: &str) {
    let reader = &mut builder.reader;
    if let Some(fields) = reader.fields(node, path, &["endpoint"])
        && reader.require(&fields, &["endpoint"])
        && let Some((endpoint, at)) = fields.get("endpoint")
    {
        Endpoint::read(reader, endpoint, &at);
    }
}

/// A function that lies elsewhere: its definition is fetched when it is called, and runs as a run of its own.
#[derive(Debug)]
struct CallCataloged {
    function: String,
    catalog: Option<Endpoint>,
    with: Option<Template>,
}

impl Task for CallCataloged {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let catalog = match &self.catalog {
            Some(catalog) => Some(catalog.resource(turn, me)?),
            None => None,
        };
        let input = match &self.with {
            Some(with) => turn.template(me, with, None)?,
            None => turn.input(me.frame),
        };
        let call = FunctionCall {
            function: self.function.clone(),
            catalog,
            input,
        };
        turn.request(me, EffectRequest::Function(call))
    }

    /// The same key finds the same run again.
    fn always_on_unknown(&self) -> Option<OnUnknown> {
        Some(OnUnknown::Retry)
    }
}

impl Task for CallFunction {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let Some(task) = self.list.tasks.first() else {
            return Err(WorkflowError::standard("configuration", 500, "The function is empty").into());
        };
        let input = match &self.with {
            Some(with) => turn.template(me, with, None)?,
            None => turn.input(me.frame),
        };
        Ok(Next::StartWith(*task, input))
    }

    fn begin_again(&self, turn: &mut Turn<'_, '_>, me: Me<'_>, _: TaskIndex) -> Outcome {
        self.start(turn, me)
    }

    fn child_done(&self, _turn: &mut Turn<'_, '_>, _me: Me<'_>, done: Done) -> Outcome {
        Ok(Next::Done(done.output, None))
    }

    fn lists(&self) -> Vec<(&'static str, &TaskList)> {
        vec![("", &self.list)]
    }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::EffectRequest;
    use serde_json::json;

    use crate::testing::Bench;
    use crate::workflow::load;

    #[test]
    fn a_function_gets_its_arguments() {
        let mut run = Bench::yaml(
            "use:
  functions:
    double: { set: { v: '${ .n * 2 }' } }
do:
  - a: { call: double, with: { n: '${ .x }' } }
  - b: { call: double, with: { n: '${ .v }' } }
",
        )
        .start(json!({"x": 3}));
        assert_eq!(run.output(), json!({"v": 12}));
    }

    #[test]
    fn a_cataloged_function_is_named_with_its_catalog() {
        let text = "use: { catalogs: { ours: { endpoint: { uri: 'file:///srv/catalog' } } } }
do:
  - a: { call: 'log:1.0.0@ours', with: { m: '${ .x }' } }
";
        let run = Bench::yaml(text).start(json!({"x": 3}));
        let EffectRequest::Function(call) = run.request(run.intended()[0]) else {
            panic!("no function")
        };
        assert_eq!(call.function, "log:1.0.0@ours");
        assert_eq!(call.catalog.unwrap().uri, "file:///srv/catalog");
        assert_eq!(*call.input, json!({"m": 3}));
        let head = "document: { dsl: '1.0.3', namespace: t, name: t, version: '1.0.0' }\n";
        for (call, code) in [
            ("log@default", "bad_function"),
            ("'../x:1@default'", "bad_function"),
            ("'log:1.0.0@nowhere'", "unknown_reference"),
        ] {
            let found = load("t", &format!("{head}do: [ {{ a: {{ call: {call} }} }} ]\n")).unwrap_err();
            assert_eq!(found[0].code, code, "{call}");
        }
    }
}
