//! The loads. Adding one is a file with a `measure` and a row here.

use std::path::PathBuf;
use std::time::Duration;

use dirigent_protocol::fault::Fault;
use futures::FutureExt;
use futures::future::LocalBoxFuture;

use super::figure::Figure;
use super::{approvals, cold, crash, fan, history, sequence, streams};

/// How much of everything.
#[derive(Debug, Clone)]
pub struct Scale {
    /// The directory whose disk is used; the system's temporary one where none is named.
    pub dir: Option<PathBuf>,
    /// How long the sustained load lasts.
    pub time: Duration,
    /// Small numbers: shows that everything works, measures nothing well.
    pub quick: bool,
    /// Runs of the history.
    pub runs: usize,
}

impl Scale {
    /// The number in full, or the small one.
    #[must_use]
    pub const fn of(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }
}

type Measured<'a> = LocalBoxFuture<'a, Result<Vec<Figure>, Fault>>;

/// One load.
pub struct Load {
    /// Its name, also in the JSON.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// Measured when none is named.
    pub usual: bool,
    /// Measures it against a daemon of its own.
    pub measure: for<'a> fn(&'a Scale) -> Measured<'a>,
}

/// All of them, in order.
pub const LOADS: &[Load] = &[
    Load {
        name: "W1",
        about: "runs of 10 steps, one at a time and 100 at once",
        usual: true,
        measure: |scale| sequence::measure(scale).boxed_local(),
    },
    Load {
        name: "W2",
        about: "one fork of 1,000 branches",
        usual: true,
        measure: |scale| fan::measure(scale).boxed_local(),
    },
    Load {
        name: "W3",
        about: "10,000 runs that wait for a person, then all approved",
        usual: true,
        measure: |scale| approvals::measure(scale).boxed_local(),
    },
    Load {
        name: "W4",
        about: "1,000 runs in flight, kill -9, restart",
        usual: true,
        measure: |scale| crash::measure(scale).boxed_local(),
    },
    Load {
        name: "W5",
        about: "cold start, idle memory and CPU",
        usual: true,
        measure: |scale| cold::measure(scale).boxed_local(),
    },
    Load {
        name: "streams",
        about: "8 agents that stream 1,000 tokens/s together, from the server to the screen",
        usual: true,
        measure: |scale| streams::measure(scale).boxed_local(),
    },
    Load {
        name: "history",
        about: "cost per step behind 1,000 finished runs and behind many (--runs)",
        usual: false,
        measure: |scale| history::measure(scale).boxed_local(),
    },
];

/// The load of that name, letters' case ignored.
#[must_use]
pub fn named(name: &str) -> Option<&'static Load> {
    LOADS.iter().find(|load| load.name.eq_ignore_ascii_case(name))
}
