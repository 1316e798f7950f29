//! The files of `dirigent demo`: a workflow and its agents, as anybody could write and apply them.

/// The workflow, an Open Workflow document.
pub const WORKFLOW: &str = include_str!("../demo/incident-review.yaml");
/// Its agents, `kind: Agent` documents.
pub const AGENTS: &str = include_str!("../demo/agents.yaml");
/// Its name.
pub const WORKFLOW_NAME: &str = "incident-review";

/// The line of an agent that leaves the model to the daemon.
const DEFAULT_MODEL: &str = "model: \"\"";

/// The agents with a model of one's choice.
#[must_use]
pub fn agents_with(model: &str) -> String {
    // A JSON text is a YAML text: nothing in a model's name can leave its quotes.
    AGENTS.replace(
        DEFAULT_MODEL,
        &format!("model: {}", serde_json::Value::from(model)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_agent_takes_the_chosen_model() {
        let agents = agents_with("ollama/llama3.2:3b");
        assert_eq!(AGENTS.matches("kind: Agent").count(), 3);
        assert_eq!(agents.matches("model: \"ollama/llama3.2:3b\"\n").count(), 3);
        assert!(!agents.contains(DEFAULT_MODEL));
    }

    #[test]
    fn the_workflow_calls_the_shipped_agents_and_no_other() {
        let called: Vec<&str> = WORKFLOW
            .lines()
            .filter_map(|line| line.trim().strip_prefix("agent: "))
            .collect();
        assert_eq!(
            called,
            ["incident-anomalies", "incident-timeline", "incident-reporter"]
        );
        for name in called {
            assert!(AGENTS.contains(&format!("  name: {name}\n")), "{name}");
        }
        assert!(WORKFLOW.contains(&format!("  name: {WORKFLOW_NAME}\n")));
    }
}
