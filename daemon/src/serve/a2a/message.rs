//! A message as the input of a run.

use serde_json::{Map, Value};

use crate::serve::catalog::Entry;

/// Why a message cannot be an input.
pub(super) type Unfit = &'static str;

/// A message that was sent.
pub(super) struct Message<'a> {
    /// Its id, which tells a repeat.
    pub(super) id: &'a str,
    /// The task it goes on with, if any.
    pub(super) task: Option<&'a str>,
    parts: &'a [Value],
}

impl<'a> Message<'a> {
    /// Reads `params.message`.
    pub(super) fn read(params: &'a Value) -> Result<Self, Unfit> {
        let message = &params["message"];
        let parts = message["parts"]
            .as_array()
            .filter(|parts| !parts.is_empty())
            .ok_or("`message.parts` must hold a part at least")?;
        let id = message["messageId"].as_str().filter(|id| !id.is_empty());
        Ok(Self {
            id: id.ok_or("`message.messageId` is missing")?,
            task: message["taskId"].as_str().filter(|id| !id.is_empty()),
            parts,
        })
    }

    /// The input it means: its one part of data; else its text, under the one member of text that the input must have.
    pub(super) fn input(&self, entry: &Entry) -> Result<Value, Unfit> {
        let (mut data, mut texts) = (None, Vec::new());
        for part in self.parts {
            if let Some(found) = part.get("data").filter(|found| found.is_object()) {
                if data.replace(found).is_some() {
                    return Err("only one part of data can be the input");
                }
            } else if let Some(text) = part["text"].as_str() {
                texts.push(text);
            } else {
                return Err("parts are text or data; files are not taken");
            }
        }
        if let Some(data) = data {
            return Ok(data.clone());
        }
        let member = member_of_text(entry)
            .ok_or("the input has not exactly one member of text that it must have: send a part of data")?;
        Ok(Value::Object(Map::from_iter([(member, texts.join("\n").into())])))
    }
}

/// The member that a plain text is put under; `message` where the definition says nothing of its input.
fn member_of_text(entry: &Entry) -> Option<String> {
    let Some(schema) = &entry.input else {
        return Some("message".to_owned());
    };
    let is_text = |name: &&str| schema["properties"][*name]["type"] == "string";
    let required = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
    let mut names = required.iter().filter_map(Value::as_str).filter(is_text);
    match (names.next(), names.next(), required.len()) {
        (Some(only), None, 1) => Some(only.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::entity::Offered;
    use serde_json::json;

    use super::*;

    fn entry(schema: Option<Value>) -> Entry {
        Entry {
            name: "x".into(),
            title: "x".into(),
            description: String::new(),
            of: Offered::Workflow("x".into()),
            input: schema,
            output: None,
        }
    }

    fn input(parts: &Value, schema: Option<Value>) -> Result<Value, Unfit> {
        let params = json!({ "message": { "messageId": "m", "parts": parts } });
        Message::read(&params).and_then(|message| message.input(&entry(schema)))
    }

    #[test]
    fn data_is_the_input_and_text_goes_where_the_schema_has_one_place_for_it() {
        let text = json!([{ "kind": "text", "text": "a" }, { "text": "b" }]);
        assert_eq!(input(&text, None), Ok(json!({ "message": "a\nb" })));
        let one = json!({ "properties": { "log": { "type": "string" } }, "required": ["log"] });
        assert_eq!(input(&text, Some(one)), Ok(json!({ "log": "a\nb" })));
        let two = json!({ "properties": { "a": { "type": "string" }, "b": { "type": "string" } }, "required": ["a", "b"] });
        assert!(input(&text, Some(two.clone())).is_err());
        let data = json!([{ "text": "see" }, { "data": { "a": "1", "b": "2" } }]);
        assert_eq!(input(&data, Some(two)), Ok(json!({ "a": "1", "b": "2" })));
        for wrong in [
            json!([]),
            json!([{ "file": {} }]),
            json!([{ "data": {} }, { "data": {} }]),
            json!(7),
        ] {
            assert!(input(&wrong, None).is_err(), "{wrong}");
        }
    }
}
