//! Everything one has to know of a request, as lines.

use dirigent_protocol::entity::ApprovalStatus;
use dirigent_protocol::run::{Consequence, digest_of};

use super::handing::{may_not, missing};
use super::{change, like, payload};
use crate::keymap::Action;
use crate::model::Approval;
use crate::pages::Ctx;
use crate::text::{clean, span, wrap};
use crate::theme::{Role, Sign};
use crate::widgets::Line;

/// Rows of what would change, where the request itself is shown.
const CHANGES: usize = 12;

/// The lines of a request in `cells` columns. The last one is its end: whoever saw it could see all.
pub(super) fn lines(approval: &Approval, ctx: &Ctx<'_>, cells: usize) -> Vec<Line> {
    let body = &approval.body;
    let sign = Sign::risk(body.risk);
    let mut out = vec![
        Line::new()
            .add(Role::Dim, "RISK ")
            .add(sign.role, sign.word_long())
            .add(Role::Text, format!("   {}", payload::meaning(body.risk))),
    ];
    if let Some(reason) = &body.reason {
        quoted("WHY  ", reason, cells, &mut out);
    }
    let by = if body.started_by.is_empty() {
        String::new()
    } else {
        format!(", started by {}", clean(&body.started_by))
    };
    let by = format!(
        "run {} {}, step {}{by}",
        body.run.short(),
        body.workflow,
        body.task
    );
    let mut head = "BY   ";
    for row in wrap(&by, cells.saturating_sub(5)) {
        out.push(Line::new().add(Role::Dim, head).add(Role::Text, row));
        head = "     ";
    }
    out.push(Line::new());
    what(approval, cells, &mut out);
    out.push(Line::new());
    would_change(approval, ctx, cells, &mut out);
    questions(approval, ctx, cells, &mut out);
    ends(approval, ctx, cells, &mut out);
    out
}

fn what(approval: &Approval, cells: usize, out: &mut Vec<Line>) {
    let body = &approval.body;
    let inner = payload::lines(&body.payload, cells.saturating_sub(2));
    let head = if body.unknown_effect.is_some() {
        "WHAT IS UNKNOWN"
    } else {
        "WHAT"
    };
    out.push(Line::new().add(Role::Heading, head).add(
        Role::Dim,
        format!(
            " (exact, {} line{}, complete)",
            inner.len(),
            if inner.len() == 1 { "" } else { "s" }
        ),
    ));
    for row in wrap(&clean(&body.action), cells.saturating_sub(2)) {
        out.push(Line::new().add(Role::Text, "  ").add(Role::Selected, row));
    }
    for line in inner {
        let mut row = Line::new().add(Role::Text, "  ");
        row.extend(&line);
        out.push(row);
    }
}

/// What is there now against what is asked for, shortened; all of it is one key away.
fn would_change(approval: &Approval, ctx: &Ctx<'_>, cells: usize, out: &mut Vec<Line>) {
    let Some(before) = &approval.body.before else {
        return;
    };
    let (rows, left) = change::summary(before, &approval.body.payload, cells, CHANGES);
    let key = ctx.keymap.first(Action::Diff);
    out.push(
        Line::new()
            .add(Role::Heading, "WOULD CHANGE")
            .add(Role::Dim, format!("   {key} full diff")),
    );
    if rows.is_empty() {
        out.push(Line::new().add(Role::Dim, "  nothing: what is there now is the same"));
    }
    out.extend(rows);
    if left > 0 {
        out.push(Line::new().add(Role::Dim, format!("  and {left} more lines")));
    }
    out.push(Line::new());
}

/// What people asked about it, and what the agent answered; its words are quoted.
fn questions(approval: &Approval, ctx: &Ctx<'_>, cells: usize, out: &mut Vec<Line>) {
    for question in &approval.body.questions {
        let at = question
            .at
            .map_or_else(String::new, |at| format!(" {}", clock(at, ctx)));
        let head = format!("{} asked{at}: {}", clean(&question.by), clean(&question.text));
        for row in wrap(&head, cells) {
            out.push(Line::new().add(Role::Heading, row));
        }
        let (role, text) = match &question.answer {
            None => (
                Role::Dim,
                format!("{} has not answered yet", clean(&question.agent)),
            ),
            Some(why) if question.failed => (Role::Bad, clean(why).into_owned()),
            Some(answer) => (
                Role::Quoted,
                format!("{}: {}", clean(&question.agent), clean(answer)),
            ),
        };
        for line in text.split('\n') {
            for row in wrap(line, cells.saturating_sub(2)) {
                out.push(Line::new().add(Role::Border, "│ ").add(role, row));
            }
        }
        out.push(Line::new());
    }
}

/// What becomes of the run, in words.
fn consequence(what: &Consequence) -> String {
    match what {
        Consequence::Fails => "the step fails and with it the run; whoever asked gets your reason".to_owned(),
        Consequence::GoesOn => "the run goes on behind the step; it gets your reason".to_owned(),
        Consequence::Caught { by, maybe } => {
            let name = by.rsplit('/').next().unwrap_or_default();
            let may = if *maybe { "may catch" } else { "catches" };
            format!("the step fails; {name} {may} it, with your reason")
        }
    }
}

