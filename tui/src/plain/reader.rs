//! What was said of the page: whole, in parts of bearable length, or only what is different now.
//!
//! Owns the numbers. Invariant: a number leads where it led when it was said, until the page is said anew.

use std::collections::VecDeque;

use super::voice::Voice;
use crate::nav::Place;
use crate::pages::Speech;
use crate::pages::speech::{Goes, Row};

/// Lines said at once; behind that one asks for more.
const CHUNK: usize = 40;
/// New lines said beside each other; when there are more, all is said anew.
const FEW: usize = 12;

/// What was said, and what comes next.
#[derive(Debug, Default)]
pub(super) struct Reader {
    last: Speech,
    rest: VecDeque<String>,
    /// The rest belongs to the page, not to a menu.
    of_page: bool,
    numbers: Vec<Goes>,
}

#[derive(PartialEq)]
enum Key<'a> {
    Place(&'a Place),
    Text(&'a str),
}

fn key(row: &Row) -> Key<'_> {
    match &row.goes {
        Some(goes) => Key::Place(&goes.place),
        None => Key::Text(&row.text),
    }
}

impl Reader {
    /// Says a page anew; true when it was said to its end.
    pub(super) fn whole(&mut self, speech: Speech, voice: &mut Voice) -> bool {
        self.numbers.clear();
        voice.say(&speech.title);
        self.part(&speech, voice);
        self.last = speech;
        self.more(voice)
    }

    /// Names the part and queues its lines.
    fn part(&mut self, speech: &Speech, voice: &mut Voice) {
        if !speech.part.is_empty() {
            voice.say(format!("Here: {}.", speech.part));
        }
        self.of_page = true;
        self.rest = VecDeque::new();
        for row in &speech.rows {
            let line = self.line(row);
            self.rest.push_back(line);
        }
    }

    /// Says lines that are no page: help, hits.
    pub(super) fn list(&mut self, lines: Vec<String>, voice: &mut Voice) {
        self.of_page = false;
        self.rest = lines.into();
        self.more(voice);
    }

    /// Says the next lines; true when the page was said to its end with them.
    pub(super) fn more(&mut self, voice: &mut Voice) -> bool {
        for _ in 0..CHUNK {
            let Some(line) = self.rest.pop_front() else { break };
            voice.say(line);
        }
        if !self.rest.is_empty() {
            let more = crate::pages::speech::count(self.rest.len(), "more line");
            voice.say(format!("{more}: an empty line reads on."));
        }
        self.rest.is_empty() && self.of_page
    }

    /// Something is left to be said.
    pub(super) fn has_more(&self) -> bool {
        !self.rest.is_empty()
    }

    /// Where a number leads.
    pub(super) fn chosen(&self, number: usize) -> Option<&Goes> {
        self.numbers.get(number.checked_sub(1)?)
    }

    /// How many numbers there are.
    pub(super) fn numbers(&self) -> usize {
        self.numbers.len()
    }

    /// Says what is different from what was said before; true if anything is.
    pub(super) fn differences(&mut self, now: Speech, voice: &mut Voice) -> bool {
        let before = std::mem::take(&mut self.last);
        let mut any = now.title != before.title;
        if any {
            voice.say(&now.title);
        }
        let old: Vec<Key<'_>> = before.rows.iter().map(key).collect();
        let new: Vec<Key<'_>> = now.rows.iter().map(key).collect();
        if now.part != before.part || Self::is_another(&old, &new) {
            any = true;
            self.numbers.clear();
            self.part(&now, voice);
            self.more(voice);
        } else {
            for row in now.rows.iter().filter(|row| !old.contains(&key(row))) {
                any = true;
                let line = self.line(row);
                voice.say(line);
            }
            any |= self.moved(&before, &now, voice);
        }
        self.last = now;
        any
    }

    /// So different that it is said anew: another order, much that is new, or a shorter choice than there was.
    fn is_another(old: &[Key<'_>], new: &[Key<'_>]) -> bool {
        let kept = old.iter().filter(|key| new.contains(key));
        let still = new.iter().filter(|key| old.contains(key));
        let many = |keys: &[Key<'_>], others: &[Key<'_>]| {
            let places = keys.iter().filter(|key| matches!(key, Key::Place(_)));
            places.filter(|key| !others.contains(key)).count()
        };
        let much = new.iter().filter(|key| !old.contains(key)).count();
        !kept.eq(still) || many(old, new) > many(new, old) || much > FEW
    }

    /// Says the line the cursor came to.
    fn moved(&mut self, before: &Speech, now: &Speech, voice: &mut Voice) -> bool {
        let here = |speech: &Speech| speech.rows.iter().position(|row| row.here);
        let Some(at) = here(now) else { return false };
        let row = &now.rows[at];
        let same = here(before)
            .is_some_and(|was| key(&before.rows[was]) == key(row) && (row.goes.is_some() || was == at));
        if !same {
            voice.say(format!("At {} of {}: {}", at + 1, now.rows.len(), row.text));
        }
        !same
    }

    /// A row with its number.
    fn line(&mut self, row: &Row) -> String {
        let Some(goes) = &row.goes else {
            return row.text.clone();
        };
        let known = self.numbers.iter().position(|other| other == goes);
        let number = known.unwrap_or_else(|| {
            self.numbers.push(goes.clone());
            self.numbers.len() - 1
        });
        let here = if row.here { " (here)" } else { "" };
        format!("{}: {}{here}", number + 1, row.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(names: &[&str], here: &str) -> Speech {
        let mut speech = Speech::new("Page.");
        for name in names {
            speech.choice(*name, Place::page(name), *name == here);
        }
        speech
    }

    #[test]
    fn numbers_stay_what_they_were_until_the_page_is_said_anew() {
        let (mut reader, mut voice) = (Reader::default(), Voice::default());
        assert!(reader.whole(page(&["a", "b"], "a"), &mut voice));
        assert_eq!(voice.take(), ["Page.", "1: a (here)", "2: b"]);
        assert!(reader.differences(page(&["c", "a", "b"], "a"), &mut voice));
        assert_eq!(voice.take(), ["3: c"]);
        assert_eq!(reader.chosen(1).unwrap().place, Place::page("a"));
        assert_eq!(reader.chosen(3).unwrap().place, Place::page("c"));
        assert!(reader.chosen(0).is_none() && reader.chosen(4).is_none());
    }

    #[test]
    fn a_move_says_the_line_and_nothing_says_nothing() {
        let (mut reader, mut voice) = (Reader::default(), Voice::default());
        reader.whole(page(&["a", "b"], "a"), &mut voice);
        voice.take();
        assert!(!reader.differences(page(&["a", "b"], "a"), &mut voice));
        assert!(reader.differences(page(&["a", "b"], "b"), &mut voice));
        assert_eq!(voice.take(), ["At 2 of 2: b"]);
    }

    #[test]
    fn long_pages_come_in_parts() {
        let (mut reader, mut voice) = (Reader::default(), Voice::default());
        let names: Vec<String> = (0..100).map(|n| n.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert!(!reader.whole(page(&names, ""), &mut voice));
        let said = voice.take();
        assert_eq!(said.last().unwrap(), "60 more lines: an empty line reads on.");
        assert!(!reader.more(&mut voice));
        assert!(reader.more(&mut voice));
        assert!(!reader.has_more());
    }
}
