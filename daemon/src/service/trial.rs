//! Agents that are tried out before anybody publishes them: versions that belong to no agent.
//!
//! Invariant: a trial changes no definition, and its run performs nothing of its tools but what only reads. What is tried has one version for its content, found by its digest.

use std::collections::BTreeMap;

use dirigent_protocol::command::TryVariant;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{AgentVersion, Kind};
use dirigent_protocol::id::EntityId;
use dirigent_protocol::source::{Diagnostic, Place};
use dirigent_store::Txn;
use serde_json::{Value, json};

use super::core::Service;
use super::definitions;
use super::error::ServiceError;
use crate::door::{Action, Object};
use crate::records::{Actor, Audit, Draft, audit, put};

/// Most agents side by side.
const VARIANTS: usize = 4;

/// What a trial runs.
pub struct Trial {
    /// The document.
    pub document: String,
    /// Its input.
    pub input: Value,
}

impl Service {
    /// Makes versions of what is to be tried, and the run that tries them on one input.
    ///
    /// # Errors
    /// Refused, or what is to be tried has errors (all of them).
    pub async fn trial(
        &self,
        actor: &Actor,
        agent: &str,
        variants: &[TryVariant],
        input: &Value,
    ) -> Result<Trial, ServiceError> {
        let object = Object::Kind(Kind::Agent);
        self.door
            .authorize(&actor.subject, Action::AgentTry, &object)
            .await?;
        let what = format!("the trial of `{}`", agent.chars().take(64).collect::<String>());
        let names: Vec<&str> = variants.iter().map(|variant| variant.name.as_str()).collect();
        if let Some(words) = wrong_names(&names) {
            let finding = Diagnostic::error("bad_name", words, Place::default());
            return Err(ServiceError::Invalid {
                what,
                details: vec![finding],
            });
        }
        let mut txn = Txn::default();
        let mut digests = BTreeMap::new();
        for variant in variants {
            let spec = self.checked(Kind::Agent, agent, variant.definition.clone(), &what, Vec::new())?;
            let digest = self.tried(&mut txn, actor, agent, &spec)?;
            digests.insert(variant.name.clone(), digest.to_string());
        }
        // The run that tries them out answers the request; what it needs is there before.
        let object = format!("Agent/{agent}");
        let request = actor.request.to_string();
        let record = Audit {
            request: Some(&request),
            ..Audit::allowed(&actor.subject, Action::AgentTry.as_str(), &object)
        };
        audit(&mut txn, self.now(), &record)?;
        self.records.store().commit(txn).await?;
        Ok(Trial {
            document: document(&names).to_string(),
            input: json!({ "agent": agent, "versions": digests, "input": input }),
        })
    }

    /// The digest of what is tried, which has a version of its own.
    pub(super) fn tried(
        &self,
        txn: &mut Txn,
        actor: &Actor,
        agent: &str,
        spec: &Value,
    ) -> Result<Digest, ServiceError> {
        let canonical = definitions::of(Kind::Agent).map_or_else(|| spec.clone(), |row| row.canonical(spec));
        let digest = Digest::of(&canonical);
        let (org, wanted) = (actor.subject.org, Value::String(digest.to_string()));
        let known = self
            .records
            .find_by_index(org, Kind::AgentVersion, "digest", &wanted, 1)?;
        if known.is_empty() {
            let body = AgentVersion {
                agent: EntityId::nil(),
                agent_name: agent.to_owned(),
                digest: digest.to_string(),
                number: 0,
                definition: serde_json::from_value(canonical).unwrap_or_default(),
            };
            let body = serde_json::to_value(body).unwrap_or_default();
            let version = Draft::of(Kind::AgentVersion, "", body)
                .org(org)
                .owner(actor.subject.user)
                .document(self.now());
            put(txn, None, &version)?;
        }
        Ok(digest)
    }
}

fn wrong_names(names: &[&str]) -> Option<String> {
    if names.is_empty() || names.len() > VARIANTS {
        return Some(format!("a trial is of 1 to {VARIANTS} agents"));
    }
    let fits = |name: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        !name.is_empty() && name.len() <= 32 && name.chars().all(plain)
    };
    let twins = names
        .iter()
        .enumerate()
        .any(|(at, name)| names[..at].contains(name));
    (twins || !names.iter().all(|name| fits(name)))
        .then(|| "each agent of a trial has a word of its own: letters, digits, `-`".to_owned())
}

/// All of them side by side; one that fails keeps no other from its answer.
fn document(names: &[&str]) -> Value {
    let branch = |name: &&str| {
        let version = format!("${{ $workflow.input.versions[{}] }}", Value::from(*name));
        let call = json!({
            "call": "agent",
            "with": { "agent": "${ $workflow.input.agent }", "version": version, "input": "${ $workflow.input.input }" },
        });
        json!({ *name: {
            "try": [{ format!("ask-{name}"): call }],
            "catch": { "as": "problem", "do": [{ format!("failed-{name}"): { "set": { "error": "${ $problem }" } } }] },
        } })
    };
    let answers: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(at, name)| format!("{}: .[{at}]", Value::from(*name)))
        .collect();
    json!({
        "document": { "dsl": "1.0.3", "namespace": "dirigent", "name": "agent-trial", "version": "1.0.0", "title": "Agents tried out" },
        "do": [{ "try-out": {
            "fork": { "branches": names.iter().map(branch).collect::<Vec<_>>() },
            "output": { "as": format!("{{ {} }}", answers.join(", ")) },
        } }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_is_a_workflow_whatever_the_words_are() {
        for names in [&["new"][..], &["new", "v3"], &["a", "b", "c-1", "D"]] {
            let text = document(names).to_string();
            dirigent_engine::load("trial", &text).unwrap_or_else(|found| panic!("{found:?}"));
        }
        assert!(wrong_names(&["a", "a"]).is_some() && wrong_names(&[]).is_some());
        assert!(wrong_names(&["a b"]).is_some() && wrong_names(&["new", "old"]).is_none());
    }
}
