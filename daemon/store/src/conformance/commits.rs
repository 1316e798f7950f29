//! Atomicity, guards, order, limits.

use super::harness::{Harness, Outcome, Wrong, commit_all, ensure, key, not, put};
use crate::contract::Store;
use crate::error::{CommitError, Conflict, Part};
use crate::types::{Append, Guard, Position, StreamId, Txn};
use bytes::Bytes;

pub(super) async fn atomic(h: &dyn Harness) -> Outcome {
    let store = h.open("atomic")?;
    store.commit(put("a", "1")).await?;
    let stream = StreamId([1; 16]);
    let whole = Txn {
        guards: vec![Guard::Absent(key("a"))],
        puts: vec![(key("b"), key("2"))],
        deletes: vec![key("a")],
        appends: vec![Append {
            stream,
            expected: 1,
            records: vec![key("r")],
        }],
        ..Txn::default()
    };
    // The refused one stands between two good ones, so that they may share a group with it.
    let answers = [
        store.commit(put("x", "1")),
        store.commit(whole.clone()),
        store.commit(put("y", "1")),
    ];
    let answers = futures::future::join_all(answers).await;
    ensure!(answers[0].is_ok() && answers[2].is_ok());
    ensure!(matches!(
        answers[1],
        Err(CommitError::Conflict(Conflict::Key { found: Some(1), .. }))
    ));
    ensure!(store.get(b"b")?.is_none() && store.get(b"a")?.is_some() && store.stream_end(stream)? == 0);
    ensure!(store.head() == Position(3));
    let receipt = store
        .commit(Txn {
            guards: vec![Guard::Exists(key("a"))],
            ..whole
        })
        .await?;
    ensure!(receipt.position == Position(4) && !receipt.replayed);
    ensure!(store.get(b"b")?.is_some() && store.get(b"a")?.is_none() && store.stream_end(stream)? == 1);
    Ok(())
}

/// Writes `k` under a guard; answers the new revision, or what the guard found.
async fn under(store: &dyn Store, guard: Guard) -> Result<Result<u64, Option<u64>>, Wrong> {
    let guards = vec![guard];
    match store
        .commit(Txn {
            guards,
            ..put("k", "new")
        })
        .await
    {
        Ok(receipt) => Ok(Ok(receipt.position.0)),
        Err(CommitError::Conflict(Conflict::Key { key: of, found })) if of == key("k") => Ok(Err(found)),
        Err(e) => Err(e.into()),
    }
}

pub(super) async fn guards(h: &dyn Harness) -> Outcome {
    let store = h.open("guards")?;
    let store = &*store;
    let at = |revision| Guard::Revision {
        key: key("k"),
        revision,
    };
    ensure!(under(store, Guard::Exists(key("k"))).await? == Err(None));
    ensure!(under(store, at(1)).await? == Err(None));
    let first = under(store, Guard::Absent(key("k"))).await?;
    let Ok(first) = first else {
        return Err(not("an absent key can be written"));
    };
    ensure!(under(store, Guard::Absent(key("k"))).await? == Err(Some(first)));
    let Ok(second) = under(store, at(first)).await? else {
        return Err(not("the right revision can be replaced"));
    };
    ensure!(second > first && under(store, at(first)).await? == Err(Some(second)));
    delete(store).await?;
    ensure!(under(store, at(second)).await? == Err(None));
    let Ok(again) = under(store, Guard::Absent(key("k"))).await? else {
        return Err(not("a deleted key is absent"));
    };
    ensure!(again > second && store.get(b"k")?.map(|v| v.revision) == Some(again));
    Ok(())
}

async fn delete(store: &dyn Store) -> Outcome {
    store
        .commit(Txn {
            deletes: vec![key("k")],
            ..Txn::default()
        })
        .await?;
    Ok(())
}

pub(super) async fn one_winner(h: &dyn Harness) -> Outcome {
    let store = h.open("one-winner")?;
    for round in 0..20 {
        let name = format!("k{round}");
        let wants = |i: usize| Txn {
            guards: vec![Guard::Absent(key(&name))],
            ..put(&name, &i.to_string())
        };
        let answers: Vec<_> = (0..16).map(|i| store.commit(wants(i))).collect();
        let answers = futures::future::join_all(answers).await;
        let won: Vec<usize> = (0..16).filter(|i| answers[*i].is_ok()).collect();
        ensure!(won.len() == 1);
        ensure!(
            answers
                .iter()
                .filter(|a| matches!(a, Err(CommitError::Conflict(_))))
                .count()
                == 15
        );
        ensure!(
            store
                .get(name.as_bytes())?
                .is_some_and(|v| v.value == key(&won[0].to_string()))
        );
    }
    Ok(())
}

pub(super) async fn order(h: &dyn Harness) -> Outcome {
    let store = h.open("order")?;
    let both = Txn {
        deletes: vec![key("k")],
        ..put("k", "kept")
    };
    let at = store.commit(both).await?.position;
    ensure!(
        store
            .get(b"k")?
            .is_some_and(|v| v.value == key("kept") && v.revision == at.0)
    );
    let twice = Txn {
        puts: vec![(key("t"), key("1")), (key("t"), key("2"))],
        ..Txn::default()
    };
    store.commit(twice).await?;
    ensure!(store.get(b"t")?.is_some_and(|v| v.value == key("2")));
    let receipts = commit_all(&*store, (0..100).map(|i| put("n", &i.to_string()))).await?;
    ensure!(
        receipts
            .windows(2)
            .all(|pair| pair[1].position == pair[0].position.next())
    );
    ensure!(
        store.get(b"n")?.is_some_and(
            |v| v.value == key("99") && Some(v.revision) == receipts.last().map(|r| r.position.0)
        )
    );
    // Submitted at the call: not waiting for the answer changes nothing.
    drop(store.commit(put("unheard", "x")));
    let nothing = store.commit(Txn::default()).await?.position;
    ensure!(nothing == store.head() && store.get(b"unheard")?.is_some());
    Ok(())
}

pub(super) async fn limits(h: &dyn Harness) -> Outcome {
    let store = h.open("limits")?;
    let refused = |answer, of| matches!(answer, Err(CommitError::TooLarge { part, .. }) if part == of);
    let with_key = |bytes: Vec<u8>| Txn {
        puts: vec![(bytes.into(), key("v"))],
        ..Txn::default()
    };
    ensure!(refused(store.commit(with_key(Vec::new())).await, Part::Key));
    ensure!(refused(store.commit(with_key(vec![1; 1025])).await, Part::Key));
    store.commit(with_key(vec![1; 1024])).await?;
    let huge = Txn {
        puts: vec![(key("v"), Bytes::from(vec![0; 64 << 20]))],
        ..Txn::default()
    };
    ensure!(refused(store.commit(huge).await, Part::Txn));
    let long = Txn {
        puts: vec![(key("v"), Bytes::from(vec![0; (1 << 20) + 1]))],
        ..Txn::default()
    };
    ensure!(matches!(
        store.commit(long).await,
        Err(CommitError::TooLarge { .. })
    ));
    let empty = Txn {
        appends: vec![Append {
            stream: StreamId([0; 16]),
            expected: 1,
            records: vec![],
        }],
        ..Txn::default()
    };
    ensure!(refused(store.commit(empty).await, Part::Append));
    ensure!(store.head() == Position(1));
    Ok(())
}
