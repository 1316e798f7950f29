//! A map in memory that never grows beyond what it is allowed: full, it is emptied and begins anew.
//!
//! For what can be read again. Invariant: nobody waits while somebody else makes a value.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// See the module header; `MOST` entries at most.
#[derive(Debug)]
pub(crate) struct Capped<K, V, const MOST: usize>(Mutex<HashMap<K, V>>);

impl<K, V, const MOST: usize> Default for Capped<K, V, MOST> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone, const MOST: usize> Capped<K, V, MOST> {
    /// What is kept under a key.
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.lock().get(key).cloned()
    }

    /// Keeps a value, and gives it back.
    pub(crate) fn keep(&self, key: K, value: V) -> V {
        let mut all = self.lock();
        if all.len() >= MOST && !all.contains_key(&key) {
            all.clear();
        }
        all.insert(key, value.clone());
        value
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_emptied_when_it_is_full() {
        let kept: Capped<u32, u32, 2> = Capped::default();
        assert_eq!(
            (kept.keep(1, 10), kept.keep(2, 20), kept.keep(2, 21)),
            (10, 20, 21)
        );
        assert_eq!((kept.get(&1), kept.get(&2)), (Some(10), Some(21)));
        kept.keep(3, 30);
        assert_eq!((kept.get(&1), kept.get(&3)), (None, Some(30)));
    }
}
