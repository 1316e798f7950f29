//! Agents: their templates must parse, their schemas must be schemas, their model must look like one.

use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{Agent, AgentVersion, Document, ForeignAgent, Kind};
use dirigent_protocol::run::{ApprovalClass, Sandbox};
use dirigent_protocol::source::{Diagnostic, Place};
use minijinja::Environment;
use serde_json::Value;

use super::Definition;

/// What a prompt's template may read.
const VARIABLES: [&str; 1] = ["input"];
/// Longest name of a model, characters.
const MAX_MODEL: usize = 128;

pub(super) struct Agents;

impl Definition for Agents {
    fn kind(&self) -> Kind {
        Kind::Agent
    }

    fn complete(&self, _name: &str, spec: &mut Value) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for field in ["system", "prompt"] {
            if let Some(text) = spec[field].as_str() {
                check_template(field, text, &mut found);
            }
        }
        for field in ["input_schema", "output_schema"] {
            if let Some(schema) = spec.get(field).filter(|schema| !schema.is_null()) {
                check_schema(field, schema, &mut found);
            }
        }
        if let Some(model) = spec["model"].as_str() {
            check_model(model, &mut found);
        }
        if let Ok(agent) = serde_json::from_value::<Agent>(spec.clone()) {
            found.extend(crate::tools::check(&agent));
            found.extend(crate::tools::check_capabilities(&agent));
            check_foreign(&agent, &mut found);
        }
        found
    }

    fn canonical(&self, spec: &Value) -> Value {
        // Through the type, so that a default that is spelled out changes nothing.
        serde_json::from_value::<Agent>(spec.clone())
            .ok()
            .and_then(|agent| serde_json::to_value(agent).ok())
            .unwrap_or_else(|| spec.clone())
    }

    fn version(&self, draft: &Document, canonical: Value, digest: Digest, number: u64) -> Value {
        let body = AgentVersion {
            agent: draft.metadata.id,
            agent_name: draft.metadata.name.clone(),
            digest: digest.to_string(),
            number,
            definition: serde_json::from_value(canonical).unwrap_or_default(),
        };
        serde_json::to_value(body).unwrap_or_default()
    }

    fn restored(&self, version: &Document) -> Value {
        version.spec["definition"].clone()
    }

    fn agents(&self, _name: &str, spec: &Value) -> Vec<String> {
        granted(spec, "agent")
    }

    fn workflows(&self, spec: &Value) -> Vec<String> {
        granted(spec, "workflow")
    }
}

