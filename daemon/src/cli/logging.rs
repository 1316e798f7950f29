//! The log: entries of the system's journal where standard error leads there, else lines on standard error (how long a
//! file of our own grows is `log_file`'s).

use std::io::IsTerminal;
use std::path::Path;

use dirigent_config::daemon::{LogFormat, LogLevel, LogSection};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, reload};

use super::journal::{self, Journal};
use super::log_file::LogFile;

/// The running log.
pub(super) struct Log(reload::Handle<EnvFilter, Registry>);

impl Log {
    /// Starts it; a second start (tests) is no problem.
    pub(super) fn start(section: &LogSection, data_dir: &Path) -> Self {
        let (filter, handle) = reload::Layer::new(filter(section.level));
        let started = tracing_subscriber::registry()
            .with(filter)
            .with(lines(section.format, data_dir))
            .try_init();
        drop(started);
        Self(handle)
    }

    /// Another level from now on.
    pub(super) fn set_level(&self, level: LogLevel) {
        // It fails only when there is no log any more.
        drop(self.0.reload(filter(level)));
    }
}

type Lines<S> = Box<dyn Layer<S> + Send + Sync>;

fn lines<S>(format: LogFormat, data_dir: &Path) -> Lines<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let terminal = std::io::stderr().is_terminal();
    if matches!(format, LogFormat::Auto)
        && journal::is_ours()
        && let Ok(journal) = Journal::open()
    {
        return journal.boxed();
    }
    let text = match format {
        LogFormat::Auto => terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let base = tracing_subscriber::fmt::layer().with_writer(LogFile::of_process(data_dir));
    if text {
        base.with_ansi(colour).boxed()
    } else {
        base.json().flatten_event(true).boxed()
    }
}

fn filter(level: LogLevel) -> EnvFilter {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    // A client that goes away is no news; the wire's own library warns of each.
    EnvFilter::new(format!("{level},tarpc=error,rmcp=error"))
}
