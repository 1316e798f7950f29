//! What a grant's `allow` and `arguments` speak of, held against the tools that are there. Guards that a limit under a
//! name that no tool has is an error, not a limit that nobody is held to.

use dirigent_protocol::entity::{AgentTool, McpServer};
use dirigent_protocol::run::{Sandbox, Traits};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;

use super::tool::{Closed, Described, World};

/// Stands for all tools of a grant.
const ALL: &str = "*";
/// Most names that a help lists.
const NAMED: usize = 12;

/// Whether a grant covers the tool that is called so on its own side.
pub(super) fn allows(grant: &AgentTool, own: &str) -> bool {
    grant.allow.is_empty() || grant.allow.iter().any(|name| name == own || name == ALL)
}

/// Places in a grant that speak of what is not there, and what is wrong with each.
pub(super) fn wrong(grant: &AgentTool, described: &Described) -> Vec<(String, String)> {
    let known: Vec<&str> = described
        .offered
        .iter()
        .map(|one| one.own.as_str())
        .chain(described.withheld.iter().map(String::as_str))
        .collect();
    let absent = |name: &str| {
        let own: Vec<&str> = known.iter().copied().take(NAMED).collect();
        let shown: String = name.chars().take(64).flat_map(char::escape_debug).collect();
        format!(
            "there is no tool `{shown}` of its own name: there are {}",
            own.join(", ")
        )
    };
    let mut found = Vec::new();
    for (n, name) in grant.allow.iter().enumerate() {
        if name != ALL && !known.contains(&name.as_str()) {
            found.push((format!("allow/{n}"), absent(name)));
        }
    }
    for (name, limit) in &grant.arguments {
        let place = format!("arguments/{}", name.replace('~', "~0").replace('/', "~1"));
        if !known.contains(&name.as_str()) {
            found.push((place, absent(name)));
            continue;
        }
        let tool = described.offered.iter().find(|one| one.own == *name);
        let strange = tool.and_then(|tool| strange(limit, &tool.definition.parameters));
        if let Some(property) = strange {
            let message = format!("`{name}` takes no argument `{property}`: its limit would hold nobody");
            found.push((format!("{place}/properties"), message));
        }
    }
    found
}

/// A property that a limit speaks of and that a tool with a closed list of arguments does not take.
fn strange<'a>(limit: &'a Value, parameters: &Value) -> Option<&'a str> {
    let limited = limit["properties"].as_object()?;
    if parameters["additionalProperties"] != false {
        return None;
    }
    let taken = parameters["properties"].as_object();
    let unknown = |name: &&String| !taken.is_some_and(|taken| taken.contains_key(*name));
    limited.keys().find(unknown).map(String::as_str)
}

/// Nobody to ask: what a grant offers as far as it says so itself.
struct Nobody;

impl World for Nobody {
    fn manifest<'a>(&'a self, _: &'a McpServer) -> BoxFuture<'a, Result<Vec<Value>, Closed>> {
        Box::pin(std::future::ready(Err(Closed::Words(String::new()))))
    }
}

/// What a grant offers; none where a server must be asked.
pub(super) fn described(grant: &AgentTool) -> Option<Described> {
    let (_, tool) = super::opened(grant)?;
    tool.describe(&Nobody).now_or_never()?.ok()
}

/// Whether a grant's program is kept to nothing: then a person is asked about every call, whatever else is written.
pub(super) fn is_unconfined(grant: &AgentTool) -> bool {
    super::opened(grant).and_then(|(_, tool)| tool.sandbox()) == Some(Sandbox::Host)
}

/// What the tools that a grant covers have to do with, as their kind assumes.
pub(super) fn assumed(grant: &AgentTool) -> Traits {
    let Some(described) = described(grant) else {
        // Nobody knows what a server has.
        return Traits {
            untrusted: true,
            private: true,
            outward: true,
        };
    };
    let covered = described.offered.iter().filter(|one| allows(grant, &one.own));
    covered.map(|one| one.traits).fold(Traits::default(), Traits::and)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(grant: Value) -> Vec<String> {
        let grant: AgentTool = serde_json::from_value(grant).unwrap();
        let described = described(&grant).unwrap();
        wrong(&grant, &described)
            .into_iter()
            .map(|(place, _)| place)
            .collect()
    }

    #[test]
    fn a_limit_under_a_name_that_no_tool_has_is_found() {
        let file = json!({ "workspace": "/w", "write": true });
        let limit = json!({ "properties": { "path": { "pattern": "^notes/" } } });
        let with = |allow: Value, arguments: Value| {
            found(json!({ "name": "n", "file": file, "allow": allow, "arguments": arguments }))
        };
        assert!(with(json!(["write_file", "*"]), json!({ "write_file": limit })).is_empty());
        assert_eq!(with(json!(["n_write_file"]), json!({})), ["allow/0"]);
        assert_eq!(
            with(json!([]), json!({ "n_write_file": limit })),
            ["arguments/n_write_file"]
        );
        let misspelt = json!({ "write_file": { "properties": { "paht": { "pattern": "^notes/" } } } });
        assert_eq!(with(json!([]), misspelt), ["arguments/write_file/properties"]);
        // A tool that may only be read has no `write_file`.
        let read = json!({ "file": { "workspace": "/w" }, "arguments": { "write_file": limit } });
        assert_eq!(found(read), ["arguments/write_file"]);
    }
}
