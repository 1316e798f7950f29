//! A value that a reload exchanges while others read it.
//!
//! Invariant: a reader sees one whole value, the old or the new one, and keeps it as long as it holds it.

use std::sync::{Arc, PoisonError, RwLock};

/// See the module header.
#[derive(Debug, Default)]
pub struct Swap<T>(RwLock<Arc<T>>);

impl<T> Swap<T> {
    /// With its first value.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self(RwLock::new(Arc::new(value)))
    }

    /// The value of this moment.
    #[must_use]
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another one in its place.
    pub fn set(&self, value: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_keeps_what_it_took() {
        let swap = Swap::new(1);
        let taken = swap.get();
        swap.set(2);
        assert_eq!((*taken, *swap.get()), (1, 2));
    }
}
