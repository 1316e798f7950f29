//! Deciding: a person's answer, or a rule's, to what a run asks. One way for both.
//!
//! Invariant: exactly one decision of an approval is ever accepted; what is done along with it is in its commit.

use std::sync::Arc;

use dirigent_protocol::command::{Also, CommandReply};
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{ApprovalStatus, Kind, WorkflowApproval, WorkflowExecution};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::{Decision, DecisionRecord, EffectId, Resolution, Status};
use tokio::sync::oneshot;

use dirigent_store::error::Conflict;
use dirigent_store::{CommitError, Guard, Key};

use super::deciders;
use super::rules;
use crate::records::{Actor, Stored};
use crate::runtime::core::Core;
use crate::runtime::error::RuntimeError;
use crate::runtime::handle::RuntimeHandle;
use crate::runtime::plans::{body, unread};
use crate::runtime::run::message::{Decided, Message, PersonCommand, Wish};

/// An answer to an approval.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Which.
    pub approval: EntityId,
    /// The digest of what was shown.
    pub digest: Digest,
    /// Yes, yes as edited, or no.
    pub decision: Decision,
    /// Words.
    pub reason: Option<String>,
    /// What else is done in the same commit.
    pub also: Option<Also>,
}

impl RuntimeHandle {
    /// Decides an approval; decision, event and audit are one commit. Exactly one decision is ever accepted. For an
    /// approval about an unknown effect, approving performs it again with the same key, approving with a payload
    /// takes that as its result, denying makes it failed.
    ///
    /// # Errors
    /// [`RuntimeError::AlreadyDecided`], [`RuntimeError::Stale`], no such approval, or the store did not commit.
    pub async fn decide(
        &self,
        approval: EntityId,
        digest: Digest,
        decision: Decision,
        reason: Option<String>,
        actor: Actor,
    ) -> Result<(), RuntimeError> {
        let answer = Answer {
            approval,
            digest,
            decision,
            reason,
            also: None,
        };
        self.decide_also(answer, actor).await.map(drop)
    }

    /// As [`Self::decide`], and what is to be done along with it: the run is stopped, or a rule is made, in the same
    /// commit. A rule answers the requests that wait before anybody looks again.
    ///
    /// # Errors
    /// As [`Self::decide`]; [`RuntimeError::NotAlso`] where the two do not go together.
    pub async fn decide_also(&self, answer: Answer, actor: Actor) -> Result<CommandReply, RuntimeError> {
        let reply = self.core.decide(answer, actor, By::Person).await?;
        if matches!(reply, CommandReply::Ruled { .. }) {
            self.rules_changed();
        }
        Ok(reply)
    }

    /// Says what became of an effect whose outcome nobody knows; closes the approval that asks.
    ///
    /// # Errors
    /// The effect is not parked, the approval was decided before, or the store did not commit.
    pub async fn resolve(
        &self,
        run: RunId,
        effect: EffectId,
        resolution: Resolution,
        actor: Actor,
    ) -> Result<(), RuntimeError> {
        let wish = Wish::Resolve { effect, resolution };
        self.core.ask(run, wish, actor).await.map(drop)
    }
}

impl Core {
    /// Decides.
    pub(crate) async fn decide(
        self: &Arc<Self>,
        answer: Answer,
        actor: Actor,
        by: By,
    ) -> Result<CommandReply, RuntimeError> {
        let asked = self.pending(answer.approval)?;
        let run = RunId::from(asked.run);
        if asked.digest != answer.digest.to_string() {
            return Err(RuntimeError::Stale {
                wanted: asked.digest,
                given: answer.digest.to_string(),
            });
        }
        if answer.decision == Decision::Expire {
            return Err(RuntimeError::WrongState {
                run,
                detail: "only time lets an approval expire".into(),
            });
        }
        let approval = answer.approval;
        if let Decision::Approve { edited: Some(edited) } = &answer.decision {
            deciders::fits(&asked, edited)?;
        }
        let linked = matches!(by, By::Link(_));
        let (wish, reply) = self.wish(&asked, answer, &actor, by)?;
        match self.ask(run, wish, actor).await {
            Ok(_) if asked.deciders.quorum() > 1 => Ok(self.voted(approval, reply)),
            Ok(_) => Ok(reply),
            Err(RuntimeError::Commit(CommitError::Conflict(Conflict::Key { .. }))) if linked => {
                Err(RuntimeError::BadLink("was used before"))
            }
            // Whoever was first has changed the document by now.
            Err(error) => Err(self.pending(approval).err().unwrap_or(error)),
        }
    }

    /// What lets somebody decide so, for the commit to stand on.
    fn standing(
        &self,
        asked: &WorkflowApproval,
        subject: &Subject,
        decision: &Decision,
        by: By,
    ) -> Result<Standing, RuntimeError> {
        let mut standing = Standing::default();
        match by {
            By::Rule(rule, all) => (standing.under, standing.unless) = (vec![*rule], all),
            By::Person => standing.under = deciders::entitle(self, asked, subject, decision)?,
            By::Link(key) => {
                standing.under = deciders::entitle(self, asked, subject, decision)?;
                standing.once = Some(key);
            }
        }
        Ok(standing)
    }

