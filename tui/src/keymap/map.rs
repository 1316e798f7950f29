//! The keymap in force: the table, a preset and a person's own keys, checked for conflicts.

use std::collections::BTreeMap;

use super::key::ParseKeyError;
use super::{Action, Chord, Group, Key};

/// The prefix of the page letters.
pub const GO: Key = Key::char('g');

/// What a key means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    /// Take an action.
    Action(Action),
    /// Go to the page of this id.
    Page(&'static str),
}

/// A set of default keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preset {
    /// Arrows and letters both, as the table says.
    #[default]
    Standard,
    /// Ctrl-N and Ctrl-P style moves beside the table's keys.
    Emacs,
}

/// A person's own keys: action name to keys; they replace the table's.
pub type Remap = BTreeMap<String, Vec<String>>;

/// What one more key did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It completed a command.
    Run(Command),
    /// It is the beginning of one.
    Wait,
    /// It means nothing here.
    Nothing,
}

/// A keymap that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeymapError {
    /// No action of that name.
    #[error("keymap: there is no action `{name}`{}", suggestion(near))]
    UnknownAction {
        /// What was written.
        name: String,
        /// The nearest one.
        near: Option<&'static str>,
    },
    /// A key that cannot be read.
    #[error("keymap: {action}: {source}")]
    BadKey {
        /// For which action.
        action: String,
        /// Why.
        source: ParseKeyError,
    },
    /// Two commands, one key.
    #[error("keymap: {key} means both `{first}` and `{second}`")]
    Conflict {
        /// The key.
        key: String,
        /// One command.
        first: String,
        /// The other.
        second: String,
    },
    /// An action nobody could take any more.
    #[error("keymap: `{action}` has no key left; give it one")]
    NoKey {
        /// Which.
        action: &'static str,
    },
}

