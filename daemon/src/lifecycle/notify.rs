//! Telling the service manager how it stands, where it asked to be told (`NOTIFY_SOCKET`, `WATCHDOG_USEC`).

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// Sends `READY=1`, `STOPPING=1`, ...; nobody listening is no problem.
pub(super) fn notify(state: &str) {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    if let Err(error) = send(&path, state) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}

/// The configuration is being read again; `READY=1` must follow.
pub(super) fn notify_reloading() {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let micros = now.tv_sec.saturating_mul(1_000_000) + now.tv_nsec / 1_000;
    notify(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
}

/// One line of a status: what a person reads in `systemctl status`.
pub(super) fn one_line(text: &str) -> String {
    text.lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(200)
        .collect()
}

/// How long the manager waits for a sign of life; none when it does not wait, or waits for another process.
pub(super) fn watchdog() -> Option<Duration> {
    let read = |name| std::env::var(name).ok();
    period(
        read("WATCHDOG_USEC").as_deref(),
        read("WATCHDOG_PID").as_deref(),
        std::process::id(),
    )
}

fn period(micros: Option<&str>, of: Option<&str>, me: u32) -> Option<Duration> {
    let micros: u64 = micros?.parse().ok().filter(|micros| *micros > 0)?;
    let ours = of.is_none_or(|of| of.parse() == Ok(me));
    ours.then(|| Duration::from_micros(micros))
}

fn send(path: &OsStr, state: &str) -> std::io::Result<()> {
    let address = match path.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(path)?,
    };
    UnixDatagram::unbound()?
        .send_to_addr(state.as_bytes(), &address)
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manager_hears() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        send(path.as_os_str(), "READY=1").unwrap();
        let mut heard = [0; 16];
        let length = manager.recv(&mut heard).unwrap();
        assert_eq!(&heard[..length], b"READY=1");
    }

    #[test]
    fn the_watchdog_is_that_of_this_process_alone() {
        let half = Some(Duration::from_millis(500));
        assert_eq!(period(Some("500000"), None, 7), half);
        assert_eq!(period(Some("500000"), Some("7"), 7), half);
        assert_eq!(period(Some("500000"), Some("8"), 7), None);
        assert_eq!(period(Some("0"), None, 7), None);
        assert_eq!(period(Some("soon"), None, 7), None);
        assert_eq!(period(None, None, 7), None);
    }
}
