//! What the client was started with, and what the environment says about the terminal.

use std::path::PathBuf;
use std::time::Duration;

use dirigent_config::client::{
    AsciiChoice, BackgroundChoice, ClientConfig, MouseChoice, ThemeChoice, TimeChoice,
};
use jiff::tz::TimeZone;

use crate::clock::local_zone;
use crate::keymap::{Preset, Remap};
use crate::nav::Place;
use crate::theme::depth::{ColorEnv, terminfo_colors};
use crate::theme::{Background, Depth, Scheme, Theme};

/// What a person prefers, beside looks and keys.
#[derive(Debug, Clone)]
pub struct Prefs {
    /// The line to the person is slow: two frames a second, no sparklines.
    pub slow: bool,
    /// Zone of the clock times on the screen.
    pub zone: TimeZone,
    /// A decision key counts only when what it decides has been on the screen this long.
    pub guard: Duration,
    /// Lines instead of a screen: every approval is confirmed by a word nobody can know without having read it.
    pub plain: bool,
}

impl Default for Prefs {
    fn default() -> Self {
        Self {
            slow: false,
            zone: TimeZone::UTC,
            guard: Duration::from_millis(600),
            plain: false,
        }
    }
}

/// How to start.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Looks.
    pub theme: Theme,
    /// Preferences.
    pub prefs: Prefs,
    /// Default keys.
    pub preset: Preset,
    /// A person's own keys.
    pub keys: Remap,
    /// Why this terminal cannot show a full screen, if so.
    pub refused: Option<NoScreen>,
    /// Where to begin; the dashboard if not said.
    pub place: Option<Place>,
    /// Look, change nothing.
    pub read_only: bool,
    /// The mouse reports from the start.
    pub mouse: bool,
    /// Copies go through tmux to the terminal outside.
    pub passthrough: bool,
    /// Where what the screen was left like is kept; nowhere if not said.
    pub state: Option<PathBuf>,
    /// Take it up, even after an end in good order.
    pub resume: bool,
    /// Name of the daemon for the first line, where it is not this machine's own.
    pub host: Option<String>,
}

impl Options {
    /// What the configuration and the environment say. The rest (place, host, read-only) is the command line's.
    #[must_use]
    pub fn from_config(config: &ClientConfig, env: &TerminalEnv) -> Self {
        let scheme = match config.screen.theme {
            ThemeChoice::Terminal => Scheme::Terminal,
            ThemeChoice::BlueOrange => Scheme::BlueOrange,
            ThemeChoice::Mono => Scheme::Mono,
        };
        let mut theme = env.theme(scheme, config.screen.ascii == AsciiChoice::Always);
        match config.screen.background {
            BackgroundChoice::Auto => {}
            BackgroundChoice::Dark => theme.background = Background::Dark,
            BackgroundChoice::Light => theme.background = Background::Light,
        }
        if config.screen.ascii == AsciiChoice::Never {
            theme.ascii = false;
        }
        let zone = match config.screen.time {
            TimeChoice::Local => local_zone(),
            TimeChoice::Utc => TimeZone::UTC,
        };
        // `page.command` names the command; a letter means the same on every page. Several keys stand behind commas.
        let keys = config.keymap.iter().map(|(command, keys)| {
            let name = command.rsplit('.').next().unwrap_or(command).to_owned();
            (name, keys.split(", ").map(|key| key.trim().to_owned()).collect())
        });
        Self {
            theme,
            prefs: Prefs {
                slow: false,
                zone,
                guard: config.confirm.guard(),
                plain: false,
            },
            mouse: match config.screen.mouse {
                MouseChoice::Auto => !env.ssh,
                MouseChoice::On => true,
                MouseChoice::Off => false,
            },
            passthrough: config.screen.tmux_passthrough && env.color.tmux,
            keys: keys.collect(),
            refused: env.check().err(),
            ..Self::default()
        }
    }
}

