//! What stands in for the outside: a sample that was given, one of the document, or one that is made up.

use std::collections::BTreeMap;
use std::sync::Arc;

use dirigent_protocol::dry_run::{ERROR, SAMPLE};
use dirigent_protocol::run::{EffectOutcome, EffectRequest, StepId, Usage, WorkflowError};
use serde_json::{Value, json};

use super::agents::AgentShapes;

/// Where a sample comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Named by who tries.
    Given,
    /// `metadata.dirigent.sample` of the task.
    Document,
    /// Nobody said anything.
    MadeUp,
}

impl Source {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Document => "document",
            Self::MadeUp => "made up",
        }
    }
}

/// All samples of a dry run.
#[derive(Debug)]
pub(super) struct Samples {
    pub(super) given: BTreeMap<String, Value>,
    pub(super) definition: Arc<Value>,
    pub(super) agents: AgentShapes,
}

impl Samples {
    /// The input: as given, the document's own, or nothing.
    pub(super) fn input(&self, given: Option<&Value>) -> Value {
        let own = self.definition.pointer("/document/metadata/dirigent/sample");
        given.or(own).cloned().unwrap_or_else(|| json!({}))
    }

    /// What was said of a step.
    pub(super) fn of(&self, step: &StepId) -> Option<(&Value, Source)> {
        let pointer = &*step.pointer;
        let name = pointer.rsplit('/').next().unwrap_or_default();
        let name = name.replace("~1", "/").replace("~0", "~");
        let given = self.given.get(pointer).or_else(|| self.given.get(&name));
        if let Some(given) = given {
            return Some((given, Source::Given));
        }
        let task = self.definition.pointer(pointer)?;
        let own = task.pointer("/metadata/dirigent/sample")?;
        Some((own, Source::Document))
    }

    /// How an effect ends, and where that comes from.
    pub(super) fn outcome(&self, step: &StepId, request: &EffectRequest) -> (EffectOutcome, Source) {
        let said = self.of(step);
        if let Some((Value::Object(members), source)) = said
            && let Some(error) = members.get(ERROR)
        {
            return (failed(error), source);
        }
        let (output, source) = match said {
            Some((value, source)) => (value.clone(), source),
            None => (self.made_up(request), Source::MadeUp),
        };
        // What does nothing needs no sample: what it gives is known.
        let known = matches!(request, EffectRequest::Noop { .. } | EffectRequest::Notify(_));
        let source = if known { Source::Given } else { source };
        let fact = (SAMPLE.to_owned(), Value::from(source.as_str()));
        let outcome = EffectOutcome::Done {
            output: Arc::new(output),
            usage: Usage::default(),
            facts: (!known).then_some(fact).into_iter().collect(),
        };
        (outcome, source)
    }

    /// Something of the shape that the effect gives.
    fn made_up(&self, request: &EffectRequest) -> Value {
        match request {
            EffectRequest::Noop { value } => (**value).clone(),
            EffectRequest::Notify(_) => Value::Null,
            EffectRequest::Http(call) => answered(&call.output, &call.method, &call.uri),
            EffectRequest::Openapi(call) => answered(&call.output, "GET", &call.document.uri),
            EffectRequest::Shell(call) => written(&call.returns),
            EffectRequest::Script(call) => written(&call.process.returns),
            EffectRequest::Container(call) => written(&call.process.returns),
            EffectRequest::Agent(call) if call.message.is_none() => self.agents.answer(&call.agent),
            EffectRequest::Agent(call) => Value::from(format!("(a sample of what {} answers)", call.agent)),
            EffectRequest::Mcp(call) => match call.method.as_str() {
                "tools/call" => json!({ "content": [{ "type": "text", "text": "(a sample)" }] }),
                "tools/list" => json!({ "tools": [] }),
                "prompts/list" => json!({ "prompts": [] }),
                "resources/list" => json!({ "resources": [] }),
                "resources/read" => json!({ "contents": [] }),
                _ => json!({}),
            },
            EffectRequest::Command(_) => written("all"),
            EffectRequest::Permission(call) => json!({ "option": call.option }),
            EffectRequest::Route(call) => json!({ "agent": call.capability, "why": "a sample" }),
            EffectRequest::A2a(_)
            | EffectRequest::Workflow(_)
            | EffectRequest::Function(_)
            | EffectRequest::File(_) => json!({}),
        }
    }
}

/// An HTTP answer in the form the call asks for.
fn answered(output: &str, method: &str, uri: &str) -> Value {
    match output {
        "raw" => Value::from(""),
        "response" => json!({
            "request": { "method": method, "uri": uri, "headers": {} },
            "statusCode": 200,
            "headers": {},
            "content": {},
        }),
        _ => json!({}),
    }
}

/// What a process gives in the form the task asks for.
fn written(returns: &str) -> Value {
    match returns {
        "code" => json!(0),
        "all" => json!({ "code": 0, "stdout": "", "stderr": "" }),
        "none" => Value::Null,
        _ => Value::from(""),
    }
}

/// `{ type, status, title, detail }`, each with what is usual where it is absent.
fn failed(error: &Value) -> EffectOutcome {
    let status = error["status"]
        .as_u64()
        .and_then(|status| u16::try_from(status).ok());
    let status = status.unwrap_or(500);
    let title = error["title"].as_str().unwrap_or("A sample of a failure");
    let mut made = WorkflowError::standard("communication", status, title);
    if let Some(kind) = error["type"].as_str() {
        made.kind = if kind.contains("://") {
            kind.to_owned()
        } else {
            WorkflowError::standard(kind, status, title).kind
        };
    }
    made.detail = error["detail"].as_str().map(str::to_owned);
    EffectOutcome::Failed {
        error: made,
        retryable: status >= 500 || matches!(status, 408 | 425 | 429),
        retry_after_ms: None,
        retry: None,
        usage: Usage::default(),
    }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::ShellCall;

    use super::*;

    fn samples(given: Value) -> Samples {
        Samples {
            given: serde_json::from_value(given).unwrap(),
            definition: Arc::new(json!({
                "document": { "metadata": { "dirigent": { "sample": { "n": 1 } } } },
                "do": [{ "list": { "metadata": { "dirigent": { "sample": "a\nb\n" } } } }, { "other": {} }],
            })),
            agents: AgentShapes::default(),
        }
    }

    fn output(samples: &Samples, step: &str) -> (Value, Source) {
        let request = EffectRequest::Shell(ShellCall::default());
        match samples.outcome(&StepId::new(step), &request) {
            (EffectOutcome::Done { output, .. }, source) => ((*output).clone(), source),
            (EffectOutcome::Failed { error, .. }, source) => (json!(error.status), source),
            (other, _) => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_given_goes_before_the_document_and_that_before_what_is_made_up() {
        let own = samples(json!({}));
        assert_eq!(own.input(None), json!({ "n": 1 }));
        assert_eq!(own.input(Some(&json!(2))), json!(2));
        assert_eq!(output(&own, "/do/0/list"), (json!("a\nb\n"), Source::Document));
        assert_eq!(output(&own, "/do/1/other"), (json!(""), Source::MadeUp));
        let given = samples(json!({ "list": "x", "/do/1/other": { "$error": { "status": 503 } } }));
        assert_eq!(output(&given, "/do/0/list"), (json!("x"), Source::Given));
        assert_eq!(output(&given, "/do/1/other"), (json!(503), Source::Given));
    }
}
