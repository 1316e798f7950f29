//! Screen or lines: what the person asked for and what the terminal can do.

use crate::options::TerminalEnv;

/// How the pages are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// The full screen.
    Screen,
    /// A dialogue of plain lines.
    Lines,
}

/// The view for this terminal: lines where they were asked for, where `TERM` says nothing or `dumb`, and where input
/// or output is a file or a pipe.
#[must_use]
pub fn choose(asked: bool, env: &TerminalEnv, terminal: bool) -> View {
    if asked || !terminal || env.check().is_err() {
        View::Lines
    } else {
        View::Screen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_for_those_who_ask_and_for_terminals_that_cannot() {
        let env = |term: Option<&str>| TerminalEnv {
            term: term.map(str::to_owned),
            ..TerminalEnv::default()
        };
        assert_eq!(choose(false, &env(Some("xterm")), true), View::Screen);
        assert_eq!(choose(true, &env(Some("xterm")), true), View::Lines);
        assert_eq!(choose(false, &env(Some("dumb")), true), View::Lines);
        assert_eq!(choose(false, &env(None), true), View::Lines);
        assert_eq!(choose(false, &env(Some("xterm")), false), View::Lines);
    }
}
