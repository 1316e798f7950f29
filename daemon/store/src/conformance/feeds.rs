//! Streams, the change feed, waiting.

use super::harness::{Harness, Outcome, Wrong, append, commit_all, ensure, put};
use crate::contract::Store;
use crate::error::{CommitError, Conflict};
use crate::types::{Budget, Feed, FeedItem, MaintainBudget, Position, StreamId};
use std::time::{Duration, Instant};

/// Reads a feed to its end in pages of `items`.
pub(super) fn drain(store: &dyn Store, of: Feed, items: usize) -> Result<Vec<FeedItem>, Wrong> {
    let (mut cursor, mut all) = (Position(0), Vec::new());
    loop {
        let page = store.read(
            of,
            cursor,
            Budget {
                items,
                bytes: 1 << 20,
            },
        )?;
        ensure!(page.items.len() <= items);
        if page.items.is_empty() {
            ensure!(page.next == cursor);
            return Ok(all);
        }
        ensure!(page.next > cursor);
        cursor = page.next;
        all.extend(page.items);
    }
}

fn numbers(items: &[FeedItem]) -> Vec<u64> {
    let number = |item: &FeedItem| match item {
        FeedItem::Commit(commit) => commit.position.0,
        FeedItem::Record { seq, .. } => *seq,
    };
    items.iter().map(number).collect()
}

pub(super) async fn streams(h: &dyn Harness) -> Outcome {
    let store = h.open("streams")?;
    let (one, two) = (StreamId([1; 16]), StreamId([2; 16]));
    let gap = |found, answer| answer == Err(CommitError::Conflict(Conflict::Stream { stream: one, found }));
    ensure!(gap(0, store.commit(append(one, 2, &["x"])).await));
    ensure!(gap(0, store.commit(append(one, 0, &["x"])).await));
    store.commit(append(one, 1, &["a", "b", "c"])).await?;
    ensure!(gap(3, store.commit(append(one, 3, &["x"])).await));
    let more = (0..50).map(|i| append(one, 4 + i * 2, &["d", "e"]));
    commit_all(&*store, more).await?;
    store.commit(append(two, 1, &["other"])).await?;
    ensure!(
        store.stream_end(one)? == 103
            && store.stream_end(two)? == 1
            && store.stream_end(StreamId([3; 16]))? == 0
    );
    for settled in [false, true] {
        for page in [1, 2, 7, 1000] {
            let items = drain(&*store, Feed::Stream(one), page)?;
            ensure!(numbers(&items) == (1..=103).collect::<Vec<_>>());
            ensure!(matches!(&items[2], FeedItem::Record { data, .. } if data == "c"));
        }
        let middle = store.read(Feed::Stream(one), Position(50), Budget { items: 3, bytes: 100 })?;
        ensure!(numbers(&middle.items) == [51, 52, 53] && middle.next == Position(53));
        if !settled {
            store
                .maintain(MaintainBudget {
                    settle: Some(Duration::from_secs(30)),
                    ..MaintainBudget::default()
                })
                .await?;
        }
    }
    store.commit(append(one, 104, &["late"])).await?;
    ensure!(drain(&*store, Feed::Stream(one), 10)?.len() == 104);
    Ok(())
}

pub(super) async fn all(h: &dyn Harness) -> Outcome {
    let mut total = 0;
    for round in 0..3 {
        let store = h.open("feed")?;
        ensure!(store.head() == Position(total));
        let receipts = commit_all(
            &*store,
            (0..300).map(|i| put(&format!("k{i}"), &round.to_string())),
        )
        .await?;
        total += 300;
        ensure!(receipts.last().is_some_and(|r| r.position == Position(total)));
        for page in [1, 13, 5000] {
            let items = drain(&*store, Feed::All, page)?;
            ensure!(numbers(&items) == (1..=total).collect::<Vec<_>>());
        }
        let items = drain(&*store, Feed::All, 100)?;
        ensure!(matches!(&items[4], FeedItem::Commit(c) if c.puts[0].0 == "k4" && c.puts[0].1 == "0"));
        let beyond = store.read(Feed::All, Position(total + 5), Budget::default())?;
        ensure!(beyond.items.is_empty() && beyond.next == Position(total + 5));
    }
    Ok(())
}

pub(super) async fn wait(h: &dyn Harness) -> Outcome {
    let store = h.open("wait")?;
    let long = Duration::from_secs(60);
    let waiting = store.wait(Position(0), long);
    let at = store.commit(put("a", "1")).await?.position;
    ensure!(waiting.await == at);
    ensure!(store.wait(Position(0), long).await == at);
    let started = Instant::now();
    ensure!(store.wait(at, Duration::from_millis(30)).await == at);
    ensure!(started.elapsed() >= Duration::from_millis(25));
    for _ in 0..200 {
        let head = store.head();
        let (waiting, commit) = (store.wait(head, long), store.commit(put("a", "2")));
        let (reached, receipt) = futures::future::join(waiting, commit).await;
        ensure!(reached == receipt?.position);
    }
    Ok(())
}
