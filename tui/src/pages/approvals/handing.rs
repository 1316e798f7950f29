//! What is done with a request without deciding it: handed to somebody else, changed so that it is asked anew, given a
//! signed link. And who may not say yes, said before one tries.

use dirigent_protocol::entity::WorkflowApproval;
use serde_json::Value;

use super::dialog::{Dialog, Purpose};
use super::page::{Approvals, Part};
use crate::keymap::Action;
use crate::model::{Cmd, Handling, LinkCmd, Note};
use crate::pages::Ctx;

impl Approvals {
    /// Opens what is typed for it.
    pub(super) fn hand(&mut self, action: Action, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let Some(approval) = self.current(ctx) else {
            return vec![Cmd::Note(Note::refused("nothing is selected"))];
        };
        let dialog = match action {
            Action::Delegate => Ok(Dialog::words(approval, Purpose::HandOver)),
            Action::Link => Ok(Dialog::words(approval, Purpose::SignLink)),
            _ => Dialog::amend(approval),
        };
        match dialog {
            Ok(dialog) => {
                self.part = Part::Detail;
                self.dialog = Some(dialog);
                self.take_up_draft();
                Vec::new()
            }
            Err(why) => vec![Cmd::Note(Note::refused(why))],
        }
    }

    /// The name was typed.
    pub(super) fn handed(&mut self, purpose: Purpose, user: String, ctx: &Ctx<'_>) -> Vec<Cmd> {
        self.tell(ctx, |asked| match purpose {
            Purpose::SignLink => Handling::SignLink {
                digest: asked.digest.clone(),
                user,
            },
            _ => Handling::HandOver { to: user },
        })
    }

    /// The new content was typed.
    pub(super) fn amended(&mut self, payload: Value, ctx: &Ctx<'_>) -> Vec<Cmd> {
        self.tell(ctx, |asked| Handling::Amend {
            digest: asked.digest.clone(),
            payload,
        })
    }

    /// Sends it, if the request is still the one it was typed about.
    fn tell(&mut self, ctx: &Ctx<'_>, how: impl FnOnce(&WorkflowApproval) -> Handling) -> Vec<Cmd> {
        let Some(dialog) = self.dialog.take() else {
            return Vec::new();
        };
        match ctx.model.approvals.get(&dialog.id) {
            Some(approval) if approval.picture == dialog.picture && ctx.model.connection.is_live() => {
                vec![Cmd::Link(LinkCmd::Handle {
                    approval: approval.id,
                    how: how(&approval.body),
                })]
            }
            _ => vec![Cmd::Note(Note::refused(
                "nothing was done: not connected, or the request changed",
            ))],
        }
    }
}

/// Why this person's yes does not count, as far as the request itself says; the daemon looks again.
pub(super) fn may_not(asked: &WorkflowApproval, subject: Option<&str>) -> Option<String> {
    let me = subject?;
    let deciders = &asked.deciders;
    if asked.started_by == me && deciders.requester == Some(false) {
        return Some("you started the run: somebody else has to say yes".to_owned());
    }
    if asked.votes.iter().any(|vote| vote.by == me) {
        let quorum = deciders.quorum();
        return Some(format!("you have said yes already; it takes {quorum}"));
    }
    let named = deciders.teams.is_empty() && !deciders.users.is_empty();
    (named && !deciders.users.iter().any(|user| user == me))
        .then(|| format!("it takes {}; you are not one of them", deciders.words()))
}

/// Who is missing of those that are named, and how many.
pub(super) fn missing(asked: &WorkflowApproval) -> Option<String> {
    let deciders = &asked.deciders;
    let voted = u32::try_from(asked.votes.len()).unwrap_or(u32::MAX);
    let left = deciders.quorum().saturating_sub(voted);
    if deciders.quorum() < 2 || left == 0 {
        return None;
    }
    let open: Vec<&str> = deciders
        .users
        .iter()
        .filter(|user| !asked.votes.iter().any(|vote| vote.by == **user))
        .map(String::as_str)
        .chain(deciders.teams.iter().map(String::as_str))
        .collect();
    let of = if open.is_empty() {
        String::new()
    } else {
        format!(" of: {}", open.join(", "))
    };
    Some(format!("{left} more{of}"))
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::entity::Vote;
    use dirigent_protocol::run::Deciders;

    use super::*;

    fn asked(votes: &[&str]) -> WorkflowApproval {
        WorkflowApproval {
            started_by: "dana".into(),
            deciders: Deciders {
                users: vec!["ada".into(), "bo".into(), "dana".into()],
                quorum: 2,
                requester: Some(false),
                ..Deciders::default()
            },
            votes: votes
                .iter()
                .map(|by| Vote {
                    by: (*by).into(),
                    ..Vote::default()
                })
                .collect(),
            ..WorkflowApproval::default()
        }
    }

    #[test]
    fn who_may_not_is_told_why_and_who_is_missing_is_named() {
        let open = asked(&[]);
        assert!(
            may_not(&open, Some("dana"))
                .unwrap()
                .starts_with("you started the run")
        );
        assert!(
            may_not(&open, Some("eve"))
                .unwrap()
                .contains("2 of: ada, bo, dana")
        );
        assert_eq!(may_not(&open, Some("ada")), None);
        assert_eq!(
            may_not(&open, None),
            None,
            "nobody knows who is asked: the daemon says"
        );
        assert_eq!(missing(&open).unwrap(), "2 more of: ada, bo, dana");
        let half = asked(&["ada"]);
        assert!(may_not(&half, Some("ada")).unwrap().contains("already"));
        assert_eq!(missing(&half).unwrap(), "1 more of: bo, dana");
        assert_eq!(missing(&asked(&["ada", "bo"])), None);
        assert_eq!(missing(&WorkflowApproval::default()), None);
    }
}
