//! What a person may change of a call before it is made, as a schema of the request: everything is as it is, but for the
//! places that a kind of tool opens, and there the tool's schema and the grant's limits hold.

use std::sync::Arc;

use dirigent_protocol::Payload;
use dirigent_protocol::run::EffectRequest;
use serde_json::{Map, Value, json};

/// A place in a request as JSON, and what may stand there.
pub(crate) type Open = (&'static str, Value);

/// Words of a schema of arguments that say nothing about several of them together.
const PLAIN: [&str; 6] = [
    "type",
    "properties",
    "required",
    "additionalProperties",
    "description",
    "title",
];
/// Words of a schema of a list that go for its end as they go for all of it.
const OF_LISTS: [&str; 5] = ["type", "items", "minItems", "maxItems", "description"];

/// The schema of a request; none where nothing of it is open.
pub(crate) fn schema(request: &EffectRequest, open: &[Open]) -> Option<Payload> {
    let request = serde_json::to_value(request).ok()?;
    let there = open.iter().any(|(place, _)| request.pointer(place).is_some());
    there.then(|| Arc::new(closed(&request, "", open)))
}

fn closed(value: &Value, at: &str, open: &[Open]) -> Value {
    if let Some((_, schema)) = open.iter().find(|(place, _)| *place == at) {
        return schema.clone();
    }
    let inside = format!("{at}/");
    match value {
        Value::Object(members) if open.iter().any(|(place, _)| place.starts_with(&inside)) => {
            let names: Vec<&String> = members.keys().collect();
            let parts = members.iter().map(|(name, value)| {
                let part = closed(value, &format!("{inside}{name}"), open);
                (name.clone(), part)
            });
            json!({
                "type": "object",
                "properties": parts.collect::<Map<_, _>>(),
                "required": names,
                "additionalProperties": false,
            })
        }
        value => json!({ "const": value }),
    }
}

/// All arguments, where every schema of them stands alone.
pub(super) fn whole(limits: &[&Value]) -> Option<Value> {
    let alone = |limit: &&Value| !limit.to_string().contains("\"$");
    limits.iter().all(alone).then(|| json!({ "allOf": limits }))
}

/// One argument, where no schema says anything about several together.
pub(super) fn property(limits: &[&Value], name: &str) -> Option<Value> {
    let plain = |limit: &&Value| {
        let words = limit.as_object();
        words.is_some_and(|words| words.keys().all(|word| PLAIN.contains(&word.as_str())))
    };
    if !limits.iter().all(plain) {
        return None;
    }
    let its: Vec<&Value> = limits
        .iter()
        .filter_map(|limit| limit["properties"].get(name))
        .collect();
    whole(&its)
}

/// A list of words that begins with those that stand there for ever.
pub(super) fn words_behind(fixed: &[String], limits: &[&Value], name: &str) -> Option<Value> {
    property(limits, name)?;
    let lists: Vec<&Value> = limits
        .iter()
        .filter_map(|limit| limit["properties"].get(name))
        .collect();
    let plain = |list: &&Value| {
        let words = list.as_object();
        words.is_some_and(|words| words.keys().all(|word| OF_LISTS.contains(&word.as_str())))
    };
    if !lists.iter().all(plain) {
        return None;
    }
    let items: Vec<&Value> = lists.iter().filter_map(|list| list.get("items")).collect();
    let bound = |word: &str| {
        lists
            .iter()
            .filter_map(|list| list[word].as_u64())
            .collect::<Vec<_>>()
    };
    let begin = fixed.len() as u64;
    let mut schema = json!({
        "type": "array",
        "prefixItems": fixed.iter().map(|word| json!({ "const": word })).collect::<Vec<_>>(),
        "items": { "allOf": items },
        "minItems": begin + bound("minItems").into_iter().max().unwrap_or(0),
    });
    if let Some(most) = bound("maxItems").into_iter().min() {
        schema["maxItems"] = json!(begin + most);
    }
    Some(schema)
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::{CommandCall, FileCall, FileDeed};

    use super::*;

    fn fits(schema: &Value, request: &EffectRequest) -> bool {
        jsonschema::is_valid(schema, &serde_json::to_value(request).unwrap())
    }

    #[test]
    fn only_what_is_open_may_change_and_only_so_far() {
        let write = |path: &str, content: &str| {
            EffectRequest::File(FileCall {
                workspace: "/w".into(),
                path: path.into(),
                deed: FileDeed::Write {
                    content: content.into(),
                },
            })
        };
        let limit = json!({ "properties": { "content": { "maxLength": 5 } } });
        let open = [(
            "/file/deed/write/content",
            property(&[&limit], "content").unwrap(),
        )];
        let schema_of = schema(&write("a", "one"), &open).unwrap();
        assert!(fits(&schema_of, &write("a", "two")));
        assert!(!fits(&schema_of, &write("a", "too long")));
        assert!(!fits(&schema_of, &write("b", "one")));
        assert!(schema(&write("a", "one"), &[("/file/deed/read", json!({}))]).is_none());
        let together = json!({ "dependentRequired": { "a": ["b"] } });
        assert_eq!(property(&[&together], "content"), None);
        assert_eq!(whole(&[&json!({ "$ref": "#/$defs/a" })]), None);
    }

    #[test]
    fn fixed_words_of_a_command_stay() {
        let call = |words: &[&str]| {
            EffectRequest::Command(CommandCall {
                arguments: words.iter().map(|word| (*word).to_owned()).collect(),
                ..CommandCall::default()
            })
        };
        let own = json!({ "type": "object", "properties": { "arguments": { "type": "array", "items": { "type": "string" } } } });
        let grant = json!({ "properties": { "arguments": { "maxItems": 1, "items": { "not": { "pattern": "^-" } } } } });
        let words = words_behind(&["-n".to_owned()], &[&own, &grant], "arguments").unwrap();
        let schema = schema(&call(&["-n", "a"]), &[("/command/arguments", words)]).unwrap();
        assert!(fits(&schema, &call(&["-n", "b"])) && fits(&schema, &call(&["-n"])));
        for bad in [&["-n", "-x"][..], &["-n", "a", "b"], &["-r", "a"], &[]] {
            assert!(!fits(&schema, &call(bad)), "{bad:?}");
        }
    }
}
