//! The made-up world's look back: a report of `triage`, and what it suggests.

use dirigent_protocol::entity::{
    Agent, AgentSelfReport, AgentSuggestion, Assessment, Document, Kind, RefusedSuggestion, ReviewFigures,
    SuggestionStatus,
};
use dirigent_protocol::run::Usage;
use serde_json::{Value, json};

use crate::sample::{ago, document, id};

const REPORT: u128 = 0x501;

fn report() -> AgentSelfReport {
    let one = |measure: &str, verdict: &str, words: &str| Assessment {
        measure: measure.into(),
        verdict: verdict.into(),
        words: words.into(),
    };
    AgentSelfReport {
        agent: "triage".into(),
        number: 3,
        figures: ReviewFigures {
            runs: 40,
            runs_failed: 2,
            calls: 44,
            failures: 3,
            usage: Usage {
                cost_micro_usd: 120_000,
                ..Usage::default()
            },
            ..ReviewFigures::default()
        },
        summary: "Most tickets are labelled well; two long ones ended without a label.".into(),
        measures: vec![
            one("success", "fair", "3 of 44 calls failed."),
            one("cost", "good", "Each run costs less than a cent."),
        ],
        good: vec!["Short tickets.".into()],
        bad: vec!["Long tickets are cut.".into()],
        refused: vec![RefusedSuggestion {
            title: "More money".into(),
            code: "larger_budget".into(),
            reason: "what an agent may take is set by people alone".into(),
        }],
        ..AgentSelfReport::default()
    }
}

fn suggestion(title: &str, status: SuggestionStatus, change: Value) -> AgentSuggestion {
    AgentSuggestion {
        agent: "triage".into(),
        number: 3,
        base: Agent {
            description: "Labels tickets.".into(),
            prompt: "Label this ticket:\n{{ input.text }}\n".into(),
            ..Agent::default()
        },
        report: id(REPORT),
        title: title.into(),
        reason: "Two answers were cut in the middle of a sentence.".into(),
        evidence: vec![id(0xd1), id(0xd2)],
        change,
        status,
        ..AgentSuggestion::default()
    }
}

/// The report, and two suggestions.
pub(crate) fn suggestions() -> Vec<Document> {
    let spec = |body: &AgentSuggestion| serde_json::to_value(body).unwrap();
    let longer =
        json!({ "max_tokens": 800, "prompt": "Label this ticket, with one label:\n{{ input.text }}\n" });
    let open = suggestion("Let long answers end \u{1b}[31m", SuggestionStatus::Open, longer);
    let cooler = json!({ "temperature": 0.1 });
    let mut declined = suggestion("Answer with less chance", SuggestionStatus::Declined, cooler);
    declined.decided_by = "dana".into();
    declined.decided_because = "labels are meant to vary".into();
    vec![
        document(Kind::AgentSuggestion, 0x503, "", ago(3_000), spec(&open)),
        document(Kind::AgentSuggestion, 0x502, "", ago(3_000), spec(&declined)),
        document(
            Kind::AgentSelfReport,
            REPORT,
            "",
            ago(3_000),
            serde_json::to_value(report()).unwrap(),
        ),
    ]
}
