//! What the inbox is narrowed by: which facets requests have, and whether a request fits.

use dirigent_protocol::entity::{ApprovalStatus, Kind};

use super::page::Approvals;
use crate::keymap::Action;
use crate::model::{Approval, Cmd};
use crate::pages::Ctx;
use crate::pages::narrow::{Facet, Mine, Narrow, Of, Taken};

const FACETS: &[Facet] = &[
    Facet {
        name: "state",
        of: Of::Field("status"),
    },
    Facet {
        name: "risk",
        of: Of::Field("risk"),
    },
    Facet {
        name: "workflow",
        of: Of::Field("workflow"),
    },
    Facet {
        name: "agent",
        of: Of::Field("agent"),
    },
    Facet {
        name: "age",
        of: Of::Age("created_at"),
    },
];

/// The inbox with nothing left out.
pub(super) fn all() -> Narrow {
    Narrow::new(
        Kind::WorkflowApproval,
        FACETS,
        &["title", "action", "workflow", "task", "status", "risk", "id"],
        ["approvals.facets", "approvals.rows"],
    )
}

impl Approvals {
    /// Whether a request is not left out.
    pub(super) fn fits(&self, approval: &Approval, ctx: &Ctx<'_>) -> bool {
        let now = ctx.time.wall.as_second();
        let body = &approval.body;
        let texts = || {
            [
                body.title.as_str(),
                &body.action,
                &body.workflow,
                &body.task,
                state(body.status),
                body.risk.as_str(),
            ]
            .map(str::to_lowercase)
        };
        let has = |word: &String| {
            texts().iter().any(|text| text.contains(word)) || approval.id.to_string().contains(word.as_str())
        };
        self.narrow.fits(|facet| mine(approval, facet, now)) && self.narrow.words().iter().all(has)
    }

    /// Takes an action that narrows; none if it is about something else.
    pub(super) fn act_on_narrow(&mut self, action: Action, ctx: &Ctx<'_>) -> Option<Vec<Cmd>> {
        let narrows = matches!(action, Action::Filter | Action::Facets) || self.narrow.is_open();
        let clears =
            action == Action::Back && self.part == super::page::Part::List && self.narrow.is_narrowed();
        if !narrows && !clears {
            return None;
        }
        match self.narrow.act(action, &ctx.model.looks) {
            Taken::No => return None,
            Taken::Moved => {}
            Taken::Changed => drop(self.follow_data(ctx)),
        }
        Some(Vec::new())
    }
}

fn mine<'a>(approval: &'a Approval, facet: &Facet, now: i64) -> Mine<'a> {
    let body = &approval.body;
    match facet.of {
        Of::Age(_) => Mine::Seconds(now - approval.asked_at.as_second()),
        Of::Field("status") => Mine::Text(state(body.status)),
        Of::Field("risk") => Mine::Text(body.risk.as_str()),
        Of::Field("workflow") => Mine::Text(&body.workflow),
        Of::Field(_) => Mine::Text(body.agent.as_deref().unwrap_or_default()),
    }
}

/// The word the daemon has for it.
const fn state(status: ApprovalStatus) -> &'static str {
    match status {
        ApprovalStatus::Pending => "pending",
        ApprovalStatus::Approved => "approved",
        ApprovalStatus::Denied => "denied",
        ApprovalStatus::Expired => "expired",
        ApprovalStatus::Withdrawn => "withdrawn",
    }
}
