//! The approvals of one run as its journal has them: who may decide, what counts, how many it takes.

use std::collections::BTreeMap;

use dirigent_protocol::digest::Digest;
use dirigent_protocol::id::EntityId;
use dirigent_protocol::run::{
    ApprovalRequest, Deciders, Decision, DecisionRecord, EventBody, RunEvent, digest_of,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::must;

/// All approvals of a run.
#[derive(Debug, Default)]
pub(crate) struct Questions(BTreeMap<EntityId, Asked>);

/// One approval.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) request: ApprovalRequest,
    /// What a decision must name now.
    pub(crate) digest: Digest,
    payload: Value,
    pub(crate) deciders: Deciders,
    votes: Vec<String>,
    /// Everybody who ever said yes to it.
    voted: Vec<String>,
    pub(crate) decided: Option<DecisionRecord>,
    withdrawn: bool,
    since: Timestamp,
    reminded: Timestamp,
}

impl Asked {
    fn of(request: &ApprovalRequest, digest: Digest, now: Timestamp) -> Self {
        Self {
            request: request.clone(),
            digest,
            payload: (*request.payload).clone(),
            deciders: request.deciders.clone(),
            votes: Vec::new(),
            voted: Vec::new(),
            decided: None,
            withdrawn: false,
            since: now,
            reminded: now,
        }
    }

    pub(crate) fn waits(&self) -> bool {
        self.decided.is_none() && !self.withdrawn
    }

    /// What the budget of the run is raised to by it.
    fn raises(&self) -> Option<u64> {
        let Some(Decision::Approve { edited }) = self.decided.as_ref().map(|record| &record.decision) else {
            return None;
        };
        let said = edited.as_ref().unwrap_or(&self.payload);
        said["raise_to"]["calls"]
            .as_u64()
            .filter(|_| self.request.raises_budget)
    }
}

impl Questions {
    pub(crate) fn get(&self, approval: EntityId) -> Option<&Asked> {
        self.0.get(&approval)
    }

    /// Those that wait.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = EntityId> {
        self.0
            .iter()
            .filter(|(_, asked)| asked.waits())
            .map(|(id, _)| *id)
    }

    /// An event about an approval; answers what the run's calls are limited to by it from now on.
    pub(crate) fn note(&mut self, event: &RunEvent) -> Result<Option<u64>, String> {
        match &event.body {
            EventBody::ApprovalRequested {
                approval,
                digest,
                request,
                ..
            } => {
                must(*digest == request.digest(), || "its digest is another's".into())?;
                let asked = Asked::of(request, *digest, event.time);
                must(self.0.insert(*approval, asked).is_none(), || "asked twice".into())?;
            }
            EventBody::ApprovalDecided { approval, record, .. } => {
                let asked = self.open(*approval)?;
                asked.decide(record, event.time)?;
                return Ok(asked.raises());
            }
            EventBody::ApprovalWithdrawn { approval, .. } => self.open(*approval)?.withdrawn = true,
            EventBody::ApprovalVoted { approval, record, .. } => self.open(*approval)?.vote(record)?,
            EventBody::ApprovalAmended {
                approval,
                payload,
                digest,
                ..
            } => self.open(*approval)?.amend(payload, *digest)?,
            EventBody::ApprovalDelegated {
                approval, from, to, ..
            } => {
                let users = &mut self.open(*approval)?.deciders.users;
                users.retain(|user| user != from && user != to);
                users.push(to.clone());
            }
            EventBody::ApprovalReminded { approval, .. } => {
                let asked = self.open(*approval)?;
                let pause = asked.request.remind_ms.ok_or("nobody wanted to be reminded")?;
                passed(asked.reminded, pause, event.time)?;
                asked.reminded = event.time;
            }
            EventBody::ApprovalEscalated { approval, to, .. } => {
                let asked = self.open(*approval)?;
                let wanted = asked
                    .request
                    .escalation
                    .clone()
                    .ok_or("nobody else was to be asked")?;
                must(wanted.to == *to, || {
                    format!("{to:?} are asked in the place of {:?}", wanted.to)
                })?;
                passed(asked.since, wanted.after_ms, event.time)?;
                if !(asked.deciders.users.is_empty() && asked.deciders.teams.is_empty()) {
                    asked.deciders.users.extend(to.users.iter().cloned());
                }
            }
            _ => {}
        }
        Ok(None)
    }

    fn open(&mut self, approval: EntityId) -> Result<&mut Asked, String> {
        let asked = self.0.get_mut(&approval).ok_or("never asked")?;
        must(asked.waits(), || {
            format!("it was decided before: {:?}", asked.decided)
        })?;
        Ok(asked)
    }

    /// Somebody was told that their decision counts.
    pub(crate) fn answer(&self, approval: EntityId, by: &str) -> Result<(), String> {
        let asked = self.0.get(&approval).ok_or("never asked")?;
        let own = asked.decided.as_ref().is_some_and(|record| {
            record.decision != Decision::Expire && record.by.split(", ").any(|name| name == by)
        });
        must(own || asked.voted.iter().any(|name| name == by), || {
            format!(
                "{by} was told that their decision counts; the journal has {:?}",
                asked.decided
            )
        })
    }
}

fn passed(since: Timestamp, ms: u64, now: Timestamp) -> Result<(), String> {
    let pause = SignedDuration::from_millis(i64::try_from(ms).unwrap());
    must(now.duration_since(since) >= pause, || {
        format!("at {now}, {ms} ms after {since}, is early")
    })
}

impl Asked {
    fn decide(&mut self, record: &DecisionRecord, now: Timestamp) -> Result<(), String> {
        match &record.decision {
            Decision::Expire => {
                passed(self.since, self.request.expires_after_ms.unwrap_or(u64::MAX), now)?;
                must(record.by == "dirigent", || "somebody let it expire".into())?;
            }
            _ => must(record.digest == self.digest, || {
                "the decision names another digest".into()
            })?,
        }
        let quorum = usize::try_from(self.deciders.quorum.max(1)).unwrap();
        if matches!(record.decision, Decision::Approve { .. }) && quorum > 1 {
            let mut names: Vec<&str> = record.by.split(", ").collect();
            names.sort_unstable();
            names.dedup();
            let known = self
                .votes
                .iter()
                .filter(|vote| names.contains(&vote.as_str()))
                .count();
            must(names.len() == quorum && known + 1 == quorum, || {
                format!("{quorum} must agree; {:?} did, then {}", self.votes, record.by)
            })?;
        }
        self.decided = Some(record.clone());
        Ok(())
    }

    fn vote(&mut self, record: &DecisionRecord) -> Result<(), String> {
        must(record.digest == self.digest, || {
            "the vote names another digest".into()
        })?;
        must(!self.votes.contains(&record.by), || {
            format!("{} votes twice", record.by)
        })?;
        self.votes.push(record.by.clone());
        self.voted.push(record.by.clone());
        must(self.votes.len() < self.deciders.quorum as usize, || {
            "all have voted, and it waits".into()
        })
    }

    fn amend(&mut self, payload: &Value, digest: Digest) -> Result<(), String> {
        let wanted = digest_of(&self.request.action, payload, self.request.before.as_deref());
        must(wanted == digest, || "its new digest is another's".into())?;
        self.payload = payload.clone();
        self.digest = digest;
        self.votes.clear();
        Ok(())
    }
}
