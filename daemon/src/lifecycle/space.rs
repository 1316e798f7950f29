//! Looks at the free space of the data directory's disk and tells the runtime what there is room for.

use std::path::PathBuf;
use std::time::Duration;

use dirigent_config::daemon::StoreSection;

use super::options::Options;
use crate::runtime::{RuntimeHandle, Space};

/// Between two looks; what was refused for want of space goes on this long after it is back.
const LOOK: Duration = Duration::from_secs(1);
/// A share of a large disk asks for no more than this, MiB.
const MOST_MIB: u64 = 4_096;

/// The disk's gauge.
pub(super) struct Gauge {
    data_dir: PathBuf,
    limits: StoreSection,
}

impl Gauge {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            data_dir: options.data_dir.clone(),
            limits: options.config.store,
        }
    }

    /// One look.
    pub(super) fn look(&self) -> Space {
        // Where the system does not say, the store finds out by itself.
        rustix::fs::statvfs(&self.data_dir).map_or(Space::Enough, |disk| {
            let mib = |blocks: u64| blocks.saturating_mul(disk.f_frsize) >> 20;
            room(&self.limits, mib(disk.f_bavail), mib(disk.f_blocks))
        })
    }

    /// Looks until it is dropped, tells the runtime, and logs what changes.
    pub(super) async fn watch(self, runtime: RuntimeHandle) {
        let mut before = std::mem::discriminant(&Space::Enough);
        loop {
            let space = self.look();
            runtime.set_space(space);
            let now = std::mem::discriminant(&space);
            if now != before {
                match space {
                    Space::Enough => tracing::info!("the disk has room again: runs and steps begin"),
                    Space::NoRuns { free_mib, needed_mib } => {
                        tracing::warn!(free_mib, needed_mib, "the disk is filling up: no run begins");
                    }
                    Space::NoSteps { free_mib, .. } => tracing::error!(
                        free_mib,
                        needed_mib = self.limits.min_free_step_mib,
                        "the disk is nearly full: no step begins"
                    ),
                }
                before = now;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn room(limits: &StoreSection, free_mib: u64, size_mib: u64) -> Space {
    let share = (size_mib / 100).saturating_mul(limits.min_free_percent);
    let needed_mib = limits.min_free_mib.max(share.min(MOST_MIB));
    if free_mib < limits.min_free_step_mib {
        let needed_mib = needed_mib.max(limits.min_free_step_mib);
        Space::NoSteps { free_mib, needed_mib }
    } else if free_mib < needed_mib {
        Space::NoRuns { free_mib, needed_mib }
    } else {
        Space::Enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_end_before_steps_do_and_a_share_has_a_ceiling() {
        let limits = StoreSection {
            cache_mib: 64,
            segment_mib: 64,
            min_free_mib: 512,
            min_free_percent: 5,
            min_free_step_mib: 64,
        };
        let needed_mib = 512;
        assert_eq!(room(&limits, 600, 10_000), Space::Enough);
        let few = Space::NoRuns {
            free_mib: 511,
            needed_mib,
        };
        assert_eq!(room(&limits, 511, 10_000), few);
        let none = Space::NoSteps {
            free_mib: 63,
            needed_mib,
        };
        assert_eq!(room(&limits, 63, 10_000), none);
        let large = Space::NoRuns {
            free_mib: 900,
            needed_mib: 1_000,
        };
        assert_eq!(room(&limits, 900, 20_000), large);
        assert_eq!(room(&limits, 5_000, 10_000_000), Space::Enough);
    }
}
