//! Names in a file that nobody has: agents, workflows, capabilities. Each is a warning, for what is named may come later.
//!
//! Changes nothing. Invariant: what stands in the same file counts as there.

use std::collections::BTreeSet;

use dirigent_protocol::entity::{Agent, Kind};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::source::{Diagnostic, Place, nearest};
use dirigent_store::ScanRange;
use serde_json::Value;

use super::super::core::Service;
use super::super::definitions;
use super::super::error::ServiceError;
use super::read::{Item, Reading};
use crate::records::key;

/// Most agents that are looked at for suggestions and capabilities.
const MAX_AGENTS: usize = 500;

impl Service {
    /// A warning for each name that a definition speaks of and nobody has defined.
    pub(super) fn unknown_names(
        &self,
        subject: &Subject,
        reading: &Reading,
    ) -> Result<Vec<Diagnostic>, ServiceError> {
        let mut found = Vec::new();
        let mut known: Option<Vec<String>> = None;
        for item in &reading.items {
            let tools = tools(item, "agent");
            let tools = tools.iter().map(|name| (name, Place::new(item.at, "")));
            for (agent, at) in item
                .agents
                .iter()
                .map(|(name, at)| (name, at.clone()))
                .chain(tools)
            {
                if self.is_there(subject, reading, &[Kind::Agent], agent)? {
                    continue;
                }
                let known = match &mut known {
                    Some(known) => known,
                    // Read once, however many names nobody has.
                    none => none.insert(self.agents(subject)?.into_iter().map(|(name, _)| name).collect()),
                };
                let help = nearest(agent, known.iter().map(String::as_str)).map_or_else(
                    || format!("apply `kind: Agent` with `name: {agent}` before a run gets there"),
                    |near| format!("did you mean `{near}`?"),
                );
                let message = format!("there is no agent `{agent}`");
                found.push(Diagnostic::warning("unknown_agent", message, at).help(help));
            }
            found.extend(self.unknown_workflows(subject, reading, item)?);
            found.extend(self.unknown_capabilities(subject, reading, item)?);
        }
        Ok(found)
    }

    fn unknown_workflows(
        &self,
        subject: &Subject,
        reading: &Reading,
        item: &Item,
    ) -> Result<Vec<Diagnostic>, ServiceError> {
        let named = definitions::of(item.kind).map_or_else(Vec::new, |row| row.workflows(&item.spec));
        let mut found = Vec::new();
        for name in named.into_iter().chain(tools(item, "workflow")) {
            if !self.is_there(subject, reading, &[Kind::Workflow, Kind::Orchestration], &name)? {
                let message = format!("there is no workflow `{name}`");
                let help = format!("publish `{name}` before a run gets there");
                found.push(
                    Diagnostic::warning("unknown_workflow", message, Place::new(item.at, "")).help(help),
                );
            }
        }
        Ok(found)
    }

    fn unknown_capabilities(
        &self,
        subject: &Subject,
        reading: &Reading,
        item: &Item,
    ) -> Result<Vec<Diagnostic>, ServiceError> {
        let wanted: BTreeSet<&str> = asked_for(item).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let mut had: BTreeSet<String> = BTreeSet::new();
        let beside = reading.items.iter().filter(|item| item.kind == Kind::Agent);
        let beside = beside.filter_map(|item| serde_json::from_value::<Agent>(item.spec.clone()).ok());
        let stored = self.agents(subject)?.into_iter().map(|(_, agent)| agent);
        for agent in beside.chain(stored) {
            had.extend(agent.capabilities.iter().map(|one| one.name().to_owned()));
        }
        let absent = wanted.into_iter().filter(|name| !had.contains(*name));
        let finding = |name: &str| {
            let help = nearest(name, had.iter().map(String::as_str)).map_or_else(
                || format!("write `capabilities: [{name}]` into an agent"),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("no agent has the capability `{name}`");
            Diagnostic::warning("unknown_capability", message, Place::new(item.at, "")).help(help)
        };
        Ok(absent.map(finding).collect())
    }

    fn is_there(
        &self,
        subject: &Subject,
        reading: &Reading,
        kinds: &[Kind],
        name: &str,
    ) -> Result<bool, ServiceError> {
        let in_file = |item: &Item| kinds.contains(&item.kind) && item.name == name;
        if reading.items.iter().any(in_file) {
            return Ok(true);
        }
        for kind in kinds {
            if self.records.find_by_name(subject.org, *kind, name)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Agents with their names, some hundreds at most.
    fn agents(&self, subject: &Subject) -> Result<Vec<(String, Agent)>, ServiceError> {
        let members = key::members(subject.org, Kind::Agent);
        let (rows, _) = self
            .records
            .rows(ScanRange::prefix(&members).limited(MAX_AGENTS))?;
        let mut agents = Vec::new();
        for row in rows {
            let found = self.records.get(Kind::Agent, row.id)?;
            agents.extend(found.map(|stored| {
                let body = stored.document.body().unwrap_or_default();
                (stored.document.metadata.name, body)
            }));
        }
        Ok(agents)
    }
}

/// Names of what an agent's grants of one kind are of.
fn tools(item: &Item, kind: &str) -> Vec<String> {
    let grants = item.spec["tools"].as_array().into_iter().flatten();
    let grants = grants.filter(|_| item.kind == Kind::Agent);
    let names = grants.filter_map(|grant| grant[kind]["name"].as_str());
    names.map(str::to_owned).collect()
}

/// Capabilities that a definition asks for by name.
fn asked_for(item: &Item) -> impl Iterator<Item = &str> {
    let rule = (item.kind == Kind::OrchestrationRule).then(|| &item.spec["capability"]);
    let of_members = item.kind == Kind::Orchestration;
    let members = of_members.then(|| item.spec["members"].as_array()).flatten();
    let lead = of_members.then(|| &item.spec["lead"]["capability"]);
    let named = members.into_iter().flatten().map(|member| &member["capability"]);
    let all = rule.into_iter().chain(lead).chain(named);
    all.filter_map(Value::as_str).filter(|name| !name.is_empty())
}
