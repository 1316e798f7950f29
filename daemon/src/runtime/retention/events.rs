//! What the events of deleted runs take is given back.
//!
//! A row says that nobody wants a run's events. Once nothing is left of them it says so, and goes after a while: until then
//! the journal may bring some back when a daemon starts, and they are asked for again.

use bytes::Bytes;
use dirigent_protocol::id::RunId;
use dirigent_store::{ScanRange, StreamId, Txn};

use crate::records::forget_later;
use crate::runtime::core::Core;
use crate::runtime::error::RuntimeError;
use crate::runtime::rows;

/// Runs asked for together; a volume of the archive goes only where all of its runs are.
const AT_ONCE: usize = 20_000;
/// Rows of one commit.
const ROWS: usize = 200;
/// Days in which a state that is built again may bring something back.
const DAYS: i64 = 30;

/// Gives back what can be given back now; `again` asks for those too of which nothing was left.
///
/// # Errors
/// The store did not answer or commit; the next time goes on.
pub(super) async fn give_back(core: &Core, again: bool) -> Result<(), RuntimeError> {
    let unwanted = unwanted(core, again)?;
    if unwanted.is_empty() {
        return Ok(());
    }
    let streams: Vec<StreamId> = unwanted.iter().map(|(run, _)| rows::stream(*run)).collect();
    let discarded = core.store.discard(streams).await;
    let discarded = discarded.map_err(|error| {
        tracing::warn!(%error, "what deleted runs took could not be given back");
        RuntimeError::Internal("what deleted runs took could not be given back")
    })?;
    if discarded.volumes > 0 {
        let (volumes, bytes) = (discarded.volumes, discarded.bytes);
        tracing::info!(
            volumes,
            bytes,
            "volumes of the archive hold deleted runs alone and went"
        );
    }
    let gone: std::collections::HashSet<StreamId> = discarded.gone.into_iter().collect();
    let news = unwanted
        .iter()
        .filter(|(run, told)| !told && gone.contains(&rows::stream(*run)));
    let news: Vec<Bytes> = news.map(|(run, _)| rows::given_up_key(*run)).collect();
    for some in news.chunks(ROWS) {
        let mut txn = Txn {
            reserve: true,
            ..Txn::default()
        };
        for row in some {
            txn.puts.push((row.clone(), Bytes::from_static(b"1")));
            forget_later(&mut txn, row, (core.clock)(), DAYS);
        }
        core.store.commit(txn).await?;
    }
    Ok(())
}

/// Runs whose events nobody wants, oldest first, and whether nothing was left of them already.
fn unwanted(core: &Core, again: bool) -> Result<Vec<(RunId, bool)>, RuntimeError> {
    let mut found = Vec::new();
    let mut range = ScanRange::prefix(rows::GIVEN_UP);
    loop {
        let page = core.store.scan(range.clone())?;
        let told = page.items.iter().filter_map(|(key, row)| {
            let told = !row.value.is_empty();
            rows::run_of(key).map(|run| (run, told))
        });
        found.extend(told.filter(|(_, told)| again || !told));
        match page.next {
            Some(next) if found.len() < AT_ONCE => range = range.after(next),
            _ => return Ok(found),
        }
    }
}
