//! Faults for people and for scripts, on standard error.

use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::source::Severity;
use serde_json::{Value, json};

use super::out::{Look, Tone};
use crate::text::{clean, clean_line};

/// Most characters of a message: more hides what matters.
const LONGEST: usize = 8_000;

/// `{"error":{"code","message","at","help"}}`, with `details` where there are several findings.
#[must_use]
pub fn to_json(fault: &Fault) -> Value {
    let mut error = json!({
        "code": fault.code.as_str(),
        "message": fault.message,
        "at": fault.at,
        "help": fault.help,
    });
    if let (Some(members), false) = (error.as_object_mut(), fault.details.is_empty()) {
        members.insert(
            "details".into(),
            serde_json::to_value(&fault.details).unwrap_or_default(),
        );
    }
    json!({ "error": error })
}

/// `error[code]: what happened`, where, and `help: what to do`; findings of a document first, each with its place.
/// Control bytes are shown, also where no terminal reads: errors quote what somebody else may have typed.
#[must_use]
pub fn to_text(fault: &Fault, look: Look) -> String {
    let file = fault
        .at
        .as_deref()
        .map_or("document", |at| at.split(':').next().unwrap_or(at));
    let mut text = String::new();
    for finding in &fault.details {
        let tone = if finding.severity == Severity::Error {
            Tone::Bad
        } else {
            Tone::Ask
        };
        let rendered = clean(&finding.render(file)).into_owned();
        let (first, rest) = rendered.split_once('\n').unwrap_or((&rendered, ""));
        text.push_str(&look.paint(tone, first));
        text.push('\n');
        if !rest.is_empty() {
            text.push_str(rest);
            text.push('\n');
        }
    }
    let head = format!("error[{}]:", fault.code.as_str());
    text.push_str(&look.paint(Tone::Bad, &head));
    text.push(' ');
    text.push_str(&cut(&clean(&fault.message)));
    if let Some(at) = &fault.at {
        text.push_str("\n  at: ");
        text.push_str(&cut(&clean_line(at)));
    }
    if let Some(help) = &fault.help {
        text.push_str("\n  help: ");
        text.push_str(&cut(&clean(help)));
    }
    text
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}… ({} bytes more)", &text[..at], text.len() - at),
    }
}

/// Puts the file's name in front of a place in it (`3:14`), where the daemon left it out.
#[must_use]
pub fn in_file(mut fault: Fault, file: &str) -> Fault {
    if fault.code != Code::Invalid {
        return fault;
    }
    fault.at = Some(match fault.at.take() {
        None => file.to_owned(),
        Some(at) if at.starts_with(|c: char| c.is_ascii_digit()) => format!("{file}:{at}"),
        Some(at) => at,
    });
    fault
}

/// A fault in the words of the call itself.
#[must_use]
pub fn usage(message: impl Into<String>) -> Fault {
    Fault::new(Code::Usage, message)
}

/// Reading or writing failed on this side.
#[must_use]
pub fn io(what: &str, at: impl std::fmt::Display, error: &std::io::Error) -> Fault {
    Fault::new(Code::Io, format!("{what}: {error}")).at(at.to_string())
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::source::{Diagnostic, Place};

    use super::*;

    const PLAIN: Look = Look {
        terminal: false,
        colour: false,
    };

    #[test]
    fn a_fault_reads_the_same_for_people_and_scripts() {
        let fault = Fault::new(Code::NotFound, "no run `7`")
            .at("runs")
            .help("see `dirigent runs list`");
        assert_eq!(
            to_text(&fault, PLAIN),
            "error[not_found]: no run `7`\n  at: runs\n  help: see `dirigent runs list`"
        );
        assert_eq!(
            to_json(&fault),
            json!({"error": {"code": "not_found", "message": "no run `7`", "at": "runs", "help": "see `dirigent runs list`"}})
        );
    }

    #[test]
    fn every_finding_of_a_document_is_shown_with_its_place() {
        let at = Place {
            line: 3,
            column: 5,
            path: String::new(),
        };
        let fault = Fault::new(Code::Invalid, "2 errors")
            .at("a.yaml:3:5")
            .details(vec![
                Diagnostic::error("unknown_field", "`retrys` is not a field", at.clone())
                    .help("write `retry`"),
                Diagnostic::error("missing_field", "`do` is missing", at),
            ]);
        let text = to_text(&fault, PLAIN);
        assert!(text.starts_with(
            "a.yaml:3:5: error[unknown_field]: `retrys` is not a field\n  help: write `retry`\n"
        ));
        assert_eq!(to_json(&fault)["error"]["details"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn a_place_gets_its_file() {
        let at = |place: &str| {
            in_file(Fault::new(Code::Invalid, "x").at(place), "a.yaml")
                .at
                .unwrap()
        };
        assert_eq!(at("3:14"), "a.yaml:3:14");
        assert_eq!(at("a.yaml:3:14"), "a.yaml:3:14");
        assert_eq!(
            in_file(Fault::new(Code::Invalid, "x"), "a.yaml").at.unwrap(),
            "a.yaml"
        );
        assert_eq!(in_file(Fault::new(Code::NotFound, "x"), "a.yaml").at, None);
    }

    #[test]
    fn escapes_are_shown_wherever_an_error_goes() {
        assert!(to_text(&usage("`a\u{1b}[2J`"), PLAIN).contains("`a^[[2J`"));
    }

    #[test]
    fn a_huge_message_is_cut() {
        let text = to_text(&usage("x".repeat(200_000)), PLAIN);
        assert!(text.len() < 10_000, "{}", text.len());
    }
}
