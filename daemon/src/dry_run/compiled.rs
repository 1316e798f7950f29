//! What is no workflow itself is tried as the one it compiles to.

use dirigent_engine::orchestration::{check, compile};
use dirigent_protocol::entity::{Kind, Orchestration};
use dirigent_protocol::source::{self, Diagnostic, Node, Place};

/// The text of the workflow that the one orchestration of a text compiles to, or what is wrong with it; none where there
/// is no such one.
#[must_use]
pub fn compiled(text: &str) -> Option<Result<String, Vec<Diagnostic>>> {
    let parsed = source::parse(text.as_bytes());
    let is_one = |node: &&Node| node.get("kind").and_then(Node::as_str) == Some(Kind::Orchestration.as_str());
    let mut all = parsed.documents.iter().filter(is_one);
    let (only, None) = (all.next()?, all.next()) else {
        return None;
    };
    let whole = only.to_json();
    let name = whole["metadata"]["name"].as_str().unwrap_or("draft");
    let wanted: Orchestration = match serde_json::from_value(whole["spec"].clone()) {
        Ok(wanted) => wanted,
        Err(error) => {
            let words = format!("this is no orchestration: {error}");
            return Some(Err(vec![Diagnostic::error(
                "not_an_orchestration",
                words,
                Place::default(),
            )]));
        }
    };
    let findings = check(name, &wanted).1;
    match compile(name, 1, &wanted) {
        Some(document) if !findings.iter().any(Diagnostic::is_error) => Some(Ok(document.to_string())),
        _ => Some(Err(findings)),
    }
}
