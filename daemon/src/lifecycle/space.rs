//! Looks at the free space of the data directory's disk and tells the runtime what there is room for.

use std::path::PathBuf;
use std::time::Duration;

use dirigent_config::daemon::StoreSection;

use super::options::Options;
use crate::runtime::{RuntimeHandle, Space};

/// Between two looks at a disk that is short; what was refused for want of space goes on this long after it is back.
const SOON: Duration = Duration::from_secs(1);
/// Between two looks at a disk with room: none fills what is left before it is looked at again, unless it is written
/// faster than this, MiB per second.
const FASTEST_MIB: u64 = 2_048;
const LATEST: Duration = Duration::from_secs(10);
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
        self.look_and_wait().0
    }

    /// One look, and when the next is due.
    fn look_and_wait(&self) -> (Space, Duration) {
        // Where the system does not say, the store finds out by itself.
        rustix::fs::statvfs(&self.data_dir).map_or((Space::Enough, LATEST), |disk| {
            let mib = |blocks: u64| blocks.saturating_mul(disk.f_frsize) >> 20;
            let (free_mib, size_mib) = (mib(disk.f_bavail), mib(disk.f_blocks));
            let needed_mib = needed(&self.limits, size_mib);
            (
                room(&self.limits, free_mib, needed_mib),
                next(free_mib, needed_mib),
            )
        })
    }

    /// Looks until it is dropped, tells the runtime, and logs what changes.
    pub(super) async fn watch(self, runtime: RuntimeHandle) {
        let mut before = std::mem::discriminant(&Space::Enough);
        loop {
            let (space, wait) = self.look_and_wait();
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
            tokio::time::sleep(wait).await;
        }
    }
}

/// Free space below which no run begins, MiB.
fn needed(limits: &StoreSection, size_mib: u64) -> u64 {
    let share = (size_mib / 100).saturating_mul(limits.min_free_percent);
    limits.min_free_mib.max(share.min(MOST_MIB))
}

/// When a disk has to be looked at again.
fn next(free_mib: u64, needed_mib: u64) -> Duration {
    let room = free_mib.saturating_sub(needed_mib);
    Duration::from_secs(room / FASTEST_MIB).clamp(SOON, LATEST)
}

fn room(limits: &StoreSection, free_mib: u64, needed_mib: u64) -> Space {
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
        let room = |free_mib, size_mib| room(&limits, free_mib, needed(&limits, size_mib));
        let needed_mib = 512;
        assert_eq!(room(600, 10_000), Space::Enough);
        let few = Space::NoRuns {
            free_mib: 511,
            needed_mib,
        };
        assert_eq!(room(511, 10_000), few);
        let none = Space::NoSteps {
            free_mib: 63,
            needed_mib,
        };
        assert_eq!(room(63, 10_000), none);
        let large = Space::NoRuns {
            free_mib: 900,
            needed_mib: 1_000,
        };
        assert_eq!(room(900, 20_000), large);
        assert_eq!(room(5_000, 10_000_000), Space::Enough);
    }

    #[test]
    fn a_disk_with_room_is_looked_at_less_often() {
        assert_eq!(next(100, 512), SOON);
        assert_eq!(next(512 + 5 * FASTEST_MIB, 512), Duration::from_secs(5));
        assert_eq!(next(1 << 20, 512), LATEST);
    }
}
