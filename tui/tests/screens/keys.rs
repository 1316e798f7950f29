//! The keymap: one table, no conflicts, a manual that is not stale, and everything in reach for everybody.

use dirigent_tui::keymap::docs::{Section, markdown};
use dirigent_tui::keymap::{Action, Chord, Command, Group, Keymap, Preset, Remap};
use dirigent_tui::pages::PAGES;
use dirigent_tui::pages::closed::CLOSED;

fn letters() -> Vec<(char, &'static str)> {
    PAGES
        .iter()
        .map(|meta| (meta.letter, meta.id))
        .chain(CLOSED.iter().map(|c| (c.letter, c.id)))
        .collect()
}

#[test]
fn there_is_no_conflict_in_any_preset() {
    for preset in [Preset::Standard, Preset::Emacs] {
        Keymap::new(preset, &Remap::new(), &letters()).unwrap();
    }
}

#[test]
fn pages_have_own_ids_and_letters_and_list_each_action_once() {
    for meta in PAGES {
        assert_eq!(PAGES.iter().filter(|other| other.id == meta.id).count(), 1);
        assert!(
            !CLOSED.iter().any(|closed| closed.id == meta.id),
            "{} is open and closed",
            meta.id
        );
        for bind in meta.bindings {
            let same = meta
                .bindings
                .iter()
                .filter(|other| other.action == bind.action)
                .count();
            assert_eq!(same, 1, "{}: {} twice", meta.id, bind.action.name());
            assert!(
                bind.action.group() != Group::Everywhere,
                "{}: {} works everywhere",
                meta.id,
                bind.action.name()
            );
        }
    }
    assert_eq!(
        PAGES.len() + CLOSED.len(),
        18,
        "the sixteen pages, conversations and routing"
    );
}

/// Moves, and the ways between panes and levels.
const MOVES: &[Action] = &[
    Action::Up,
    Action::Down,
    Action::Left,
    Action::Right,
    Action::Top,
    Action::Bottom,
    Action::PageUp,
    Action::PageDown,
    Action::Open,
    Action::Back,
    Action::NextPane,
    Action::PrevPane,
];

fn is_arrow_like(chord: &Chord) -> bool {
    let [key] = chord.0.as_slice() else { return false };
    !matches!(key.code, crossterm::event::KeyCode::Char(_)) && !key.ctrl && !key.alt
}

fn is_on_the_home_rows(chord: &Chord) -> bool {
    use crossterm::event::KeyCode;
    let plain = |code| {
        matches!(
            code,
            KeyCode::Char(_) | KeyCode::Enter | KeyCode::Esc | KeyCode::Tab | KeyCode::BackTab
        )
    };
    chord.0.iter().all(|key| plain(key.code) && !key.alt)
}

#[test]
fn arrows_only_and_letters_only_reach_everything() {
    let keymap = Keymap::new(Preset::Standard, &Remap::new(), &letters()).unwrap();
    for action in MOVES {
        let keys = keymap.keys(Command::Action(*action));
        assert!(
            keys.iter().any(|chord| is_arrow_like(chord)),
            "arrows cannot {}",
            action.name()
        );
        assert!(
            keys.iter().any(|chord| is_on_the_home_rows(chord)),
            "letters cannot {}",
            action.name()
        );
    }
    for action in Action::ALL {
        let keys = keymap.keys(Command::Action(*action));
        assert!(
            keys.iter().any(|chord| is_on_the_home_rows(chord)),
            "letters cannot {}",
            action.name()
        );
    }
}

#[test]
fn arrow_users_find_every_action_and_page_in_the_palette() {
    for meta in PAGES {
        let mut world = super::world::World::live(120, 40);
        world.press(&format!("g {}", meta.letter));
        world.wait(1_000);
        for bind in meta.bindings {
            world.press(":");
            world.type_text(bind.doc.split([',', ';', '…']).next().unwrap());
            let text = world.text();
            assert!(
                text.contains(bind.doc),
                "{}: {} is not in the palette\n{text}",
                meta.id,
                bind.doc
            );
            world.press("esc");
        }
    }
}

#[test]
fn every_action_in_use_has_words() {
    for action in Action::ALL {
        assert!(!action.doc().is_empty() && !action.name().is_empty());
        let same = Action::ALL
            .iter()
            .filter(|other| other.name() == action.name())
            .count();
        assert_eq!(same, 1, "{}", action.name());
    }
}

#[test]
fn the_manual_is_not_stale() {
    let sections: Vec<Section<'_>> = PAGES
        .iter()
        .map(|meta| Section {
            title: meta.title,
            letter: meta.letter,
            bindings: meta.bindings,
        })
        .collect();
    let made = markdown(&sections);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/KEYS.md");
    if std::env::var_os("DIRIGENT_REGENERATE").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == made,
        "tui/KEYS.md is stale: DIRIGENT_REGENERATE=1 cargo test -p dirigent the_manual"
    );
}
