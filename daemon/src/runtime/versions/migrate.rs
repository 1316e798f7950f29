//! The change of a run to another version, as its driver makes it: event, document and audit in one commit.

use std::sync::Arc;

use dirigent_engine::machine::Stimulus;
use dirigent_engine::state::RunState;
use dirigent_protocol::entity::{Kind, WorkflowVersion};
use dirigent_protocol::run::{Moved, StepId};

use crate::records::Actor;
use crate::runtime::approvals::papers::Papers;
use crate::runtime::error::RuntimeError;
use crate::runtime::plans::body;
use crate::runtime::run::batch::NoDecision;
use crate::runtime::run::commit::{Deed, NotCommitted};
use crate::runtime::run::driver::Driver;
use crate::runtime::run::message::Migration;

impl Driver {
    /// Does it, or says why not and whether the driver can go on.
    pub(crate) async fn migrate(
        &mut self,
        wish: Migration,
        actor: &Actor,
    ) -> Result<(), (RuntimeError, bool)> {
        if self.state.seq() != wish.at {
            return Err((RuntimeError::Overtaken { run: self.run }, false));
        }
        let old = std::mem::replace(&mut self.workflow, Arc::clone(&wish.workflow));
        let done = Box::pin(self.change_version(wish, actor)).await;
        if self.state.version() != Some(self.workflow.digest()) {
            self.workflow = old;
        }
        done
    }

    async fn change_version(&mut self, wish: Migration, actor: &Actor) -> Result<(), (RuntimeError, bool)> {
        let version: WorkflowVersion = body(&wish.version).map_err(|error| (error, false))?;
        let object = format!("{}/{}", Kind::WorkflowExecution, self.run);
        let mut deed = Deed::new(actor, "run.migrate", object);
        deed.detail = format!(
            "from {} to {} (version {})",
            wish.migrate.old.digest().short(),
            wish.workflow.digest().short(),
            version.version
        );
        deed.version = Some((wish.version.metadata.id, version));
        let Ok(mut batch) = self.open_batch() else {
            return Err((RuntimeError::Internal("a run without its document"), true));
        };
        let stimulus = Stimulus::Migrate(wish.migrate);
        match self.decide(&mut batch, &stimulus, None).await {
            Ok(_) => {}
            Err(NoDecision::Refused(refusal)) => return Err((self.refused(refusal), false)),
            Err(NoDecision::Failed(error)) => return Err((error, false)),
        }
        match self.commit(batch, Some(&deed), Vec::new()).await {
            Ok(_) => Ok(()),
            Err(NotCommitted::Refused(error) | NotCommitted::TooLarge(error)) => Err((error, false)),
            Err(NotCommitted::Broken(error)) => Err((error, true)),
        }
    }
}

impl Papers {
    /// The questions that wait name their steps as the other version does.
    pub(crate) fn move_steps(&mut self, before: &RunState, moved: &[Moved]) -> Result<(), RuntimeError> {
        let place = |step: &StepId| {
            let to = moved
                .iter()
                .find(|moved| moved.from == step.pointer)?
                .to
                .clone()?;
            Some(StepId::iterated(to, step.iterations.clone()))
        };
        let asked = before.approvals().map(|pending| (pending.id, &pending.step));
        let unknown = before
            .effects()
            .filter_map(|effect| Some((*self.asks.get(&effect.id)?, &effect.step)));
        let all: Vec<_> = asked
            .chain(unknown)
            .filter_map(|(id, step)| Some((id, place(step)?)))
            .collect();
        for (id, step) in all {
            let body = self.known(id)?;
            body.task = step.pointer.rsplit('/').next().unwrap_or_default().to_owned();
            body.step = step.to_string();
        }
        Ok(())
    }
}
