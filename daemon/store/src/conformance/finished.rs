//! Streams that nobody appends to any more.

use super::feeds::drain;
use super::harness::{Harness, Outcome, append, commit_all, ensure};
use crate::contract::Store;
use crate::error::{CommitError, Conflict};
use crate::types::{Budget, Feed, FeedItem, MaintainBudget, Position, StreamId, Txn};
use std::time::Duration;

const STREAMS: u8 = 40;

fn stream(n: u8) -> StreamId {
    StreamId([n; 16])
}

fn all_of_it() -> MaintainBudget {
    MaintainBudget {
        settle: Some(Duration::from_secs(30)),
        archive_bytes: u64::MAX,
        ..MaintainBudget::default()
    }
}

fn close(n: u8) -> Txn {
    Txn {
        closes: vec![stream(n)],
        ..Txn::default()
    }
}

async fn refused(store: &dyn Store, n: u8, expected: u64) -> bool {
    let stream = stream(n);
    store.commit(append(stream, expected, &["late"])).await
        == Err(CommitError::Conflict(Conflict::Closed { stream }))
}

pub(super) async fn closed(h: &dyn Harness) -> Outcome {
    let store = h.open("closed")?;
    store.commit(append(stream(1), 1, &["a", "b"])).await?;
    // The last record and the end may come together; and what comes in the same group is refused too.
    let last = store.commit(Txn {
        closes: vec![stream(1)],
        ..append(stream(1), 3, &["c"])
    });
    let late = store.commit(append(stream(1), 4, &["late"]));
    last.await?;
    ensure!(late.await == Err(CommitError::Conflict(Conflict::Closed { stream: stream(1) })));
    for _ in 0..2 {
        ensure!(refused(&*store, 1, 4).await && refused(&*store, 1, 1).await);
        ensure!(store.stream_end(stream(1))? == 3 && drain(&*store, Feed::Stream(stream(1)), 2)?.len() == 3);
        store.maintain(all_of_it()).await?;
    }
    // Closing what is closed, or never was, is nothing.
    store.commit(close(1)).await?;
    store.commit(close(2)).await?;
    store.maintain(all_of_it()).await?;
    ensure!(store.stream_end(stream(1))? == 3 && store.stream_end(stream(2))? == 0);
    store.commit(append(stream(3), 1, &["open"])).await?;
    Ok(())
}

/// What every stream holds, read in pages of several sizes.
fn contents(store: &dyn Store) -> Result<Vec<Vec<FeedItem>>, super::Wrong> {
    let mut all = Vec::new();
    for n in 1..=STREAMS {
        let items = drain(store, Feed::Stream(stream(n)), 3)?;
        ensure!(drain(store, Feed::Stream(stream(n)), 1000)? == items);
        ensure!(store.stream_end(stream(n))? == items.len() as u64);
        all.push(items);
    }
    Ok(all)
}

pub(super) async fn moved(h: &dyn Harness) -> Outcome {
    let store = h.open("moved")?;
    let large = "x".repeat(9000);
    let rounds = (0..6u64).flat_map(|round| {
        let large = &large;
        (1..=STREAMS).map(move |n| append(stream(n), round * 2 + 1, &[large, "small"]))
    });
    commit_all(&*store, rounds.collect::<Vec<_>>()).await?;
    let before = contents(&*store)?;
    commit_all(&*store, (1..=STREAMS).filter(|n| n % 3 != 0).map(close)).await?;
    ensure!(contents(&*store)? == before);
    store.maintain(all_of_it()).await?;
    ensure!(contents(&*store)? == before);
    let middle = store.read(
        Feed::Stream(stream(1)),
        Position(5),
        Budget {
            items: 2,
            bytes: 1 << 20,
        },
    )?;
    ensure!(middle.items[..] == before[0][5..7] && middle.next == Position(7));
    drop(store);
    let store = h.open("moved")?;
    ensure!(contents(&*store)? == before && refused(&*store, 1, 13).await);
    commit_all(&*store, (1..=STREAMS).filter(|n| n % 3 == 0).map(close)).await?;
    let file = h.scratch("moved-export");
    store.export(Some(file.clone()), false).await?;
    store.maintain(all_of_it()).await?;
    ensure!(contents(&*store)? == before);
    let later = h.scratch("moved-later");
    store.export(Some(later.clone()), false).await?;
    drop(store);
    for (name, from) in [("moved-a", &file), ("moved-b", &later)] {
        h.import(name, from)?;
        let store = h.open(name)?;
        ensure!(contents(&*store)? == before && refused(&*store, 3, 13).await);
        store.maintain(all_of_it()).await?;
        ensure!(contents(&*store)? == before);
    }
    Ok(())
}
