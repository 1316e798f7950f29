//! Restart, blobs, export and import.

use super::harness::{Harness, Outcome, Wrong, append, commit_all, ensure, key, put};
use crate::contract::Store;
use crate::error::{BlobError, CommitError, ReadError};
use crate::types::{
    BlobId, BlobSpace, Budget, Feed, MaintainBudget, Position, RequestKey, ScanRange, StreamId, Txn,
    Versioned,
};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

type State = (Vec<(Bytes, Versioned)>, u64, Position);

fn state(store: &dyn Store) -> Result<State, Wrong> {
    let page = store.scan(ScanRange::prefix(b"").limited(10_000))?;
    ensure!(page.next.is_none());
    Ok((page.items, store.stream_end(StreamId([1; 16]))?, store.head()))
}

async fn fill(store: &dyn Store, from: u64, n: u64) -> Outcome {
    let txns = (from..from + n).map(|i| Txn {
        request: Some(RequestKey {
            id: u128::from(i).to_be_bytes(),
            digest: [1; 32],
        }),
        puts: vec![(
            key(&format!("k{}", i % 50)),
            Bytes::from(vec![1; usize::try_from(i * 37 % 9000).unwrap_or(0)]),
        )],
        deletes: vec![key(&format!("k{}", (i + 25) % 50))],
        ..append(StreamId([1; 16]), i, &["record"])
    });
    commit_all(store, txns).await?;
    Ok(())
}

pub(super) async fn reopen(h: &dyn Harness) -> Outcome {
    let mut before = None;
    let mut epoch = 0;
    let mut database = None;
    for round in 0..4u64 {
        let store = h.open("reopen")?;
        let identity = store.identity();
        ensure!(
            identity.epoch > epoch && database.is_none_or(|d| d == (identity.database, identity.incarnation))
        );
        (epoch, database) = (identity.epoch, Some((identity.database, identity.incarnation)));
        if let Some(before) = before.take() {
            ensure!(state(&*store)? == before);
        }
        fill(&*store, round * 100 + 1, 100).await?;
        before = Some(state(&*store)?);
    }
    Ok(())
}

const ONE: BlobSpace = BlobSpace([1; 16]);
const OTHER: BlobSpace = BlobSpace([2; 16]);

pub(super) async fn blobs(h: &dyn Harness) -> Outcome {
    let store = h.open("blobs")?;
    let payload = Bytes::from(vec![5; 3 << 20]);
    let missing = BlobId([7; 32]);
    ensure!(matches!(store.blob_get(missing).await, Err(BlobError::Missing(id)) if id == missing));
    let refer = |id| Txn {
        blobs: vec![id],
        ..put("ref", "x")
    };
    ensure!(store.commit(refer(missing)).await == Err(CommitError::BlobMissing(missing)));
    let id = store.blob_put(ONE, payload.clone()).await?;
    ensure!(store.blob_put(ONE, payload.clone()).await? == id);
    let other = store.blob_put(OTHER, payload.clone()).await?;
    ensure!(other != id && store.blob_get(other).await? == payload);
    store.commit(refer(id)).await?;
    ensure!(store.blob_get(id).await? == payload);
    drop(store);
    let store = h.open("blobs")?;
    ensure!(store.blob_get(id).await? == payload);
    store.commit(refer(id)).await?;
    store.maintain(MaintainBudget::default()).await?;
    ensure!(store.blob_get(id).await? == payload);
    Ok(())
}

pub(super) async fn export(h: &dyn Harness) -> Outcome {
    let store = h.open("exported")?;
    fill(&*store, 1, 120).await?;
    let blob = store.blob_put(ONE, Bytes::from(vec![8; 2 << 20])).await?;
    store
        .commit(Txn {
            blobs: vec![blob],
            ..put("ref", "x")
        })
        .await?;
    let file = h.scratch("export");
    // Half of it is in sled, half still in the overlay, and commits go on meanwhile.
    let exporting = store.export(Some(file.clone()), true);
    fill(&*store, 121, 60).await?;
    let report = exporting.await?;
    ensure!(report.position >= Position(121) && report.path == file);
    let after = h.scratch("export-after");
    ensure!(store.export(Some(after.clone()), true).await?.position == store.head());
    let original = (store.identity(), state(&*store)?);
    drop(store);
    h.import("imported", &after)?;
    ensure!(h.import("imported", &after).is_err());
    let store = h.open("imported")?;
    ensure!(state(&*store)? == original.1);
    ensure!(
        store.identity().database == original.0.database
            && store.identity().incarnation != original.0.incarnation
    );
    ensure!(store.blob_get(blob).await?.len() == 2 << 20);
    // The same database gives the same addresses.
    ensure!(store.blob_put(ONE, Bytes::from(vec![8; 2 << 20])).await? == blob);
    ensure!(matches!(
        store.read(Feed::All, Position(0), Budget::default()),
        Err(ReadError::Compacted { .. })
    ));
    grows(h, "imported", store).await?;
    h.import("imported-running", &file)?;
    let store = h.open("imported-running")?;
    ensure!(store.head() == report.position);
    ensure!(store.stream_end(StreamId([1; 16]))? == report.position.0 - 1);
    Ok(())
}

/// An imported store goes on like any other, requests and all.
async fn grows(h: &dyn Harness, name: &str, store: Arc<dyn Store>) -> Outcome {
    let request = Some(RequestKey {
        id: 5u128.to_be_bytes(),
        digest: [1; 32],
    });
    ensure!(
        store
            .commit(Txn {
                request,
                ..Txn::default()
            })
            .await?
            .replayed
    );
    fill(&*store, 181, 30).await?;
    let settle = Some(Duration::from_secs(30));
    store
        .maintain(MaintainBudget {
            settle,
            ..MaintainBudget::default()
        })
        .await?;
    let grown = state(&*store)?;
    drop(store);
    ensure!(state(&*h.open(name)?)? == grown);
    Ok(())
}
