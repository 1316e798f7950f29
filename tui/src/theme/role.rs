//! Roles of text and the style each scheme gives them.

use ratatui::style::{Color, Modifier, Style};

/// What a piece of the screen is, which decides how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Ordinary text: the terminal's own colour.
    Text,
    /// Less important text.
    Dim,
    /// Heading of a pane or a column.
    Heading,
    /// Border of a pane without focus.
    Border,
    /// Border of the pane with focus.
    Focus,
    /// The name under the cursor.
    Selected,
    /// A key one can press.
    Key,
    /// Something that went well.
    Good,
    /// Something at work.
    Live,
    /// Something that waits for a person or a timer.
    Waiting,
    /// Something odd.
    Warn,
    /// Something that failed or is dangerous.
    Bad,
    /// What a person here changed.
    Mine,
    /// Words of somebody outside: an agent's reason, a model's text.
    Quoted,
    /// A link or a place.
    Link,
    /// Bars and sparklines.
    Chart,
    /// The text cursor of a field.
    Caret,
    /// Data that may be out of date.
    Stale,
}

impl Role {
    /// Every role.
    pub const ALL: &'static [Self] = &[
        Self::Text,
        Self::Dim,
        Self::Heading,
        Self::Border,
        Self::Focus,
        Self::Selected,
        Self::Key,
        Self::Good,
        Self::Live,
        Self::Waiting,
        Self::Warn,
        Self::Bad,
        Self::Mine,
        Self::Quoted,
        Self::Link,
        Self::Chart,
        Self::Caret,
        Self::Stale,
    ];
}

/// A set of looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scheme {
    /// The terminal's own 16 colours.
    #[default]
    Terminal,
    /// Blue for good and yellow for bad: no red and green pair.
    BlueOrange,
    /// No colour; bold, dim, underlined and reversed only.
    Mono,
}

impl Scheme {
    /// The scheme of that name in the configuration.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "terminal" => Some(Self::Terminal),
            "blue-orange" => Some(Self::BlueOrange),
            "mono" => Some(Self::Mono),
            _ => None,
        }
    }
}

/// How many colours the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Depth {
    /// None: `NO_COLOR`, vt100.
    None,
    /// The 8 plain colours.
    Ansi8,
    /// The 16 colours.
    #[default]
    Ansi16,
}

impl Depth {
    /// The depth of a terminal, from its environment alone: nothing is asked of the terminal.
    #[must_use]
    pub fn of(term: &str, no_color: bool) -> Self {
        if no_color || term.starts_with("vt1") || term.starts_with("vt2") {
            Self::None
        } else if term == "linux" || term == "ansi" || term == "screen" {
            Self::Ansi8
        } else {
            Self::Ansi16
        }
    }
}

/// The looks in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Theme {
    /// Which looks.
    pub scheme: Scheme,
    /// How many colours.
    pub depth: Depth,
    /// Only ASCII may reach the terminal.
    pub ascii: bool,
}

impl Theme {
    /// The style of a role.
    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        let scheme = if self.depth == Depth::None {
            Scheme::Mono
        } else {
            self.scheme
        };
        let style = match scheme {
            Scheme::Terminal => terminal(role),
            Scheme::BlueOrange => blue_orange(role),
            Scheme::Mono => mono(role),
        };
        if self.depth == Depth::Ansi8 {
            Style {
                fg: style.fg.map(plain),
                ..style
            }
        } else {
            style
        }
    }
}

fn mono(role: Role) -> Style {
    let plain = Style::new();
    match role {
        Role::Text | Role::Border | Role::Live | Role::Chart | Role::Quoted => plain,
        Role::Dim | Role::Stale => plain.add_modifier(Modifier::DIM),
        Role::Link => plain.add_modifier(Modifier::UNDERLINED),
        Role::Caret => plain.add_modifier(Modifier::REVERSED),
        Role::Heading
        | Role::Focus
        | Role::Selected
        | Role::Key
        | Role::Good
        | Role::Waiting
        | Role::Warn
        | Role::Bad
        | Role::Mine => plain.add_modifier(Modifier::BOLD),
    }
}

fn terminal(role: Role) -> Style {
    let style = mono(role);
    match role {
        Role::Focus | Role::Key | Role::Link => style.fg(Color::Cyan),
        Role::Border => style.add_modifier(Modifier::DIM),
        Role::Good => Style::new().fg(Color::Green),
        Role::Live => style.fg(Color::Blue),
        Role::Waiting | Role::Warn => style.fg(Color::Yellow),
        Role::Bad => style.fg(Color::Red),
        Role::Mine => style.fg(Color::Magenta),
        Role::Chart => style.fg(Color::Cyan),
        Role::Text
        | Role::Dim
        | Role::Heading
        | Role::Selected
        | Role::Quoted
        | Role::Caret
        | Role::Stale => style,
    }
}

fn blue_orange(role: Role) -> Style {
    let style = mono(role);
    match role {
        Role::Good | Role::Chart => Style::new().fg(Color::Blue),
        Role::Live | Role::Focus | Role::Key | Role::Link => style.fg(Color::Cyan),
        Role::Waiting | Role::Warn => style.fg(Color::Yellow),
        Role::Bad => style.fg(Color::LightYellow).add_modifier(Modifier::UNDERLINED),
        Role::Mine => style.fg(Color::Magenta),
        other => terminal(other),
    }
}

/// The plain twin of a bright colour, for terminals that know only eight.
const fn plain(color: Color) -> Color {
    match color {
        Color::LightRed => Color::Red,
        Color::LightGreen => Color::Green,
        Color::LightYellow => Color::Yellow,
        Color::LightBlue => Color::Blue,
        Color::LightMagenta => Color::Magenta,
        Color::LightCyan => Color::Cyan,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_scheme_sets_a_background_or_a_colour_that_vanishes_on_one() {
        for scheme in [Scheme::Terminal, Scheme::BlueOrange, Scheme::Mono] {
            for role in Role::ALL {
                let style = Theme {
                    scheme,
                    ..Theme::default()
                }
                .style(*role);
                assert_eq!(style.bg, None, "{role:?}");
                let vanishing = [Color::Black, Color::White, Color::Gray, Color::DarkGray];
                assert!(style.fg.is_none_or(|fg| !vanishing.contains(&fg)), "{role:?}");
                assert!(
                    style
                        .fg
                        .is_none_or(|fg| !matches!(fg, Color::Rgb(..) | Color::Indexed(_))),
                    "{role:?}"
                );
            }
        }
    }

    #[test]
    fn no_colour_means_none() {
        let theme = Theme {
            depth: Depth::of("xterm", true),
            ..Theme::default()
        };
        assert!(Role::ALL.iter().all(|role| theme.style(*role).fg.is_none()));
    }

    #[test]
    fn blue_and_orange_have_no_red_and_green() {
        let theme = Theme {
            scheme: Scheme::BlueOrange,
            ..Theme::default()
        };
        let pair = [Color::Red, Color::Green, Color::LightRed, Color::LightGreen];
        assert!(
            Role::ALL
                .iter()
                .all(|role| theme.style(*role).fg.is_none_or(|fg| !pair.contains(&fg)))
        );
    }
}
