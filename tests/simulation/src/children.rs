//! Runs of runs, in the order of commits: each belongs to an effect that was intended, and whoever is cancelled is over
//! only after the runs that were started for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dirigent_daemon::records::decode_document;
use dirigent_daemon::records::key::parse_document;
use dirigent_protocol::entity::{Kind, WorkflowExecution};
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{EffectId, EffectRequest, EventBody, RunEvent};
use dirigent_store::Commit;

use crate::must;

/// What idempotency keys of runs of runs begin with.
const KEY: &str = "child-";

#[derive(Default)]
pub(crate) struct Children {
    /// Effects that only start a run and do not wait for it.
    detached: BTreeSet<(RunId, EffectId)>,
    /// Whose each intent is.
    intents: BTreeMap<String, (RunId, EffectId)>,
    /// The effect of each run of a run.
    born: BTreeMap<RunId, (RunId, EffectId)>,
    ended: BTreeSet<RunId>,
}

impl Children {
    /// The next commit, with its events of runs.
    pub(crate) fn commit(
        &mut self,
        commit: &Commit,
        events: &[(RunId, Arc<RunEvent>)],
    ) -> Result<(), String> {
        for (run, event) in events {
            self.note(*run, &event.body)?;
        }
        for (key, value) in &commit.puts {
            let Some((Kind::WorkflowExecution, id)) = parse_document(key) else {
                continue;
            };
            let document = decode_document(value).map_err(|e| e.to_string())?;
            let body: WorkflowExecution = document.body().unwrap();
            if let (Some(parent), None) = (body.parent, self.born.get(&RunId::from(id))) {
                let key = body.idempotency_key.unwrap_or_default();
                let intent = key.strip_prefix(KEY).and_then(|key| self.intents.get(key));
                let effect = *intent.ok_or_else(|| format!("{id} runs for {key}, which nobody intended"))?;
                must(effect.0 == parent, || {
                    format!("{id} runs for {parent}, its key is of {effect:?}")
                })?;
                self.born.insert(id.into(), effect);
            }
        }
        Ok(())
    }

    fn note(&mut self, run: RunId, body: &EventBody) -> Result<(), String> {
        let request = match body {
            EventBody::EffectQueued { effect, request, .. } => Some((*effect, Some(request))),
            EventBody::EffectHeld { effect, request, .. } => Some((*effect, request.as_ref())),
            EventBody::EffectIntended {
                effect, request, key, ..
            } => {
                self.intents.insert(key.clone(), (run, *effect));
                Some((*effect, request.as_ref()))
            }
            _ => None,
        };
        if let Some((effect, Some(EffectRequest::Workflow(call)))) = request
            && call.detached
        {
            self.detached.insert((run, effect));
        }
        match body {
            EventBody::WorkflowCompleted { .. } | EventBody::WorkflowFaulted { .. } => {
                self.ended.insert(run);
            }
            EventBody::WorkflowCancelled { .. } => {
                let on = |(child, effect): &(&RunId, &(RunId, EffectId))| {
                    effect.0 == run && !self.detached.contains(effect) && !self.ended.contains(child)
                };
                let child = self.born.iter().find(on);
                must(child.is_none(), || {
                    format!("{run} is cancelled, and {child:?} runs on")
                })?;
                self.ended.insert(run);
            }
            _ => {}
        }
        Ok(())
    }
}
