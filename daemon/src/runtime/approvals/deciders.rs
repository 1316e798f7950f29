//! Who may decide: looked up at the moment of the decision, and held until its commit.
//!
//! Invariant: what lets somebody decide (their user, the team they are in) is guarded in the commit of the decision, and
//! who is asked is compared in it: a role that was taken away meanwhile decides nothing.

use std::sync::Arc;

use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{Kind, Team, User, WorkflowApproval};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::Decision;
use serde_json::Value;

use crate::misfit::misfit;
use crate::records::{Actor, Stored};
use crate::runtime::core::Core;
use crate::runtime::error::RuntimeError;
use crate::runtime::handle::RuntimeHandle;
use crate::runtime::plans::{body, unread};
use crate::runtime::run::message::{Change, Wish};

impl RuntimeHandle {
    /// Changes what an approval asks; it has a new digest, and what was said of it before does not count.
    ///
    /// # Errors
    /// Who asks may not decide it, the content does not fit, what they saw has changed, it is decided, or the store did
    /// not commit.
    pub async fn amend(
        &self,
        approval: EntityId,
        digest: Digest,
        payload: Value,
        actor: Actor,
    ) -> Result<(), RuntimeError> {
        let core = &self.core;
        let asked = core.pending(approval)?;
        if asked.digest != digest.to_string() {
            return Err(RuntimeError::Stale {
                wanted: asked.digest,
                given: digest.to_string(),
            });
        }
        fits(&asked, &payload)?;
        let under = entitle(core, &asked, &actor.subject, &Decision::Deny)?;
        let change = Change::Content {
            digest,
            payload: Arc::new(payload),
        };
        let wish = Wish::Change {
            approval,
            change,
            under,
            deciders: asked.deciders.clone(),
        };
        self.tell(&asked, approval, wish, actor).await
    }

    /// Lets another user decide an approval in the place of who asks, or of everybody where who asks administers.
    ///
    /// # Errors
    /// Who asks may not decide it, there is no such user, it is decided, or the store did not commit.
    pub async fn delegate(&self, approval: EntityId, to: &str, actor: Actor) -> Result<(), RuntimeError> {
        let core = &self.core;
        let asked = core.pending(approval)?;
        if asked.unknown_effect.is_some() {
            return Err(RuntimeError::NotAlso(
                "what became of an effect is nobody's to hand over",
            ));
        }
        let missing = || RuntimeError::Missing {
            what: format!("user `{to}`"),
        };
        let found = core.records.find_by_name(actor.subject.org, Kind::User, to);
        let user = found.map_err(unread)?.ok_or_else(missing)?;
        if body::<User>(&user.document)?.disabled {
            return Err(missing());
        }
        let mut under = match entitle(core, &asked, &actor.subject, &Decision::Deny) {
            Err(RuntimeError::NotDecider { .. }) if actor.subject.administrator => Vec::new(),
            other => other?,
        };
        under.push(user);
        let change = Change::Decider {
            from: actor.subject.name.clone(),
            to: to.to_owned(),
        };
        let wish = Wish::Change {
            approval,
            change,
            under,
            deciders: asked.deciders.clone(),
        };
        self.tell(&asked, approval, wish, actor).await
    }

    async fn tell(
        &self,
        asked: &WorkflowApproval,
        approval: EntityId,
        wish: Wish,
        actor: Actor,
    ) -> Result<(), RuntimeError> {
        match self.core.ask(RunId::from(asked.run), wish, actor).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.core.pending(approval).err().unwrap_or(error)),
        }
    }
}

/// Whether this subject may decide so, now: the documents that say so, which must not change before the commit.
pub(crate) fn entitle(
    core: &Core,
    asked: &WorkflowApproval,
    subject: &Subject,
    decision: &Decision,
) -> Result<Vec<Stored>, RuntimeError> {
    let refuse = |why: String| RuntimeError::NotDecider {
        who: subject.name.clone(),
        why,
    };
    let deciders = &asked.deciders;
    let own = asked.started_by == subject.name;
    let may_own = deciders
        .requester
        .unwrap_or_else(|| core.policy.get().self_approval);
    if own && !may_own && matches!(decision, Decision::Approve { .. }) {
        return Err(refuse(
            "they started the run, and somebody else must say yes".into(),
        ));
    }
    if deciders.is_open() {
        return Ok(Vec::new());
    }
    let user = core.records.get(Kind::User, subject.user).map_err(unread)?;
    if deciders.users.contains(&subject.name) {
        return Ok(user.into_iter().collect());
    }
    for name in &deciders.teams {
        let found = core.records.find_by_name(subject.org, Kind::Team, name);
        let Some(team) = found.map_err(unread)? else {
            continue;
        };
        if body::<Team>(&team.document)?.members.contains(&subject.user) {
            return Ok(user.into_iter().chain([team]).collect());
        }
    }
    Err(refuse(format!("it takes {}", deciders.words())))
}

/// Whether changed content fits what the workflow declares for it.
pub(crate) fn fits(asked: &WorkflowApproval, changed: &Value) -> Result<(), RuntimeError> {
    let Some(schema) = &asked.edit_schema else {
        return Ok(());
    };
    match misfit(schema, changed) {
        Ok(None) => Ok(()),
        Ok(Some(found)) | Err(found) => Err(RuntimeError::BadEdit(found)),
    }
}