/// Names of what it may use of a kind that is published itself.
fn granted(spec: &Value, kind: &str) -> Vec<String> {
    let grants = spec["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names = grants.iter().filter_map(|grant| grant[kind]["name"].as_str());
    names.map(str::to_owned).collect()
}

fn at(path: String) -> Place {
    Place {
        line: 0,
        column: 0,
        path,
    }
}

fn check_template(field: &str, text: &str, found: &mut Vec<Diagnostic>) {
    let environment = Environment::new();
    let template = match environment.template_from_str(text) {
        Ok(template) => template,
        Err(error) => {
            let line = error.line().unwrap_or(1);
            let what = error
                .detail()
                .map_or_else(|| error.kind().to_string(), str::to_owned);
            let message = format!("line {line} of the template `{field}`: {what}");
            found.push(
                Diagnostic::error("bad_template", message, at(format!("/{field}"))).help(
                    "templates are Jinja: `{{ input.text }}`, `{% for x in input.items %}...{% endfor %}`",
                ),
            );
            return;
        }
    };
    let built_in: Vec<&str> = environment.globals().map(|(name, _)| name).collect();
    let mut unknown: Vec<_> = template.undeclared_variables(false).into_iter().collect();
    unknown.retain(|name| !VARIABLES.contains(&name.as_str()) && !built_in.contains(&name.as_str()));
    unknown.sort();
    for name in &unknown {
        let message = format!("the template `{field}` reads `{name}`, which nobody sets");
        found.push(
            Diagnostic::warning("unknown_variable", message, at(format!("/{field}")))
                .help("what the agent is given is under `input`"),
        );
    }
}

fn check_schema(field: &str, schema: &Value, found: &mut Vec<Diagnostic>) {
    if let Err(error) = jsonschema::options().offline().build(schema) {
        let path = format!("/{field}{}", error.instance_path().as_str());
        let mut text = error.to_string();
        text.truncate(
            (0..=text.len().min(300))
                .rev()
                .find(|at| text.is_char_boundary(*at))
                .unwrap_or(0),
        );
        found.push(
            Diagnostic::error("bad_schema", format!("`{field}` is not a JSON Schema: {text}"), at(path))
                .help("write a schema such as `{type: object, properties: {summary: {type: string}}}`; it may refer to itself only"),
        );
    }
}

fn check_foreign(agent: &Agent, found: &mut Vec<Diagnostic>) {
    let Some(foreign) = &agent.foreign else {
        return;
    };
    if let Some((field, what)) = foreign.problem() {
        let place = at(format!("/foreign/{field}"));
        let message = format!("`{field}`: {what}");
        found
            .push(Diagnostic::error("bad_foreign_agent", message, place).help("see `dirigent schema agent`"));
    }
    check_unasked(agent, foreign, found);
    let budget = agent.budget.unwrap_or_default();
    let measured = [("usd", budget.usd.is_none()), ("tokens", budget.tokens.is_none())];
    for (field, _) in measured.into_iter().filter(|(_, absent)| !absent) {
        let message =
            format!("`budget.{field}` cannot be measured: what its program asks models for is its own");
        let place = at(format!("/budget/{field}"));
        found.push(
            Diagnostic::error("unmeasured_budget", message, place)
                .help("limit `budget.calls`, `timeout_s`, or `limits.turns` and `limits.time_s`"),
        );
    }
    let own = [
        ("tools", agent.tools.is_empty()),
        ("model", agent.model.is_empty()),
        ("fallback_models", agent.fallback_models.is_empty()),
    ];
    for (field, _) in own.into_iter().filter(|(_, empty)| !empty) {
        let message = format!("`{field}` is not read: the agent is a program with its own");
        found.push(Diagnostic::warning(
            "ignored_field",
            message,
            at(format!("/{field}")),
        ));
    }
}

/// Whoever is kept to nothing is always asked about; whoever reads a repository and reaches the network is, too, once it
/// was told what others wrote.
fn check_unasked(agent: &Agent, foreign: &ForeignAgent, found: &mut Vec<Diagnostic>) {
    let place = at("/foreign/approval".to_owned());
    let unasked = foreign
        .approval
        .is_some_and(|class| class < ApprovalClass::Always);
    if unasked && foreign.sandbox == Sandbox::Host {
        let message = "a program that is kept to nothing (`sandbox: host`) is never given leave unasked";
        found.push(
            Diagnostic::error("unconfined", message, place)
                .help("write `approval: always`, or leave it out; or choose `build` or `online`"),
        );
        return;
    }
    let reads = !foreign.repository.is_empty() && !agent.trusted_input;
    if reads && foreign.approval == Some(ApprovalClass::Never) {
        let message = "it is told what others wrote and reads a repository: a person is asked all the same before it acts";
        found.push(Diagnostic::warning("rule_of_two", message, place).help(
            "take `approval: never` out, or write `trusted_input: true` where nobody else writes its input",
        ));
    }
}

fn check_model(model: &str, found: &mut Vec<Diagnostic>) {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | ':' | '/' | '@');
    let parts_are_named = model.split('/').all(|part| !part.is_empty());
    if model.is_empty() || (model.len() <= MAX_MODEL && model.chars().all(fits) && parts_are_named) {
        return;
    }
    let shown: String = model
        .chars()
        .take(MAX_MODEL)
        .flat_map(char::escape_debug)
        .collect();
    found.push(
        Diagnostic::error(
            "bad_model",
            format!("`{shown}` does not name a model"),
            at("/model".to_owned()),
        )
        .help("write `provider/model`, an alias of the configuration, or leave it out for the default model"),
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_mistake_of_an_agent_is_found_at_once() {
        let mut spec = json!({
            "prompt": "Summarise\n{{ input.text",
            "system": "You are {{ name }}.",
            "model": "open ai/x",
            "output_schema": {"type": "objekt"},
        });
        let found: Vec<_> = Agents
            .complete("summary", &mut spec)
            .into_iter()
            .map(|d| (d.code.clone(), d.at.path.clone(), d.is_error()))
            .collect();
        assert_eq!(found.len(), 4, "{found:?}");
        for expected in [
            ("bad_template", "/prompt", true),
            ("unknown_variable", "/system", false),
            ("bad_model", "/model", true),
        ] {
            assert!(
                found
                    .iter()
                    .any(|(c, p, e)| (c.as_str(), p.as_str(), *e) == expected),
                "{found:?}"
            );
        }
        assert!(
            found
                .iter()
                .any(|(c, p, _)| c == "bad_schema" && p.starts_with("/output_schema"))
        );
    }

    #[test]
    fn a_spelled_out_default_is_the_same_agent() {
        let short = Agents.canonical(&json!({"prompt": "x"}));
        let long = Agents.canonical(&json!({"prompt": "x", "model": "", "description": ""}));
        assert_eq!(Digest::of(&short), Digest::of(&long));
    }
}
