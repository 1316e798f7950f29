//! Messages that differ in their variable words alone, counted together.

use std::collections::HashMap;
use std::hash::Hash;

/// Most clusters kept; messages beyond count as one more, so that hostile input costs bounded memory.
const MAX_CLUSTERS: usize = 20_000;

/// One kind of message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cluster {
    /// The message with its variable words as `*`.
    pub(super) template: String,
    pub(super) count: usize,
    /// Indexes of the first and the last entry.
    pub(super) first: usize,
    pub(super) last: usize,
}

/// Clusters of (class, message), in order of first appearance; messages of two classes are never one kind.
pub(super) fn clusters<'a, C: Copy + Eq + Hash>(
    messages: impl Iterator<Item = (C, &'a str)>,
) -> Vec<Cluster> {
    let mut found: Vec<Cluster> = Vec::new();
    let mut by_template: HashMap<(C, String), usize> = HashMap::new();
    for (index, (class, message)) in messages.enumerate() {
        let mut template = template(message);
        if found.len() >= MAX_CLUSTERS && !by_template.contains_key(&(class, template.clone())) {
            template = "(other)".to_owned();
        }
        let at = *by_template.entry((class, template.clone())).or_insert_with(|| {
            found.push(Cluster {
                template,
                count: 0,
                first: index,
                last: index,
            });
            found.len() - 1
        });
        found[at].count += 1;
        found[at].last = index;
    }
    found
}

/// A message with every word that holds a digit, a path, an address or quotes replaced by `*`.
pub(super) fn template(message: &str) -> String {
    let mut out = String::new();
    let mut quoted = false;
    for word in message.split_whitespace().take(40) {
        let opens = word.starts_with(['"', '\'', '`']);
        let closes = word.len() > 1
            && word
                .trim_end_matches([',', '.', ';', ':', ')'])
                .ends_with(['"', '\'', '`']);
        let variable = quoted || opens || is_variable(word);
        quoted = (quoted || opens) && !closes;
        let shown = if variable { "*" } else { word };
        if shown == "*" && out.ends_with('*') {
            continue;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(shown);
    }
    out
}

fn is_variable(word: &str) -> bool {
    let inner = word.trim_matches(|c: char| c.is_ascii_punctuation());
    word.bytes().any(|b| b.is_ascii_digit()) || inner.contains(['/', '@', '=', ':', '\\'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_words_are_one_kind_of_message() {
        assert_eq!(
            template("status installed libc6:amd64 2.36-9"),
            "status installed *"
        );
        assert_eq!(
            template("user 'ada l' logged in from 10.0.0.1 port 22"),
            "user * logged in from * port *"
        );
        let lines = ["a 1", "b", "a 2", "a 3"];
        let found = clusters(lines.into_iter().map(|line| (0, line)));
        assert_eq!(
            found[0],
            Cluster {
                template: "a *".into(),
                count: 3,
                first: 0,
                last: 3
            }
        );
        assert_eq!((found.len(), found[1].count), (2, 1));
    }

    #[test]
    fn input_without_repeats_costs_bounded_memory() {
        let lines: Vec<String> = (0..30_000).map(|n| format!("word {}", letters(n))).collect();
        let found = clusters(lines.iter().map(|line| (0, line.as_str())));
        assert!(found.len() <= MAX_CLUSTERS + 1, "{}", found.len());
        assert_eq!(found.iter().map(|cluster| cluster.count).sum::<usize>(), 30_000);
    }

    fn letters(mut n: usize) -> String {
        let mut out = String::from(" ");
        for _ in 0..5 {
            out.push(char::from(b'a' + (n % 26) as u8));
            n /= 26;
        }
        out
    }
}
