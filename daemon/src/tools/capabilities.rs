//! What an agent says it can do, held against what it is granted. A server's own list is not known here.

use dirigent_protocol::entity::{Agent, AgentTool};
use dirigent_protocol::source::{Diagnostic, Place};

use super::granted::{allows, described};

/// Capabilities that need a tool which no grant names.
pub(crate) fn check_capabilities(agent: &Agent) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (n, capability) in agent.capabilities.iter().enumerate() {
        for (m, tool) in capability.needs().iter().enumerate() {
            if agent.tools.iter().any(|grant| grants(grant, tool)) {
                continue;
            }
            let message = format!(
                "`{}` needs the tool `{}`, which no grant of this agent names",
                capability.name(),
                tool.escape_debug()
            );
            let place = Place {
                path: format!("/capabilities/{n}/needs/{m}"),
                ..Place::default()
            };
            found.push(
                Diagnostic::error("ungranted_need", message, place)
                    .help("grant it under `tools`, or write the name as the model sees it: `NAME_tool` for a grant with a `name`"),
            );
        }
    }
    found
}

/// Whether the grant is of a tool that its model sees under that name.
fn grants(grant: &AgentTool, name: &str) -> bool {
    let own = match &grant.name {
        Some(prefix) => name
            .strip_prefix(prefix.as_str())
            .and_then(|rest| rest.strip_prefix('_')),
        None => Some(name),
    };
    let Some(own) = own.filter(|own| allows(grant, own)) else {
        return false;
    };
    grant.mcp.is_some()
        || described(grant).is_some_and(|tools| tools.offered.iter().any(|one| one.own == own))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_capability_is_held_to_the_grants() {
        let agent = |needs: &[&str]| -> Agent {
            serde_json::from_value(json!({
                "prompt": "x",
                "capabilities": ["talk", { "name": "read", "needs": needs }],
                "tools": [
                    { "file": { "workspace": "/srv/x" }, "allow": ["read_file"] },
                    { "name": "gh", "mcp": { "command": "gh-mcp" }, "allow": ["list_issues"] },
                ],
            }))
            .unwrap()
        };
        assert_eq!(check_capabilities(&agent(&["read_file", "gh_list_issues"])), []);
        for missing in ["write_file", "list_issues", "gh_close_issue", "nothing"] {
            let found = check_capabilities(&agent(&["read_file", missing]));
            let places: Vec<_> = found
                .iter()
                .map(|d| (d.code.as_str(), d.at.path.as_str()))
                .collect();
            assert_eq!(
                places,
                [("ungranted_need", "/capabilities/1/needs/1")],
                "{missing}"
            );
        }
    }
}
