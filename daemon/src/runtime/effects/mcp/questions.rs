//! What a server of tools asks a person (`elicitation/create`), as it stands in the inbox, and the answer that goes back.
//!
//! All of it is the server's word, shown as that. Invariants: what is asked for is shown whole before an answer is
//! possible; what goes back fits the form that was shown; an address is shown and never opened.

use std::sync::Arc;

use dirigent_protocol::run::{AnswerWord, Consequence, EffectAnswer, EffectAsk};
use rmcp::model::{ElicitRequestParams, ElicitResult, ElicitationAction};
use serde_json::{Map, Value, json};

use crate::misfit::misfit;

/// Largest question, bytes.
const MOST: usize = 64 << 10;
const FORM: &str = "A server of tools asks this; nobody checked what it says of itself. Give it no password and no key. Fill in \
                    `content`; `schema` says what may stand there.";
const ADDRESS: &str = "A server of tools wants you to visit this address; nobody checked it, and nothing opens it. A yes says \
                       that you will, or did.";

/// A question of a server.
#[derive(Debug, Clone)]
pub(super) struct Question {
    /// As the protocol has it: `message`, and `requestedSchema` or `url`.
    params: Value,
}

impl Question {
    /// Reads it; nothing where it is too large for a person.
    pub(super) fn read(params: &ElicitRequestParams) -> Option<Self> {
        let mut params = serde_json::to_value(params).ok()?;
        params.as_object_mut()?.remove("_meta");
        (params.to_string().len() <= MOST).then_some(Self { params })
    }

    /// The same, kept in a journal.
    pub(super) fn kept(params: &Value) -> Self {
        Self {
            params: params.clone(),
        }
    }

    pub(super) fn params(&self) -> &Value {
        &self.params
    }

    fn schema(&self) -> Option<&Value> {
        self.params.get("requestedSchema")
    }

    /// As it stands in the inbox.
    pub(super) fn ask(
        &self,
        (server, tool): (&str, &str),
        (id, kept): (String, Value),
        wrong: Option<&str>,
    ) -> Arc<EffectAsk> {
        let mut shown = json!({ "server": server, "tool": tool, "message": self.params["message"] });
        let (how, content) = match self.schema() {
            Some(schema) => {
                shown["schema"] = schema.clone();
                (FORM, Some((defaults(schema), schema.clone())))
            }
            None => {
                shown["url"] = self.params["url"].clone();
                (ADDRESS, None)
            }
        };
        let mut properties: Map<String, Value> = Map::new();
        for (name, value) in shown.as_object().into_iter().flatten() {
            properties.insert(name.clone(), json!({ "const": value }));
        }
        if let Some((filled, schema)) = content {
            shown["content"] = filled;
            properties.insert("content".into(), schema);
        }
        let names: Vec<String> = properties.keys().cloned().collect();
        Arc::new(EffectAsk {
            id,
            title: format!("{server} asks, for its tool {tool}"),
            action: format!("answer {server}"),
            reason: Some(wrong.map_or_else(|| how.to_owned(), |wrong| format!("{wrong}. {how}"))),
            payload: shown,
            form: Some(json!({
                "type": "object",
                "properties": properties,
                "required": names,
                "additionalProperties": false,
            })),
            on_deny: Consequence::GoesOn,
            kept,
            goes_on: false,
        })
    }

    /// What goes back.
    ///
    /// # Errors
    /// What the person gave does not fit the form, in words.
    pub(super) fn result(&self, answer: &EffectAnswer) -> Result<ElicitResult, String> {
        let action = match answer.word {
            AnswerWord::Accept => ElicitationAction::Accept,
            AnswerWord::Decline => return Ok(ElicitResult::new(ElicitationAction::Decline)),
            AnswerWord::Cancel | AnswerWord::GoesOn => {
                return Ok(ElicitResult::new(ElicitationAction::Cancel));
            }
        };
        let Some(schema) = self.schema() else {
            return Ok(ElicitResult::new(action));
        };
        let content = &answer.payload["content"];
        match misfit(schema, content) {
            Ok(None) => Ok(ElicitResult::new(action).with_content(content.clone())),
            Ok(Some(found)) | Err(found) => Err(format!("`content` does not fit: {found}")),
        }
    }
}

/// What a form has in it before anybody fills it in.
fn defaults(schema: &Value) -> Value {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let filled = properties.filter_map(|(name, field)| Some((name.clone(), field.get("default")?.clone())));
    Value::Object(filled.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(schema: Value) -> Question {
        let params = json!({ "mode": "form", "message": "How many?", "requestedSchema": schema });
        Question::read(&serde_json::from_value(params).unwrap()).unwrap()
    }

    fn answer(word: AnswerWord, content: Value) -> EffectAnswer {
        EffectAnswer {
            id: "q".into(),
            word,
            payload: json!({ "content": content }),
            by: "ada".into(),
            kept: Value::Null,
        }
    }

    #[test]
    fn a_form_is_shown_with_its_defaults_and_only_what_fits_goes_back() {
        let asked = question(json!({
            "type": "object",
            "properties": {
                "seats": { "type": "integer", "minimum": 1, "default": 2 },
                "class": { "type": "string", "oneOf": [{ "const": "e", "title": "economy" }], "default": "e" },
                "name": { "type": "string" },
            },
            "required": ["name"],
        }));
        let ask = asked.ask(("s", "book"), ("q".into(), Value::Null), None);
        assert_eq!(ask.payload["content"], json!({ "seats": 2, "class": "e" }));
        assert_eq!(ask.payload["schema"]["required"], json!(["name"]));
        let form = ask.form.as_ref().unwrap();
        assert!(
            misfit(form, &ask.payload).unwrap().is_some(),
            "the name is missing"
        );
        let mut filled = ask.payload.clone();
        filled["content"]["name"] = "ada".into();
        assert_eq!(misfit(form, &filled), Ok(None));
        filled["server"] = "another".into();
        assert!(misfit(form, &filled).unwrap().is_some(), "what is shown stays");

        assert!(
            asked
                .result(&answer(AnswerWord::Accept, json!({ "seats": 2 })))
                .is_err()
        );
        assert!(
            asked
                .result(&answer(AnswerWord::Accept, json!({ "name": "ada", "seats": 0 })))
                .is_err()
        );
        let good = asked
            .result(&answer(AnswerWord::Accept, json!({ "name": "ada", "seats": 1 })))
            .unwrap();
        assert_eq!(good.content, Some(json!({ "name": "ada", "seats": 1 })));
        let no = asked.result(&answer(AnswerWord::Decline, json!({}))).unwrap();
        assert_eq!((no.action, no.content), (ElicitationAction::Decline, None));
    }

    #[test]
    fn an_address_is_shown_and_a_yes_brings_nothing_back() {
        let params =
            json!({ "mode": "url", "message": "Pay", "url": "https://pay.example", "elicitationId": "e" });
        let asked = Question::read(&serde_json::from_value(params).unwrap()).unwrap();
        let ask = asked.ask(("s", "t"), ("q".into(), Value::Null), None);
        assert_eq!(ask.payload["url"], "https://pay.example");
        assert!(ask.payload.get("content").is_none());
        let yes = asked.result(&answer(AnswerWord::Accept, json!({}))).unwrap();
        assert_eq!((yes.action, yes.content), (ElicitationAction::Accept, None));
    }
}
