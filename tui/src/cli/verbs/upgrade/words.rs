//! A run that was looked at, for scripts and for people.

use dirigent_protocol::upgrade::{Finding, RunCheck, UpgradePage};
use serde_json::{Value, json};

use crate::cli::out::{Out, Tone};

/// What scripts read of a run.
pub(super) fn to_json(looked: &RunCheck) -> Value {
    let mut value = serde_json::to_value(looked).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.insert("breaks".to_owned(), looked.breaks().into());
    }
    value
}

/// What scripts read of the draft.
pub(super) fn head(page: &UpgradePage) -> Value {
    json!({
        "workflow": page.workflow,
        "to": page.to,
        "version": page.version,
        "published": page.published,
    })
}

/// A run and its findings, a line each.
pub(super) fn show(out: &mut Out, looked: &RunCheck, ending: &str) {
    let (tone, run) = (
        if looked.breaks() { Tone::Bad } else { Tone::Good },
        looked.run.short(),
    );
    let version = match looked.version.as_str() {
        "" => looked.from.short(),
        version => version.to_owned(),
    };
    let words = format!("run {run} (version {version}, {}): {ending}", looked.status);
    let line = out.look.paint(tone, &out.look.line(&words));
    out.raw_line(&line);
    for finding in &looked.findings {
        show_finding(out, finding);
    }
}

fn show_finding(out: &mut Out, finding: &Finding) {
    let step = match finding.step.to_string() {
        step if step.is_empty() => "the workflow".to_owned(),
        step => step,
    };
    let word = if finding.breaks { "breaks" } else { "note" };
    out.text(&format!(
        "  {word}  {step}  {} (event {}): {}",
        finding.reason, finding.event, finding.detail
    ));
    if let Some(help) = finding.help.as_ref().filter(|_| finding.breaks) {
        let line = out
            .look
            .paint(Tone::Dim, &out.look.line(&format!("          help: {help}")));
        out.raw_line(&line);
    }
}
