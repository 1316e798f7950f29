//! What shells, scripts and containers have in common: arguments, standard input, variables, what is returned.

use std::collections::BTreeMap;

use dirigent_protocol::Payload;
use dirigent_protocol::run::{Process, WorkflowError};
use dirigent_protocol::source::join_pointer;
use serde_json::Value;

use crate::document::{Fields, Reader, Template};
use crate::machine::{Me, Next, Outcome, Stop, Turn};

/// Fields that every process may have.
pub(super) const PARTS: [&str; 3] = ["arguments", "stdin", "environment"];

/// The `run` around a process: what is returned, and whether it is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around {
    returns: &'static str,
    pub(super) detached: bool,
}

/// What a process is given.
#[derive(Debug)]
pub(super) struct Parts {
    around: Around,
    arguments: Vec<Template>,
    stdin: Option<Template>,
    environment: Vec<(String, Template)>,
}

impl Around {
    /// Reads `return` and `await` of `run`.
    pub(super) fn read(reader: &mut Reader, run: &Fields<'_>) -> Option<Self> {
        let returns = match run.get("return") {
            Some((node, at)) => reader.word(node, &at, &["stdout", "stderr", "code", "all", "none"])?,
            None => "stdout",
        };
        let waits = match run.get("await") {
            Some((node, at)) => reader.boolean(node, &at)?,
            None => true,
        };
        Some(Self {
            returns,
            detached: !waits,
        })
    }
}

impl Parts {
    /// Reads what every process has.
    pub(super) fn read(reader: &mut Reader, around: Around, fields: &Fields<'_>) -> Option<Self> {
        let mut arguments = Vec::new();
        if let Some((node, at)) = fields.get("arguments") {
            for (item, at) in reader.texts(node, &at)? {
                arguments.push(Template::read(reader, item, &at)?);
            }
        }
        let stdin = match fields.get("stdin") {
            Some((node, at)) => {
                reader.text(node, &at)?;
                Some(Template::read(reader, node, &at)?)
            }
            None => None,
        };
        Some(Self {
            around,
            arguments,
            stdin,
            environment: variables(reader, fields)?,
        })
    }

    /// How the step goes on: with what the process gave, or with its own input where nobody waited for it.
    pub(super) fn performed(&self, turn: &mut Turn<'_, '_>, me: Me<'_>, output: Payload) -> Outcome {
        let output = if self.around.detached {
            turn.input(me.frame)
        } else {
            output
        };
        Ok(Next::Done(output, None))
    }

    /// What it is given, computed.
    pub(super) fn process(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Result<Process, Stop> {
        let mut arguments = Vec::with_capacity(self.arguments.len());
        for argument in &self.arguments {
            arguments.push(text(turn, me, argument, "an argument")?);
        }
        let stdin = self
            .stdin
            .as_ref()
            .map(|stdin| text(turn, me, stdin, "stdin"))
            .transpose()?;
        let mut environment = BTreeMap::new();
        for (name, value) in &self.environment {
            environment.insert(name.clone(), text(turn, me, value, "the environment")?);
        }
        Ok(Process {
            arguments,
            stdin,
            environment,
            returns: self.around.returns.to_owned(),
            detached: self.around.detached,
            sandbox: me.task.base.settings.sandbox.or(turn.workflow.settings.sandbox),
            secrets: turn.secrets(me),
        })
    }
}

/// Reads `environment`.
pub(super) fn variables(reader: &mut Reader, fields: &Fields<'_>) -> Option<Vec<(String, Template)>> {
    let mut environment = Vec::new();
    let Some((node, at)) = fields.get("environment") else {
        return Some(environment);
    };
    let mut whole = true;
    for entry in reader.open(node, &at)?.entries {
        let at = join_pointer(&at, &entry.key);
        if entry.key.is_empty() || entry.key.contains('=') {
            let message = format!("`{}` is not a variable's name", entry.key);
            reader.error("bad_name", message, entry.key_span.start, &at).help =
                Some("use letters, digits and `_`".to_owned());
            whole = false;
            continue;
        }
        environment.push((entry.key.clone(), Template::read(reader, &entry.value, &at)?));
    }
    whole.then_some(environment)
}

/// Text as it is, anything else as JSON; a process cannot be given a NUL.
pub(super) fn text(
    turn: &mut Turn<'_, '_>,
    me: Me<'_>,
    template: &Template,
    what: &str,
) -> Result<String, Stop> {
    let value = turn.template(me, template, None)?;
    let text = match &*value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    if text.contains('\0') && what != "stdin" {
        let error =
            WorkflowError::standard("validation", 400, "A NUL character cannot be passed to a command");
        return Err(Stop::fault(error.detail(format!("in {what}"))));
    }
    Ok(text)
}
