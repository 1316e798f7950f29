//! What expressions see, and running them within a decision.

use std::sync::Arc;
use std::time::Duration;

use dirigent_protocol::Payload;
use dirigent_protocol::run::WorkflowError;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::model::{Me, Stop, TaskDef, Turn, Workflow};
use crate::document::{Delay, Schema, Template};
use crate::expression::{EvalError, Expression, Scope};
use crate::state::{FrameId, RunState};

/// The scope of a task instance.
pub(crate) struct TaskScope<'a> {
    pub(crate) workflow: &'a Workflow,
    pub(crate) state: &'a RunState,
    /// The innermost frame: the task's own, or the one around it before it begins.
    pub(crate) frame: FrameId,
    pub(crate) task: &'a TaskDef,
    /// `.`
    pub(crate) dot: Payload,
    /// `$input`
    pub(crate) input: Payload,
    /// `$output`
    pub(crate) output: Option<Payload>,
    /// Variables beside those of the frames.
    pub(crate) extra: Vec<(String, Payload)>,
    pub(crate) now: Timestamp,
}

fn null() -> Payload {
    Arc::new(Value::Null)
}

fn moment(at: Timestamp) -> Value {
    json!({ "iso8601": at.to_string(), "epoch": { "seconds": at.as_second(), "milliseconds": at.as_millisecond() } })
}

impl Scope for TaskScope<'_> {
    fn input(&self) -> Payload {
        self.dot.clone()
    }

    fn variable(&self, name: &str) -> Payload {
        match name {
            "context" => self.state.context.clone(),
            "input" => self.input.clone(),
            "output" => self.output.clone().unwrap_or_else(null),
            "secrets" => self.workflow.secret_marks.clone(),
            "task" => Arc::new(self.task_value()),
            "workflow" => Arc::new(self.workflow_value()),
            "runtime" => Arc::new(json!({
                "name": "dirigent", "version": env!("CARGO_PKG_VERSION"), "metadata": {}
            })),
            _ => self.local(name).unwrap_or_else(null),
        }
    }

    fn now(&self) -> Timestamp {
        self.now
    }
}

impl TaskScope<'_> {
    fn local(&self, name: &str) -> Option<Payload> {
        if let Some((_, value)) = self.extra.iter().find(|(extra, _)| extra == name) {
            return Some(value.clone());
        }
        let mut at = Some(self.frame);
        while let Some(id) = at {
            let frame = self.state.frame(id)?;
            let found = self
                .workflow
                .task_at(&frame.step.pointer)
                .and_then(|task| self.workflow.task(task).body.variable(frame, name));
            if found.is_some() {
                return found;
            }
            at = frame.parent;
        }
        None
    }

    fn task_value(&self) -> Value {
        let extended = self.task.stands_for.map(|index| self.workflow.task(index));
        let task = extended.unwrap_or(self.task);
        let definition = self
            .workflow
            .definition
            .pointer(&task.pointer.replace("%23", "#"));
        let frame = self
            .state
            .frame(self.frame)
            .filter(|frame| frame.step.pointer == task.pointer);
        let mut value = json!({
            "name": &*task.name,
            "reference": &*task.pointer,
            "definition": definition,
            "input": frame.map_or(&*self.dot, |frame| &*frame.raw_input),
            "output": self.output.as_deref(),
            "startedAt": frame.map(|frame| moment(frame.started_at)),
        });
        // The standard's own examples look at `$task.with` in the condition of an extension.
        if extended.is_some()
            && let (Some(value), Some(Value::Object(fields))) = (value.as_object_mut(), definition)
        {
            for (name, field) in fields {
                value.entry(name).or_insert_with(|| field.clone());
            }
        }
        value
    }

    fn workflow_value(&self) -> Value {
        json!({
            "id": self.state.run.to_string(),
            "definition": &*self.workflow.definition,
            "input": &*self.state.input,
            "startedAt": self.state.started_at.map(moment),
        })
    }
}

