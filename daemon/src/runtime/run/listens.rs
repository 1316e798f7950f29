//! A run and the events it listens for: its rows, and taking an event in.

use std::collections::BTreeSet;

use dirigent_engine::machine::Stimulus;
use dirigent_engine::state::RunState;
use dirigent_protocol::id::EntityId;
use dirigent_store::Txn;

use super::batch::Batch;
use super::driver::{Broken, Driver};
use super::message::Delivery;
use crate::events::{ListenRow, encode, listen_key};
use crate::runtime::error::RuntimeError;
use crate::runtime::plans::unread;

/// Whether other task instances listen than before.
pub(crate) fn changed(before: &RunState, after: &RunState) -> bool {
    let frames = |state: &RunState| state.listens().map(|(frame, _)| frame).collect::<Vec<_>>();
    let nobody = before.listens().next().is_none() && after.listens().next().is_none();
    !nobody && frames(before) != frames(after)
}

impl Driver {
    /// Puts and deletes the rows of task instances that began or ceased to listen.
    pub(crate) fn put_listens(
        &self,
        batch: &Batch,
        org: EntityId,
        txn: &mut Txn,
    ) -> Result<(), RuntimeError> {
        // A run that is born of another one's state has no rows yet.
        let born = self.document.is_none();
        if !born && !changed(&self.state, &batch.state) {
            return Ok(());
        }
        let own = self.state.listens().filter(|_| !born);
        let before: BTreeSet<u64> = own.map(|(frame, _)| frame).collect();
        let mut after = BTreeSet::new();
        for (frame, listening) in batch.state.listens() {
            after.insert(frame);
            if before.contains(&frame) {
                continue;
            }
            let row = ListenRow {
                org,
                patterns: listening.patterns.clone(),
                since: None,
                state: None,
            };
            txn.puts
                .push((listen_key(self.run, frame), encode(&row).map_err(unread)?));
        }
        let gone = before.difference(&after);
        txn.deletes.extend(gone.map(|frame| listen_key(self.run, *frame)));
        Ok(())
    }

    /// An event came while it listened; what it takes in is durable before the desk hears of it.
    pub(crate) async fn hear(&mut self, delivery: Delivery) -> Result<(), Broken> {
        let Delivery {
            at,
            event,
            listens,
            ack,
        } = delivery;
        self.one_by_one([Stimulus::Received { at, event, listens }])
            .await?;
        ack.done();
        Ok(())
    }
}
