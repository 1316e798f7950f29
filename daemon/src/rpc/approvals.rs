//! What is done about an approval beside deciding it: handing it over, changing it, links.

use std::time::Duration;

use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::entity::{Kind, User};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::EntityId;
use dirigent_protocol::run::Decision;

use super::house::House;
use crate::door::{Action, Object};
use crate::records::{Actor, BOOTSTRAP_USER};
use crate::runtime::Answer;
use crate::service::ServiceError;

pub(super) async fn on_approval(
    house: &House,
    actor: Actor,
    command: Command,
) -> Result<CommandReply, Fault> {
    let (service, runtime) = (&house.service, house.runtime()?);
    let (who, kind) = (actor.subject.clone(), Kind::WorkflowApproval);
    match command {
        Command::ApprovalDelegate { approval, to } => {
            service
                .document_for(&who, Action::ApprovalDelegate, kind, approval)
                .await?;
            runtime.delegate(approval, &to, actor).await?;
        }
        Command::ApprovalAmend {
            approval,
            digest,
            payload,
        } => {
            service
                .document_for(&who, Action::ApprovalAmend, kind, approval)
                .await?;
            runtime.amend(approval, digest, payload, actor).await?;
        }
        Command::ApprovalLink {
            approval,
            digest,
            user,
            lifetime_ms,
        } => {
            let document = service
                .document_for(&who, Action::ApprovalLink, kind, approval)
                .await?;
            let user = addressee(house, &who, user.as_deref())?;
            let (link, expires_at) =
                runtime.link(approval, digest, user, Duration::from_millis(lifetime_ms))?;
            let object = Object::Document(&document);
            service.record(&actor, Action::ApprovalLink, &object).await?;
            return Ok(CommandReply::Link { link, expires_at });
        }
        Command::ApprovalAnswer {
            link,
            decision,
            reason,
        } => return by_link(house, actor, &link, decision, reason).await,
        // A command of a newer protocol, for which nothing was done.
        _ => {
            return Err(Fault::new(
                Code::Unsupported,
                "this daemon does not know that command",
            ));
        }
    }
    Ok(CommandReply::Accepted {})
}

/// The user a link is made for: oneself, or another where an administrator asks.
fn addressee(house: &House, who: &Subject, name: Option<&str>) -> Result<EntityId, Fault> {
    let Some(name) = name.filter(|name| *name != who.name) else {
        return Ok(who.user);
    };
    if !who.administrator {
        let text = "a link for somebody else takes an administrator";
        return Err(
            Fault::new(Code::NotPermitted, text).help("make one for yourself, or delegate the approval")
        );
    }
    let found = house.service.records().find_by_name(who.org, Kind::User, name);
    let user = found.map_err(ServiceError::from)?;
    user.map(|stored| stored.document.metadata.id)
        .ok_or_else(|| Fault::new(Code::NotFound, format!("there is no user `{name}`")))
}

/// Decides as the user of the link, who must be one that may, now.
async fn by_link(
    house: &House,
    actor: Actor,
    link: &str,
    decision: Decision,
    reason: Option<String>,
) -> Result<CommandReply, Fault> {
    let runtime = house.runtime()?;
    let claims = runtime.open_link(link)?;
    let found = house.service.records().get(Kind::User, claims.user);
    let document = found
        .map_err(ServiceError::from)?
        .map(|stored| stored.document)
        .ok_or_else(|| Fault::new(Code::NotPermitted, "the link's user is gone"))?;
    let user: User = document.body().unwrap_or_default();
    if user.disabled {
        return Err(Fault::new(
            Code::NotPermitted,
            "the link's user may not act any more",
        ));
    }
    let subject = Subject {
        user: document.metadata.id,
        name: document.metadata.name.clone(),
        org: document.metadata.org,
        administrator: user.administrator || document.metadata.id == BOOTSTRAP_USER,
    };
    house
        .service
        .document_for(
            &subject,
            Action::ApprovalDecide,
            Kind::WorkflowApproval,
            claims.approval,
        )
        .await?;
    let answer = Answer {
        approval: claims.approval,
        digest: claims.digest,
        decision,
        reason,
        also: None,
    };
    let actor = Actor { subject, ..actor };
    Ok(runtime.decide_by_link(&claims, answer, actor).await?)
}
