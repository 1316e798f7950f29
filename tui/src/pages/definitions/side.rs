//! What stands beside the versions: a version's text, the difference of two, who uses the workflow.

use dirigent_protocol::entity::Kind;
use dirigent_protocol::query::Use;
use serde_json::Value;

use super::asked::{self, Subject, Version};
use super::changed;
use crate::pages::Ctx;
use crate::text::{amount, clean_line, span};
use crate::theme::Role;
use crate::widgets::Line;

/// The sides, in the order of the tabs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Side {
    /// What is different.
    #[default]
    Diff,
    /// The whole text.
    Text,
    /// Runs and rules.
    Used,
    /// The workflow it compiles to.
    Compiled,
    /// What agents answered that were tried out.
    Tried,
    /// What it is and what it took.
    Card,
    /// Who works with whom.
    Who,
    /// What a rule of routing would have changed.
    Routes,
}

impl Side {
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Diff => "difference",
            Self::Text => "text",
            Self::Used => "used by",
            Self::Compiled => "as workflow",
            Self::Tried => "tried",
            Self::Card => "card",
            Self::Who => "who works",
            Self::Routes => "simulated",
        }
    }

    pub(super) fn beside(self, all: &[Self], forward: bool) -> Self {
        let at = all.iter().position(|side| *side == self).unwrap_or(0);
        let count = all.len().max(1);
        let next = if forward { at + 1 } else { at + count - 1 };
        all.get(next % count).copied().unwrap_or_default()
    }
}

/// The text of a version, numbered.
pub(super) fn text(version: &Version) -> Vec<Line> {
    numbered(&version.source)
}

/// A text with the numbers of its lines.
pub(super) fn numbered(text: &str) -> Vec<Line> {
    let wide = text.lines().count().to_string().len();
    text.lines()
        .enumerate()
        .map(|(at, line)| {
            Line::new()
                .add(Role::Dim, format!("{:>wide$} ", at + 1))
                .add(Role::Text, clean_line(line))
        })
        .collect()
}

/// The difference of two versions, the older one first.
pub(super) fn difference(old: &Version, new: &Version) -> Vec<Line> {
    let head = format!("{} {} → {} {}", mark(old), old.version, mark(new), new.version);
    let mut out = vec![Line::new().add(Role::Heading, head)];
    if old.digest == new.digest {
        out.push(Line::new().add(Role::Dim, "  the same to the engine: only the text may differ"));
    }
    out.extend(changed::values_and_lines(&old.source, &new.source));
    out
}

/// How a version is named in a row: `v3`.
pub(super) fn mark(version: &Version) -> String {
    format!("v{}", version.number)
}

/// Runs by version and state, the rules that answer its requests, and who names it.
pub(super) fn used(subject: &Subject, ctx: &Ctx<'_>) -> Vec<Line> {
    let looks = &ctx.model.looks;
    let dim = |text: &str| Line::new().add(Role::Dim, text);
    let mut out = Vec::new();
    if !matches!(subject.kind, Kind::Agent | Kind::OrchestrationRule) {
        let Some(counts) = asked::used_by(subject, looks) else {
            return vec![dim("  asking the daemon…")];
        };
        out.push(Line::new().add(Role::Heading, format!("RUNS  {}", amount::count(counts.total))));
        for (title, facet) in ["version", "state"].iter().zip(&counts.facets) {
            for (value, count) in &facet.values {
                let value = match value {
                    Value::String(text) => text.as_str(),
                    _ => "-",
                };
                out.push(
                    Line::new()
                        .add(Role::Dim, format!("  {title:<8}"))
                        .add_fit(Role::Text, value, 20)
                        .add(Role::Text, amount::count(*count)),
                );
            }
        }
        out.push(Line::new());
        out.push(Line::new().add(Role::Heading, "RULES THAT ANSWER ITS REQUESTS"));
        named(asked::rules_of(subject, looks), &mut out);
        out.push(Line::new());
    }
    let users = asked::users_of(subject, looks);
    let of = |runs: bool| {
        users.map(|users| {
            let fits = users
                .iter()
                .filter(|user| (user.kind == Kind::WorkflowExecution) == runs);
            fits.map(in_words).collect::<Vec<String>>()
        })
    };
    out.push(Line::new().add(Role::Heading, "WHAT CALLS IT"));
    named(of(false), &mut out);
    out.push(Line::new());
    out.push(Line::new().add(Role::Heading, "RUNS UNDER WAY, AND WHAT THEY PINNED"));
    named(of(true), &mut out);
    out
}

/// Who uses it, in one line.
pub(super) fn in_words(user: &Use) -> String {
    let pinned = match (user.number, &user.digest) {
        (Some(number), _) => format!("v{number}"),
        (None, Some(digest)) => digest.chars().take(8).collect(),
        (None, None) => "the newest".to_owned(),
    };
    match &user.status {
        Some(status) => format!("{} {} {status}, {pinned}", user.id.short(), user.name),
        None => format!("{} {}", user.kind.as_str().to_lowercase(), user.name),
    }
}

/// Names, one a row; none while the daemon has not said.
fn named(names: Option<Vec<String>>, out: &mut Vec<Line>) {
    let dim = |text: &str| Line::new().add(Role::Dim, text);
    match names {
        Some(names) if names.is_empty() => out.push(dim("  none")),
        Some(names) => {
            let rows = names
                .iter()
                .map(|name| Line::new().add(Role::Text, format!("  {}", clean_line(name))));
            out.extend(rows);
        }
        None => out.push(dim("  asking the daemon…")),
    }
}

/// One version as a row.
pub(super) fn row(version: &Version, here: bool, marked: bool, ctx: &Ctx<'_>) -> Line {
    let age = span::short(ctx.time.wall.as_second() - version.made_at.as_second());
    let role = if here { Role::Selected } else { Role::Text };
    Line::new()
        .add(Role::Focus, if here { "▸" } else { " " })
        .add(Role::Mine, if marked { "x " } else { "  " })
        .add_fit(role, mark(version), 5)
        .add_fit(role, &version.version, 12)
        .add_fit(Role::Dim, version.digest.get(..8).unwrap_or(&version.digest), 9)
        .add(Role::Dim, age)
}