fn suggestion(near: &Option<&'static str>) -> String {
    near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

/// Keys of every command.
#[derive(Debug, Clone)]
pub struct Keymap {
    rows: Vec<(Chord, Command)>,
}

/// Keys the Emacs preset adds.
const EMACS: &[(Action, &str)] = &[
    (Action::Top, "alt-<"),
    (Action::Bottom, "alt->"),
    (Action::PageDown, "ctrl-v"),
    (Action::PageUp, "alt-v"),
    (Action::Palette, "alt-x"),
    (Action::Interrupt, "ctrl-g"),
    (Action::EditOutside, "ctrl-x"),
];

impl Keymap {
    /// Builds the keymap and checks it against the pages' letters.
    ///
    /// # Errors
    /// An action or a key is unknown, two commands share a key, or an action has none left.
    pub fn new(preset: Preset, remap: &Remap, letters: &[(char, &'static str)]) -> Result<Self, KeymapError> {
        for name in remap.keys() {
            if !Action::ALL.iter().any(|action| action.name() == name) {
                return Err(KeymapError::UnknownAction {
                    name: name.clone(),
                    near: nearest(name),
                });
            }
        }
        let mut rows = Vec::new();
        for action in Action::ALL {
            let mut keys: Vec<String> = action.keys().iter().map(|key| (*key).to_owned()).collect();
            if preset == Preset::Emacs {
                // What Emacs uses for something else loses its own meaning.
                keys.retain(|key| !EMACS.iter().any(|(other, taken)| taken == key && other != action));
                keys.extend(
                    EMACS
                        .iter()
                        .filter(|(a, _)| a == action)
                        .map(|(_, key)| (*key).to_owned()),
                );
            }
            let keys = remap.get(action.name()).unwrap_or(&keys);
            if keys.is_empty() {
                return Err(KeymapError::NoKey {
                    action: action.name(),
                });
            }
            for key in keys {
                let chord = key.parse().map_err(|source| KeymapError::BadKey {
                    action: action.name().to_owned(),
                    source,
                })?;
                rows.push((chord, Command::Action(*action)));
            }
        }
        rows.extend(
            letters
                .iter()
                .map(|(letter, id)| (Chord(vec![GO, Key::char(*letter)]), Command::Page(id))),
        );
        let keymap = Self { rows };
        keymap.check()?;
        Ok(keymap)
    }

    /// Takes one more key behind `pending`, among the commands that are `active`.
    pub fn step(&self, pending: &[Key], key: Key, active: impl Fn(Command) -> bool) -> Step {
        let mut typed = pending.to_vec();
        typed.push(key);
        let mut waits = false;
        for (chord, command) in &self.rows {
            if !chord.0.starts_with(&typed) || !active(*command) {
                continue;
            }
            if chord.0.len() == typed.len() {
                return Step::Run(*command);
            }
            waits = true;
        }
        if waits { Step::Wait } else { Step::Nothing }
    }

    /// Commands that begin with `pending`, with their last key, for the prefix help.
    pub fn behind<'a>(&'a self, pending: &'a [Key]) -> impl Iterator<Item = (Key, Command)> + 'a {
        self.rows.iter().filter_map(move |(chord, command)| {
            let rest = chord.0.strip_prefix(pending)?;
            match rest {
                [last] => Some((*last, *command)),
                _ => None,
            }
        })
    }

    /// The keys of a command, first the one to show.
    #[must_use]
    pub fn keys(&self, command: Command) -> Vec<&Chord> {
        self.rows
            .iter()
            .filter(|(_, c)| *c == command)
            .map(|(chord, _)| chord)
            .collect()
    }

    /// The keys of an action, to show: `j ↓`.
    #[must_use]
    pub fn label(&self, action: Action) -> String {
        let keys = self.keys(Command::Action(action));
        keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    /// The first key of an action, to show.
    #[must_use]
    pub fn first(&self, action: Action) -> String {
        self.keys(Command::Action(action))
            .first()
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    /// The first key of an action that is no text where one types, to show.
    #[must_use]
    pub fn held(&self, action: Action) -> String {
        let keys = self.keys(Command::Action(action));
        let held = keys
            .iter()
            .find(|chord| !chord.0.iter().any(|key| key.is_typed()));
        held.map_or_else(|| self.first(action), |chord| chord.to_string())
    }

    fn check(&self) -> Result<(), KeymapError> {
        for (at, (chord, command)) in self.rows.iter().enumerate() {
            for (other, second) in &self.rows[at + 1..] {
                let clash = chord.0.starts_with(&other.0) || other.0.starts_with(&chord.0);
                if clash && command != second {
                    return Err(KeymapError::Conflict {
                        key: chord.to_string(),
                        first: command.name().to_owned(),
                        second: second.name().to_owned(),
                    });
                }
            }
        }
        Ok(())
    }
}

impl Command {
    /// Its name in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Action(action) => action.name(),
            Self::Page(id) => id,
        }
    }

    /// Works without the page listing it.
    #[must_use]
    pub fn is_everywhere(self) -> bool {
        match self {
            Self::Action(action) => action.group() == Group::Everywhere,
            Self::Page(_) => true,
        }
    }
}

fn nearest(name: &str) -> Option<&'static str> {
    let likeness = |action: &Action| strsim::normalized_levenshtein(name, action.name());
    let best = Action::ALL
        .iter()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(best) >= 0.6).then(|| best.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standard() -> Keymap {
        Keymap::new(
            Preset::Standard,
            &Remap::new(),
            &[('d', "dashboard"), ('r', "runs")],
        )
        .unwrap()
    }

    #[test]
    fn a_prefix_waits_and_completes() {
        let keymap = standard();
        assert_eq!(keymap.step(&[], GO, |_| true), Step::Wait);
        assert_eq!(
            keymap.step(&[GO], Key::char('d'), |_| true),
            Step::Run(Command::Page("dashboard"))
        );
        assert_eq!(
            keymap.step(&[GO], GO, |_| true),
            Step::Run(Command::Action(Action::Top))
        );
        assert_eq!(keymap.step(&[GO], Key::char('q'), |_| true), Step::Nothing);
    }

    #[test]
    fn an_action_that_is_not_active_means_nothing() {
        let keymap = standard();
        let none = |command: Command| command != Command::Action(Action::Approve);
        assert_eq!(keymap.step(&[], Key::char('a'), none), Step::Nothing);
    }

    #[test]
    fn own_keys_replace_and_conflicts_are_named() {
        let own = |action: &str, key: &str| Remap::from([(action.to_owned(), vec![key.to_owned()])]);
        let keymap = Keymap::new(Preset::Standard, &own("approve", "f2"), &[]).unwrap();
        assert_eq!(keymap.label(Action::Approve), "F2");
        let error = Keymap::new(Preset::Standard, &own("approve", "j"), &[]).unwrap_err();
        assert!(matches!(error, KeymapError::Conflict { .. }), "{error}");
        let error = Keymap::new(Preset::Standard, &own("aprove", "j"), &[]).unwrap_err();
        assert!(error.to_string().contains("did you mean `approve`"), "{error}");
        assert!(Keymap::new(Preset::Standard, &own("approve", "hyper-x"), &[]).is_err());
        let none = Remap::from([("approve".to_owned(), Vec::new())]);
        assert!(matches!(
            Keymap::new(Preset::Standard, &none, &[]),
            Err(KeymapError::NoKey { .. })
        ));
    }

    #[test]
    fn the_presets_have_no_conflict() {
        Keymap::new(Preset::Emacs, &Remap::new(), &[]).unwrap();
    }
}
