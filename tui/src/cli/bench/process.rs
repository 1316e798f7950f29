//! What the system says about another process: its memory and its time on processors. Linux only; zero elsewhere.

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

/// Time on processors of the threads that live, to the nanosecond.
#[must_use]
pub fn cpu(pid: u32) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let nanos = tasks.filter_map(|task| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
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
        assert!(super::cpu(own).as_nanos() > 0);
    }
}
