//! Colour never tells anything alone: without it every page says the same, in the same words.

use dirigent_tui::options::{Options, Prefs};
use dirigent_tui::screen::Painter;
use dirigent_tui::theme::{Background, Depth, Scheme, Theme};

use super::world::{World, everything, text};

const PAGES: [&str; 7] = ["g d", "g d tab", "g r", "g a", "g a J enter", "g r enter", "?"];

#[test]
fn every_theme_says_the_same_in_words() {
    for keys in PAGES {
        let mut said: Option<String> = None;
        for scheme in [Scheme::Mono, Scheme::Terminal, Scheme::BlueOrange] {
            for depth in [
                Depth::None,
                Depth::Ansi8,
                Depth::Ansi16,
                Depth::Indexed,
                Depth::True,
            ] {
                for background in [Background::Dark, Background::Light] {
                    let theme = Theme {
                        scheme,
                        depth,
                        background,
                        ascii: false,
                    };
                    let options = Options {
                        theme,
                        ..Options::default()
                    };
                    let mut world = World::with(&options, 120, 40);
                    world.connect(everything());
                    world.wait(1_000);
                    world.press(keys);
                    let frame = world.draw();
                    let words = text(&frame);
                    assert_eq!(
                        said.get_or_insert_with(|| words.clone()),
                        &words,
                        "{keys} {theme:?}"
                    );
                    let sent = String::from_utf8(Painter::new(120, 40, depth).paint(frame)).unwrap();
                    if depth < Depth::True {
                        assert!(!sent.contains("38;2;"), "{theme:?}");
                    }
                    if depth < Depth::Indexed {
                        assert!(!sent.contains("38;5;"), "{theme:?}");
                    }
                    if depth == Depth::None {
                        assert!(!is_coloured(&sent), "{theme:?}");
                    }
                }
            }
        }
    }
}

/// Whether a colour is set anywhere.
fn is_coloured(sent: &str) -> bool {
    sent.split("\x1b[")
        .filter_map(|part| part.split_once('m'))
        .any(|(codes, _)| {
            codes
                .split(';')
                .filter_map(|code| code.parse::<u8>().ok())
                .any(|code| (30..=49).contains(&code) || (90..=107).contains(&code))
        })
}

#[test]
fn ascii_says_it_without_one_byte_above_0x7f() {
    for keys in PAGES {
        let options = Options {
            theme: Theme {
                ascii: true,
                ..Theme::default()
            },
            ..Options::default()
        };
        let mut world = World::with(&options, 120, 40);
        world.connect(everything());
        world.press(keys);
        assert!(
            Painter::new(120, 40, Depth::Ansi16)
                .paint(world.draw())
                .is_ascii(),
            "{keys}"
        );
    }
}

#[test]
fn a_slow_line_gets_no_sparkline() {
    let sparks = |slow| {
        let options = Options {
            prefs: Prefs {
                slow,
                ..Prefs::default()
            },
            ..Options::default()
        };
        let mut world = World::with(&options, 120, 40);
        world.connect(everything());
        world.text().chars().filter(|c| ('▁'..='█').contains(c)).count()
    };
    assert!(sparks(false) > sparks(true));
}
