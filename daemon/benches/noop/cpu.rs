//! CPU time of this process by the names of its threads, and the load beside it. Empty where `/proc` is not.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// Time on a processor, by thread name.
pub(crate) type ByThread = BTreeMap<String, Duration>;

/// Since each living thread began.
pub(crate) fn by_thread() -> ByThread {
    let mut sums = ByThread::new();
    for thread in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let text = |file| fs::read_to_string(thread.path().join(file)).unwrap_or_default();
        let nanos = text("schedstat")
            .split(' ')
            .next()
            .and_then(|word| word.parse().ok());
        let sum = sums.entry(text("comm").trim().to_owned()).or_default();
        *sum += Duration::from_nanos(nanos.unwrap_or(0));
    }
    sums
}

/// What was used since `before`; threads that used nothing are left out.
pub(crate) fn since(before: &ByThread) -> ByThread {
    let mut used = by_thread();
    for (name, time) in &mut used {
        *time = time.saturating_sub(before.get(name).copied().unwrap_or_default());
    }
    used.retain(|_, time| !time.is_zero());
    used
}

/// Load averages of the machine.
pub(crate) fn load() -> String {
    fs::read_to_string("/proc/loadavg").unwrap_or_default()
}
