//! What has to be done now and then: the record of reads, old answers, the store's own upkeep.

use std::sync::Arc;
use std::time::Duration;

use dirigent_store::MaintainBudget;

use crate::records::sweep;
use crate::service::Service;

const READS: Duration = Duration::from_secs(60);
/// Of the rest, counted in flushes of the reads.
const REST: u32 = 60;

/// Runs until it is dropped.
pub(super) async fn upkeep(service: Arc<Service>) {
    let mut round: u32 = 0;
    loop {
        tokio::time::sleep(READS).await;
        if let Err(error) = service.door().flush_reads().await {
            tracing::warn!(%error, "the record of reads was not stored");
        }
        round = round.wrapping_add(1);
        if round % REST != 1 {
            continue;
        }
        let store = service.records().store();
        match sweep(&**store, service.now()).await {
            Ok(0) => {}
            Ok(rows) => tracing::debug!(rows, "swept"),
            Err(error) => tracing::warn!(%error, "the sweep stopped early"),
        }
        if let Err(error) = store.maintain(MaintainBudget::default()).await {
            tracing::warn!(%error, "the store's upkeep stopped early");
        }
    }
}
