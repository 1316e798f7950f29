//! The schema of agents with what the kinds of tools bring along. Guards that what a grant may say is what its kind
//! reads, and that a name that no kind has is found with its place.

use serde_json::{Map, Value};

use super::KINDS;

/// Adds the settings of every kind to a schema in which grants stand; any other is left as it is.
pub(crate) fn complete(mut schema: Value) -> Value {
    if schema.pointer("/$defs/AgentTool/properties").is_none() {
        return schema;
    }
    for kind in KINDS {
        let Some(settings) = kind.settings else { continue };
        let mut settings = settings();
        let described = settings.as_object_mut();
        let own = described.and_then(|described| described.remove("$defs"));
        if let Some(settings) = settings.as_object_mut() {
            settings.remove("$schema");
            settings.remove("title");
        }
        insert(&mut schema, "/$defs/AgentTool/properties", kind.field, settings);
        if let Some(Value::Object(own)) = own {
            for (name, one) in own {
                insert(&mut schema, "/$defs", &name, one);
            }
        }
    }
    schema
}

fn insert(schema: &mut Value, at: &str, name: &str, value: Value) {
    let there = schema.pointer_mut(at).and_then(Value::as_object_mut);
    let there: Option<&mut Map<String, Value>> = there;
    if let Some(there) = there {
        there.entry(name.to_owned()).or_insert(value);
    }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::entity::Kind;

    use super::*;

    #[test]
    fn every_kind_of_tool_is_in_the_schema_of_agents_and_nothing_else_is_let_in() {
        let schema = complete((Kind::Agent.definition().schema)());
        let grant = &schema["$defs"]["AgentTool"];
        for kind in KINDS {
            assert!(grant["properties"].get(kind.field).is_some(), "{}", kind.field);
        }
        assert_eq!(grant["additionalProperties"], false);
        let other = (Kind::Workflow.definition().schema)();
        assert_eq!(complete(other.clone()), other);
    }
}
