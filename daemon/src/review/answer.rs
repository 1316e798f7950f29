//! What of an agent's answer counts: its assessment as words, each suggestion judged by itself.

use std::collections::BTreeSet;

use dirigent_protocol::entity::{Agent, Assessment, RefusedSuggestion};
use dirigent_protocol::id::{EntityId, RunId};
use serde_json::Value;

use super::ask::{MAX_SUGGESTIONS, MEASURES};
use super::change;

/// Longest title, characters.
const MAX_TITLE: usize = 160;
/// Longest text of a report, characters.
const MAX_WORDS: usize = 2_000;
/// Most lines of what goes well, and of what fails.
const MAX_LINES: usize = 8;
/// Most runs that one suggestion refers to.
const MAX_EVIDENCE: usize = 20;
/// Most refusals that a report names.
const MAX_REFUSED: usize = 20;

/// What counts.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Judged {
    pub(crate) summary: String,
    pub(crate) measures: Vec<Assessment>,
    pub(crate) good: Vec<String>,
    pub(crate) bad: Vec<String>,
    pub(crate) suggested: Vec<Suggested>,
    pub(crate) refused: Vec<RefusedSuggestion>,
}

/// A suggestion that may be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Suggested {
    pub(crate) title: String,
    pub(crate) reason: String,
    pub(crate) evidence: Vec<EntityId>,
    pub(crate) change: Value,
}

/// Judges an answer of an agent that was shown these runs; `known` are suggestions that are open or were declined.
pub(crate) fn judge(base: &Agent, shown: &[RunId], known: &[Value], answer: &Value) -> Judged {
    let mut judged = Judged {
        summary: text(&answer["summary"], MAX_WORDS),
        measures: MEASURES
            .iter()
            .map(|name| assessment(name, &answer["measures"][*name]))
            .collect(),
        good: lines(&answer["good"]),
        bad: lines(&answer["bad"]),
        ..Judged::default()
    };
    for suggestion in answer["suggestions"].as_array().into_iter().flatten() {
        let title = text(&suggestion["title"], MAX_TITLE).replace('\n', " ");
        match one(base, shown, known, (&judged.suggested, suggestion)) {
            Ok((evidence, change)) => judged.suggested.push(Suggested {
                title,
                reason: text(&suggestion["reason"], MAX_WORDS),
                evidence,
                change,
            }),
            Err((code, reason)) if judged.refused.len() < MAX_REFUSED => {
                let code = code.to_owned();
                judged.refused.push(RefusedSuggestion { title, code, reason });
            }
            Err(_) => {}
        }
    }
    judged
}

type Refusal = (&'static str, String);

fn one(
    base: &Agent,
    shown: &[RunId],
    known: &[Value],
    (before, suggestion): (&[Suggested], &Value),
) -> Result<(Vec<EntityId>, Value), Refusal> {
    let change = &suggestion["change"];
    change::apply(base, change).map_err(|error| (error.code(), error.to_string()))?;
    let mut evidence = BTreeSet::new();
    for named in suggestion["evidence"].as_array().into_iter().flatten() {
        let words = named.as_str().unwrap_or_default();
        let found = words.parse::<RunId>().ok().filter(|run| shown.contains(run));
        let Some(run) = found else {
            let words: String = words.chars().take(64).collect();
            return Err((
                "unknown_run",
                format!("it refers to a run `{words}` that it was not shown"),
            ));
        };
        evidence.insert(EntityId::from(run));
    }
    if evidence.is_empty() {
        return Err(("no_evidence", "it refers to no run".to_owned()));
    }
    if let Some(same) = known.iter().find(|known| known["change"] == *change) {
        let status = same["status"].as_str().unwrap_or("known");
        return Err(("made_before", format!("it was made before and is {status}")));
    }
    if before.iter().any(|other| other.change == *change) {
        return Err(("twice", "it is made twice in this answer".to_owned()));
    }
    if before.len() >= MAX_SUGGESTIONS {
        return Err((
            "too_many",
            format!("a report has at most {MAX_SUGGESTIONS} suggestions"),
        ));
    }
    let evidence = evidence.into_iter().take(MAX_EVIDENCE).collect();
    Ok((evidence, change.clone()))
}

fn assessment(measure: &str, said: &Value) -> Assessment {
    let verdict = said["verdict"]
        .as_str()
        .filter(|word| ["good", "fair", "poor"].contains(word));
    Assessment {
        measure: measure.to_owned(),
        verdict: verdict.unwrap_or("unknown").to_owned(),
        words: text(&said["words"], MAX_WORDS),
    }
}

fn lines(said: &Value) -> Vec<String> {
    let all = said.as_array().into_iter().flatten();
    all.take(MAX_LINES).map(|line| text(line, MAX_WORDS)).collect()
}

fn text(said: &Value, most: usize) -> String {
    said.as_str()
        .unwrap_or_default()
        .trim()
        .chars()
        .take(most)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_suggestion_is_judged_by_itself() {
        let base: Agent = serde_json::from_value(json!({ "prompt": "x", "temperature": 0.7 })).unwrap();
        let run = RunId(uuid::Uuid::from_u128(7));
        let id = run.to_string();
        let (other, one) = (RunId(uuid::Uuid::from_u128(8)).to_string(), &id);
        let make = |title: &str, evidence: &[&String], change: Value| json!({ "title": title, "reason": "r", "evidence": evidence, "change": change });
        let answer = json!({
            "summary": "fine", "measures": { "success": { "verdict": "splendid", "words": "w" } },
            "good": ["a"], "bad": [],
            "suggestions": [
                make("cooler", &[one], json!({ "temperature": 0.1 })),
                make("again", &[one], json!({ "temperature": 0.1 })),
                make("rich", &[one], json!({ "budget": { "usd": 9 } })),
                make("made up", &[&other], json!({ "temperature": 0.2 })),
                make("nothing", &[], json!({ "temperature": 0.2 })),
                make("declined", &[one], json!({ "prompt": "y" })),
            ],
        });
        let known = [json!({ "title": "t", "change": { "prompt": "y" }, "status": "declined" })];
        let judged = judge(&base, &[run], &known, &answer);
        let titles: Vec<&str> = judged.suggested.iter().map(|one| &*one.title).collect();
        assert_eq!(titles, ["cooler"]);
        let codes: Vec<&str> = judged.refused.iter().map(|one| &*one.code).collect();
        assert_eq!(
            codes,
            [
                "twice",
                "larger_budget",
                "unknown_run",
                "no_evidence",
                "made_before"
            ]
        );
        assert_eq!(judged.measures[0].verdict, "unknown");
        assert_eq!(judge(&base, &[run], &[], &json!("rubbish")).suggested, []);
    }
}
