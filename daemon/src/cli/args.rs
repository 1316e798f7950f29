//! What the command line may say.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// The headless daemon of Dirigent: owns all state, does all work durably.
#[derive(Debug, Parser)]
#[command(name = "dirigentd", version, about, max_term_width = 100)]
pub struct Args {
    /// Configuration file; it must be there
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Data directory; made with mode 0700
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Unix socket to listen on
    #[arg(long, global = true, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// Stay in the foreground (it always does; service files may say so)
    #[arg(long)]
    pub foreground: bool,
    /// Serve nobody but the user who started it
    #[arg(long)]
    pub private: bool,
    /// End when standard input is closed: with the process that started it, however that ends
    #[arg(long)]
    pub exit_on_stdin_close: bool,
    /// What to do instead of serving
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

impl Args {
    /// Whether a program reads what this prints.
    #[must_use]
    pub const fn wants_json(&self) -> bool {
        matches!(
            self.verb,
            Some(
                Verb::Check { json: true }
                    | Verb::Validate { json: true, .. }
                    | Verb::Simulate { .. }
                    | Verb::Test { json: true, .. }
            )
        )
    }
}

/// What to do instead of serving.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Verify the store: exit 0 sound, 65 damaged
    Check {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// The errors of definition files, with line and column
    Validate {
        /// The files, or `-` for standard input
        #[arg(short = 'f', long = "file", value_name = "FILE|-", required = true)]
        files: Vec<PathBuf>,
        /// Warnings are errors
        #[arg(long)]
        strict: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// What a workflow would do with sample outcomes, as JSON: `dirigent simulate` shows it to people
    Simulate {
        /// The file, or `-` for standard input
        #[arg(short = 'f', long, value_name = "FILE|-")]
        file: PathBuf,
        /// Its input, JSON
        #[arg(long, value_name = "JSON")]
        input: Option<String>,
        /// Outcomes by task name or JSON pointer, one JSON object
        #[arg(long, value_name = "JSON")]
        samples: Option<String>,
    },
    /// Play recorded tests: exit 0 all passed, 1 something differs, 65 a file is no recorded test
    Test {
        /// Recorded tests, and directories of them
        #[arg(value_name = "FILE|DIR", required = true)]
        files: Vec<PathBuf>,
        /// Play with these definitions instead of those that were recorded
        #[arg(long = "document", value_name = "FILE")]
        documents: Vec<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// The configuration
    Config {
        /// What of it
        #[command(subcommand)]
        what: ConfigVerb,
    },
    /// Serves what a daemon offers as MCP tools on standard input and output
    Mcp,
    /// Evaluates expressions for a daemon
    #[command(hide = true)]
    ExpressionWorker,
    /// Gives up what a profile does not grant, then becomes a command
    #[command(hide = true)]
    Sandbox {
        /// Name of the profile
        #[arg(long)]
        profile: String,
        /// The command's directory
        #[arg(long, value_name = "DIR")]
        workspace: PathBuf,
        /// Its home and its place for temporary files; in its directory where it is not said
        #[arg(long, value_name = "DIR")]
        temporary: Option<PathBuf>,
        /// What it may read beside programs and its directory
        #[arg(long = "read", value_name = "PATH")]
        reads: Vec<PathBuf>,
        /// The command
        #[arg(last = true, required = true)]
        program: Vec<OsString>,
    },
}

/// What to print of the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigVerb {
    /// The shipped file with every key, commented
    Default,
    /// What is wrong in the one that the daemon would take: exit 0 sound, 78 not
    Check,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound_and_places_may_stand_behind_the_verb() {
        Args::command().debug_assert();
        let args = Args::parse_from([
            "dirigentd",
            "check",
            "--data-dir",
            "/d",
            "--config",
            "/c",
            "--json",
        ]);
        assert_eq!(args.data_dir, Some("/d".into()));
        assert!(matches!(args.verb, Some(Verb::Check { json: true })));
    }
}
