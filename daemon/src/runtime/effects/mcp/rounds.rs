//! Input that a server of the newest revision wants before it answers (`input_required`): its questions, one after the
//! other, and the same request again with what people said. Nothing is kept but in the journal.

use std::collections::BTreeMap;
use std::sync::Arc;

use dirigent_protocol::run::{EffectAnswer, EffectAsk, EffectOutcome};
use rmcp::model::{InputRequest, InputRequiredResult};
use serde_json::{Map, Value, json};

use super::super::performer::refused;
use super::super::web::Ended;
use super::questions::Question;

/// How its questions are named.
const ASKS: &str = "input:";
/// Most questions of one round.
const MOST: usize = 16;
/// Most bytes of all questions of one round, and of what the server wants back with their answers: both are in the
/// record of every question.
const MOST_BYTES: usize = 64 << 10;
const MOST_STATE: usize = 64 << 10;

/// One round of questions.
#[derive(Debug, Default)]
pub(super) struct Round {
    number: u64,
    questions: BTreeMap<String, Value>,
    state: Option<String>,
    /// What goes back, by the names of the questions.
    responses: Map<String, Value>,
    /// Why the last answer did not count.
    wrong: Option<String>,
}

impl Round {
    /// What a server wants.
    ///
    /// # Errors
    /// It wants what it is not given.
    pub(super) fn of(wanted: &InputRequiredResult, number: u64, allowed: bool) -> Result<Self, Ended> {
        let refuse = |detail: &str| {
            let title = "The server asks for what it is not given";
            Box::new(refused("authorization", 403, title, detail))
        };
        let state = wanted.request_state.as_ref().map_or(0, String::len);
        if state > MOST_STATE {
            let detail =
                format!("its `requestState` has {state} bytes; at most {MOST_STATE} are kept for it");
            return Err(refuse(&detail));
        }
        let mut questions = BTreeMap::new();
        for (name, request) in wanted.input_requests.iter().flatten() {
            let InputRequest::Elicitation(asked) = request else {
                return Err(refuse("it wants answers of a model, or a look at folders"));
            };
            if !allowed {
                return Err(refuse("it asks a person; `elicitation: ask` would let it"));
            }
            let question =
                Question::read(&asked.params).ok_or_else(|| refuse("its question is too large"))?;
            questions.insert(name.clone(), question.params().clone());
        }
        if questions.len() > MOST {
            return Err(refuse("it has too many questions at once"));
        }
        let bytes: usize = questions.values().map(|asked| asked.to_string().len()).sum();
        if bytes > MOST_BYTES {
            let detail = format!("its questions have {bytes} bytes together; at most {MOST_BYTES} are shown");
            return Err(refuse(&detail));
        }
        Ok(Self {
            number,
            questions,
            state: wanted.request_state.clone(),
            ..Self::default()
        })
    }

    /// The round that the answers of a call are of; nothing where they are of none.
    pub(super) fn heard(answers: &[EffectAnswer]) -> Option<Self> {
        // Somebody may have signed in since: what was said before holds.
        let last = answers.iter().rfind(|answer| answer.id.starts_with(ASKS))?;
        let questions = last.kept["questions"].as_object()?;
        let mut round = Self {
            number: last.kept["round"].as_u64()?,
            questions: questions
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            state: last.kept["state"].as_str().map(str::to_owned),
            ..Self::default()
        };
        // Of these very questions: another round may have the same number and the same names.
        let same = |answer: &EffectAnswer| {
            ["round", "questions", "state"]
                .iter()
                .all(|part| answer.kept[*part] == last.kept[*part])
        };
        let own = |answer: &&EffectAnswer| answer.id.starts_with(ASKS) && same(answer);
        for answer in answers.iter().filter(own) {
            let name = answer.kept["name"].as_str().unwrap_or_default();
            let Some(params) = round.questions.get(name) else {
                continue;
            };
            round.wrong = None;
            match Question::kept(params).result(answer) {
                Ok(result) => {
                    let result = serde_json::to_value(result).unwrap_or_default();
                    round.responses.insert(name.to_owned(), result);
                }
                Err(wrong) => round.wrong = Some(wrong),
            }
        }
        Some(round)
    }

    /// Which one it is.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The next question; nothing where all are answered.
    pub(super) fn next(&self, (server, tool): (&str, &str)) -> Option<Arc<EffectAsk>> {
        let open = |name: &&String| !self.responses.contains_key(*name);
        let name = self.questions.keys().find(open)?;
        let kept = json!({
            "round": self.number, "name": name, "questions": self.questions, "state": self.state,
        });
        let id = format!("{ASKS}{}:{name}", self.number);
        let question = Question::kept(self.questions.get(name)?);
        Some(question.ask((server, tool), (id, kept), self.wrong.as_deref()))
    }

