//! Reads a model's answer: plain text, or JSON that fits a schema.

use serde_json::Value;

use crate::misfit::misfit;

/// Why an answer or an input is not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum AnswerError {
    #[error("it is not JSON: {0}")]
    NotJson(String),
    #[error("{0}")]
    Unfit(String),
    #[error("the schema itself is not valid: {0}")]
    BadSchema(String),
}

/// The answer as the agent's output: text without a schema, else JSON that fits it.
pub(super) fn read(schema: Option<&Value>, content: &str) -> Result<Value, AnswerError> {
    let Some(schema) = schema else {
        return Ok(Value::String(content.to_owned()));
    };
    let value = parse(content)?;
    check(schema, &value)?;
    Ok(value)
}

/// Says what about a value does not fit. Schemas that point outside themselves are refused, nothing is fetched.
pub(super) fn check(schema: &Value, value: &Value) -> Result<(), AnswerError> {
    match misfit(schema, value) {
        Ok(None) => Ok(()),
        Ok(Some(found)) => Err(AnswerError::Unfit(found)),
        Err(found) => Err(AnswerError::BadSchema(found)),
    }
}

/// The JSON in an answer; models like to put it into a fence or a sentence.
fn parse(content: &str) -> Result<Value, AnswerError> {
    let trimmed = content.trim();
    let first = match serde_json::from_str(trimmed) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let unfenced = trimmed
        .split_once("```")
        .and_then(|(_, rest)| rest.split_once('\n'))
        .and_then(|(_, rest)| rest.split_once("```"))
        .map(|(inside, _)| inside.trim());
    let braced = trimmed
        .find('{')
        .zip(trimmed.rfind('}'))
        .filter(|(from, to)| from < to);
    let braced = braced.map(|(from, to)| &trimmed[from..=to]);
    [unfenced, braced]
        .into_iter()
        .flatten()
        .find_map(|text| serde_json::from_str(text).ok())
        .ok_or_else(|| AnswerError::NotJson(first.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_found_where_models_put_it() {
        let schema = json!({"type": "object", "required": ["a"]});
        for text in [
            r#"{"a":1}"#,
            "```json\n{\"a\":1}\n```",
            "Here you are: {\"a\":1} Anything else?",
        ] {
            assert_eq!(read(Some(&schema), text).unwrap(), json!({"a": 1}), "{text}");
        }
        assert!(matches!(read(Some(&schema), "no"), Err(AnswerError::NotJson(_))));
        assert!(matches!(read(Some(&schema), "{}"), Err(AnswerError::Unfit(_))));
        assert_eq!(read(None, "{}").unwrap(), json!("{}"));
    }
}
