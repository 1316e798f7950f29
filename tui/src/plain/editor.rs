//! A text of several lines, edited line by line: numbered lines, and a command that names one.
//!
//! Invariant: a line that is not named is not changed; nothing leaves before it is saved.

use super::voice::Voice;

/// What the commands do.
const HELP: &str = "A number and a text put the text in that line's place: 3 new text. i3 text puts it before line 3, \
                    i text behind the last. d3 takes line 3 out. p says all. s saves. q goes back.";

/// The text being edited.
#[derive(Debug)]
pub(super) struct Editor {
    lines: Vec<String>,
    changed: bool,
    drop_asked: bool,
}

/// What a line of the person did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Edited {
    /// Still editing.
    Stay,
    /// Save this text.
    Save(String),
    /// Leave it as it was.
    Leave,
}

impl Editor {
    pub(super) fn new(text: &str, about: &[String], voice: &mut Voice) -> Self {
        about.iter().for_each(|line| voice.say(line));
        let editor = Self {
            lines: text.split('\n').map(str::to_owned).collect(),
            changed: false,
            drop_asked: false,
        };
        editor.say_all(voice);
        voice.say(HELP);
        editor
    }

    pub(super) fn take(&mut self, line: &str, voice: &mut Voice) -> Edited {
        let asked = std::mem::take(&mut self.drop_asked);
        match line.trim() {
            "p" => self.say_all(voice),
            "s" => return Edited::Save(self.lines.join("\n")),
            "q" | "esc" if self.changed && !asked => {
                self.drop_asked = true;
                voice.say("q again drops what you changed; s saves it.");
            }
            "q" | "esc" => return Edited::Leave,
            "" | "?" => voice.say(HELP),
            _ => self.change(line, voice),
        }
        Edited::Stay
    }

    fn say_all(&self, voice: &mut Voice) {
        for (at, line) in self.lines.iter().enumerate() {
            voice.say(format!("{}| {line}", at + 1));
        }
    }

    fn change(&mut self, line: &str, voice: &mut Voice) {
        let (verb, rest) = match line.split_at_checked(1) {
            Some(("i" | "d", rest)) => line.split_at(line.len() - rest.len()),
            _ => ("", line),
        };
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, text) = rest.split_at(digits);
        // One blank parts the number from the text; the text's own blanks stay.
        let text = text.strip_prefix(' ').unwrap_or(text);
        let at: Option<usize> = number.parse().ok();
        let known = at.filter(|at| (1..=self.lines.len()).contains(at));
        match (verb, number.is_empty(), known) {
            ("", false, Some(at)) => {
                text.clone_into(&mut self.lines[at - 1]);
                voice.say(format!("{at}| {text}"));
            }
            ("i", true, _) => {
                self.lines.push(text.to_owned());
                voice.say(format!("{}| {text}", self.lines.len()));
            }
            ("i", false, Some(at)) => {
                self.lines.insert(at - 1, text.to_owned());
                voice.say(format!("{at}| {text}"));
                voice.say("The lines behind it count one more.");
            }
            ("d", false, Some(at)) => {
                let gone = self.lines.remove(at - 1);
                voice.say(format!("Taken out: {at}| {gone}"));
            }
            (_, false, None) => {
                voice.say(format!(
                    "There is no line {number}: there are {}.",
                    self.lines.len()
                ));
                return;
            }
            _ => {
                voice.say(HELP);
                return;
            }
        }
        self.changed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_replaced_put_in_and_taken_out() {
        let mut voice = Voice::default();
        let mut editor = Editor::new("{\n  \"count\": 214\n}", &[], &mut voice);
        for line in ["2   \"count\": 215,", "i3   \"more\": true", "p"] {
            assert_eq!(editor.take(line, &mut voice), Edited::Stay);
        }
        let text = "{\n  \"count\": 215,\n  \"more\": true\n}";
        assert_eq!(editor.take("s", &mut voice), Edited::Save(text.to_owned()));
        editor.take("d3", &mut voice);
        editor.take("i end", &mut voice);
        let text = "{\n  \"count\": 215,\n}\nend";
        assert_eq!(editor.take("s", &mut voice), Edited::Save(text.to_owned()));
    }

    #[test]
    fn what_was_changed_is_not_dropped_by_one_line() {
        let mut voice = Voice::default();
        let mut editor = Editor::new("a", &[], &mut voice);
        editor.take("9 x", &mut voice);
        assert!(voice.take().last().unwrap().contains("no line 9"));
        editor.take("1 b", &mut voice);
        assert_eq!(editor.take("q", &mut voice), Edited::Stay);
        assert_eq!(editor.take("q", &mut voice), Edited::Leave);
        let mut editor = Editor::new("a", &[], &mut voice);
        assert_eq!(editor.take("q", &mut voice), Edited::Leave);
    }
}
