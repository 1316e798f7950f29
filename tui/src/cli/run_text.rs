//! A run for scripts and for people.

use dirigent_protocol::entity::{Document, WorkflowExecution};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{Lineage, Origin, Status};
use serde_json::{Value, json};

use super::budget_words;
use super::format::{moment, pretty};
use super::out::{Out, Tone};
use super::table::tone_of;
use crate::text::amount::{count, usd};

/// A run with its id.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// Everything else.
    pub body: WorkflowExecution,
}

impl Run {
    /// Reads a `WorkflowExecution` document.
    ///
    /// # Errors
    /// This client cannot read it.
    pub fn read(document: &Document) -> Result<Self, Fault> {
        let body = document
            .body()
            .map_err(|error| Fault::new(Code::Unsupported, format!("this run cannot be read: {error}")))?;
        Ok(Self {
            id: document.metadata.id.into(),
            body,
        })
    }

    /// What scripts rely on.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let body = &self.body;
        json!({
            "run": self.id,
            "workflow": body.workflow,
            "version": body.version,
            "digest": body.digest,
            "status": body.status,
            "step": body.step,
            "progress": body.progress,
            "output": body.output,
            "error": body.error,
            "started_at": body.started_at,
            "ended_at": body.ended_at,
            "started_by": body.started_by,
            "origin": body.origin,
            "usage": body.usage,
            "budget": body.budget,
            "priority": body.priority,
            "queue": body.queue,
            "waits": body.waits,
            "quarantine": body.quarantine,
        })
    }

    /// Why it does not go on, where it is not for its own doing: it waits for its turn, or was set aside.
    #[must_use]
    pub fn held_up(&self) -> Option<String> {
        if let Some(quarantine) = &self.body.quarantine {
            let deaths = quarantine.deaths;
            return Some(format!(
                "quarantined: the daemon died {deaths} times with it; release or cancel it"
            ));
        }
        if let Some(waits) = self.body.waits.as_ref().filter(|_| self.body.queue.is_none()) {
            return Some(waits.words(&moment(waits.until)));
        }
        let queue = self.body.queue.as_ref()?;
        let place = queue
            .place
            .map(|place| format!("place {place}: "))
            .unwrap_or_default();
        let key = queue
            .key
            .as_ref()
            .map(|key| format!(" (key {key})"))
            .unwrap_or_default();
        Some(format!("{place}{}{key}", queue.why))
    }

    /// One line: how it stands and what it took.
    #[must_use]
    pub fn headline(&self) -> String {
        let body = &self.body;
        let mut text = format!("run {} ({}) {}", self.id.short(), body.workflow, body.status);
        if let (Some(from), Some(to)) = (body.started_at, body.ended_at) {
            let seconds = (to.as_millisecond() - from.as_millisecond()).max(0) as f64 / 1000.0;
            text.push_str(&format!(" in {seconds:.1} s"));
        }
        if body.usage.calls > 0 {
            let tokens = body.usage.input_tokens.saturating_add(body.usage.output_tokens);
            text.push_str(&format!(
                ", {} model calls, {} tokens, {}",
                body.usage.calls,
                count(tokens),
                usd(body.usage.cost_micro_usd)
            ));
        }
        text
    }

    /// The colour of its status.
    #[must_use]
    pub fn tone(&self) -> Tone {
        tone_of(self.body.status.as_str())
    }

    /// Why it faulted: the error's title, its detail and its step.
    #[must_use]
    pub fn why(&self) -> Option<String> {
        let error = &self.body.error;
        let part = |name: &str| {
            error
                .get(name)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        let mut text = part("title").or_else(|| part("type"))?.to_owned();
        if let Some(detail) = part("detail") {
            text.push_str(": ");
            text.push_str(detail.trim_end());
        }
        if let Some(step) = part("instance") {
            text.push_str("\n  at: ");
            text.push_str(step);
        }
        Some(text)
    }

    /// Everything, for `runs show`.
    pub fn write(&self, out: &mut Out) {
        let (look, body) = (out.look, &self.body);
        out.raw_line(&look.paint(self.tone(), &look.line(&self.headline())));
        let mut field = |name: &str, text: &str| {
            if !text.is_empty() {
                out.raw_line(&format!("{name:<9} {}", look.line(text)));
            }
        };
        field("id", &self.id.to_string());
        field(
            "version",
            &format!(
                "{} ({})",
                body.version,
                body.digest.chars().take(12).collect::<String>()
            ),
        );
        field("started", &body.started_at.map(moment).unwrap_or_default());
        field("ended", &body.ended_at.map(moment).unwrap_or_default());
        field(
            "waits",
            &self
                .held_up()
                .filter(|_| body.quarantine.is_none())
                .unwrap_or_default(),
        );
        field(
            "held",
            &self
                .held_up()
                .filter(|_| body.quarantine.is_some())
                .unwrap_or_default(),
        );
        if body.priority != 0 {
            field("priority", &body.priority.to_string());
        }
        field("by", &body.started_by);
        if let Some(origin) = &body.origin {
            field("from", &come_from(origin));
        }
        field("step", &body.step);
        field(
            "progress",
            &format!("{} of {}", body.progress.done, body.progress.total),
        );
        for (name, text) in body.budget.as_ref().map(budget_words::lines).unwrap_or_default() {
            field(name, &text);
        }
        for (name, value) in [
            ("input", &body.input),
            ("output", &body.output),
            ("error", &body.error),
        ] {
            if !value.is_null() {
                out.raw_line(&format!("{name}:"));
                out.text(&value_text(value));
            }
        }
    }

    /// What came out, for people: a text as it is, anything else as JSON.
    pub fn write_output(&self, out: &mut Out) {
        if self.body.status == Status::Completed && !self.body.output.is_null() {
            out.exact(&value_text(&self.body.output));
        }
    }
}

/// Where a run comes from, in words.
#[must_use]
pub fn come_from(origin: &Origin) -> String {
    match origin.how {
        Lineage::Restarted => format!("restarted from {}", origin.run),
        how => format!("{} from {} at event {}", how.as_str(), origin.run, origin.at),
    }
}

/// A text as it is, anything else as indented JSON.
#[must_use]
pub fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => pretty(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_scripts_rely_on_are_there() {
        let run = Run {
            id: RunId::nil(),
            body: WorkflowExecution::default(),
        };
        let value = run.to_json();
        for field in [
            "run",
            "workflow",
            "version",
            "status",
            "output",
            "error",
            "started_at",
            "ended_at",
            "usage",
        ] {
            assert!(value.get(field).is_some(), "{field}");
        }
        assert_eq!(value["status"], "pending");
    }

    #[test]
    fn a_fault_says_why_and_where() {
        let error =
            json!({"type": "t", "title": "Boom", "detail": "exit 3", "instance": "/do/0/x", "status": 500});
        let body = WorkflowExecution {
            error,
            ..WorkflowExecution::default()
        };
        assert_eq!(
            Run {
                id: RunId::nil(),
                body
            }
            .why()
            .unwrap(),
            "Boom: exit 3\n  at: /do/0/x"
        );
    }
}
