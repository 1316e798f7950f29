//! The daemon's one source of ids and random numbers. Everything else is handed a [`Chance`], so that tests own it.

use std::sync::Arc;

use uuid::Uuid;

/// Makes ids and random numbers.
pub trait Chance: Send + Sync {
    /// A fresh id; ids of one maker sort by age.
    fn id(&self) -> Uuid;

    /// 64 random bits.
    fn number(&self) -> u64;
}

struct System;

impl Chance for System {
    fn id(&self) -> Uuid {
        Uuid::now_v7()
    }

    fn number(&self) -> u64 {
        Uuid::new_v4().as_u64_pair().1
    }
}

/// The machine's.
#[must_use]
pub fn system() -> Arc<dyn Chance> {
    Arc::new(System)
}
