//! What is asked and what is to be read: instructions and material, told apart.
//!
//! System messages are instructions. In the others, fenced blocks, `<tag>` blocks, JSON and lines that look like a
//! log or a history are material; of the remaining prose the first paragraph is instruction.

use serde_json::Value;

use crate::{Message, Part as Said, Role};

use super::blocks::{is_json_lines, is_record, json_document, push_line, split_log, tag, until_line};
use super::stamp;

/// Most material read, in bytes; the rest is said to be unread.
pub(super) const MAX_MATERIAL: usize = 8 * 1024 * 1024;
/// Prose beside a block that is longer than this is material too, not instruction.
const LONG_PROSE: usize = 1_000;
/// A text longer than this inside JSON is material, a shorter one a fact.
const LONG_TEXT: usize = 120;
/// Last line of every prose answer. Taken out when an answer is read again, so that a report quotes none of its own words.
pub(super) const FOOTER: &str = "_Rehearsal: extracted from the input by rule; no model was asked._";
/// After so many texts that begin like JSON and are none, the rest is not tried.
const MAX_JSON_FAILURES: usize = 16;
/// Most facts kept.
const MAX_FACTS: usize = 60;

/// One text to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// What it was called: a JSON key, a tag, the line above a fence; may be empty.
    pub(super) label: String,
    pub(super) text: String,
}

/// Something asked for by a word of the instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    Report,
    Summary,
    Errors,
    Timeline,
    Frequency,
    Sources,
    Rare,
    Steps,
}

const WORDS: &[(Topic, &[&str])] = &[
    (
        Topic::Report,
        &[
            "report",
            "draft",
            "incident review",
            "postmortem",
            "post-mortem",
            "write-up",
        ],
    ),
    (
        Topic::Summary,
        &["summar", "overview", "describe", "what happened"],
    ),
    (
        Topic::Errors,
        &[
            "error", "fail", "fault", "problem", "warning", "severity", "crash", "risk", "symptom", "fix",
        ],
    ),
    (
        Topic::Timeline,
        &[
            "timeline",
            "chronolog",
            "sequence of",
            "over time",
            "when ",
            "in order",
            "changes",
        ],
    ),
    (
        Topic::Frequency,
        &[
            "frequen",
            "count",
            "how many",
            "how often",
            "pattern",
            "repeat",
            "most common",
            "statistic",
        ],
    ),
    (
        Topic::Sources,
        &[
            "author",
            "contributor",
            "who ",
            "component",
            "unit",
            "service",
            "program",
            "package",
        ],
    ),
    (
        Topic::Rare,
        &["rare", "unusual", "outlier", "anomal", "odd", "suspicious"],
    ),
    (
        Topic::Steps,
        &[
            "recommend",
            "next step",
            "action",
            "suggest",
            "follow-up",
            "follow up",
            "propose",
        ],
    ),
];

/// A request, read.
#[derive(Debug, Default)]
pub(super) struct Brief {
    /// Everything that instructs, in lower case.
    pub(super) instructions: String,
    /// The first paragraph of what a user asks, as it was written.
    pub(super) request: String,
    pub(super) material: Vec<Part>,
    /// Short values of JSON: (path, value).
    pub(super) facts: Vec<(String, String)>,
    /// Bytes of material that were not read.
    pub(super) unread: usize,
}

impl Brief {
    pub(super) fn of(messages: &[Message]) -> Self {
        let mut brief = Self::default();
        for message in messages {
            match message.role {
                Role::System => brief.instruct(&message.words()),
                Role::User => brief.user(&message.words()),
                Role::Tool => brief.results(message),
                // Earlier answers are not read again: they are extracts of what is.
                Role::Assistant => {}
            }
        }
        brief.trim();
        brief
    }

    /// What tools answered is material under their names.
    fn results(&mut self, message: &Message) {
        for said in &message.parts {
            let Said::ToolCallResponse(answer) = said else {
                continue;
            };
            match answer.response.as_str() {
                Some(text) => self.block(answer.name.clone(), text),
                None => self.json(&answer.name, Value::clone(&answer.response)),
            }
        }
    }

    /// Whether the instructions ask for a topic.
    pub(super) fn asks(&self, topic: Topic) -> bool {
        let words = WORDS
            .iter()
            .find(|(known, _)| *known == topic)
            .map_or(&[][..], |(_, words)| words);
        words.iter().any(|word| self.instructions.contains(word))
    }

    /// Whether they ask for no topic at all.
    pub(super) fn asks_nothing(&self) -> bool {
        WORDS.iter().all(|(topic, _)| !self.asks(*topic))
    }

    fn instruct(&mut self, text: &str) {
        self.instructions.push_str(&text.to_lowercase());
        self.instructions.push('\n');
    }

