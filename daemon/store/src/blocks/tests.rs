//! The map of blocks against a plain one, and readers beside a writer.

use super::find;
use super::tree::{BlockTree, FORMAT, LAYOUT};
use crate::entry;
use crate::error::StateFault;
use crate::memory_tree::MemoryTree;
use crate::tree::{Changes, Rows, Tree};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::ops::Bound;

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// A small generator with a seed, so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn key(&mut self, grown: &mut u64) -> Vec<u8> {
        match self.roll(4) {
            0 => format!("d/{:04}", self.roll(500)).into_bytes(),
            1 => format!("i/{}/{:04}", self.roll(3), self.roll(300)).into_bytes(),
            2 => vec![b'r', self.roll(256) as u8, self.roll(256) as u8],
            _ => {
                *grown += 1;
                format!("g/{grown:08}").into_bytes()
            }
        }
    }

    fn bound(&mut self) -> Bound<Vec<u8>> {
        let mut grown = self.roll(4_000);
        match self.roll(5) {
            0 => Bound::Unbounded,
            1 | 2 => Bound::Included(self.key(&mut grown)),
            _ => Bound::Excluded(self.key(&mut grown)),
        }
    }
}

fn plain(rows: Rows<'_>) -> Vec<(Vec<u8>, Vec<u8>)> {
    rows.map(|found| found.map(|(key, row)| (key.to_vec(), row.to_vec())).unwrap())
        .collect()
}

fn wanted(model: &Model, low: &Bound<Vec<u8>>, high: &Bound<Vec<u8>>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let above = |key: &Vec<u8>| match low {
        Bound::Included(low) => key >= low,
        Bound::Excluded(low) => key > low,
        Bound::Unbounded => true,
    };
    let below = |key: &Vec<u8>| match high {
        Bound::Included(high) => key <= high,
        Bound::Excluded(high) => key < high,
        Bound::Unbounded => true,
    };
    let rows = model.iter().filter(|(key, _)| above(key) && below(key));
    rows.map(|(key, row)| (key.clone(), row.clone())).collect()
}

#[test]
fn it_is_an_ordered_map() {
    let seed = std::env::var("DIRIGENT_SEED").map_or(1, |text| text.parse().unwrap());
    println!("seed {seed} (DIRIGENT_SEED={seed} repeats it)");
    let (mut dice, mut grown, mut model) = (Dice(seed), 0, Model::new());
    let tree = BlockTree::open(MemoryTree::default()).unwrap();
    for _ in 0..400 {
        let mut changes = Changes::default();
        for _ in 0..=dice.roll(40) {
            let key = dice.key(&mut grown);
            if dice.roll(3) == 0 {
                changes.remove(key.clone());
                model.remove(&key);
            } else {
                let most = if dice.roll(20) == 0 { 3_000 } else { 120 };
                let row = vec![b'r'; dice.roll(most) as usize];
                changes.insert(key.clone(), row.clone());
                model.insert(key, row);
            }
        }
        tree.apply(changes).unwrap();
        let (low, high) = (dice.bound(), dice.bound());
        let forwards = wanted(&model, &low, &high);
        assert_eq!(plain(tree.range((low.clone(), high.clone()))), forwards);
        let mut backwards = plain(Box::new(tree.range((low, high)).rev()));
        backwards.reverse();
        assert_eq!(backwards, forwards);
        let mut keys: Vec<_> = (0..30).map(|_| dice.key(&mut grown)).collect();
        keys.sort();
        for (key, row) in keys.iter().zip(tree.get_sorted(&keys).unwrap()) {
            assert_eq!(row.as_deref(), model.get(key).map(Vec::as_slice));
            assert_eq!(row, tree.get(key).unwrap());
        }
    }
    for key in model.keys() {
        let mut changes = Changes::default();
        changes.remove(key.clone());
        tree.apply(changes).unwrap();
    }
    assert!(
        find::first_behind(&tree.inner, None).unwrap().is_none(),
        "a block without rows is left"
    );
}

#[test]
fn both_ends_meet_and_give_nothing_twice() {
    let tree = BlockTree::open(MemoryTree::default()).unwrap();
    let mut changes = Changes::default();
    (0..300).for_each(|n: u32| changes.insert(format!("k{n:04}"), vec![7; 40]));
    tree.apply(changes).unwrap();
    let mut rows = tree.range((Bound::Unbounded, Bound::Unbounded));
    let (mut front, mut back) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next() {
        front.push(row.unwrap().0);
        back.extend(rows.next_back().map(|row| row.unwrap().0));
    }
    back.reverse();
    front.extend(back);
    let all: Vec<_> = (0..300).map(|n| Bytes::from(format!("k{n:04}"))).collect();
    assert_eq!(front, all);
}

/// A reader holds its place while the writer cuts the blocks it is in.
#[test]
fn a_walk_misses_nothing_that_was_there_when_blocks_are_cut_under_it() {
    let key = |n: usize| format!("k{n:05}");
    const ROWS: usize = 40;
    for backwards in [false, true] {
        let tree = BlockTree::open(MemoryTree::default()).unwrap();
        let mut changes = Changes::default();
        (0..ROWS).for_each(|n| changes.insert(key(n * 10), vec![7; 60]));
        tree.apply(changes).unwrap();
        let mut rows = tree.range((Bound::Unbounded, Bound::Unbounded));
        let mut seen = Vec::new();
        for round in 0.. {
            let next = if backwards { rows.next_back() } else { rows.next() };
            let Some(found) = next else { break };
            seen.push(found.unwrap().0);
            let mut changes = Changes::default();
            (0..ROWS).for_each(|n| changes.insert(key(n * 10 + round % 9 + 1), vec![9; 90]));
            tree.apply(changes).unwrap();
        }
        let mut wanted: Vec<_> = (0..ROWS).map(|n| Bytes::from(key(n * 10))).collect();
        if backwards {
            wanted.reverse();
        }
        let old: Vec<_> = seen.iter().filter(|key| key.ends_with(b"0")).cloned().collect();
        assert_eq!(old, wanted);
        let mut sorted = seen.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), seen.len(), "a row was given out twice");
    }
}

#[test]
fn rows_of_an_older_layout_are_refused_and_so_is_a_later_one() {
    for key in [&b"mapplied"[..], LAYOUT] {
        let inner = MemoryTree::default();
        let mut changes = Changes::default();
        changes.insert(key, entry::seal(key, &[FORMAT + 1]));
        inner.apply(changes).unwrap();
        assert_eq!(BlockTree::open(inner).err(), Some(StateFault::Layout));
    }
}
