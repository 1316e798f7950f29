//! `run: { script }`: a script in a language of this machine.

use dirigent_protocol::Payload;
use dirigent_protocol::run::{EffectRequest, ScriptCall};

use super::endpoint::Endpoint;
use super::process_parts::{Around, PARTS, Parts, text};
use crate::document::{Fields, Template};
use crate::machine::{Builder, KindRow, Me, Outcome, Task, TaskIndex, Turn};

pub(super) const ROW: KindRow = KindRow {
    keyword: "run",
    target: Some("script"),
    fields: &["run"],
    doc: "Runs a script in js, python or sh as the daemon's user; arguments are passed unchanged.",
    shape: "run: { script: { language: js|python|sh, code: TEXT, source: { endpoint: URI }, arguments: [ TEXT ], stdin: TEXT, environment: { NAME: TEXT } }, return: stdout|stderr|code|all|none, await: true }",
    read: Some(read),
};

/// Names of languages, and the name of the one that is meant.
const LANGUAGES: [(&str, &str); 9] = [
    ("js", "js"),
    ("javascript", "js"),
    ("node", "js"),
    ("python", "python"),
    ("python3", "python"),
    ("py", "python"),
    ("sh", "sh"),
    ("shell", "sh"),
    ("bash", "bash"),
];

#[derive(Debug)]
struct RunScript {
    language: String,
    code: Option<Template>,
    source: Option<Endpoint>,
    parts: Parts,
}

fn read(builder: &mut Builder, fields: &Fields<'_>, _: TaskIndex) -> Option<Box<dyn Task>> {
    let reader = &mut builder.reader;
    let (node, path) = fields.get("run")?;
    let run = reader.fields(node, &path, &["script", "return", "await"])?;
    let around = Around::read(reader, &run);
    let (node, path) = run.get("script")?;
    let script = reader.fields(
        node,
        &path,
        &[&["language", "code", "source"], &PARTS[..]].concat(),
    )?;
    let mut whole = reader.require(&script, &["language"]);
    let language = script
        .get("language")
        .and_then(|(node, at)| Some((reader.text(node, &at)?.to_owned(), node, at)));
    if let Some((name, node, at)) = &language
        && !LANGUAGES.iter().any(|(known, _)| known == name)
    {
        let message = format!("scripts in `{name}` are not run");
        reader
            .warning("unknown_language", message, node.span.start, at)
            .help = Some("write js, python or sh; anything else runs in `run: container`".to_owned());
    }
    let code = script.get("code").map(|(node, at)| {
        reader.text(node, &at)?;
        Template::read(reader, node, &at)
    });
    let source = script
        .get("source")
        .map(|(node, at)| Endpoint::read_resource(reader, node, &at));
    if code.is_some() == source.is_some() {
        let message = "a script is given as `code` or as `source`";
        reader
            .error("missing_field", message, script.node.span.start, &path)
            .help = Some("write exactly one of the two".to_owned());
        whole = false;
    }
    let parts = Parts::read(reader, around?, &script)?;
    if !whole || matches!(code, Some(None)) || matches!(source, Some(None)) {
        return None;
    }
    let (language, ..) = language?;
    let meant = LANGUAGES.iter().find(|(known, _)| *known == language);
    Some(Box::new(RunScript {
        language: meant.map_or(language.clone(), |(_, meant)| (*meant).to_owned()),
        code: code.flatten(),
        source: source.flatten(),
        parts,
    }))
}

impl Task for RunScript {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let code = match &self.code {
            Some(code) => Some(text(turn, me, code, "the script")?),
            None => None,
        };
        let source = match &self.source {
            Some(source) => Some(source.resource(turn, me)?),
            None => None,
        };
        let call = ScriptCall {
            language: self.language.clone(),
            code,
            source,
            process: self.parts.process(turn, me)?,
        };
        turn.request(me, EffectRequest::Script(call))
    }

    fn performed(&self, turn: &mut Turn<'_, '_>, me: Me<'_>, output: Payload) -> Outcome {
        self.parts.performed(turn, me, output)
    }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::EffectRequest;
    use serde_json::json;

    use crate::testing::{Bench, done};

    #[test]
    fn a_script_is_complete_and_what_is_not_waited_for_hands_its_input_on() {
        let mut run = Bench::yaml(
            "do:
  - s:
      run:
        await: false
        script:
          language: javascript
          code: console.log(1)
          arguments: [ '${ .a }' ]
          environment: { N: '${ .n }' }
",
        )
        .start(json!({"a": "$(id)", "n": 3}));
        let effect = run.intended()[0];
        let EffectRequest::Script(call) = run.request(effect) else {
            panic!("no script")
        };
        assert_eq!(
            (call.language.as_str(), call.code.as_deref()),
            ("js", Some("console.log(1)"))
        );
        assert_eq!(
            (&call.process.arguments[0][..], &call.process.environment["N"][..]),
            ("$(id)", "3")
        );
        run.settle(effect, done(json!(null)));
        assert_eq!(run.output(), json!({"a": "$(id)", "n": 3}));
    }
}
