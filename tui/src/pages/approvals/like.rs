//! Requests like this one: what was decided before, and what a rule would cover now.

use dirigent_protocol::entity::{ApprovalRule, ApprovalStatus, RuleAnswer, RuleScope};

use super::content::clock;
use super::page::Approvals;
use crate::model::Approval;
use crate::pages::Ctx;
use crate::text::{clean, wrap};
use crate::theme::{Role, Sign};
use crate::widgets::Line;

/// How far back it is looked, seconds.
const BACK: i64 = 30 * 24 * 3_600;

/// Decided requests of the same step of the same workflow within 30 days, newest first.
pub(super) fn before<'a>(approval: &Approval, ctx: &Ctx<'a>) -> Vec<&'a Approval> {
    let since = ctx.time.wall.as_second() - BACK;
    let mut found: Vec<&Approval> = ctx
        .model
        .approvals
        .values()
        .filter(|other| !other.is_pending() && other.id != approval.id)
        .filter(|other| {
            other.body.workflow == approval.body.workflow && other.body.task == approval.body.task
        })
        .filter(|other| other.body.decided_at.is_some_and(|at| at.as_second() >= since))
        .collect();
    found.sort_by_key(|other| std::cmp::Reverse((other.body.decided_at, other.id)));
    found
}

/// `9 approved, 1 edited, 0 denied in 30 d`.
pub(super) fn tally(approval: &Approval, ctx: &Ctx<'_>) -> String {
    let found = before(approval, ctx);
    let count = |wanted: &dyn Fn(&Approval) -> bool| found.iter().filter(|other| wanted(other)).count();
    let is = |status| move |other: &Approval| other.body.status == status;
    let edited = count(&|other| other.body.status == ApprovalStatus::Approved && other.body.edited.is_some());
    let approved = count(&is(ApprovalStatus::Approved)) - edited;
    let denied = count(&is(ApprovalStatus::Denied));
    let expired = count(&is(ApprovalStatus::Expired));
    let mut text = format!("{approved} approved, {edited} edited, {denied} denied in 30 d");
    if expired > 0 {
        text.push_str(&format!(", {expired} expired"));
    }
    text
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
    let found = before(approval, ctx);
    let head = format!("LIKE IT BEFORE  {}", tally(approval, ctx));
    let mut out = vec![Line::new().add(Role::Heading, head), Line::new()];
    if found.is_empty() {
        out.push(Line::new().add(
            Role::Dim,
            "  No request of this step was decided within 30 days, as far as is known here.",
        ));
    }
    for other in found {
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
    out
}

fn day(at: jiff::Timestamp, ctx: &Ctx<'_>) -> String {
    let date = at.to_zoned(ctx.prefs.zone.clone()).date();
    format!("{:02}-{:02} {}", date.month(), date.day(), clock(at, ctx))
}
