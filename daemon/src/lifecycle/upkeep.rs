//! What has to be done now and then: the record of reads, old answers, finished runs, the store's own upkeep.

use std::sync::Arc;
use std::time::Duration;

use dirigent_store::{MaintainBudget, Store};

use crate::records::sweep;
use crate::service::Service;

/// Finished runs are looked after this often.
const RUNS: Duration = Duration::from_secs(5);
/// Bytes of them that move at once.
const RUNS_BYTES: u64 = 64 << 20;
/// The record of reads, counted in looks at the runs.
const READS: u32 = 12;
/// Of the rest, counted in flushes of the reads.
const REST: u32 = 60 * READS;

/// Runs until it is dropped.
pub(super) async fn upkeep(service: Arc<Service>) {
    let store = Arc::clone(service.records().store());
    let mut round: u32 = 0;
    loop {
        tokio::time::sleep(RUNS).await;
        round = round.wrapping_add(1);
        archive(&*store).await;
        if round.is_multiple_of(READS)
            && let Err(error) = service.door().flush_reads().await
        {
            tracing::warn!(%error, "the record of reads was not stored");
        }
        if round % REST != READS {
            continue;
        }
        match sweep(&*store, service.now()).await {
            Ok(0) => {}
            Ok(rows) => tracing::debug!(rows, "swept"),
            Err(error) => tracing::warn!(%error, "the sweep stopped early"),
        }
        if let Err(error) = store.maintain(MaintainBudget::default()).await {
            tracing::warn!(%error, "the store's upkeep stopped early");
        }
    }
}

/// Moves finished runs out of the state, if there are any.
async fn archive(store: &dyn Store) {
    if store.stats().resting == 0 {
        return;
    }
    let budget = MaintainBudget {
        sweep: false,
        archive_bytes: RUNS_BYTES,
        ..MaintainBudget::default()
    };
    match store.maintain(budget).await {
        Ok(report) if report.streams_archived > 0 => {
            tracing::debug!(runs = report.streams_archived, "finished runs are archived");
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "finished runs were not archived"),
    }
}
