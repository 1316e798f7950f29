//! An approval for scripts and for people: exactly what will run, and the digest that a decision must name.

use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{Document, WorkflowApproval};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::id::EntityId;
use dirigent_protocol::run::{Consequence, digest_of};
use serde_json::{Value, json};

use super::format::moment;
use super::out::{Out, Tone};
use super::run_text::value_text;
use super::table::tone_of;

/// What scripts rely on.
#[must_use]
pub fn to_json(id: EntityId, approval: &WorkflowApproval) -> Value {
    let mut value = serde_json::to_value(approval).unwrap_or_default();
    if let Some(members) = value.as_object_mut() {
        members.shift_insert(0, "id".into(), json!(id));
        members.entry("expires_at").or_insert(Value::Null);
        members.entry("requested_at").or_insert(Value::Null);
    }
    value
}

/// The digest of what this client shows, computed here.
///
/// # Errors
/// The daemon names another digest: what is shown is not what would run.
pub fn digest_shown(document: &Document, approval: &WorkflowApproval) -> Result<Digest, Fault> {
    let shown = digest_of(&approval.action, &approval.payload, approval.before.as_ref());
    if shown.to_string() == approval.digest {
        return Ok(shown);
    }
    Err(Fault::new(
        Code::Stale,
        "the approval's digest is not that of what is shown; nothing was decided",
    )
    .at(format!("approval {}", document.metadata.id.short()))
    .help("client and daemon may be of different versions: see `dirigent status`"))
}

/// Shows it whole, content framed by a margin it cannot leave.
pub fn write(document: &Document, approval: &WorkflowApproval, out: &mut Out) {
    let look = out.look;
    let status = serde_json::to_value(approval.status).unwrap_or_default();
    let status = status.as_str().unwrap_or_default();
    out.raw_line(&format!(
        "approval {}  {}  risk {}",
        document.metadata.id.short(),
        look.paint(tone_of(status), status),
        look.paint(tone_of(approval.risk.as_str()), approval.risk.as_str()),
    ));
    out.raw_line(&look.paint(Tone::Strong, &look.line(&approval.title)));
    let run = dirigent_protocol::id::RunId::from(approval.run).short();
    let mut field = |name: &str, text: &str| {
        if !text.is_empty() {
            out.raw_line(&format!("{name:<8} {}", look.line(text)));
        }
    };
    field("id", &document.metadata.id.to_string());
    field(
        "run",
        &format!("{run} ({}), step {}", approval.workflow, approval.step),
    );
    field("action", &approval.action);
    field("reason", approval.reason.as_deref().unwrap_or_default());
    field(
        "started",
        &if approval.started_by.is_empty() {
            String::new()
        } else {
            format!("by {}", approval.started_by)
        },
    );
    field("asked", &approval.requested_at.map(moment).unwrap_or_default());
    field("expires", &approval.expires_at.map(moment).unwrap_or_default());
    if approval.unknown_effect.is_none() {
        field("if no", &consequence(&approval.on_deny));
        field("if late", &consequence(&approval.on_expire));
    }
    people(approval, &mut field);
    field("decided", approval.decided_by.as_deref().unwrap_or_default());
    field("because", approval.decision_reason.as_deref().unwrap_or_default());
    if let Some(effect) = approval.unknown_effect {
        field(
            "asks",
            &format!("what became of effect {effect}, whose outcome nobody knows"),
        );
    }
    if let Some(before) = &approval.before {
        out.raw_line("there now:");
        framed(before, out);
    }
    out.raw_line("content:");
    framed(&approval.payload, out);
    if let Some(edited) = &approval.edited {
        out.raw_line("as approved:");
        framed(edited, out);
    }
    questions(approval, out);
    out.raw_line(&format!("digest   {}", look.line(&approval.digest)));
}

/// Who may decide, who has said yes so far, who changed it.
fn people(approval: &WorkflowApproval, field: &mut impl FnMut(&str, &str)) {
    if !approval.deciders.is_default() {
        field("needs", &approval.deciders.words());
    }
    for vote in &approval.votes {
        field("yes by", &vote.by);
    }
    field(
        "changed",
        &approval
            .amended_by
            .as_ref()
            .map(|who| format!("by {who}"))
            .unwrap_or_default(),
    );
}

fn questions(approval: &WorkflowApproval, out: &mut Out) {
    let look = out.look;
    for question in &approval.questions {
        let at = question.at.map(moment).unwrap_or_default();
        out.raw_line(&look.line(&format!("asked by {} {at}: {}", question.by, question.text)));
        match &question.answer {
            Some(answer) => {
                out.raw_line(&look.line(&format!("{} answered:", question.agent)));
                framed(&Value::String(answer.clone()), out);
            }
            None => out.raw_line(&look.line(&format!("{} has not answered yet", question.agent))),
        }
    }
}

/// What becomes of the run, in words.
#[must_use]
pub fn consequence(what: &Consequence) -> String {
    match what {
        Consequence::Fails => "the run fails".to_owned(),
        Consequence::GoesOn => "the run goes on behind the step".to_owned(),
        Consequence::Caught { by, maybe } => {
            let name = by.rsplit('/').next().unwrap_or_default();
            let may = if *maybe { "may catch" } else { "catches" };
            format!("the step fails; {name} {may} it and the run goes on")
        }
    }
}

fn framed(value: &Value, out: &mut Out) {
    let look = out.look;
    for line in value_text(value).lines() {
        out.raw_line(&format!("  {} {}", look.paint(Tone::Dim, "│"), look.line(line)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_scripts_rely_on_are_there() {
        let value = to_json(EntityId::nil(), &WorkflowApproval::default());
        for field in [
            "id",
            "run",
            "step",
            "action",
            "digest",
            "risk",
            "requested_at",
            "expires_at",
            "status",
        ] {
            assert!(value.get(field).is_some(), "{field}");
        }
        assert_eq!(value["status"], "pending");
    }
}
