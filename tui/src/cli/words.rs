//! The words of a call: flags and a verb.

use clap::Parser;

use super::globals::Globals;
use super::verbs::Verb;

/// Runs agents and workflows on your own machines; lets you watch, approve and change them from a terminal.
///
/// Without a command: the dashboard.
#[derive(Debug, Default, Parser)]
#[command(
    name = "dirigent",
    version,
    max_term_width = 110,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// Flags of every verb.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do; the dashboard if nothing.
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::globals::Format;

    #[test]
    fn the_flags_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_flags_stand_before_or_behind_the_verb() {
        for words in [["dirigent", "--json", "status"], ["dirigent", "status", "--json"]] {
            assert!(Cli::try_parse_from(words).unwrap().globals.is_json());
        }
        let cli = Cli::try_parse_from(["dirigent", "get", "agents", "-o", "yaml"]).unwrap();
        assert_eq!(cli.globals.format(), Some(Format::Yaml));
        assert!(Cli::try_parse_from(["dirigent"]).unwrap().verb.is_none());
    }

    #[test]
    fn the_keeper_of_the_terminal_knows_the_words() {
        let command = Cli::command();
        let mut valued: Vec<String> = command
            .get_arguments()
            .filter(|arg| arg.get_action().takes_values())
            .flat_map(|arg| {
                let short = arg.get_short().map(|short| format!("-{short}"));
                short
                    .into_iter()
                    .chain(arg.get_long().map(|long| format!("--{long}")))
            })
            .collect();
        let mut known: Vec<String> = crate::guard::VALUED
            .iter()
            .map(|flag| (*flag).to_owned())
            .collect();
        valued.sort_unstable();
        known.sort_unstable();
        assert_eq!(valued, known);
    }
}
