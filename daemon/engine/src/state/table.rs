//! A map from numbers that is cheap to clone: clones share chunks of 64 until one is changed.
//!
//! A decision works on a clone of the state; with a thousand branches alive, copying every entry
//! for every settled branch would make a fan-in quadratic.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const CHUNK_BITS: u32 = 6;

/// Ordered by key.
#[derive(Debug)]
pub struct Table<T> {
    chunks: BTreeMap<u64, Arc<BTreeMap<u64, T>>>,
    len: usize,
}

impl<T> Clone for Table<T> {
    fn clone(&self) -> Self {
        Self {
            chunks: self.chunks.clone(),
            len: self.len,
        }
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            chunks: BTreeMap::new(),
            len: 0,
        }
    }
}

impl<T: PartialEq> PartialEq for Table<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<T: Clone> Table<T> {
    /// How many entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entry of that key.
    #[must_use]
    pub fn get(&self, key: u64) -> Option<&T> {
        self.chunks.get(&(key >> CHUNK_BITS))?.get(&key)
    }

    /// The entry of that key, to change.
    pub fn get_mut(&mut self, key: u64) -> Option<&mut T> {
        let chunk = self.chunks.get_mut(&(key >> CHUNK_BITS))?;
        if !chunk.contains_key(&key) {
            return None;
        }
        Arc::make_mut(chunk).get_mut(&key)
    }

    /// Puts an entry; returns the one it replaces.
    pub fn insert(&mut self, key: u64, value: T) -> Option<T> {
        let chunk = self.chunks.entry(key >> CHUNK_BITS).or_default();
        let old = Arc::make_mut(chunk).insert(key, value);
        self.len += usize::from(old.is_none());
        old
    }

    /// Takes an entry out.
    pub fn remove(&mut self, key: u64) -> Option<T> {
        let chunk = self.chunks.get_mut(&(key >> CHUNK_BITS))?;
        if !chunk.contains_key(&key) {
            return None;
        }
        let old = Arc::make_mut(chunk).remove(&key);
        if chunk.is_empty() {
            self.chunks.remove(&(key >> CHUNK_BITS));
        }
        self.len -= usize::from(old.is_some());
        old
    }
}

impl<T> Table<T> {
    /// All entries by key.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.chunks
            .values()
            .flat_map(|chunk| chunk.iter().map(|(key, value)| (*key, value)))
    }
}

impl<T: Serialize> Serialize for Table<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de, T: Deserialize<'de> + Clone> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut table = Self::default();
        for (key, value) in Vec::<(u64, T)>::deserialize(deserializer)? {
            table.insert(key, value);
        }
        Ok(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_shares_and_does_not_see_later_changes() {
        let mut table = Table::default();
        for key in 0..200 {
            table.insert(key, key * 2);
        }
        let before = table.clone();
        assert_eq!(table.remove(3), Some(6));
        *table.get_mut(4).unwrap() = 1;
        assert_eq!((before.len(), table.len()), (200, 199));
        assert_eq!((before.get(3), before.get(4)), (Some(&6), Some(&8)));
        assert_eq!((table.get(3), table.get(4)), (None, Some(&1)));
        let again: Table<u64> = serde_json::from_str(&serde_json::to_string(&table).unwrap()).unwrap();
        assert_eq!(again, table);
    }
}
