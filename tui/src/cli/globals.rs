//! The flags that every verb takes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Flags of every verb.
#[derive(Debug, Clone, Default, Args)]
pub struct Globals {
    /// The daemon of another machine: `ssh://[user@]host[:port][/socket]`
    #[arg(short = 'H', long, global = true, value_name = "URL", help_heading = "Global")]
    pub host: Option<String>,
    /// The daemon's Unix socket
    #[arg(long, global = true, value_name = "PATH", help_heading = "Global")]
    pub socket: Option<PathBuf>,
    /// The data directory of a private daemon
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global")]
    pub data_dir: Option<PathBuf>,
    /// The configuration file
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global")]
    pub config: Option<PathBuf>,
    /// Shape of what is shown
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORMAT",
        value_enum,
        help_heading = "Global"
    )]
    pub output: Option<Format>,
    /// The same as `-o json`
    #[arg(long, global = true, conflicts_with = "output", help_heading = "Global")]
    pub json: bool,
    /// Change nothing: refuse every command that would
    #[arg(long, global = true, help_heading = "Global")]
    pub read_only: bool,
    /// Plain lines: no colours, ASCII signs, and the dashboard as a numbered dialogue
    #[arg(long, global = true, help_heading = "Global")]
    pub plain: bool,
    /// No progress, only results and errors
    #[arg(short, long, global = true, help_heading = "Global")]
    pub quiet: bool,
    /// More detail
    #[arg(short, long, global = true, help_heading = "Global")]
    pub verbose: bool,
    /// For slow lines: two frames a second, nothing that moves for show
    #[arg(long, global = true, help_heading = "Global")]
    pub slow: bool,
    /// The screen as it was left, even if it was left in good order
    // Before the verb alone: behind one it may mean something else (`dirigent chat --resume ID`).
    #[arg(long, help_heading = "Global")]
    pub resume: bool,
}

/// Shapes of what is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// One document, or lines where it streams.
    Json,
    /// As in files.
    Yaml,
}

impl Globals {
    /// The shape asked for, if any.
    #[must_use]
    pub const fn format(&self) -> Option<Format> {
        if self.json {
            Some(Format::Json)
        } else {
            self.output
        }
    }

    /// JSON was asked for.
    #[must_use]
    pub const fn is_json(&self) -> bool {
        matches!(self.format(), Some(Format::Json))
    }
}
