//! One suggestion: why, which runs show it, its change against the agent as it is now, and the report it came from.

use std::time::Duration;

use dirigent_protocol::entity::{AgentSelfReport, AgentSuggestion, Document, Kind, SuggestionStatus};
use dirigent_protocol::query::{Query, QueryReply, SuggestionLook};
use similar::ChangeTag;

use super::page::Suggestions;
use crate::keymap::Action;
use crate::model::{Cmd, Link};
use crate::pages::Ctx;
use crate::text::{amount, clean_line, diff, wrap, yaml};
use crate::theme::Role;
use crate::widgets::Line;

const LOOK: &str = "suggestions.look";
const REPORT: &str = "suggestions.report";
const REFRESH: Duration = Duration::from_millis(500);
/// Lines around a change that stay as they are.
const AROUND: usize = 2;

fn look(document: &Document) -> Query {
    Query::Suggestion {
        id: document.metadata.id.to_string(),
    }
}

fn report(body: &AgentSuggestion) -> Query {
    Query::Get {
        kind: Kind::AgentSelfReport,
        id: body.report.to_string(),
        include: Vec::new(),
    }
}

/// The questions to put now.
pub(super) fn wants(document: &Document, body: &AgentSuggestion, ctx: &Ctx<'_>) -> Vec<Cmd> {
    let (looks, now) = (&ctx.model.looks, ctx.time.mono);
    let wanted = [
        looks.want(LOOK, &look(document), Some(REFRESH), now),
        looks.want(REPORT, &report(body), None, now),
    ];
    wanted.into_iter().flatten().collect()
}

/// Something asked for is on its way and nothing stands in its place.
pub(super) fn reading(here: Option<(&Document, AgentSuggestion)>, ctx: &Ctx<'_>) -> bool {
    here.is_some_and(|(document, _)| {
        let looks = &ctx.model.looks;
        looks.waits(LOOK) && looks.answer(LOOK, &look(document)).is_none()
    })
}

/// Why it cannot be taken, where the daemon said so.
pub(super) fn stale(here: Option<(&Document, AgentSuggestion)>, ctx: &Ctx<'_>) -> Option<String> {
    let looked = looked(here?.0, ctx)?;
    let why = looked.stale.as_ref()?;
    Some(format!("it does not fit v{} any more: {why}", looked.number))
}

fn looked<'a>(document: &Document, ctx: &Ctx<'a>) -> Option<&'a SuggestionLook> {
    match ctx.model.looks.answer(LOOK, &look(document))? {
        Ok(QueryReply::Suggestion(look)) => Some(look),
        _ => None,
    }
}

/// Digest of the agent's newest version, as far as it is known; else of the one the suggestion was made of.
pub(super) fn newest_digest(document: &Document, body: &AgentSuggestion, ctx: &Ctx<'_>) -> String {
    let looked = looked(document, ctx).map(|look| look.digest.clone());
    looked
        .filter(|digest| !digest.is_empty())
        .unwrap_or_else(|| body.digest.clone())
}

