//! A rule of routing beside its versions: when it decides, for whom and why, and which recorded choices it would have made
//! otherwise.
//!
//! Invariant: the figures are the daemon's, of exactly the rule they stand beside.

use std::time::Duration;

use dirigent_protocol::entity::{OrchestrationRule, Preference};
use dirigent_protocol::query::{Query, QueryReply, RouteSimulation};
use serde_json::Value;

use super::builder::Builder;
use super::page::Definitions;
use super::side::Side;
use crate::model::{Cmd, Looks};
use crate::pages::Ctx;
use crate::text::{amount, clean_line};
use crate::theme::Role;
use crate::widgets::Line;

const STORED: &str = "routing.simulated";
const DRAFT: &str = "routing.draft";
/// How soon a simulation is made anew after something changed.
const REFRESH: Duration = Duration::from_secs(5);

fn read(definition: &Value) -> Option<OrchestrationRule> {
    serde_json::from_value(definition.clone()).ok()
}

fn query(rule: &OrchestrationRule) -> Query {
    Query::RouteSimulate {
        rule: Box::new(rule.clone()),
    }
}

fn told<'a>(topic: &str, rule: &OrchestrationRule, looks: &'a Looks) -> Option<&'a RouteSimulation> {
    match looks.answer(topic, &query(rule))? {
        Ok(QueryReply::RouteSimulated(told)) => Some(told),
        _ => None,
    }
}

/// The one line of a simulation.
fn figures(told: &RouteSimulation) -> String {
    let other = told.covered.saturating_sub(told.same);
    let runs = amount::many(u64::from(told.runs), "run");
    let nobody = match told.left_nobody {
        0 => String::new(),
        many => format!("; {many} where it leaves nobody"),
    };
    format!(
        "would have gone elsewhere: {other} of {}, {} of which it makes, in {runs}{nobody}",
        amount::many(u64::from(told.choices), "choice"),
        told.covered
    )
}

fn simulated(told: &RouteSimulation, out: &mut Vec<Line>) {
    out.push(Line::new().add(Role::Heading, figures(told)));
    if told.choices == 0 {
        out.push(Line::new().add(Role::Dim, "  no run recorded a choice yet"));
    }
    for other in &told.differs {
        out.push(
            Line::new()
                .add(Role::Dim, format!("  {} ", other.run.short()))
                .add_fit(Role::Text, clean_line(&other.capability), 14)
                .add(Role::Text, clean_line(&other.chosen))
                .add(Role::Dim, " → ")
                .add(Role::Mine, clean_line(&other.would))
                .add(Role::Dim, format!("  {}", clean_line(&other.why))),
        );
    }
}

const fn prefers(rule: &OrchestrationRule) -> &'static str {
    match rule.prefer {
        Preference::Listed if rule.agents.is_empty() => "the first by name",
        Preference::Listed => "the first of them that is left",
        Preference::LeastBusy => "whoever has the fewest calls in hand",
        Preference::Cheapest => "whose calls cost the least; who was never called goes first",
        Preference::MostSuccessful => "whose calls failed least; who was never called goes first",
    }
}

fn card(rule: &OrchestrationRule) -> Vec<Line> {
    let or = |text: &str, none: &str| {
        if text.is_empty() {
            none.to_owned()
        } else {
            text.to_owned()
        }
    };
    let state = if rule.active {
        "followed"
    } else {
        "not followed: it can be simulated"
    };
    let mut limits = Vec::new();
    limits.extend(rule.max_load.map(|most| format!("has {most} calls in hand")));
    limits.extend(rule.max_usd.map(|most| format!("costs more than ${most} a call")));
    limits.extend(
        rule.min_success
            .map(|least| format!("ended well in fewer than {} % of calls", least * 100.0)),
    );
    let mut rows = vec![
        ("state", state.to_owned()),
        ("about", or(&rule.capability, "every capability")),
        ("when", or(&rule.when, "always")),
        (
            "goes to",
            or(&rule.agents.join(", "), "any agent that has the capability"),
        ),
        ("why", prefers(rule).to_owned()),
        ("priority", rule.priority.to_string()),
    ];
    if !rule.avoid.is_empty() {
        rows.insert(4, ("never", rule.avoid.join(", ")));
    }
    if !limits.is_empty() {
        rows.insert(4, ("nor who", limits.join(", or ")));
    }
    let row = |(name, words): (&str, String)| {
        Line::new()
            .add(Role::Dim, format!("  {name:<9}"))
            .add(Role::Text, clean_line(&words))
    };
    let mut out: Vec<Line> = rows.into_iter().map(row).collect();
    if !rule.description.is_empty() {
        out.push(Line::new());
        let lines = rule.description.lines();
        out.extend(lines.map(|text| Line::new().add(Role::Text, format!("  {}", clean_line(text)))));
    }
    out
}

