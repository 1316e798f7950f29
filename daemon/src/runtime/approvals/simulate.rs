//! What a rule would have answered: looked up among the decisions that people made, before the rule is active.
//!
//! Invariant: nothing changes, and a rule that denies and is in force wins here as it would have then.

use dirigent_protocol::entity::{ApprovalRule, ApprovalStatus, Document, Kind, RuleAnswer, WorkflowApproval};
use dirigent_protocol::query::{Difference, Simulation};
use serde_json::Value;

use crate::records::DEFAULT_ORG;
use crate::runtime::error::RuntimeError;
use crate::runtime::handle::RuntimeHandle;
use crate::runtime::plans::{body, unread};

/// Decisions of one status that are looked at.
const MAX_LOOKED_AT: usize = 10_000;
const MAX_RULES: usize = 1_000;
const MAX_DIFFERENCES: usize = 100;

impl RuntimeHandle {
    /// What this rule would have answered, over recorded decisions that `sees` lets through.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn simulate(
        &self,
        rule: &ApprovalRule,
        sees: &dyn Fn(&Document) -> bool,
    ) -> Result<Simulation, RuntimeError> {
        let denials = self.denials(rule)?;
        let mut told = Simulation::default();
        for status in ["approved", "denied", "pending"] {
            let value = Value::from(status);
            let found = self
                .core
                .records
                .find_by_index(
                    DEFAULT_ORG,
                    Kind::WorkflowApproval,
                    "status",
                    &value,
                    MAX_LOOKED_AT,
                )
                .map_err(unread)?;
            for stored in found.iter().rev().filter(|stored| sees(&stored.document)) {
                let asked: WorkflowApproval = body(&stored.document)?;
                if asked.workflow != rule.workflow {
                    continue;
                }
                look(rule, &denials, &stored.document, &asked, &mut told);
            }
        }
        Ok(told)
    }

    /// Rules in force that deny something of the same workflow.
    fn denials(&self, rule: &ApprovalRule) -> Result<Vec<ApprovalRule>, RuntimeError> {
        let workflow = Value::String(rule.workflow.clone());
        let now = (self.core.clock)();
        let found = self
            .core
            .records
            .find_by_index(DEFAULT_ORG, Kind::ApprovalRule, "workflow", &workflow, MAX_RULES)
            .map_err(unread)?;
        let mut denials = Vec::new();
        for stored in found {
            let known: ApprovalRule = body(&stored.document)?;
            let lives = known.enabled && known.until.is_none_or(|until| now < until);
            if lives && known.answer == RuleAnswer::Deny {
                denials.push(known);
            }
        }
        Ok(denials)
    }
}

fn look(
    rule: &ApprovalRule,
    denials: &[ApprovalRule],
    document: &Document,
    asked: &WorkflowApproval,
    told: &mut Simulation,
) {
    let waits = asked.status == ApprovalStatus::Pending;
    let by = asked.decided_by.clone().unwrap_or_default();
    if !waits && by.starts_with("rule:") {
        return;
    }
    told.looked_at += u32::from(!waits);
    if !rule.fits(asked) {
        return;
    }
    if waits {
        told.waiting += 1;
        return;
    }
    told.covered += 1;
    let denied_first = rule.answer == RuleAnswer::Allow && denials.iter().any(|denial| denial.fits(asked));
    told.denied_first += u32::from(denied_first);
    let denies = denied_first || rule.answer == RuleAnswer::Deny;
    let decided = match asked.status {
        ApprovalStatus::Denied => "denied",
        _ if asked.edited.is_some() || asked.amended_by.is_some() => "edited",
        _ => "approved",
    };
    if (decided == "denied") == denies && decided != "edited" {
        told.agrees += 1;
    } else if told.differs.len() < MAX_DIFFERENCES {
        told.differs.push(Difference {
            approval: document.metadata.id,
            title: asked.title.clone(),
            decided: decided.to_owned(),
            by,
            rule: if denies { "deny" } else { "allow" }.to_owned(),
        });
    }
}
