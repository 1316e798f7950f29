//! Requests like this one: what was decided before, as the daemon knows it, and what a rule would cover now.

use std::time::Duration;

use dirigent_protocol::count::{By, CountQuery, Facet};
use dirigent_protocol::entity::{ApprovalRule, ApprovalStatus, Kind, RuleAnswer, RuleScope};
use dirigent_protocol::filter::{Filter, Op};
use dirigent_protocol::query::{ListQuery, Query, QueryReply};
use jiff::Timestamp;
use serde_json::Value;

use super::content::clock;
use super::page::Approvals;
use crate::model::{Approval, Cmd};
use crate::pages::Ctx;
use crate::text::{clean, span, wrap};
use crate::theme::{Role, Sign};
use crate::widgets::Line;

/// How far back it is looked, seconds.
const BACK: i64 = 30 * DAY;
const DAY: i64 = 24 * 3_600;
/// Most requests of the history.
const MOST: u32 = 50;
/// How soon it is asked anew after something changed.
const REFRESH: Duration = Duration::from_secs(30);
/// Whose counts and whose list.
const COUNTS: &str = "approvals.like";
const LIST: &str = "approvals.like.list";
/// How a rule signs.
const BY_RULE: &str = "rule:";

/// Decided requests of the same step of the same workflow, with the same action.
fn filter(approval: &Approval, now: Timestamp) -> Filter {
    let body = &approval.body;
    let is = |field: &str, op, value: Value| Filter::Is {
        field: field.to_owned(),
        op,
        value,
    };
    // Whole days, so that the question stays the same while one reads.
    let since = (now.as_second() - BACK).div_euclid(DAY) * DAY;
    let since = Timestamp::from_second(since).unwrap_or(now);
    Filter::And(vec![
        Filter::eq("workflow", body.workflow.as_str()),
        Filter::eq("task", body.task.as_str()),
        Filter::eq("action", body.action.as_str()),
        is("status", Op::Ne, "pending".into()),
        is("decided_at", Op::Ge, since.to_string().into()),
        is("id", Op::Ne, approval.id.to_string().into()),
    ])
}

/// What is counted, in the order of [`Tally`].
fn cases() -> Vec<Filter> {
    let status = |word: &str| Filter::eq("status", word);
    let edited = Filter::Is {
        field: "edited".to_owned(),
        op: Op::Ne,
        value: Value::Null,
    };
    let by_rule = Filter::Is {
        field: "decided_by".to_owned(),
        op: Op::Contains,
        value: BY_RULE.into(),
    };
    vec![
        Filter::And(vec![status("approved"), Filter::Not(Box::new(edited.clone()))]),
        Filter::And(vec![status("approved"), edited]),
        status("denied"),
        status("expired"),
        by_rule,
    ]
}

fn questions(approval: &Approval, now: Timestamp) -> [(&'static str, Query); 2] {
    let filter = filter(approval, now);
    let count = CountQuery {
        kind: Kind::WorkflowApproval,
        filter: Some(filter.clone()),
        facets: vec![Facet {
            by: By::Cases(cases()),
            chosen: None,
        }],
    };
    let list = ListQuery {
        filter: Some(filter),
        limit: MOST,
        ..ListQuery::of(Kind::WorkflowApproval)
    };
    [(COUNTS, Query::Count(count)), (LIST, Query::List(list))]
}

impl Approvals {
    /// What is to be asked of the daemon now: about the request that is shown, and what the list is narrowed by.
    pub(super) fn questions(&self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let mut cmds = self.narrow.wants(ctx);
        let shown = self.shown.filter(|_| ctx.model.connection.is_live());
        if let Some(approval) = shown.and_then(|id| ctx.model.approvals.get(&id)) {
            let wanted = questions(approval, ctx.time.wall);
            let looks = &ctx.model.looks;
            cmds.extend(
                wanted
                    .iter()
                    .filter_map(|(topic, query)| looks.want(topic, query, Some(REFRESH), ctx.time.mono)),
            );
        }
        cmds
    }
}

/// How often it was decided how.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    approved: u64,
    edited: u64,
    denied: u64,
    expired: u64,
    by_rule: u64,
    /// Everything on the daemon was looked at.
    whole: bool,
}

/// As the daemon counted; none while it has not said.
fn counted(approval: &Approval, ctx: &Ctx<'_>) -> Option<Tally> {
    let [(topic, query), _] = questions(approval, ctx.time.wall);
    let Some(Ok(QueryReply::Counts(counts))) = ctx.model.looks.answer(topic, &query) else {
        return None;
    };
    let values = &counts.facets.first()?.values;
    let of = |at: usize| values.get(at).map_or(0, |(_, count)| *count);
    Some(Tally {
        approved: of(0),
        edited: of(1),
        denied: of(2),
        expired: of(3),
        by_rule: of(4),
        whole: counts.complete,
    })
}

/// The newest of them, as the daemon listed them; those that are known here until it has.
fn before(approval: &Approval, ctx: &Ctx<'_>) -> (Vec<Approval>, bool) {
    let [_, (topic, query)] = questions(approval, ctx.time.wall);
    let (mut found, whole) = match ctx.model.looks.answer(topic, &query) {
        Some(Ok(QueryReply::Page { items, .. })) => {
            let read: Vec<Approval> = items.iter().filter_map(Approval::read).collect();
            (read, true)
        }
        _ => (known_here(approval, ctx), false),
    };
    found.sort_by_key(|other| std::cmp::Reverse((other.body.decided_at, other.id)));
    (found, whole)
}