    /// The request's parameters with all that was answered.
    pub(super) fn put_into(&self, params: &mut Value) {
        if params.is_null() && self.number > 0 {
            *params = json!({});
        }
        if !self.responses.is_empty() {
            params["inputResponses"] = Value::Object(self.responses.clone());
        }
        if let Some(state) = &self.state {
            params["requestState"] = state.as_str().into();
        }
    }
}

/// A server that never has enough.
pub(super) fn endless() -> EffectOutcome {
    let title = "The server asks without end";
    refused(
        "communication",
        502,
        title,
        "it wants the same request again and again",
    )
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::AnswerWord;

    use super::*;

    fn wanted() -> InputRequiredResult {
        let ask = |message: &str| {
            json!({ "method": "elicitation/create", "params": {
                "message": message, "requestedSchema": { "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] },
            } })
        };
        serde_json::from_value(json!({
            "resultType": "input_required",
            "inputRequests": { "a": ask("first"), "b": ask("second") },
            "requestState": "opaque",
        }))
        .unwrap()
    }

    fn answered(ask: &EffectAsk, content: Value) -> EffectAnswer {
        EffectAnswer {
            id: ask.id.clone(),
            word: AnswerWord::Accept,
            payload: json!({ "content": content }),
            by: "ada".into(),
            kept: ask.kept.clone(),
        }
    }

    #[test]
    fn questions_are_asked_one_by_one_and_go_back_together() {
        assert!(Round::of(&wanted(), 1, false).is_err(), "nobody may be asked");
        let who = ("s", "t");
        let first = Round::of(&wanted(), 1, true).unwrap().next(who).unwrap();
        let mut answers = vec![answered(&first, json!({ "n": "no number" }))];
        let again = Round::heard(&answers).unwrap().next(who).unwrap();
        assert!(
            again.payload["message"] == "first" && again.reason.as_ref().unwrap().contains("does not fit")
        );
        answers.push(answered(&again, json!({ "n": 1 })));
        let second = Round::heard(&answers).unwrap().next(who).unwrap();
        assert_eq!(second.payload["message"], "second");
        answers.push(EffectAnswer {
            word: AnswerWord::Decline,
            ..answered(&second, Value::Null)
        });
        let whole = Round::heard(&answers).unwrap();
        assert!(whole.next(who).is_none());
        let mut params = json!({ "name": "t" });
        whole.put_into(&mut params);
        assert_eq!(params["requestState"], "opaque");
        assert_eq!(
            params["inputResponses"]["a"],
            json!({ "action": "accept", "content": { "n": 1 } })
        );
        assert_eq!(params["inputResponses"]["b"]["action"], "decline");
    }

    #[test]
    fn an_answer_to_an_older_question_is_none_to_a_new_one_of_the_same_name() {
        let who = ("s", "t");
        let mut older = wanted();
        older.request_state = Some("of another attempt".into());
        let mut answers = Vec::new();
        for _ in ["a", "b"] {
            let round = Round::heard(&answers).unwrap_or_else(|| Round::of(&older, 1, true).unwrap());
            answers.push(answered(&round.next(who).unwrap(), json!({ "n": 7 })));
        }
        let first = Round::of(&wanted(), 1, true).unwrap().next(who).unwrap();
        answers.push(answered(&first, json!({ "n": 1 })));
        let round = Round::heard(&answers).unwrap();
        let second = round.next(who).expect("nobody answered its second question");
        assert_eq!(second.payload["message"], "second");
        // Whoever signs in between has not taken anything back.
        answers.push(EffectAnswer {
            id: "sign-in:x".into(),
            kept: Value::Null,
            ..answered(&second, Value::Null)
        });
        assert_eq!(Round::heard(&answers).unwrap().responses.len(), 1);
    }

    #[test]
    fn what_a_server_wants_kept_is_bounded_by_name() {
        let mut large = wanted();
        large.request_state = Some("x".repeat(MOST_STATE + 1));
        let refusal = format!("{:?}", Round::of(&large, 1, true).unwrap_err());
        assert!(refusal.contains("requestState"), "{refusal}");
        let many: Value = (0..MOST)
            .map(|number| {
                let asked = json!({ "method": "elicitation/create", "params": {
                    "message": "x".repeat(8 << 10), "requestedSchema": { "type": "object", "properties": {} } } });
                (number.to_string(), asked)
            })
            .collect::<Map<String, Value>>()
            .into();
        let many = json!({ "resultType": "input_required", "inputRequests": many });
        let refusal = format!(
            "{:?}",
            Round::of(&serde_json::from_value(many).unwrap(), 1, true).unwrap_err()
        );
        assert!(refusal.contains("together"), "{refusal}");
    }
}
