//! What happens to a question, in words: asked, voted, changed, handed on, answered by whom or by which rule.

use dirigent_protocol::run::{Decision, DecisionRecord, EventBody};

use super::words::because;
use crate::widgets::stream::Voice;

/// How a rule signs its answers.
const RULE: &str = "rule:";

pub(crate) fn approval_phrase(body: &EventBody) -> Option<(Voice, String)> {
    use EventBody as E;
    let text = match body {
        E::ApprovalRequested { request, .. } => {
            let quorum = request.deciders.quorum();
            let several = if quorum > 1 {
                format!(", {quorum} must agree")
            } else {
                String::new()
            };
            format!(
                "asks: {} (risk {}{several})",
                request.title,
                request.risk.as_str()
            )
        }
        E::ApprovalDecided { record, .. } => decided(record),
        E::ApprovalVoted { record, .. } => because(
            "one yes of several, by ",
            &who(&record.by),
            record.reason.as_deref(),
        ),
        E::ApprovalAmended { by, .. } => {
            format!("{by} changed what is asked: votes and decisions before are void")
        }
        E::ApprovalDelegated { from, to, by, .. } if by == from => {
            format!("{from} handed the question to {to}")
        }
        E::ApprovalDelegated { from, to, by, .. } => format!("{by} handed the question from {from} to {to}"),
        E::ApprovalReminded { .. } => "people were reminded".to_owned(),
        E::ApprovalEscalated { to, .. } => format!("nobody answered: now also {} may", to.words()),
        E::ApprovalWithdrawn { .. } => "the question is void".to_owned(),
        _ => return None,
    };
    Some((Voice::Person, text))
}

fn decided(record: &DecisionRecord) -> String {
    let said = match &record.decision {
        Decision::Approve { edited: None } => "approved by ",
        Decision::Approve { edited: Some(_) } => "edited and approved by ",
        Decision::Deny => "denied by ",
        Decision::Expire => "expired, ",
    };
    let stops = if record.stops_run {
        ", and the run is stopped"
    } else {
        ""
    };
    because(said, &who(&record.by), record.reason.as_deref()) + stops
}

/// A person by name, a rule as such.
pub(super) fn who(by: &str) -> String {
    by.strip_prefix(RULE)
        .map_or_else(|| by.to_owned(), |rule| format!("the rule {rule}"))
}
