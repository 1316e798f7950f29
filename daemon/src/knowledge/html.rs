//! The text of an HTML page, line by line as it stands in the file; headings come out as Markdown's.

/// What is not text.
const SILENT: [&str; 5] = ["script", "style", "noscript", "template", "svg"];
/// What begins a new line of text.
const BLOCKS: [&str; 18] = [
    "p",
    "div",
    "li",
    "ul",
    "ol",
    "br",
    "tr",
    "table",
    "section",
    "article",
    "pre",
    "blockquote",
    "dt",
    "dd",
    "header",
    "footer",
    "main",
    "body",
];

/// Lines of text with the number of the line of the file they begin at.
pub(super) fn lines(page: &str) -> Vec<(u32, String)> {
    let mut out = Page::default();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        out.text(&rest[..at]);
        rest = &rest[at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            let end = comment.find("-->").map_or(rest.len(), |end| end + 7);
            out.skip(&rest[..end]);
            rest = &rest[end..];
            continue;
        }
        let end = rest.find('>').map_or(rest.len(), |end| end + 1);
        let tag = &rest[..end];
        rest = &rest[end..];
        out.tag(tag);
        let name = name_of(tag);
        if SILENT.contains(&name.as_str()) && !tag.starts_with("</") && !tag.ends_with("/>") {
            let close = format!("</{name}");
            let end = find_ignoring_case(rest, &close).unwrap_or(rest.len());
            out.skip(&rest[..end]);
            rest = &rest[end..];
        }
    }
    out.text(rest);
    out.end();
    out.lines
}

#[derive(Default)]
struct Page {
    lines: Vec<(u32, String)>,
    /// Line breaks so far.
    passed: u32,
    /// The line that is being written, and where it began.
    open: String,
    /// More stands on it than the marks of a heading.
    said: bool,
    from: u32,
}

impl Page {
    fn text(&mut self, text: &str) {
        for (at, part) in text.split('\n').enumerate() {
            if at > 0 {
                self.passed += 1;
                self.space();
            }
            for word in part.split_whitespace() {
                self.space();
                if !self.said {
                    self.from = self.passed + 1;
                }
                let word = decoded(word);
                self.said = self.said || !word.trim_start_matches('#').is_empty();
                self.open.push_str(&word);
            }
            if part.ends_with(char::is_whitespace) {
                self.space();
            }
        }
    }

    fn space(&mut self) {
        if !self.open.is_empty() && !self.open.ends_with(' ') {
            self.open.push(' ');
        }
    }

    fn tag(&mut self, tag: &str) {
        let name = name_of(tag);
        let heading = name
            .strip_prefix('h')
            .and_then(|level| level.parse::<usize>().ok());
        if let Some(level) = heading.filter(|level| (1..=6).contains(level)) {
            self.end();
            if !tag.starts_with("</") {
                self.open = format!("{} ", "#".repeat(level));
            }
        } else if name == "title" || BLOCKS.contains(&name.as_str()) {
            self.end();
            if name == "p" {
                // Paragraphs are apart from one another.
                self.lines.push((self.passed + 1, String::new()));
            }
        }
        self.skip(tag);
    }

    fn skip(&mut self, text: &str) {
        self.passed += u32::try_from(text.matches('\n').count()).unwrap_or(0);
    }

    fn end(&mut self) {
        let line = std::mem::take(&mut self.open);
        self.said = false;
        let line = line.trim_end();
        if !line.trim_start_matches('#').trim().is_empty() {
            self.lines.push((self.from, line.to_owned()));
        }
    }
}

fn name_of(tag: &str) -> String {
    let inner = tag.trim_start_matches(['<', '/']);
    let name = inner.split(|c: char| !c.is_ascii_alphanumeric()).next();
    name.unwrap_or_default().to_ascii_lowercase()
}

fn find_ignoring_case(text: &str, wanted: &str) -> Option<usize> {
    let (text, wanted) = (text.as_bytes(), wanted.as_bytes());
    text.windows(wanted.len())
        .position(|window| window.eq_ignore_ascii_case(wanted))
}

/// The few names that texts are full of; another one stays as it is.
fn decoded(word: &str) -> String {
    if !word.contains('&') {
        return word.to_owned();
    }
    let known = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&nbsp;", " "),
        ("&amp;", "&"),
    ];
    let replace = |text: String, (name, sign): &(&str, &str)| text.replace(name, sign);
    known.iter().fold(word.to_owned(), replace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_out_with_its_lines_and_nothing_else_does() {
        let page = "<html>\n<head><title>T</title><script>var x = '<p>no</p>';\n</script></head>\n<body>\n<h2>Fees &amp;\ncosts</h2>\n<p>Late <b>fees</b>\nare 5 %.</p><!-- a\n<p>hidden --><p>Next</p></body>";
        let lines: Vec<(u32, String)> = lines(page)
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .collect();
        let found: Vec<(u32, &str)> = lines.iter().map(|(at, text)| (*at, text.as_str())).collect();
        assert_eq!(
            found,
            [
                (2, "T"),
                (5, "## Fees & costs"),
                (7, "Late fees are 5 %."),
                (9, "Next")
            ]
        );
        for rubbish in [
            "<",
            "<!--",
            "<script>",
            "<h1",
            "&",
            "<h9>x</h9>",
            "</",
            "<script></SCRIPT",
        ] {
            drop(super::lines(rubbish));
        }
    }
}
