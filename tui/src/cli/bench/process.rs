//! What the system says about another process: its memory and its time on processors. Linux only; zero elsewhere.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::time::Duration;

/// Resident memory, bytes.
#[must_use]
pub fn resident(pid: u32) -> u64 {
    status_kib(pid, "VmRSS:") * 1024
}

/// Resident memory that is no file's: what the process itself asked for, bytes.
#[must_use]
pub fn anonymous(pid: u32) -> u64 {
    status_kib(pid, "RssAnon:") * 1024
}

fn status_kib(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// Time on processors by thread, to the nanosecond.
pub type Used = HashMap<OsString, Duration>;

/// What each thread that lives has taken so far.
#[must_use]
pub fn cpu(pid: u32) -> Used {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let used = tasks.filter_map(|task| Some((task.file_name(), of_task(&task.path())?)));
    used.collect()
}

/// What was taken since; of a thread that ended meanwhile, what it took is not known.
#[must_use]
pub fn since(before: &Used, after: &Used) -> Duration {
    let taken = |(thread, used): (&OsString, &Duration)| {
        used.saturating_sub(before.get(thread).copied().unwrap_or_default())
    };
    after.iter().map(taken).sum()
}

/// What the newest thread of this process with that name has taken so far.
#[must_use]
pub fn cpu_of_thread(name: &str) -> Duration {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let named = tasks.filter(|task| {
        let comm = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        comm.trim_end() == name
    });
    let newest = named.max_by_key(|task| task.file_name().to_string_lossy().parse::<u32>().unwrap_or(0));
    newest.and_then(|task| of_task(&task.path())).unwrap_or_default()
}

fn of_task(path: &std::path::Path) -> Option<Duration> {
    let text = fs::read_to_string(path.join("schedstat")).ok()?;
    Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
}

/// The machine's load averages, as it words them.
#[must_use]
pub fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// The load of the last minute.
#[must_use]
pub fn load_now() -> f64 {
    load()
        .split(' ')
        .next()
        .and_then(|word| word.parse().ok())
        .unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_uses_memory_and_time() {
        let own = std::process::id();
        assert!(super::resident(own) > 1 << 20);
        assert!(super::anonymous(own) <= super::resident(own));
        let used = super::cpu(own);
        assert!(super::since(&super::Used::default(), &used).as_nanos() > 0);
        assert!(super::since(&used, &used).is_zero());
    }
}
