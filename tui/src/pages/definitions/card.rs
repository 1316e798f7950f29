//! The card of an agent: what it is, and what it took in the runs that are kept.

use dirigent_protocol::agent_use::AgentUse;
use dirigent_protocol::entity::{Agent, AgentTool, Capability, ForeignKind};

use super::asked::{self, Subject};
use crate::pages::Ctx;
use crate::text::{amount, clean_line, span};
use crate::theme::Role;
use crate::widgets::Line;

/// The lines of the card.
pub(super) fn lines(subject: &Subject, ctx: &Ctx<'_>) -> Vec<Line> {
    let looks = &ctx.model.looks;
    let mut out = Vec::new();
    match asked::taken_by(subject, looks) {
        Some(taken) => figures(taken, ctx, &mut out),
        None => out.push(Line::new().add(Role::Dim, "  asking the daemon…")),
    }
    super::looked_back::lines(subject, ctx, &mut out);
    out.push(Line::new());
    if let Some(agent) = asked::body_of::<Agent>(subject, looks) {
        about(&agent, &mut out);
    }
    out
}

fn row(name: &str, words: &str) -> Line {
    Line::new()
        .add(Role::Dim, format!("  {name:<11}"))
        .add(Role::Text, clean_line(words))
}

/// What a tool is called.
fn tool_word(tool: &AgentTool) -> String {
    let named = [
        tool.name.as_deref(),
        tool.http.as_ref().map(|http| http.name.as_str()),
        tool.command.as_ref().map(|command| command.name.as_str()),
        tool.workflow.as_ref().map(|workflow| workflow.name.as_str()),
        tool.agent.as_ref().map(|agent| agent.name.as_str()),
        tool.mcp.as_ref().map(|_| "a server of tools"),
        tool.file.as_ref().map(|_| "files"),
        tool.other.values().find_map(|own| own["name"].as_str()),
        tool.other.keys().next().map(String::as_str),
    ];
    named.into_iter().flatten().next().unwrap_or("?").to_owned()
}

fn figures(taken: &AgentUse, ctx: &Ctx<'_>, out: &mut Vec<Line>) {
    let Some(last) = taken.last_used_at else {
        out.push(row("used", "never"));
        return;
    };
    let newest = if taken.complete {
        ""
    } else {
        ", the newest counted"
    };
    let runs = format!("{}{newest}", amount::many(taken.runs, "run"));
    let age = span::short(ctx.time.wall.as_second() - last.as_second());
    out.push(row("used", &format!("{age} ago, in {runs}")));
    let good = taken.success_pct().unwrap_or_default();
    let failed = match taken.failures {
        0 => String::new(),
        many => format!(", {} failed", amount::count(many)),
    };
    let calls = format!("{}, {good} % good{failed}", amount::count(taken.uses));
    out.push(row("calls", &calls));
    let usage = &taken.usage;
    let tokens = format!(
        "{} read, {} written, in {} of models",
        amount::tokens(usage.input_tokens),
        amount::tokens(usage.output_tokens),
        amount::many(usage.calls, "call")
    );
    out.push(row("tokens", &tokens));
    let unpriced = match usage.unpriced_calls {
        0 => String::new(),
        many => format!(", and {} without a price", amount::many(many, "call")),
    };
    out.push(row(
        "cost",
        &format!("{}{unpriced}", amount::usd(usage.cost_micro_usd)),
    ));
}

fn about(agent: &Agent, out: &mut Vec<Line>) {
    let model = match (&agent.foreign, agent.model.as_str()) {
        (Some(foreign), _) if foreign.kind == ForeignKind::A2a => "an agent elsewhere, over A2A",
        (Some(_), _) => "a program of somebody else",
        (None, "") => "the default one",
        (None, model) => model,
    };
    out.push(row("model", model));
    let lists = [
        ("else", agent.fallback_models.join(", ")),
        (
            "can",
            agent
                .capabilities
                .iter()
                .map(Capability::name)
                .collect::<Vec<_>>()
                .join(", "),
        ),
        (
            "tools",
            agent.tools.iter().map(tool_word).collect::<Vec<_>>().join(", "),
        ),
    ];
    for (name, words) in lists.iter().filter(|(_, words)| !words.is_empty()) {
        out.push(row(name, words));
    }
    if let Some(budget) = agent.budget {
        let parts = [
            budget.usd.map(|usd| format!("${usd}")),
            budget
                .tokens
                .map(|tokens| format!("{} tokens", amount::tokens(tokens))),
            budget.calls.map(|calls| amount::many(calls, "call")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        out.push(row("at most", &format!("{} a run", parts.join(", "))));
    }
    if !agent.description.is_empty() {
        out.push(Line::new());
        let lines = agent.description.lines();
        out.extend(lines.map(|text| Line::new().add(Role::Text, format!("  {}", clean_line(text)))));
    }
}