    fn user(&mut self, text: &str) {
        if let Ok(value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text.trim()) {
            return self.json("", value);
        }
        let before = (self.material.len(), self.facts.len());
        let prose = self.blocks(text);
        let (log, prose) = split_log(&prose);
        if !log.is_empty() {
            self.part(String::new(), log);
        }
        let mut paragraphs = prose.trim().splitn(2, "\n\n");
        let first = paragraphs.next().unwrap_or_default();
        let rest = paragraphs.next().unwrap_or_default().trim();
        if self.request.is_empty() {
            self.request = first.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        self.instruct(first);
        let has_material = (self.material.len(), self.facts.len()) != before;
        if has_material && rest.len() < LONG_PROSE {
            self.instruct(rest);
        } else if rest.is_empty() {
            self.part(String::new(), first.to_owned());
        } else {
            self.part(String::new(), rest.to_owned());
        }
    }

    /// Takes fenced, tagged and JSON blocks out; gives back what is left.
    fn blocks(&mut self, text: &str) -> String {
        let mut left = String::new();
        let mut label = "";
        let mut rest = text;
        let mut failures = 0;
        let mut records = false;
        while !rest.is_empty() {
            let (line, below) = rest.split_once('\n').unwrap_or((rest, ""));
            let trimmed = line.trim();
            let name = tag(trimmed);
            let end = if trimmed.starts_with("```") {
                Some("```".into())
            } else {
                name.map(|name| format!("</{name}>"))
            };
            if let Some(end) = end {
                let (block, after) = until_line(below, &end);
                self.block(name.unwrap_or(label).to_owned(), block);
                rest = after;
                continue;
            }
            records = is_record(line) && (records || is_json_lines(rest));
            let may_be_json = trimmed.starts_with(['{', '[']) && failures < MAX_JSON_FAILURES;
            if may_be_json && !records && stamp::time(line).is_none() {
                if let Some((value, length)) = json_document(rest) {
                    self.json(label, value);
                    rest = rest[length..].trim_start_matches('\n');
                    continue;
                }
                failures += 1;
            }
            push_line(&mut left, line);
            if !trimmed.is_empty() {
                label = trimmed
                    .strip_suffix(':')
                    .unwrap_or_default()
                    .trim_matches(['#', '*', ' ']);
            }
            rest = below;
        }
        left
    }

    fn block(&mut self, label: String, text: &str) {
        match serde_json::from_str(text.trim()) {
            Ok(value @ (Value::Object(_) | Value::Array(_))) => self.json(&label, value),
            _ => self.part(label, text.to_owned()),
        }
    }

    fn json(&mut self, path: &str, value: Value) {
        let below = |name: &str| {
            if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}.{name}")
            }
        };
        match value {
            Value::Object(members) => members
                .into_iter()
                .for_each(|(name, value)| self.json(&below(&name), value)),
            Value::Array(items) if items.iter().all(Value::is_string) => {
                let lines: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                self.part(path.to_owned(), lines.join("\n"));
            }
            Value::Array(items) => {
                items
                    .into_iter()
                    .enumerate()
                    .for_each(|(index, value)| self.json(&below(&index.to_string()), value));
            }
            Value::String(text) if text.contains('\n') || text.len() > LONG_TEXT => {
                self.block(path.to_owned(), &text)
            }
            Value::String(text) => self.fact(path, text),
            Value::Null => {}
            other => self.fact(path, other.to_string()),
        }
    }

    fn fact(&mut self, path: &str, value: String) {
        if self.facts.len() < MAX_FACTS && !value.is_empty() {
            self.facts.push((path.to_owned(), value));
        }
    }

    fn part(&mut self, label: String, text: String) {
        let text = if text.contains(FOOTER) {
            text.replace(FOOTER, "")
        } else {
            text
        };
        if !text.trim().is_empty() {
            self.material.push(Part { label, text });
        }
    }

    fn trim(&mut self) {
        let mut room = MAX_MATERIAL;
        for part in &mut self.material {
            if part.text.len() > room {
                let cut = part.text.floor_char_boundary(room);
                self.unread += part.text.len() - cut;
                part.text.truncate(cut);
            }
            room -= part.text.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(text: &str) -> Brief {
        Brief::of(&[Message::text(Role::User, text)])
    }

    #[test]
    fn instructions_and_material_are_told_apart() {
        let fenced = user("Summarise the errors in this log:\n```\nall is well\n```\nBe short.");
        assert_eq!(
            fenced.material,
            [Part {
                label: "Summarise the errors in this log".into(),
                text: "all is well".into()
            }]
        );
        assert!(fenced.asks(Topic::Errors) && fenced.asks(Topic::Summary) && !fenced.asks(Topic::Timeline));

        let bare = user("List every failure.\n2025-01-01 10:00:00 error: disk full\n  at disk.c:5\n");
        assert_eq!(
            bare.material[0].text,
            "2025-01-01 10:00:00 error: disk full\n  at disk.c:5\n"
        );
        assert!(bare.instructions.contains("list every failure") && !bare.instructions.contains("disk"));

        let tagged = user("Draft a report.\n<findings>\n- one\n- two\n</findings>");
        assert_eq!(
            tagged.material,
            [Part {
                label: "findings".into(),
                text: "- one\n- two".into()
            }]
        );
        assert!(tagged.asks(Topic::Report));
    }

    #[test]
    fn json_gives_texts_and_facts_by_their_path() {
        let brief = user(
            "Report on:\n{\"facts\": {\"lines\": 12, \"ok\": true, \"none\": null},\n \"log\": \"a\\nb\"}\n",
        );
        assert_eq!(
            brief.material,
            [Part {
                label: "Report on.log".into(),
                text: "a\nb".into()
            }]
        );
        assert_eq!(
            brief.facts,
            [
                ("Report on.facts.lines".into(), "12".into()),
                ("Report on.facts.ok".into(), "true".into())
            ]
        );
        let whole = user("{\"items\": [\"x\", \"y\"]}");
        assert_eq!(
            whole.material,
            [Part {
                label: "items".into(),
                text: "x\ny".into()
            }]
        );
    }

    #[test]
    fn a_question_alone_is_its_own_material() {
        let brief = user("What is the capital of France?");
        assert_eq!(brief.material.len(), 1);
        assert!(Brief::of(&[]).material.is_empty());
    }
}