fn ends(approval: &Approval, ctx: &Ctx<'_>, cells: usize, out: &mut Vec<Line>) {
    let body = &approval.body;
    let mut say = |head: &str, text: String| {
        let mut head = format!("{head:<15}");
        for row in wrap(&text, cells.saturating_sub(15)) {
            out.push(Line::new().add(Role::Dim, &head).add(Role::Text, row));
            head = " ".repeat(15);
        }
    };
    if body.status == ApprovalStatus::Pending {
        if body.unknown_effect.is_some() {
            say(
                "IF YOU APPROVE",
                "it is performed again with the same idempotency key".to_owned(),
            );
            say("IF YOU DENY", "it counts as failed, with your reason".to_owned());
        } else {
            say("IF YOU DENY", clean(&consequence(&body.on_deny)).into_owned());
        }
        say("IF NOBODY ACTS", expiry(approval, ctx));
        if body.deciders.is_default() {
            say("NEEDS", format!("1 of: {}", clean(&approval.deciders())));
        } else {
            say("NEEDS", clean(&body.deciders.words()).into_owned());
        }
        if !body.votes.is_empty() {
            let names: Vec<&str> = body.votes.iter().map(|vote| vote.by.as_str()).collect();
            say("SAID YES", clean(&names.join(", ")).into_owned());
        }
        if let Some(missing) = missing(body) {
            say("STILL ASKED", clean(&missing).into_owned());
        }
        if let Some(by) = body.amended_by.as_ref() {
            say(
                "CHANGED BY",
                format!("{}; what was said before does not count", clean(by)),
            );
        }
        if let Some(why) = may_not(body, ctx.model.connection.subject()) {
            say("NOT BY YOU", clean(&why).into_owned());
        }
        if let Some((_, link)) = ctx.model.signed.as_ref().filter(|(of, _)| *of == approval.id) {
            say("SIGNED LINK", clean(link).into_owned());
        }
    } else {
        say("DECIDED", decided(approval, ctx));
        if let Some(reason) = &body.decision_reason {
            say("REASON", clean(reason).into_owned());
        }
        if body.stopped_run {
            say("AND", "the run was stopped with it".to_owned());
        }
    }
    if body.unknown_effect.is_none() {
        let key = ctx.keymap.first(Action::History);
        say(
            "LIKE IT BEFORE",
            format!("{}   {key} history", like::tally(approval, ctx)),
        );
    }
    say("DIGEST", digest(approval));
}

/// The digest, and whether it is that of what is shown.
fn digest(approval: &Approval) -> String {
    let body = &approval.body;
    let short = body.digest.get(..16).unwrap_or(&body.digest);
    let shown = digest_of(&body.action, &body.payload, body.before.as_ref()).to_string();
    if shown == body.digest {
        format!("{short}…  matches what is shown here")
    } else {
        format!("{short}…  made by the daemon; what is shown may be masked")
    }
}

fn expiry(approval: &Approval, ctx: &Ctx<'_>) -> String {
    match approval.body.expires_at {
        Some(at) => {
            let left = at.as_second() - ctx.time.wall.as_second();
            let then = match approval.body.on_expire {
                Consequence::Fails => "the run fails",
                Consequence::GoesOn => "the run goes on without it",
                Consequence::Caught { .. } => "the step fails, which is caught",
            };
            format!(
                "it ends without approval at {} ({}): {then}",
                clock(at, ctx),
                span::short(left)
            )
        }
        None => "it waits".to_owned(),
    }
}

fn decided(approval: &Approval, ctx: &Ctx<'_>) -> String {
    let body = &approval.body;
    let who = body.decided_by.as_deref().unwrap_or("nobody");
    let at = body
        .decided_at
        .map_or_else(String::new, |at| format!(" at {}", clock(at, ctx)));
    let how = match body.status {
        ApprovalStatus::Pending => "waits",
        ApprovalStatus::Approved if body.edited.is_some() => "approved as edited",
        ApprovalStatus::Approved => "approved",
        ApprovalStatus::Denied => "denied",
        ApprovalStatus::Expired => "expired",
        ApprovalStatus::Withdrawn => "withdrawn by its run",
    };
    format!("{how} by {}{at}", clean(who))
}

/// Hours and minutes in the person's zone.
pub(super) fn clock(at: jiff::Timestamp, ctx: &Ctx<'_>) -> String {
    let zoned = at.to_zoned(ctx.prefs.zone.clone());
    format!("{:02}:{:02}", zoned.hour(), zoned.minute())
}

fn quoted(head: &str, text: &str, cells: usize, out: &mut Vec<Line>) {
    let text = format!("\"{}\"", clean(text));
    let mut head = head.to_owned();
    for row in wrap(&text, cells.saturating_sub(5)) {
        out.push(Line::new().add(Role::Dim, &head).add(Role::Quoted, row));
        head = " ".repeat(5);
    }
}
