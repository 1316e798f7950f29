//! What happens to a question before it is decided, on its document: votes, changes, hand-overs, reminders, escalation.
//!
//! Decides nothing. Invariant: the document says who may decide now, and to which digest they have said yes.

use dirigent_protocol::entity::{Level, Vote};
use dirigent_protocol::run::EventBody;
use jiff::Timestamp;

use super::papers::Papers;
use crate::runtime::error::RuntimeError;

impl Papers {
    /// What happens to a question before it is decided.
    pub(crate) fn on_the_way(&mut self, event: &EventBody, now: Timestamp) -> Result<(), RuntimeError> {
        let news = match event {
            EventBody::ApprovalVoted { approval, record, .. } => {
                self.known(*approval)?.votes.push(Vote {
                    by: record.by.clone(),
                    at: Some(now),
                    reason: record.reason.clone(),
                });
                None
            }
            EventBody::ApprovalAmended {
                approval,
                payload,
                digest,
                by,
                ..
            } => {
                let body = self.known(*approval)?;
                body.payload = (**payload).clone();
                body.digest = digest.to_string();
                body.amended_by = Some(by.clone());
                body.votes.clear();
                None
            }
            EventBody::ApprovalDelegated {
                approval, from, to, ..
            } => {
                let body = self.known(*approval)?;
                body.deciders.delegate(from, to);
                Some((
                    format!("{to} is asked in the place of {from}"),
                    body.title.clone(),
                ))
            }
            EventBody::ApprovalReminded { approval, .. } => {
                let body = self.known(*approval)?;
                body.reminders = body.reminders.saturating_add(1);
                Some((
                    format!("Still waiting for {}", body.deciders.words()),
                    body.title.clone(),
                ))
            }
            EventBody::ApprovalEscalated { approval, to, .. } => {
                let body = self.known(*approval)?;
                body.deciders.join(to);
                body.escalated_at = Some(now);
                Some((
                    format!("Nobody decided; asked too: {}", to.words()),
                    body.title.clone(),
                ))
            }
            _ => None,
        };
        if let Some((title, text)) = news {
            self.notify(Level::Warning, title, text);
        }
        Ok(())
    }
}