/// What stands where there is none.
pub(super) fn none(ctx: &Ctx<'_>) -> Vec<&'static str> {
    match &ctx.model.connection.link {
        Link::Down { .. } => vec!["Not connected."],
        _ if crate::model::suggested::all_of(&ctx.model.looks).is_none() => vec!["Asking the daemon…"],
        _ => vec![
            "No suggestion yet.",
            "Let an agent look back on its work:",
            "  dirigent agents review NAME",
        ],
    }
}

impl Suggestions {
    /// The lines of the one under the cursor.
    pub(super) fn lines(&self, cells: usize, ctx: &Ctx<'_>) -> Vec<Line> {
        let Some((document, body)) = self.here(ctx) else {
            return vec![Line::new().add(Role::Dim, " Nothing is selected.")];
        };
        let mut out = Vec::new();
        text(Role::Heading, &body.title, cells, &mut out);
        let standing = format!(
            " {} v{}, {}",
            clean_line(&body.agent),
            body.number,
            body.status.word()
        );
        let by = match body.status {
            SuggestionStatus::Open => String::new(),
            _ => format!(" by {}", clean_line(&body.decided_by)),
        };
        out.push(Line::new().add(Role::Dim, format!("{standing}{by}")));
        if !body.decided_because.is_empty() {
            text(Role::Dim, &body.decided_because, cells, &mut out);
        }
        text(Role::Text, &body.reason, cells, &mut out);
        let key = ctx.keymap.first(Action::Open);
        for (at, run) in body.evidence.iter().enumerate() {
            let here = at == self.run && self.inside;
            out.push(
                Line::new()
                    .add(Role::Focus, if here { "▸" } else { " " })
                    .add(
                        if here { Role::Selected } else { Role::Text },
                        format!("run {}", run.short()),
                    )
                    .add(
                        Role::Dim,
                        if here {
                            format!("  {key} opens it")
                        } else {
                            String::new()
                        },
                    ),
            );
        }
        out.push(Line::new());
        change(document, cells, ctx, &mut out);
        if let Some(report) = report_of(&body, ctx) {
            out.push(Line::new());
            said(&report, cells, &mut out);
        }
        out
    }
}

fn text(role: Role, words: &str, cells: usize, out: &mut Vec<Line>) {
    for line in words.lines() {
        let line = clean_line(line);
        let parts = wrap(&line, cells.saturating_sub(2).max(10));
        out.extend(
            parts
                .into_iter()
                .map(|part| Line::new().add(role, format!(" {part}"))),
        );
    }
}

fn change(document: &Document, cells: usize, ctx: &Ctx<'_>, out: &mut Vec<Line>) {
    let Some(looked) = looked(document, ctx) else {
        out.push(Line::new().add(Role::Dim, " asking the daemon…"));
        return;
    };
    let Some(proposed) = &looked.proposed else {
        let why = looked.stale.as_deref().unwrap_or_default();
        text(
            Role::Bad,
            &format!("it does not fit v{} any more: {why}", looked.number),
            cells,
            out,
        );
        return;
    };
    let carried = if looked.carried_over { ", carried over" } else { "" };
    out.push(Line::new().add(Role::Heading, format!(" v{} → suggested{carried}", looked.number)));
    let (old, new) = (yaml(&looked.now), yaml(proposed));
    let all = diff::lines(&old, &new);
    for (at, group) in diff::groups(&all, AROUND).iter().enumerate() {
        if at > 0 {
            out.push(Line::new().add(Role::Dim, " …"));
        }
        for (tag, line) in group {
            let (sign, role) = match tag {
                ChangeTag::Delete => ("- ", Role::Bad),
                ChangeTag::Insert => ("+ ", Role::Good),
                ChangeTag::Equal => ("  ", Role::Dim),
            };
            out.push(
                Line::new()
                    .add(role, format!(" {sign}"))
                    .add(role, clean_line(line)),
            );
        }
    }
}

fn report_of(body: &AgentSuggestion, ctx: &Ctx<'_>) -> Option<AgentSelfReport> {
    match ctx.model.looks.answer(REPORT, &report(body))? {
        Ok(QueryReply::Document(found)) => found.body().ok(),
        _ => None,
    }
}

/// What the agent said of its work, behind what was counted.
fn said(report: &AgentSelfReport, cells: usize, out: &mut Vec<Line>) {
    let figures = &report.figures;
    out.push(Line::new().add(Role::Heading, " THE REPORT"));
    let counted = format!(
        "counted: {}, {} failed; {}, {} failed; {}",
        amount::many(figures.runs, "run"),
        amount::count(figures.runs_failed),
        amount::many(figures.calls, "call"),
        amount::count(figures.failures),
        amount::usd(figures.usage.cost_micro_usd),
    );
    text(Role::Text, &counted, cells, out);
    if report.rehearsal {
        text(Role::Dim, "the rehearsal answered in a model's place", cells, out);
    }
    text(Role::Text, &report.summary, cells, out);
    for one in &report.measures {
        text(
            Role::Text,
            &format!("{}: {}. {}", one.measure, one.verdict, one.words),
            cells,
            out,
        );
    }
    for (sign, lines) in [("+", &report.good), ("-", &report.bad)] {
        for line in lines {
            text(Role::Text, &format!("{sign} {line}"), cells, out);
        }
    }
    for one in &report.refused {
        text(
            Role::Dim,
            &format!("refused: {} ({})", one.title, one.reason),
            cells,
            out,
        );
    }
}
