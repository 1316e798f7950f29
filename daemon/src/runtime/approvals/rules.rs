//! Rules: standing answers of people to requests of one step. Looked up after a request is durable, and answered as
//! a person would answer, through the same door of its run.
//!
//! Invariants: a denial wins over every allowance; a rule that was changed or deleted since it was read decides
//! nothing; high risks and unknown effects are never answered here.

use std::sync::Arc;

use dirigent_protocol::command::Command;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{
    ApprovalRule, Document, Kind, RuleAnswer, RuleScope, WorkflowApproval, may_be_ruled,
};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::{EntityId, RequestId};
use dirigent_protocol::run::Decision;
use dirigent_store::Guard;
use serde_json::{Value, json};

use super::decide::{Answer, By};
use crate::records::{Actor, DEFAULT_ORG, Draft, Stored};
use crate::runtime::core::Core;
use crate::runtime::error::RuntimeError;
use crate::runtime::handle::RuntimeHandle;
use crate::runtime::plans::{body, unread};
use crate::runtime::run::message::Decided;

/// Rules of one workflow that are looked at.
const MAX_RULES: usize = 1_000;
/// Requests that wait and are looked at when rules change.
const MAX_WAITING: usize = 10_000;
/// Attempts against rules that people change at the same moment.
const ATTEMPTS: usize = 5;
const MAX_NAME: usize = 64;

impl RuntimeHandle {
    /// Answers what waits by the rules as they are now; returns at once.
    pub fn rules_changed(&self) {
        let core = self.core.clone();
        self.core.tasks.spawn_until_stop("rules", async move {
            if let Err(error) = sweep(&core).await {
                tracing::error!(%error, "requests that wait could not be compared with the rules");
            }
        });
    }
}

/// Looks a request that is durable up among the rules, and answers it if one covers it.
pub(crate) fn consider_soon(core: &Arc<Core>, approval: EntityId) {
    let own = core.clone();
    core.tasks.spawn_until_stop("rules", async move {
        if let Err(error) = consider(&own, approval).await {
            tracing::error!(%approval, %error, "a request could not be compared with the rules");
        }
    });
}

/// Answers every request that waits and is covered.
async fn sweep(core: &Arc<Core>) -> Result<(), RuntimeError> {
    if core
        .records
        .all(Kind::ApprovalRule, None, 1)
        .map_err(unread)?
        .is_empty()
    {
        return Ok(());
    }
    for stored in waiting(core)? {
        consider(core, stored.document.metadata.id).await?;
    }
    Ok(())
}