/// What the environment says about the terminal; read once by `main`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TerminalEnv {
    /// `TERM`.
    pub term: Option<String>,
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// `LC_ALL`, `LC_CTYPE` or `LANG`, the first that is set.
    pub locale: Option<String>,
    /// It is at the other end of an SSH connection.
    pub ssh: bool,
    /// What it says about colours.
    pub color: ColorEnv,
}

impl TerminalEnv {
    /// Reads the process's environment.
    #[must_use]
    pub fn read() -> Self {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let term = set("TERM");
        Self {
            ssh: set("SSH_CONNECTION").is_some(),
            color: ColorEnv {
                term: term.clone().unwrap_or_default(),
                colorterm: set("COLORTERM").unwrap_or_default(),
                fgbg: set("COLORFGBG").unwrap_or_default(),
                tmux: set("TMUX").is_some(),
                terminfo: term.as_deref().and_then(terminfo_colors),
            },
            term,
            no_color: set("NO_COLOR").is_some(),
            locale: set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")),
        }
    }

    /// The looks that fit this terminal.
    #[must_use]
    pub fn theme(&self, scheme: Scheme, ascii: bool) -> Theme {
        let utf8 = self.locale.as_deref().is_some_and(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        Theme {
            scheme,
            depth: if self.no_color {
                Depth::None
            } else {
                self.color.depth()
            },
            background: self.color.background(),
            ascii: ascii || !utf8,
        }
    }

    /// Whether a full screen can be drawn at all; otherwise the reason.
    ///
    /// # Errors
    /// `TERM` is missing or `dumb`.
    pub fn check(&self) -> Result<(), NoScreen> {
        match self.term.as_deref() {
            None => Err(NoScreen::NoTerm),
            Some("dumb") => Err(NoScreen::Dumb),
            Some(_) => Ok(()),
        }
    }
}

/// Why no full screen can be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoScreen {
    /// Input or output is a file or a pipe.
    #[error("the dashboard needs a terminal; input or output is a file or a pipe")]
    NotATerminal,
    /// `TERM` is not set.
    #[error("TERM is not set, so the terminal's abilities are unknown")]
    NoTerm,
    /// `TERM=dumb`.
    #[error("TERM=dumb cannot show a full screen")]
    Dumb,
}

impl NoScreen {
    /// What to do.
    #[must_use]
    pub const fn help(self) -> &'static str {
        match self {
            Self::NotATerminal => {
                "use the commands instead: dirigent runs list, dirigent approvals list, dirigent logs -f RUN"
            }
            Self::NoTerm => {
                "set TERM (for example TERM=xterm), or use the commands: dirigent runs list, dirigent approvals list"
            }
            Self::Dumb => {
                "use the commands instead: dirigent runs list, dirigent approvals list, dirigent approvals approve ID"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(term: Option<&str>, locale: Option<&str>) -> TerminalEnv {
        TerminalEnv {
            term: term.map(str::to_owned),
            no_color: false,
            locale: locale.map(str::to_owned),
            ssh: false,
            color: ColorEnv {
                term: term.unwrap_or_default().to_owned(),
                ..ColorEnv::default()
            },
        }
    }

    #[test]
    fn the_locale_decides_the_signs() {
        assert!(env(Some("xterm"), Some("C")).theme(Scheme::Terminal, false).ascii);
        assert!(env(Some("xterm"), None).theme(Scheme::Terminal, false).ascii);
        assert!(
            !env(Some("xterm"), Some("C.UTF-8"))
                .theme(Scheme::Terminal, false)
                .ascii
        );
        assert!(
            env(Some("xterm"), Some("en_US.utf8"))
                .theme(Scheme::Terminal, true)
                .ascii
        );
    }

    #[test]
    fn a_terminal_that_cannot_is_refused_with_a_way_out() {
        assert_eq!(env(None, None).check(), Err(NoScreen::NoTerm));
        assert_eq!(env(Some("dumb"), None).check(), Err(NoScreen::Dumb));
        assert!(NoScreen::Dumb.help().contains("dirigent approvals"));
        assert_eq!(env(Some("vt100"), None).check(), Ok(()));
        assert_eq!(
            env(Some("vt100"), None).theme(Scheme::Terminal, false).depth,
            Depth::None
        );
    }
}
