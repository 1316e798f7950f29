//! What a report is to be called and which sections it is to have, as the request words it.

/// A section of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Summary,
    Facts,
    Findings,
    Timeline,
    Steps,
}

/// Words that name a section, and its heading where the request gives none.
const SECTIONS: &[(Section, &str, &[&str])] = &[
    (
        Section::Steps,
        "Recommended next steps",
        &["step", "recommend", "action", "follow"],
    ),
    (Section::Summary, "Summary", &["summary", "overview"]),
    (Section::Facts, "Facts", &["fact", "figure", "number"]),
    (
        Section::Findings,
        "Findings",
        &["finding", "error", "problem", "anomal"],
    ),
    (
        Section::Timeline,
        "Timeline",
        &["timeline", "chronolog", "events"],
    ),
];
const ORDER: [Section; 5] = [
    Section::Summary,
    Section::Facts,
    Section::Findings,
    Section::Timeline,
    Section::Steps,
];
/// Longest name of a section, in words: what is longer is a sentence that mentions one.
const MAX_WORDS: usize = 4;

fn section(name: &str) -> Option<Section> {
    let lower = name.to_lowercase();
    let known = SECTIONS
        .iter()
        .find(|(_, _, words)| words.iter().any(|word| lower.contains(word)));
    known
        .filter(|_| lower.split_whitespace().count() <= MAX_WORDS)
        .map(|(section, _, _)| *section)
}

/// The sections with their headings: those named in a list behind a colon, else all.
pub(super) fn sections(request: &str) -> Vec<(String, Section)> {
    let list = request.split_once(": ").map_or("", |(_, list)| list);
    let list = list.split(". ").next().unwrap_or_default().replace(" and ", ", ");
    let mut named: Vec<(String, Section)> = Vec::new();
    for name in list
        .split([',', ';'])
        .map(|name| name.trim().trim_end_matches('.'))
    {
        if let Some(section) = section(name).filter(|section| named.iter().all(|(_, known)| known != section))
        {
            named.push((capitalised(name), section));
        }
    }
    if named.len() > 1 {
        return named;
    }
    let heading = |section| {
        SECTIONS
            .iter()
            .find(|(known, _, _)| *known == section)
            .map_or("", |row| row.1)
    };
    ORDER
        .iter()
        .map(|section| (heading(*section).to_owned(), *section))
        .collect()
}

/// What the report is called: what the request says to draft.
pub(super) fn subject(request: &str) -> String {
    let lower = request.to_ascii_lowercase();
    let verbs = ["draft ", "write ", "prepare ", "compose "];
    let start = verbs
        .iter()
        .filter_map(|verb| lower.find(verb).map(|at| at + verb.len()))
        .min();
    let Some(text) = start.and_then(|start| request.get(start..)) else {
        return "Report".to_owned();
    };
    let ends = [" as a ", " as an ", " from the ", ": ", ". ", ", "];
    let end = ends
        .iter()
        .filter_map(|end| text.find(end))
        .min()
        .unwrap_or(text.len());
    let text = text[..end].trim_end_matches(['.', ':']);
    let text = ["the ", "a ", "an "]
        .iter()
        .find_map(|article| text.strip_prefix(article))
        .unwrap_or(text);
    if text.is_empty() {
        "Report".to_owned()
    } else {
        capitalised(text)
    }
}

/// A text with its first letter as a capital.
pub(super) fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    rest.next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_names_the_report_and_its_sections() {
        let request = "Draft the incident review of /var/log/App.log as a report: summary, findings, recommended next steps. Be short.";
        assert_eq!(subject(request), "Incident review of /var/log/App.log");
        assert_eq!(
            sections(request),
            [
                ("Summary".to_owned(), Section::Summary),
                ("Findings".to_owned(), Section::Findings),
                ("Recommended next steps".to_owned(), Section::Steps)
            ]
        );
    }

    #[test]
    fn without_a_list_there_are_all_sections() {
        let all: Vec<Section> = sections("Draft an incident report from the findings.")
            .into_iter()
            .map(|s| s.1)
            .collect();
        assert_eq!(all, ORDER);
        assert_eq!(
            subject("Draft an incident report from the findings."),
            "Incident report"
        );
        assert_eq!(subject(""), "Report");
    }
}
