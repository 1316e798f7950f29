//! Who may decide, in the order of commits: what is asked, the rules there are, who is in the team. A decision is
//! compared with what was so in the commit before it.

use std::collections::BTreeMap;
use std::sync::Arc;

use dirigent_daemon::records::decode_document;
use dirigent_daemon::records::key::parse_document;
use dirigent_protocol::entity::{ApprovalRule, Kind, RuleAnswer, RuleScope, Team, WorkflowApproval};
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::{Decision, DecisionRecord, EventBody, Risk, RunEvent};
use dirigent_store::Commit;
use jiff::Timestamp;

use crate::library::user_id;
use crate::must;

/// How the name of whoever decides begins where a rule does.
const RULE: &str = "rule:";

#[derive(Default)]
pub(crate) struct Standing {
    asked: BTreeMap<EntityId, WorkflowApproval>,
    rules: BTreeMap<EntityId, (String, ApprovalRule)>,
    teams: BTreeMap<String, Team>,
}

impl Standing {
    /// The next commit, with its events of runs.
    pub(crate) fn commit(
        &mut self,
        commit: &Commit,
        events: &[(RunId, Arc<RunEvent>)],
    ) -> Result<(), String> {
        for (run, event) in events {
            self.look(event)
                .map_err(|what| format!("{run} event {}: {what}", event.seq))?;
        }
        for key in &commit.deletes {
            if let Some((Kind::ApprovalRule, id)) = parse_document(key) {
                self.rules.remove(&id);
            }
        }
        for (key, value) in &commit.puts {
            let Some((kind, id)) = parse_document(key) else {
                continue;
            };
            if matches!(kind, Kind::ApprovalRule | Kind::WorkflowApproval | Kind::Team) {
                let document = decode_document(value).map_err(|e| e.to_string())?;
                let name = document.metadata.name.clone();
                match kind {
                    Kind::ApprovalRule => drop(self.rules.insert(id, (name, document.body().unwrap()))),
                    Kind::Team => drop(self.teams.insert(name, document.body().unwrap())),
                    _ => drop(self.asked.insert(id, document.body().unwrap())),
                }
            }
        }
        Ok(())
    }

    fn look(&self, event: &RunEvent) -> Result<(), String> {
        let (approval, record) = match &event.body {
            EventBody::ApprovalDecided { approval, record, .. }
            | EventBody::ApprovalVoted { approval, record, .. } => (approval, record),
            _ => return Ok(()),
        };
        if record.decision == Decision::Expire {
            return Ok(());
        }
        let asked = self.asked.get(approval).ok_or("nobody was asked before")?;
        match record.by.strip_prefix(RULE) {
            Some(rule) => self.by_rule(rule, asked, record, event.time),
            // Of several the last one decides now.
            None => self.by_person(record.by.rsplit(", ").next().unwrap_or_default(), asked, record),
        }
    }

    fn by_rule(
        &self,
        name: &str,
        asked: &WorkflowApproval,
        record: &DecisionRecord,
        now: Timestamp,
    ) -> Result<(), String> {
        let mut rules = self.rules.values();
        let rule = rules.find(|(known, _)| known == name).map(|(_, rule)| rule);
        let rule = rule.ok_or_else(|| format!("the rule {name} is gone"))?;
        must(in_force(rule, now) && covers(rule, asked), || {
            format!("the rule {name} is not in force or is about something else: {rule:?}")
        })?;
        let wanted = match rule.answer {
            RuleAnswer::Allow => Decision::Approve { edited: None },
            RuleAnswer::Deny => Decision::Deny,
        };
        must(record.decision == wanted, || {
            format!("the rule {name} answers {:?}", record.decision)
        })?;
        if rule.answer == RuleAnswer::Deny {
            return Ok(());
        }
        let named = !asked.deciders.users.is_empty() || !asked.deciders.teams.is_empty();
        must(!named && asked.deciders.quorum <= 1, || {
            "a rule says yes where people were named".into()
        })?;
        let denies = |(_, rule): &&(String, ApprovalRule)| {
            rule.answer == RuleAnswer::Deny && in_force(rule, now) && covers(rule, asked)
        };
        let denial = self.rules.values().find(denies);
        must(denial.is_none(), || {
            format!(
                "the rule {name} says yes although {:?} says no",
                denial.map(|(name, _)| name)
            )
        })
    }

    fn by_person(&self, name: &str, asked: &WorkflowApproval, record: &DecisionRecord) -> Result<(), String> {
        let deciders = &asked.deciders;
        let own = asked.started_by == name && deciders.requester == Some(false);
        must(
            !own || !matches!(record.decision, Decision::Approve { .. }),
            || format!("{name} says yes to what they asked for"),
        )?;
        let open = deciders.users.is_empty() && deciders.teams.is_empty();
        let member = |team: &String| {
            let known = self.teams.get(team);
            known.is_some_and(|team| team.members.contains(&user_id(name)))
        };
        let may = open || deciders.users.iter().any(|user| user == name) || deciders.teams.iter().any(member);
        must(may, || {
            format!("{name} decides, it takes {deciders:?} with {:?}", self.teams)
        })
    }
}

fn in_force(rule: &ApprovalRule, now: Timestamp) -> bool {
    rule.enabled && rule.until.is_none_or(|until| now < until)
}

/// Whether a rule is about that; whatever people show here is a number `n`, so that all content has one shape.
fn covers(rule: &ApprovalRule, asked: &WorkflowApproval) -> bool {
    let step = asked.step.split('#').next();
    let same = rule.scope == RuleScope::Shape || rule.digest == asked.digest;
    asked.risk < Risk::High
        && asked.unknown_effect.is_none()
        && rule.workflow == asked.workflow
        && Some(rule.step.as_str()) == step
        && rule.action == asked.action
        && same
}
