//! Reads of keys: right after the commit, in pages, large values.

use super::harness::{Harness, Outcome, Wrong, commit_all, ensure, key, put};
use crate::contract::Store;
use crate::error::ReadError;
use crate::types::{Key, MaintainBudget, ScanRange, Txn};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::time::Duration;

async fn settle(store: &dyn Store) -> Outcome {
    store
        .maintain(MaintainBudget {
            settle: Some(Duration::from_secs(30)),
            ..MaintainBudget::default()
        })
        .await?;
    Ok(())
}

pub(super) async fn readable(h: &dyn Harness) -> Outcome {
    let store = h.open("readable")?;
    for i in 0..200u64 {
        let name = format!("k{}", i % 7);
        let at = store.commit(put(&name, &i.to_string())).await?.position.0;
        ensure!(
            store
                .get(name.as_bytes())?
                .is_some_and(|v| v.revision == at && v.value == key(&i.to_string()))
        );
        let page = store.scan(ScanRange::prefix(name.as_bytes()))?;
        ensure!(page.items.len() == 1 && page.items[0].1.revision == at && page.next.is_none());
        if i == 100 {
            settle(&*store).await?;
        }
    }
    ensure!(store.get(b"k7")?.is_none() && store.get(b"k")?.is_none());
    Ok(())
}

fn walk(store: &dyn Store, range: &ScanRange) -> Result<Vec<(Key, Bytes)>, Wrong> {
    let (mut all, mut rest) = (Vec::new(), range.clone());
    loop {
        let page = store.scan(rest.clone())?;
        ensure!(page.items.len() <= range.limit);
        all.extend(
            page.items
                .into_iter()
                .map(|(key, versioned)| (key, versioned.value)),
        );
        match page.next {
            Some(next) => rest = rest.after(next),
            None => return Ok(all),
        }
    }
}

pub(super) async fn pages(h: &dyn Harness) -> Outcome {
    let store = h.open("pages")?;
    let mut model: BTreeMap<Key, Bytes> = BTreeMap::new();
    for round in 0..4u32 {
        let mut txns = Vec::new();
        for i in 0..300u32 {
            let name = format!("{:03}", (i * 7 + round * 13) % 400);
            if (i + round).is_multiple_of(3) {
                model.remove(&key(&name));
                txns.push(Txn {
                    deletes: vec![key(&name)],
                    ..Txn::default()
                });
            } else {
                let value = format!("{round}/{i}");
                model.insert(key(&name), key(&value));
                txns.push(put(&name, &value));
            }
        }
        commit_all(&*store, txns).await?;
        compare(&*store, &model)?;
        // Half of the rounds are in sled, half in the overlay.
        if round % 2 == 0 {
            settle(&*store).await?;
            compare(&*store, &model)?;
        }
    }
    ensure!(matches!(
        store.scan(ScanRange::prefix(b"").limited(0)),
        Err(ReadError::Limit)
    ));
    ensure!(
        store
            .scan(ScanRange::between(key("5"), key("4")))?
            .items
            .is_empty()
    );
    Ok(())
}

fn compare(store: &dyn Store, model: &BTreeMap<Key, Bytes>) -> Outcome {
    let ranges = [
        ScanRange::prefix(b""),
        ScanRange::prefix(b"1"),
        ScanRange::between(key("017"), key("222")),
    ];
    for range in ranges {
        let within = (range.start.as_ref(), range.end.as_ref());
        let expected: Vec<(Key, Bytes)> = model
            .iter()
            .filter(|(k, _)| std::ops::RangeBounds::contains(&within, k))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        let backwards: Vec<(Key, Bytes)> = expected.iter().rev().cloned().collect();
        for limit in [1, 3, 50, 1000] {
            ensure!(walk(store, &range.clone().limited(limit))? == expected);
            ensure!(walk(store, &range.clone().limited(limit).reversed())? == backwards);
        }
    }
    Ok(())
}

pub(super) async fn large(h: &dyn Harness) -> Outcome {
    let store = h.open("large")?;
    let value = |fill: u8, len: usize| Bytes::from(vec![fill; len]);
    for (i, len) in [40_000, 4_000, 4_001, 0, 12_000, 8_000, 1]
        .into_iter()
        .enumerate()
    {
        let fill = u8::try_from(i).unwrap_or(0);
        store
            .commit(Txn {
                puts: vec![(key("k"), value(fill, len))],
                ..Txn::default()
            })
            .await?;
        for _ in 0..2 {
            ensure!(store.get(b"k")?.is_some_and(|v| v.value == value(fill, len)));
            ensure!(
                store
                    .scan(ScanRange::prefix(b"k"))?
                    .items
                    .iter()
                    .all(|(_, v)| v.value == value(fill, len))
            );
            settle(&*store).await?;
        }
    }
    store
        .commit(Txn {
            deletes: vec![key("k")],
            ..Txn::default()
        })
        .await?;
    settle(&*store).await?;
    ensure!(store.get(b"k")?.is_none() && store.scan(ScanRange::prefix(b""))?.items.is_empty());
    Ok(())
}
