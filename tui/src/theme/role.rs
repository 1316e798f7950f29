//! Roles of text and the style each scheme gives them.

use ratatui::style::{Color, Modifier, Style};

use super::depth::{Background, Depth};
use super::paint;

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

/// The looks in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Theme {
    /// Which looks.
    pub scheme: Scheme,
    /// How many colours.
    pub depth: Depth,
    /// What lies behind the text.
    pub background: Background,
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
        let colour = match scheme {
            Scheme::Terminal => paint::terminal(role, self.background),
            Scheme::BlueOrange => paint::blue_orange(role, self.depth, self.background),
            Scheme::Mono => None,
        };
        let mut style = mono(role);
        if scheme == Scheme::Terminal && role == Role::Border {
            style = style.add_modifier(Modifier::DIM);
        }
        if scheme == Scheme::BlueOrange && role == Role::Bad {
            style = style.add_modifier(Modifier::UNDERLINED);
        }
        match (colour, self.depth) {
            // A bright one is bold there.
            (Some(colour), Depth::Ansi8) => style.fg(plain(colour)),
            (Some(colour), _) => style.fg(colour),
            (None, _) => style,
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

    fn every_theme() -> impl Iterator<Item = Theme> {
        let schemes = [Scheme::Terminal, Scheme::BlueOrange, Scheme::Mono];
        let depths = [
            Depth::None,
            Depth::Ansi8,
            Depth::Ansi16,
            Depth::Indexed,
            Depth::True,
        ];
        schemes.into_iter().flat_map(move |scheme| {
            depths.into_iter().flat_map(move |depth| {
                [Background::Dark, Background::Light].map(|background| Theme {
                    scheme,
                    depth,
                    background,
                    ascii: false,
                })
            })
        })
    }

    #[test]
    fn no_theme_sets_a_background_or_more_colours_than_there_are() {
        for theme in every_theme() {
            for role in Role::ALL {
                let style = theme.style(*role);
                assert_eq!(style.bg, None, "{role:?}");
                let least = match style.fg {
                    None => Depth::None,
                    Some(Color::Rgb(..)) => Depth::True,
                    Some(Color::Indexed(_)) => Depth::Indexed,
                    Some(colour) if plain(colour) == colour => Depth::Ansi8,
                    Some(_) => Depth::Ansi16,
                };
                assert!(least <= theme.depth, "{theme:?} {role:?}");
                let vanishing = [Color::Black, Color::White, Color::Gray, Color::DarkGray];
                assert!(style.fg.is_none_or(|fg| !vanishing.contains(&fg)), "{role:?}");
            }
        }
    }

    #[test]
    fn no_colour_means_none_and_blue_and_orange_are_no_red_and_green() {
        let pair = [Color::Red, Color::Green, Color::LightRed, Color::LightGreen];
        for theme in every_theme() {
            for role in Role::ALL {
                let fg = theme.style(*role).fg;
                if theme.depth == Depth::None || theme.scheme == Scheme::Mono {
                    assert_eq!(fg, None);
                }
                if theme.scheme == Scheme::BlueOrange {
                    assert!(fg.is_none_or(|fg| !pair.contains(&fg)), "{role:?}");
                }
            }
        }
    }
}
