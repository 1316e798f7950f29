//! A workflow that asks a person whether a note may be published, and runs of it.

use serde_json::json;

use crate::Home;

/// The document: `terms` are further lines of the question's `with`, `behind` are tasks that come after it.
#[must_use]
pub fn asking(terms: &[&str], behind: &str) -> String {
    let terms: String = terms.iter().map(|term| format!("        {term}\n")).collect();
    format!(
        "document:\n  dsl: '1.0.3'\n  namespace: tests\n  name: asking\n  version: '1.0.0'\ndo:\n  - gate:\n      \
         call: approval\n      with:\n        title: Publish the note?\n        action: publish note\n{terms}        \
         show:\n          text: ${{ $workflow.input.text }}\n{behind}"
    )
}

impl Home {
    /// Starts a run of such a document about `text` and gives its id once it waits for the person.
    ///
    /// # Panics
    /// When it does not come to the question.
    #[must_use]
    pub fn ask(&self, document: &str, text: &str) -> String {
        let file = self.write("asking.yaml", document);
        let input = json!({ "text": text }).to_string();
        let words = [
            "run",
            "-f",
            file.to_str().unwrap(),
            "--input",
            &input,
            "--no-wait-approvals",
            "--json",
        ];
        let run = self.client(&words).expect_code(4).json();
        assert_eq!(run["status"], "waiting", "{run}");
        run["run"].as_str().unwrap().to_owned()
    }
}
