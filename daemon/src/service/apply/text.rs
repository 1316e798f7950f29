//! The part of a file's text that is one of its documents, comments and all.

use dirigent_protocol::source::Node;

/// The lines between the separators around a document. A file of one document is taken as it is.
pub(super) fn of(file: &str, node: &Node, documents: usize) -> String {
    if documents <= 1 {
        return file.trim_start_matches('\u{feff}').to_owned();
    }
    let lines: Vec<&str> = file.trim_start_matches('\u{feff}').lines().collect();
    let first = (node.span.start.line as usize).saturating_sub(1).min(lines.len());
    let last = (node.span.end.line as usize)
        .saturating_sub(1)
        .min(lines.len().saturating_sub(1));
    let opens = |line: &&str| line.starts_with("---");
    let closes = |line: &&str| line.starts_with("---") || line.starts_with("...");
    let begin = match lines.get(first) {
        // `--- { ... }`: the document begins on the separator's own line.
        Some(line) if opens(line) => first,
        _ => lines[..first].iter().rposition(opens).map_or(0, |at| at + 1),
    };
    // The end of a mapping may be told as the next separator's line.
    let from = if last > first { last } else { first + 1 };
    let end = lines[from.min(lines.len())..]
        .iter()
        .position(closes)
        .map_or(lines.len(), |at| from + at);
    let mut text = lines[begin..end].join("\n");
    if let Some(rest) = text.strip_prefix("---") {
        text = format!("   {rest}");
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::source;

    use super::*;

    #[test]
    fn each_document_keeps_its_own_comments() {
        let file = "# one\na: 1\n# end of one\n---\n# two\nb: [1,\n  2]\n---\n{\"c\": 3}\n";
        let parsed = source::parse(file.as_bytes());
        let texts: Vec<_> = parsed.documents.iter().map(|node| of(file, node, 3)).collect();
        assert_eq!(
            texts,
            [
                "# one\na: 1\n# end of one\n",
                "# two\nb: [1,\n  2]\n",
                "{\"c\": 3}\n"
            ]
        );
        for (node, text) in parsed.documents.iter().zip(&texts) {
            assert_eq!(
                source::parse(text.as_bytes()).documents[0].to_json(),
                node.to_json()
            );
        }
    }
}