    fn wish(
        &self,
        asked: &WorkflowApproval,
        answer: Answer,
        actor: &Actor,
        by: By,
    ) -> Result<(Wish, CommandReply), RuntimeError> {
        let Answer {
            approval,
            digest,
            decision,
            reason,
            also,
        } = answer;
        if let Some(effect) = asked.unknown_effect {
            if also.is_some() {
                return Err(RuntimeError::NotAlso(
                    "this asks what became of an effect; cancel the run by itself",
                ));
            }
            let wish = Wish::Resolve {
                effect: EffectId(effect),
                resolution: resolution(decision, reason),
            };
            return Ok((wish, CommandReply::Accepted {}));
        }
        let standing = self.standing(asked, &actor.subject, &decision, by)?;
        let mut decided = Decided {
            approval,
            record: DecisionRecord {
                decision,
                by: actor.subject.name.clone(),
                reason,
                digest,
                stops_run: false,
            },
            rule: None,
            under: standing.under,
            deciders: asked.deciders.clone(),
            once: standing.once,
            unless: standing.unless,
            reply: CommandReply::Accepted {},
        };
        match also {
            None => {}
            Some(Also::StopRun {}) if decided.record.decision != Decision::Deny => {
                return Err(RuntimeError::NotAlso("only a denial stops the run with it"));
            }
            Some(Also::StopRun {}) => decided.record.stops_run = true,
            Some(Also::AddRule { scope, name }) => {
                let rule = rules::make(self, asked, &decided, scope, name, actor)?;
                decided.reply = CommandReply::Ruled {
                    rule: rule.metadata.name.clone(),
                    covers: rules::covered(self, &rule, approval)?,
                };
                decided.rule = Some(rule);
            }
        }
        let reply = decided.reply.clone();
        Ok((Wish::Decide(Box::new(decided)), reply))
    }

    /// What a yes of several answers: how many there are by now.
    fn voted(&self, approval: EntityId, reply: CommandReply) -> CommandReply {
        match self.pending(approval) {
            Ok(now) => CommandReply::Voted {
                votes: u32::try_from(now.votes.len()).unwrap_or(u32::MAX),
                quorum: now.deciders.quorum(),
            },
            Err(_) => reply,
        }
    }

    /// Tells a run's driver what somebody wants, and waits until that is durable or refused.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        run: RunId,
        wish: Wish,
        actor: Actor,
    ) -> Result<Status, RuntimeError> {
        let (reply, answer) = oneshot::channel();
        let command = Message::Command(Box::new(PersonCommand { wish, actor, reply }));
        if self.deliver(run, command).is_err() {
            return Err(self.absent(run));
        }
        answer.await.unwrap_or_else(|_| Err(self.absent(run)))
    }

    /// Why a run takes no message.
    fn absent(&self, run: RunId) -> RuntimeError {
        let known = self
            .plans
            .execution(run)
            .and_then(|document| body::<WorkflowExecution>(&document));
        match known {
            Ok(execution) if execution.status.is_final() => RuntimeError::Ended {
                run,
                status: execution.status,
            },
            Ok(_) => RuntimeError::Stopping,
            Err(error) => error,
        }
    }

    /// An approval that waits, or who was first.
    pub(crate) fn pending(&self, approval: EntityId) -> Result<WorkflowApproval, RuntimeError> {
        let found = self
            .records
            .get(Kind::WorkflowApproval, approval)
            .map_err(unread)?;
        let stored = found.ok_or(RuntimeError::UnknownApproval { approval })?;
        let asked: WorkflowApproval = body(&stored.document)?;
        let status = match asked.status {
            ApprovalStatus::Pending => return Ok(asked),
            ApprovalStatus::Approved => "approved",
            ApprovalStatus::Denied => "denied",
            ApprovalStatus::Expired => "expired",
            ApprovalStatus::Withdrawn => "withdrawn",
        };
        let by = asked.decided_by.unwrap_or_else(|| "dirigent".into());
        Err(RuntimeError::AlreadyDecided {
            status: status.into(),
            by,
            at: asked.decided_at,
        })
    }
}

/// What a decision stands on.
#[derive(Default)]
struct Standing {
    under: Vec<Stored>,
    once: Option<Key>,
    unless: Option<Guard>,
}

/// In whose name a decision is made.
pub(crate) enum By {
    /// Who asks.
    Person,
    /// The user of a signed link that is good for once.
    Link(Key),
    /// A rule, which must still be as it was read; and what else must be so that it counts.
    Rule(Box<Stored>, Option<Guard>),
}

/// What a decision on an unknown effect means.
fn resolution(decision: Decision, reason: Option<String>) -> Resolution {
    match decision {
        Decision::Approve { edited: None } => Resolution::Again,
        Decision::Approve { edited: Some(output) } => Resolution::Happened {
            output: Arc::new(output),
        },
        Decision::Deny | Decision::Expire => Resolution::Failed {
            reason: reason.unwrap_or_else(|| "it did not happen, or may not count".into()),
        },
    }
}