impl Definitions {
    /// The rule as the version says it that one looks at.
    fn rule(&self, ctx: &Ctx<'_>) -> Option<OrchestrationRule> {
        let versions = self.versions(ctx)?;
        read(&self.version(&versions)?.definition)
    }

    /// What a rule is, or what it would have changed.
    pub(super) fn rule_lines(&self, ctx: &Ctx<'_>) -> Vec<Line> {
        let dim = |text: &str| vec![Line::new().add(Role::Dim, format!("  {text}"))];
        let Some(rule) = self.rule(ctx) else {
            return dim("it cannot be read here");
        };
        if self.side == Side::Card {
            return card(&rule);
        }
        match (
            told(STORED, &rule, &ctx.model.looks),
            ctx.model.looks.failure(STORED),
        ) {
            (Some(told), _) => {
                let mut out = Vec::new();
                simulated(told, &mut out);
                out
            }
            (None, Some(fault)) => dim(&fault.to_string()),
            (None, None) => dim("simulating on recorded runs…"),
        }
    }

    /// The simulation of what one looks at; none on pages of anything else, or where nobody looks at it.
    pub(super) fn wants_routes(&self, ctx: &Ctx<'_>) -> Option<Cmd> {
        if self.side != Side::Routes || self.builder.is_some() || !ctx.model.connection.is_live() {
            return None;
        }
        let rule = self.rule(ctx)?;
        let looks = &ctx.model.looks;
        looks.want(STORED, &query(&rule), Some(REFRESH), ctx.time.mono)
    }
}

impl Builder {
    fn rule(&self) -> Option<OrchestrationRule> {
        if !self.simulates() {
            return None;
        }
        read(&super::tried::spec_in(self.draft.text()).ok()?)
    }

    /// Its drafts are simulated on recorded runs.
    pub(super) fn simulates(&self) -> bool {
        self.what.sides.contains(&Side::Routes)
    }

    /// The simulation of the draft as it stands.
    pub(super) fn wants_routes(&self, ctx: &Ctx<'_>) -> Option<Cmd> {
        if self.draft.is_waiting(ctx) || !ctx.model.connection.is_live() {
            return None;
        }
        let rule = self.rule()?;
        let looks = &ctx.model.looks;
        looks.want(DRAFT, &query(&rule), Some(REFRESH), ctx.time.mono)
    }

    /// What the draft would have changed, as lines.
    pub(super) fn routes_lines(&self, ctx: &Ctx<'_>) -> Vec<Line> {
        if !self.simulates() {
            return Vec::new();
        }
        let mut out = vec![Line::new().add(Role::Heading, "SIMULATED ON RECORDED RUNS")];
        match self.rule().map(|rule| told(DRAFT, &rule, &ctx.model.looks)) {
            Some(Some(told)) => simulated(told, &mut out),
            Some(None) => out.push(Line::new().add(Role::Dim, "  simulating…")),
            None => out.push(Line::new().add(Role::Dim, "  not yet a rule: see what is wrong")),
        }
        out.push(Line::new());
        out
    }

    /// What publishing the draft would do to choices, for the question whether to; none of anything else.
    pub(super) fn routes_asked(&self, ctx: &Ctx<'_>) -> Option<String> {
        let rule = self.rule()?;
        let follows = if rule.active {
            "It is followed from now on"
        } else {
            "It is stored and not followed"
        };
        Some(match told(DRAFT, &rule, &ctx.model.looks) {
            Some(told) => format!("{follows}; {}.", figures(told)),
            None => format!("{follows}; not simulated yet."),
        })
    }
}
