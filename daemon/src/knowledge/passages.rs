//! A text cut into passages at headings and paragraphs, and the words of each.

use std::collections::BTreeMap;

use super::html;

/// About how long a passage is, bytes: paragraphs below one heading are joined up to it.
const ABOUT: usize = 1_200;
/// Longest passage, bytes: a longer paragraph is cut between its lines.
const LONGEST: usize = 2_400;
/// Longest word that counts, bytes.
const LONGEST_WORD: usize = 40;
/// How much more a word of the heading counts than one of the text.
const HEADING: u32 = 3;

/// A piece of a text that speaks about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Passage {
    /// Headings it stands below, outermost first.
    pub(super) title: String,
    /// Its first and last line, from 1.
    pub(super) lines: (u32, u32),
    pub(super) text: String,
    /// How often each word stands in it.
    pub(super) words: BTreeMap<Box<str>, u32>,
    /// All of them.
    pub(super) length: u32,
}

/// What a file is, by its name; none where it is no text that is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Markdown,
    Text,
    Html,
}

/// The shape of a file by its name.
pub(super) fn shape_of(path: &str) -> Option<Shape> {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending {
        "md" | "markdown" | "mdx" => Some(Shape::Markdown),
        "html" | "htm" | "xhtml" => Some(Shape::Html),
        "txt" | "text" | "rst" | "adoc" | "org" | "log" => Some(Shape::Text),
        _ if name.starts_with("readme") || name.starts_with("license") || name.starts_with("changelog") => {
            Some(Shape::Text)
        }
        _ => None,
    }
}

/// The passages of a text, in its order.
pub(super) fn cut(shape: Shape, text: &str) -> Vec<Passage> {
    let mut cutter = Cutter::default();
    match shape {
        Shape::Html => {
            for (at, line) in html::lines(text) {
                cutter.line(at, &line, true);
            }
        }
        Shape::Markdown | Shape::Text => {
            for (at, line) in (1..).zip(text.lines()) {
                cutter.line(at, line, shape == Shape::Markdown);
            }
        }
    }
    cutter.end();
    cutter.passages
}

/// Most bytes of a heading: each passage below carries it.
const LONGEST_TITLE: usize = 200;
/// Most passages of one file; what is behind them is not found.
const MOST: usize = 2_000;

#[derive(Default)]
struct Cutter {
    passages: Vec<Passage>,
    headings: Vec<(usize, String)>,
    open: String,
    lines: (u32, u32),
    fenced: bool,
}

impl Cutter {
    fn line(&mut self, at: u32, line: &str, marked: bool) {
        if marked && line.trim_start().starts_with("```") {
            self.fenced = !self.fenced;
        }
        let level = line.chars().take_while(|c| *c == '#').count();
        let is_heading = marked && !self.fenced && (1..=6).contains(&level) && line[level..].starts_with(' ');
        if is_heading {
            self.end();
            self.headings.retain(|(other, _)| *other < level);
            let title = line[level..].trim().trim_end_matches('#').trim();
            let title = &title[..title.floor_char_boundary(LONGEST_TITLE)];
            self.headings.push((level, title.to_owned()));
            return;
        }
        let blank = line.trim().is_empty();
        if (blank && self.open.len() >= ABOUT) || self.open.len() + line.len() > LONGEST {
            self.end();
        }
        if blank {
            return;
        }
        if self.open.is_empty() {
            self.lines.0 = at;
        }
        // A line that is longer than a passage goes on in the next.
        let mut rest = line;
        loop {
            self.lines.1 = at;
            let end = rest.floor_char_boundary(LONGEST);
            self.open.push_str(&rest[..end]);
            self.open.push('\n');
            rest = &rest[end..];
            if rest.is_empty() {
                return;
            }
            self.end();
            self.lines.0 = at;
        }
    }

    fn end(&mut self) {
        let text = std::mem::take(&mut self.open);
        let text = text.trim_end();
        if text.is_empty() || self.passages.len() >= MOST {
            return;
        }
        let titles: Vec<&str> = self.headings.iter().map(|(_, title)| title.as_str()).collect();
        let title = titles.join(" > ");
        let mut found = BTreeMap::new();
        for word in words(text) {
            *found.entry(word).or_default() += 1;
        }
        for word in words(&title) {
            *found.entry(word).or_default() += HEADING;
        }
        self.passages.push(Passage {
            length: found.values().sum(),
            title,
            lines: self.lines,
            text: text.to_owned(),
            words: found,
        });
    }
}

/// Words of a text: letters and digits, lower case, without the endings of plurals.
pub(super) fn words(text: &str) -> impl Iterator<Item = Box<str>> {
    text.split(|c: char| !c.is_alphanumeric()).filter_map(|word| {
        let word = word.to_lowercase();
        let stem = match word.strip_suffix("ies") {
            Some(stem) if stem.len() > 2 => format!("{stem}y"),
            _ if word.len() > 3 && word.ends_with('s') && !word.ends_with("ss") => {
                word[..word.len() - 1].to_owned()
            }
            _ => word,
        };
        (!stem.is_empty() && stem.len() <= LONGEST_WORD).then(|| stem.into_boxed_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_headings_and_long_ones_between_paragraphs() {
        let text = "intro\n\n# Fees\n\nLate fees.\n\nMore.\n\n```\n# no heading\n```\n## Refunds\nPaid back.\n# Other\nx";
        let passages = cut(Shape::Markdown, text);
        let found: Vec<(&str, (u32, u32))> = passages.iter().map(|one| (&*one.title, one.lines)).collect();
        assert_eq!(
            found,
            [
                ("", (1, 1)),
                ("Fees", (5, 11)),
                ("Fees > Refunds", (13, 13)),
                ("Other", (15, 15))
            ]
        );
        let long = format!("{}\n\n{}\n\nend", "a ".repeat(700), "b ".repeat(700));
        assert_eq!(cut(Shape::Text, &long).len(), 3);
        assert!(cut(Shape::Text, &"x".repeat(9_000))[0].text.len() <= LONGEST);
    }

    #[test]
    fn words_meet_in_their_plain_form() {
        let found: Vec<Box<str>> = words("The Policies, FEES & class-names: zwölf").collect();
        assert_eq!(
            found,
            ["the", "policy", "fee", "class", "name", "zwölf"].map(Box::from)
        );
        assert_eq!(shape_of("a/B.MD"), Some(Shape::Markdown));
        assert_eq!(shape_of("README"), Some(Shape::Text));
        assert_eq!(shape_of("a.png"), None);
    }
}
