//! What came of playing a recorded test.

use dirigent_protocol::digest::Digest;
use dirigent_protocol::recording::Difference;
use serde_json::{Value, json};

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The workflow.
    pub workflow: String,
    /// The version that was recorded.
    pub recorded: Digest,
    /// The version that was played.
    pub played: Digest,
    /// Steps that were come to.
    pub steps: usize,
    /// Moments that were played.
    pub moments: usize,
    /// What is not as it was recorded.
    pub differences: Vec<Difference>,
    /// Moments that found nothing to happen to, in words.
    pub strays: Vec<String>,
}

impl Verdict {
    /// Nothing differs.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.differences.is_empty() && self.strays.is_empty()
    }

    /// For scripts.
    #[must_use]
    pub fn to_json(&self, file: &str) -> Value {
        json!({
            "file": file,
            "passed": self.passed(),
            "workflow": self.workflow,
            "recorded": self.recorded,
            "played": self.played,
            "steps": self.steps,
            "moments": self.moments,
            "differences": self.differences,
            "strays": self.strays,
        })
    }

    /// For people: a line that says how it went, and the diff.
    #[must_use]
    pub fn render(&self, file: &str) -> String {
        if self.passed() {
            return format!(
                "{file}: passed ({} steps, {} moments of `{}`)",
                self.steps, self.moments, self.workflow
            );
        }
        let mut lines = vec![format!("{file}: FAILED")];
        for difference in &self.differences {
            let step = difference.step.as_ref().map(ToString::to_string);
            let at = step
                .filter(|step| !step.is_empty())
                .unwrap_or_else(|| "the run".to_owned());
            lines.push(format!("  {at}: {}", difference.field));
            lines.extend(difference.lines().iter().map(|line| format!("    {line}")));
        }
        lines.extend(self.strays.iter().map(|stray| format!("  {stray}")));
        lines.join("\n")
    }
}
