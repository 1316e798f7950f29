//! The log: lines on standard error.

use std::io::IsTerminal;

use dirigent_config::daemon::{LogFormat, LogLevel, LogSection};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// Starts it; a second start (tests) is no problem.
pub(super) fn start(section: &LogSection) {
    let level = match section.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let terminal = std::io::stderr().is_terminal();
    let text = match section.format {
        LogFormat::Auto => terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    // A client that goes away is no news; the wire's own library warns of each.
    let filter = EnvFilter::new(format!("{level},tarpc=error"));
    let base = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let started = if text {
        base.with_ansi(colour).try_init()
    } else {
        base.json().flatten_event(true).try_init()
    };
    drop(started);
}