impl Turn<'_, '_> {
    /// The scope of a task at work: `.` and `$input` are its input.
    pub(crate) fn scope(&self, me: Me<'_>, dot: Option<Payload>) -> Option<TaskScope<'_>> {
        let input = self.state.frame(me.frame)?.input.clone();
        Some(TaskScope {
            workflow: self.workflow,
            state: &self.state,
            frame: me.frame,
            task: self
                .workflow
                .task_at(&me.task.pointer)
                .map(|index| self.workflow.task(index))?,
            dot: dot.unwrap_or_else(|| input.clone()),
            input,
            output: None,
            extra: Vec::new(),
            now: self.cx.now,
        })
    }

    /// Runs a template for a task at work; `.` is `dot`, or its input.
    pub fn template(
        &mut self,
        me: Me<'_>,
        template: &Template,
        dot: Option<Payload>,
    ) -> Result<Payload, Stop> {
        let Some(scope) = self.scope(me, dot) else {
            return Ok(null());
        };
        let result = template.evaluate(&scope, self.cx.answers);
        self.answer(result)
    }

    /// Runs an expression for a task at work; `.` is `dot`, or its input.
    pub fn expression(
        &mut self,
        me: Me<'_>,
        expression: &Expression,
        dot: Option<Payload>,
    ) -> Result<Payload, Stop> {
        let Some(scope) = self.scope(me, dot) else {
            return Ok(null());
        };
        let result = expression.evaluate(&scope, self.cx.answers);
        self.answer(result)
    }

    /// Whether an expression holds, as jq sees truth.
    pub fn holds(&mut self, me: Me<'_>, expression: &Expression, dot: Option<Payload>) -> Result<bool, Stop> {
        Ok(truthy(&*self.expression(me, expression, dot)?))
    }

    /// The same with more variables.
    pub fn holds_with(
        &mut self,
        me: Me<'_>,
        expression: &Expression,
        dot: Payload,
        extra: Vec<(String, Payload)>,
    ) -> Result<bool, Stop> {
        let Some(mut scope) = self.scope(me, Some(dot)) else {
            return Ok(false);
        };
        scope.extra = extra;
        let result = expression.evaluate(&scope, self.cx.answers);
        Ok(truthy(&*self.answer(result)?))
    }

    /// A duration, computed where it is an expression.
    pub fn delay(&mut self, me: Me<'_>, delay: &Delay) -> Result<Duration, Stop> {
        let expression = match delay {
            Delay::Fixed(duration) => return Ok(*duration),
            Delay::Computed(expression) => expression,
        };
        let value = self.expression(me, expression, None)?;
        let computed = match &*value {
            Value::String(text) => crate::document::parse_iso(text).ok(),
            Value::Number(number) => number.as_u64().map(Duration::from_millis),
            _ => None,
        };
        computed.ok_or_else(|| {
            let detail = format!("`{}` gave {value}, not a duration", expression.text());
            Stop::fault(expression_error(&detail))
        })
    }

    /// Checks a value against a schema.
    pub(crate) fn check(schema: Option<&Schema>, value: &Value, what: &str) -> Result<(), Stop> {
        let Some(schema) = schema else { return Ok(()) };
        schema.check(value).map_err(|why| {
            let error =
                WorkflowError::standard("validation", 400, format!("The {what} does not fit its schema"));
            Stop::fault(error.detail(why))
        })
    }

    /// Turns the failure of an expression into what the machine does about it.
    pub(crate) fn answer<T>(&mut self, result: Result<T, EvalError>) -> Result<T, Stop> {
        result.map_err(|error| match error {
            EvalError::Failed(why) => Stop::fault(expression_error(&why)),
            EvalError::Worker(request) => {
                if !self.needed.iter().any(|known| known.id == request.id) {
                    self.needed.push(*request);
                }
                Stop::Ask
            }
        })
    }
}

/// As jq sees truth: everything but `null` and `false`.
pub(crate) fn truthy(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

/// The specification's `expression` error.
pub(crate) fn expression_error(why: &str) -> WorkflowError {
    WorkflowError::standard("expression", 400, "An expression failed").detail(why)
}
