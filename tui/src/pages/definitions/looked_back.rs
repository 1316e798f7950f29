//! What an agent said of its own work, on its card; and the draft that was accepted of what it suggests.

use super::asked::Subject;
use crate::model::suggested;
use crate::pages::Ctx;
use crate::text::{clean_line, span};
use crate::theme::Role;
use crate::widgets::Line;

/// Its newest report, and how many of its suggestions wait for somebody.
pub(super) fn lines(subject: &Subject, ctx: &Ctx<'_>, out: &mut Vec<Line>) {
    let looks = &ctx.model.looks;
    let Some((document, report)) = suggested::report_of(&subject.name, looks) else {
        return;
    };
    let row = |name: &str, words: &str| {
        Line::new()
            .add(Role::Dim, format!("  {name:<11}"))
            .add(Role::Text, clean_line(words))
    };
    let age = span::short(ctx.time.wall.as_second() - document.metadata.created_at.as_second());
    let words = if report.problem.is_empty() {
        &report.summary
    } else {
        &report.problem
    };
    out.push(row(
        "report",
        &format!("{age} ago, of v{}: {words}", report.number),
    ));
    let open = suggested::open_of(&subject.name, looks);
    let accepted = suggested::accepted_of(&subject.name, looks);
    let draft = accepted.map_or("", |_| ", one is a draft");
    let many = if open == 1 { "" } else { "s" };
    out.push(row(
        "suggests",
        &format!("{open} open suggestion{many}{draft}: page Suggestions"),
    ));
}

/// The accepted draft that changes this very version, as a file.
pub(super) fn draft(subject: &Subject, newest: Option<&str>, ctx: &Ctx<'_>) -> Option<String> {
    let (_, suggestion) = suggested::accepted_of(&subject.name, &ctx.model.looks)?;
    let draft = suggestion
        .draft
        .filter(|_| newest == Some(&*suggestion.draft_of))?;
    let spec = serde_json::to_value(draft).ok()?;
    Some(super::asked::as_file(subject, &spec))
}