async fn consider(core: &Arc<Core>, approval: EntityId) -> Result<(), RuntimeError> {
    for _ in 0..ATTEMPTS {
        let Ok(asked) = core.pending(approval) else {
            return Ok(());
        };
        let Some(found) = strongest(core, &asked)? else {
            return Ok(());
        };
        let answer = answer(approval, &asked, &found.rule, &found.stored.document);
        let actor = actor(core, &found.stored.document);
        match core
            .decide(answer, actor, By::Rule(Box::new(found.stored), found.all))
            .await
        {
            // The rule is another one now, or somebody was faster.
            Err(RuntimeError::Commit(dirigent_store::CommitError::Conflict(_))) => {}
            Ok(_)
            | Err(
                RuntimeError::AlreadyDecided { .. }
                | RuntimeError::Ended { .. }
                | RuntimeError::WrongState { .. }
                | RuntimeError::Stopping,
            ) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The rule that answers a request.
struct Strongest {
    rule: ApprovalRule,
    stored: Stored,
    /// All rules of the workflow are as they were read: none denies what this one allows.
    all: Option<Guard>,
}

/// The rule that answers a request: a denial before an allowance, the older one first.
fn strongest(core: &Core, asked: &WorkflowApproval) -> Result<Option<Strongest>, RuntimeError> {
    if !may_be_ruled(asked) {
        return Ok(None);
    }
    let now = (core.clock)();
    let workflow = Value::String(asked.workflow.clone());
    let (kind, records) = (Kind::ApprovalRule, &core.records);
    let all = records.group(DEFAULT_ORG, kind, &workflow).map_err(unread)?;
    let found = records
        .find_by_index(DEFAULT_ORG, kind, "workflow", &workflow, MAX_RULES)
        .map_err(unread)?;
    let mut allows = None;
    for stored in found {
        let rule: ApprovalRule = body(&stored.document)?;
        if !rule.covers(asked, now) {
            continue;
        }
        if rule.answer == RuleAnswer::Deny {
            // Whatever comes beside it, it stays no.
            let all = None;
            return Ok(Some(Strongest { rule, stored, all }));
        }
        allows.get_or_insert((rule, stored));
    }
    Ok(allows.map(|(rule, stored)| Strongest { rule, stored, all }))
}

fn answer(approval: EntityId, asked: &WorkflowApproval, rule: &ApprovalRule, document: &Document) -> Answer {
    let (decision, word) = match rule.answer {
        RuleAnswer::Allow => (Decision::Approve { edited: None }, "allows"),
        RuleAnswer::Deny => (Decision::Deny, "denies"),
    };
    let like = match rule.scope {
        RuleScope::Exact => "exactly this",
        RuleScope::Shape => "this shape",
    };
    let mut reason = format!("{} of {} {word} {like}", document.metadata.name, rule.created_by);
    if let Some(words) = &rule.reason {
        reason.push_str(": ");
        reason.push_str(words);
    }
    Answer {
        approval,
        digest: asked.digest.parse().unwrap_or(Digest([0; 32])),
        decision,
        reason: Some(reason),
        also: None,
    }
}

/// Who decides: the rule, in the name of whoever owns it.
fn actor(core: &Core, rule: &Document) -> Actor {
    let subject = Subject {
        user: rule.metadata.owner,
        name: format!("rule:{}", rule.metadata.name),
        org: rule.metadata.org,
        administrator: false,
    };
    Actor::of(subject, RequestId(core.chance.id()), &Command::DaemonStop {})
}

fn waiting(core: &Core) -> Result<Vec<Stored>, RuntimeError> {
    let pending = json!("pending");
    core.records
        .find_by_index(
            DEFAULT_ORG,
            Kind::WorkflowApproval,
            "status",
            &pending,
            MAX_WAITING,
        )
        .map_err(unread)
}

/// How many other requests wait that a new rule answers.
pub(crate) fn covered(core: &Core, rule: &Document, besides: EntityId) -> Result<u32, RuntimeError> {
    let (rule, now) = (body::<ApprovalRule>(rule)?, (core.clock)());
    let mut count = 0;
    for stored in waiting(core)? {
        let asked: WorkflowApproval = body(&stored.document)?;
        count += u32::from(stored.document.metadata.id != besides && rule.covers(&asked, now));
    }
    Ok(count)
}

/// The rule that a decision makes; its document is in the decision's commit.
pub(crate) fn make(
    core: &Core,
    asked: &WorkflowApproval,
    decided: &Decided,
    scope: RuleScope,
    name: Option<String>,
    actor: &Actor,
) -> Result<Document, RuntimeError> {
    let answer = match decided.record.decision {
        Decision::Approve { edited: None } => RuleAnswer::Allow,
        Decision::Deny => RuleAnswer::Deny,
        _ => {
            return Err(RuntimeError::NotAlso(
                "what you edited is no rule for what others ask",
            ));
        }
    };
    if !may_be_ruled(asked) {
        return Err(RuntimeError::NotAlso("a high risk is never decided by a rule"));
    }
    let name = match name {
        Some(name) if is_name(&name) => name,
        Some(_) => {
            return Err(RuntimeError::NotAlso(
                "a rule's name has 1 to 64 letters, digits, `_`, `.`, `-` and begins with a letter or digit",
            ));
        }
        None => named_after(asked, scope, answer, EntityId(core.chance.id())),
    };
    let rule = ApprovalRule {
        reason: decided.record.reason.clone(),
        created_from: Some(decided.approval),
        created_by: actor.subject.name.clone(),
        ..ApprovalRule::like(asked, scope, answer)
    };
    let spec = serde_json::to_value(&rule).unwrap_or_default();
    Ok(Draft::of(Kind::ApprovalRule, &name, spec)
        .id(EntityId(core.chance.id()))
        .org(actor.subject.org)
        .owner(actor.subject.user)
        .document((core.clock)()))
}

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    (1..=MAX_NAME).contains(&name.len())
        && name.chars().all(fits)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// A name that says what it is about, and ends in chance.
fn named_after(asked: &WorkflowApproval, scope: RuleScope, answer: RuleAnswer, chance: EntityId) -> String {
    let word = match answer {
        RuleAnswer::Allow => "allow",
        RuleAnswer::Deny => "deny",
    };
    let about: String = format!("{}-{}", asked.workflow, asked.task)
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .skip_while(|c| *c == '-')
        .take(36)
        .collect();
    let about = if about.is_empty() {
        "rule".to_owned()
    } else {
        about
    };
    format!("{about}-{word}-{}-{}", scope.as_str(), chance.short())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_named_after_what_it_is_about_and_may_be_named_so() {
        for (workflow, task) in [
            ("nightly", "approve"),
            ("ü", ""),
            ("-", "-"),
            (&"x".repeat(300), "y"),
        ] {
            let asked = WorkflowApproval {
                workflow: workflow.into(),
                task: task.into(),
                ..WorkflowApproval::default()
            };
            let name = named_after(&asked, RuleScope::Shape, RuleAnswer::Deny, EntityId::new());
            assert!(is_name(&name), "{name}");
        }
        assert!(!is_name("") && !is_name("-a") && !is_name("a b") && !is_name(&"a".repeat(65)));
    }
}