fn known_here(approval: &Approval, ctx: &Ctx<'_>) -> Vec<Approval> {
    let since = ctx.time.wall.as_second() - BACK;
    let same = |other: &&Approval| {
        let (a, b) = (&other.body, &approval.body);
        a.workflow == b.workflow && a.task == b.task && a.action == b.action
    };
    let all = ctx.model.approvals.values();
    all.filter(|other| !other.is_pending() && other.id != approval.id)
        .filter(same)
        .filter(|other| other.body.decided_at.is_some_and(|at| at.as_second() >= since))
        .cloned()
        .collect()
}

/// `9 approved, 1 edited, 0 denied in 30 d (6 by a rule); last: approved by dana, 2 d ago`.
pub(super) fn tally(approval: &Approval, ctx: &Ctx<'_>) -> String {
    let (found, _) = before(approval, ctx);
    let Some(tally) = counted(approval, ctx) else {
        let known = found.len();
        return match ctx.model.connection.is_live() {
            true => format!("asking the daemon… ({known} known here)"),
            false => format!("{known} known here; the daemon was not asked"),
        };
    };
    let Tally {
        approved,
        edited,
        denied,
        ..
    } = tally;
    let mut text = format!("{approved} approved, {edited} edited, {denied} denied in 30 d");
    if tally.expired > 0 {
        text.push_str(&format!(", {} expired", tally.expired));
    }
    if tally.by_rule > 0 {
        text.push_str(&format!(", {} of them by a rule", tally.by_rule));
    }
    if !tally.whole {
        text.push_str(", of the newest alone");
    }
    if let Some(last) = found.first() {
        let body = &last.body;
        let who = clean(body.decided_by.as_deref().unwrap_or("nobody")).into_owned();
        let ago = body.decided_at.map_or_else(String::new, |at| {
            format!(
                ", {} ago",
                span::short(ctx.time.wall.as_second() - at.as_second())
            )
        });
        text.push_str(&format!("; last: {} by {who}{ago}", word(last)));
    }
    text
}

fn word(approval: &Approval) -> &'static str {
    match approval.body.status {
        ApprovalStatus::Pending => "waits",
        ApprovalStatus::Approved if approval.body.edited.is_some() => "edited",
        ApprovalStatus::Approved => "approved",
        ApprovalStatus::Denied => "denied",
        ApprovalStatus::Expired => "expired",
        ApprovalStatus::Withdrawn => "withdrawn",
    }
}

/// How many other requests that wait a rule made from this one would answer.
pub(super) fn covered(approval: &Approval, scope: RuleScope, ctx: &Ctx<'_>) -> usize {
    let rule = ApprovalRule::like(&approval.body, scope, RuleAnswer::Allow);
    ctx.model
        .pending()
        .filter(|other| other.id != approval.id && rule.covers(&other.body, ctx.time.wall))
        .count()
}

/// The history of like requests, as lines.
pub(super) fn lines(approval: &Approval, ctx: &Ctx<'_>, cells: usize) -> Vec<Line> {
    let (found, whole) = before(approval, ctx);
    let head = format!("LIKE IT BEFORE  {}", tally(approval, ctx));
    let mut out: Vec<Line> = wrap(&head, cells)
        .into_iter()
        .map(|row| Line::new().add(Role::Heading, row))
        .collect();
    out.push(Line::new());
    if found.is_empty() {
        let words = if whole {
            "  No request like it was decided within 30 days."
        } else {
            "  No request like it was decided within 30 days, as far as is known here."
        };
        out.push(Line::new().add(Role::Dim, words));
    }
    for other in &found {
        one(other, ctx, cells, &mut out);
    }
    out
}

fn one(other: &Approval, ctx: &Ctx<'_>, cells: usize, out: &mut Vec<Line>) {
    let (sign, role) = Approvals::outcome(other);
    let body = &other.body;
    let when = body.decided_at.map_or_else(String::new, |at| day(at, ctx));
    let who = clean(body.decided_by.as_deref().unwrap_or("nobody")).into_owned();
    out.push(
        Line::new()
            .add(role, format!("{sign} "))
            .add(Role::Dim, format!("{when}  {who}  "))
            .add(Role::Text, clean(&body.action)),
    );
    let mut more = Vec::new();
    if let Some(reason) = &body.decision_reason {
        more.push((Role::Quoted, format!("\"{}\"", clean(reason))));
    }
    if let Some(edited) = &body.edited {
        let text = super::payload::editable(edited);
        let first = text.lines().next().unwrap_or_default();
        more.push((Sign::EDITED.role, format!("as edited: {}", clean(first))));
    }
    for (role, text) in more {
        for row in wrap(&text, cells.saturating_sub(4)) {
            out.push(Line::new().add(Role::Text, "    ").add(role, row));
        }
    }
}

fn day(at: Timestamp, ctx: &Ctx<'_>) -> String {
    let date = at.to_zoned(ctx.prefs.zone.clone()).date();
    format!("{:02}-{:02} {}", date.month(), date.day(), clock(at, ctx))
}
