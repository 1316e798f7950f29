//! The colour of each role, per scheme, depth and background. Contrast is tested, see below.
//!
//! The `terminal` scheme names colours of the terminal's own 16, whose shades are the person's choice; of these it
//! takes the ones that common palettes keep readable on their background. `blue-orange` has exact shades where the
//! terminal can show them.

use ratatui::style::Color;

use super::depth::{Background, Depth};
use super::role::Role;

/// What a role wants to be seen as; several roles share a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ink {
    Accent,
    Good,
    Live,
    Wait,
    Bad,
    Mine,
    Chart,
}

const fn ink(role: Role) -> Option<Ink> {
    Some(match role {
        Role::Focus | Role::Key | Role::Link => Ink::Accent,
        Role::Good => Ink::Good,
        Role::Live => Ink::Live,
        Role::Waiting | Role::Warn => Ink::Wait,
        Role::Bad => Ink::Bad,
        Role::Mine => Ink::Mine,
        Role::Chart => Ink::Chart,
        Role::Text
        | Role::Dim
        | Role::Heading
        | Role::Border
        | Role::Selected
        | Role::Quoted
        | Role::Caret
        | Role::Stale => return None,
    })
}

/// The terminal's own colours.
pub(super) const fn terminal(role: Role, background: Background) -> Option<Color> {
    let Some(ink) = ink(role) else { return None };
    Some(match (background, ink) {
        (Background::Dark, Ink::Accent | Ink::Live | Ink::Chart) => Color::Cyan,
        (Background::Dark, Ink::Good) => Color::Green,
        (Background::Dark, Ink::Wait) => Color::LightYellow,
        (Background::Dark, Ink::Bad) => Color::LightRed,
        (Background::Dark, Ink::Mine) => Color::LightMagenta,
        (Background::Light, Ink::Accent | Ink::Good | Ink::Live | Ink::Chart) => Color::Blue,
        (Background::Light, Ink::Wait | Ink::Mine) => Color::Magenta,
        (Background::Light, Ink::Bad) => Color::Red,
    })
}

