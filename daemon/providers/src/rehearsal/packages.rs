//! The log of a package manager (`dpkg`): what was installed, upgraded and removed, as groups in time.
//!
//! Most of its lines are steps of one change (`status half-configured …`); a reader wants the changes.

use super::entry::Entry;

/// The lines that change what is installed.
const ACTIONS: &[(&str, &str)] = &[
    ("install", "installed"),
    ("upgrade", "upgraded"),
    ("remove", "removed"),
    ("purge", "purged"),
];
/// The steps of such changes.
const STEPS: &[&str] = &["status", "startup", "configure", "trigproc", "conffile"];
/// Most packages of a group named.
const MAX_NAMES: usize = 6;

/// Packages changed in the same way one after another.
pub(super) struct Group<'a> {
    pub(super) time: &'a str,
    /// `installed`, `upgraded`, …
    verb: &'static str,
    names: Vec<&'a str>,
}

impl Group<'_> {
    /// `installed 8 packages: a, b, c and 5 more`
    pub(super) fn text(&self) -> String {
        let named: Vec<&str> = self.names.iter().take(MAX_NAMES).copied().collect();
        let more = match self.names.len().saturating_sub(MAX_NAMES) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let noun = if self.names.len() == 1 {
            "package"
        } else {
            "packages"
        };
        let count = self.names.len();
        format!("{} {count} {noun}: {}{more}", self.verb, named.join(", "))
    }
}

fn verb(message: &str) -> Option<&'static str> {
    let word = message.split(' ').next()?;
    ACTIONS
        .iter()
        .find(|(action, _)| *action == word)
        .map(|(_, verb)| *verb)
}

/// Whether nine of ten entries are a package manager's.
pub(super) fn is_package_log(entries: &[Entry<'_>]) -> bool {
    let is_step = |message: &str| {
        message
            .split(' ')
            .next()
            .is_some_and(|word| STEPS.contains(&word))
    };
    let known = entries
        .iter()
        .take(200)
        .filter(|entry| is_step(entry.message) || verb(entry.message).is_some())
        .count();
    known > 0 && known * 10 >= entries.len().min(200) * 9
}

/// The changes, in the order of the log.
pub(super) fn groups<'a>(entries: &[Entry<'a>]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for entry in entries {
        let (Some(verb), Some(time)) = (verb(entry.message), entry.time) else {
            continue;
        };
        let name = entry.message.split(' ').nth(1).unwrap_or_default();
        match groups.last_mut().filter(|group| group.verb == verb) {
            Some(group) => group.names.push(name),
            None => groups.push(Group {
                time,
                verb,
                names: vec![name],
            }),
        }
    }
    groups
}

/// `26 installed, 3 upgraded, 21 removed`; nothing when nothing was.
pub(super) fn totals(entries: &[Entry<'_>]) -> Option<String> {
    let of = |wanted: &str| {
        entries
            .iter()
            .filter(|entry| verb(entry.message) == Some(wanted))
            .count()
    };
    let parts: Vec<String> = ACTIONS
        .iter()
        .map(|(_, verb)| (of(verb), verb))
        .filter(|(count, _)| *count > 0)
        .map(|(count, verb)| format!("{count} {verb}"))
        .collect();
    let again = match undone(entries) {
        0 => String::new(),
        1 => "; 1 of those installed was removed again".to_owned(),
        count => format!("; {count} of those installed were removed again"),
    };
    (!parts.is_empty()).then(|| parts.join(", ") + &again)
}

/// How many lines are steps of the changes and not the changes themselves.
pub(super) fn steps(entries: &[Entry<'_>]) -> usize {
    let is_step = |message: &str| {
        message
            .split(' ')
            .next()
            .is_some_and(|word| STEPS.contains(&word))
    };
    entries.iter().filter(|entry| is_step(entry.message)).count()
}

/// How many packages were installed and later removed, in this very log.
fn undone(entries: &[Entry<'_>]) -> usize {
    let mut present = std::collections::HashSet::new();
    let mut undone = 0;
    for entry in entries {
        let name = entry.message.split(' ').nth(1).unwrap_or_default();
        match verb(entry.message) {
            Some("installed") => drop(present.insert(name)),
            Some("removed" | "purged") => undone += usize::from(present.remove(name)),
            _ => {}
        }
    }
    undone
}

#[cfg(test)]
mod tests {
    use super::super::brief::Part;
    use super::super::read;
    use super::*;

    #[test]
    fn a_package_log_is_read_as_changes() {
        let part = Part {
            label: String::new(),
            text: "2026-09-22 04:48:20 startup archives unpack\n2026-09-22 04:48:20 install a:all <none> 1\n\
                2026-09-22 04:48:20 status half-installed a:all 1\n2026-09-22 04:48:21 install b:all <none> 2\n\
                2026-09-22 04:48:22 remove a:all 1 <none>\n"
                .to_owned(),
        };
        let (_, entries) = read::entries(&part);
        assert!(is_package_log(&entries));
        let lines: Vec<String> = groups(&entries)
            .iter()
            .map(|g| format!("{} {}", g.time, g.text()))
            .collect();
        assert_eq!(
            lines,
            [
                "2026-09-22 04:48:20 installed 2 packages: a:all, b:all",
                "2026-09-22 04:48:22 removed 1 package: a:all"
            ]
        );
        assert_eq!(
            totals(&entries).as_deref(),
            Some("2 installed, 1 removed; 1 of those installed was removed again")
        );
        assert!(!is_package_log(&entries[..0]));
    }
}