/// Blue for what goes well, orange for what does not: no pair of red and green.
pub(super) const fn blue_orange(role: Role, depth: Depth, background: Background) -> Option<Color> {
    let Some(ink) = ink(role) else { return None };
    Some(match (depth, background) {
        (Depth::True, Background::Dark) => match ink {
            Ink::Accent | Ink::Live => Color::Rgb(0x56, 0xc8, 0xf5),
            Ink::Good | Ink::Chart => Color::Rgb(0x6c, 0xb4, 0xff),
            Ink::Wait => Color::Rgb(0xff, 0xd0, 0x60),
            Ink::Bad => Color::Rgb(0xff, 0x9f, 0x2e),
            Ink::Mine => Color::Rgb(0xe0, 0xa0, 0xf0),
        },
        (Depth::True, Background::Light) => match ink {
            Ink::Accent | Ink::Live => Color::Rgb(0x00, 0x5f, 0x87),
            Ink::Good | Ink::Chart => Color::Rgb(0x00, 0x50, 0xb0),
            Ink::Wait => Color::Rgb(0x76, 0x55, 0x00),
            Ink::Bad => Color::Rgb(0x95, 0x46, 0x00),
            Ink::Mine => Color::Rgb(0x7a, 0x2a, 0x90),
        },
        (Depth::Indexed, Background::Dark) => Color::Indexed(match ink {
            Ink::Accent | Ink::Live => 81,
            Ink::Good | Ink::Chart => 75,
            Ink::Wait => 221,
            Ink::Bad => 214,
            Ink::Mine => 183,
        }),
        (Depth::Indexed, Background::Light) => Color::Indexed(match ink {
            Ink::Accent | Ink::Live => 24,
            Ink::Good | Ink::Chart => 25,
            Ink::Wait => 58,
            Ink::Bad => 94,
            Ink::Mine => 90,
        }),
        (_, Background::Dark) => match ink {
            Ink::Accent | Ink::Live | Ink::Good | Ink::Chart => Color::Cyan,
            Ink::Wait | Ink::Bad => Color::LightYellow,
            Ink::Mine => Color::LightMagenta,
        },
        (_, Background::Light) => match ink {
            Ink::Accent | Ink::Live | Ink::Good | Ink::Chart => Color::Blue,
            Ink::Wait | Ink::Bad | Ink::Mine => Color::Magenta,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rgb = (u8, u8, u8);

    /// Palettes and backgrounds of common terminals: the 16 colours as xterm and as the VGA text mode have them.
    const XTERM: [Rgb; 16] = [
        (0, 0, 0),
        (205, 0, 0),
        (0, 205, 0),
        (205, 205, 0),
        (0, 0, 238),
        (205, 0, 205),
        (0, 205, 205),
        (229, 229, 229),
        (127, 127, 127),
        (255, 0, 0),
        (0, 255, 0),
        (255, 255, 0),
        (92, 92, 255),
        (255, 0, 255),
        (0, 255, 255),
        (255, 255, 255),
    ];
    const VGA: [Rgb; 16] = [
        (0, 0, 0),
        (170, 0, 0),
        (0, 170, 0),
        (170, 85, 0),
        (0, 0, 170),
        (170, 0, 170),
        (0, 170, 170),
        (170, 170, 170),
        (85, 85, 85),
        (255, 85, 85),
        (85, 255, 85),
        (255, 255, 85),
        (85, 85, 255),
        (255, 85, 255),
        (85, 255, 255),
        (255, 255, 255),
    ];
    /// From black to the lightest of the dark ones in use, and the other way round.
    const DARK: [Rgb; 4] = [
        (0, 0, 0),
        (0x1e, 0x1e, 0x2e),
        (0x00, 0x2b, 0x36),
        (0x2e, 0x34, 0x40),
    ];
    const LIGHT: [Rgb; 3] = [(255, 255, 255), (0xfa, 0xfa, 0xfa), (0xee, 0xe8, 0xd5)];

    fn luminance((r, g, b): Rgb) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    }

    fn contrast(one: Rgb, other: Rgb) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    fn shade(color: Color, palette: &[Rgb; 16]) -> Rgb {
        let order = [
            Color::Black,
            Color::Red,
            Color::Green,
            Color::Yellow,
            Color::Blue,
            Color::Magenta,
            Color::Cyan,
            Color::Gray,
            Color::DarkGray,
            Color::LightRed,
            Color::LightGreen,
            Color::LightYellow,
            Color::LightBlue,
            Color::LightMagenta,
            Color::LightCyan,
            Color::White,
        ];
        match color {
            Color::Rgb(r, g, b) => (r, g, b),
            Color::Indexed(number @ 16..232) => {
                let step = |at: u8| [0, 95, 135, 175, 215, 255][usize::from(at % 6)];
                let at = number - 16;
                (step(at / 36), step(at / 6), step(at))
            }
            named => palette[order.iter().position(|other| *other == named).unwrap()],
        }
    }

    fn check(color: Option<Color>, palette: &[Rgb; 16], grounds: &[Rgb], what: &str) {
        for ground in grounds {
            if let Some(color) = color {
                let contrast = contrast(shade(color, palette), *ground);
                assert!(contrast >= 4.5, "{what}: {color:?} on {ground:?}: {contrast:.2}");
            }
        }
    }

    #[test]
    fn every_colour_can_be_read() {
        for role in Role::ALL {
            for depth in [Depth::Indexed, Depth::True] {
                let what = format!("blue-orange {depth:?} {role:?}");
                check(blue_orange(*role, depth, Background::Dark), &XTERM, &DARK, &what);
                check(
                    blue_orange(*role, depth, Background::Light),
                    &XTERM,
                    &LIGHT,
                    &what,
                );
            }
            for palette in [&XTERM, &VGA] {
                let what = format!("16 colours {role:?}");
                let (black, white) = (&[(0, 0, 0)], &[(255, 255, 255)]);
                check(terminal(*role, Background::Dark), palette, black, &what);
                check(terminal(*role, Background::Light), palette, white, &what);
                check(
                    blue_orange(*role, Depth::Ansi16, Background::Dark),
                    palette,
                    black,
                    &what,
                );
                check(
                    blue_orange(*role, Depth::Ansi16, Background::Light),
                    palette,
                    white,
                    &what,
                );
            }
        }
    }

    #[test]
    fn blue_and_orange_differ_for_eyes_without_red_and_green() {
        // What such eyes tell apart is blue against yellow: the blue part must differ much.
        for depth in [Depth::Indexed, Depth::True] {
            for ground in [Background::Dark, Background::Light] {
                let of = |role| shade(blue_orange(role, depth, ground).unwrap(), &XTERM);
                let (good, bad) = (of(Role::Good), of(Role::Bad));
                assert!(good.2 > bad.2.saturating_add(100), "{good:?} {bad:?}");
            }
        }
    }
}
