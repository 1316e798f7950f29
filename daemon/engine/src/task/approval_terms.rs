//! The terms of an approval: who decides, how many, who is reminded and asked later, where a no and a silence lead.

use std::sync::Arc;
use std::time::Duration;

use dirigent_protocol::Payload;
use dirigent_protocol::run::{Deciders, Escalation, WorkflowError};
use dirigent_protocol::source::{Node, Position};

use crate::document::{Delay, Fields, Reader, Schema, Then};
use crate::machine::{Next, Outcome, Stop, Way, millis};

const MOST_PEOPLE: usize = 100;
const SHORTEST: Duration = Duration::from_secs(60);

/// Where a no, or the end of its time, leads. Never to a yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Leads {
    /// The step fails.
    Fail,
    /// As a no does.
    Deny,
    /// The step is done; what was decided is its output.
    GoOn,
    /// As before, and the run goes to that task of the same list.
    Then(Then, Position),
}

impl Leads {
    pub(super) fn read(reader: &mut Reader, with: &Fields<'_>, name: &str, expiry: bool) -> Option<Self> {
        let Some((node, at)) = with.get(name) else {
            return Some(Self::Fail);
        };
        if node.as_mapping().is_some() {
            let fields = reader.fields(node, &at, &["then"])?;
            if !reader.require(&fields, &["then"]) {
                return None;
            }
            let (then, at) = fields.get("then")?;
            return Then::read(reader, then, &at).map(|to| Self::Then(to, then.span.start));
        }
        let words: &[&str] = if expiry {
            &["fail", "deny", "continue"]
        } else {
            &["fail", "continue"]
        };
        Some(match reader.word(node, &at, words)? {
            "deny" => Self::Deny,
            "continue" => Self::GoOn,
            _ => Self::Fail,
        })
    }

    pub(super) fn follow(&self, output: Payload, error: impl FnOnce() -> WorkflowError) -> Outcome {
        match self {
            Self::Fail | Self::Deny => Err(Stop::fault(error())),
            Self::GoOn => Ok(Next::Done(output, None)),
            Self::Then(then, _) => Ok(Next::Done(output, Some(then.clone()))),
        }
    }

    pub(super) fn way(&self, label: &str) -> Option<Way> {
        let Self::Then(then, at) = self else { return None };
        Some(Way {
            label: label.to_owned(),
            then: then.clone(),
            conditional: true,
            at: *at,
        })
    }
}

/// See the module header.
#[derive(Debug, Clone, Default)]
pub(super) struct Terms {
    pub(super) deciders: Deciders,
    pub(super) schema: Option<Payload>,
    pub(super) remind: Option<Duration>,
    pub(super) escalation: Option<Escalation>,
}

impl Terms {
    pub(super) fn read(reader: &mut Reader, with: &Fields<'_>) -> Option<Self> {
        let mut terms = Self::default();
        if let Some((node, at)) = with.get("approvers") {
            terms.deciders = people(reader, node, &at, true)?;
        }
        if let Some((node, at)) = with.get("self_approval") {
            let word = reader.word(node, &at, &["allow", "deny"])?;
            terms.deciders.requester = Some(word == "allow");
        }
        if let Some((node, at)) = with.get("schema") {
            Schema::read(reader, node, &at)?;
            let definition = node.to_json();
            terms.schema = definition.get("document").cloned().map(Arc::new);
        }
        if let Some((node, at)) = with.get("remind") {
            terms.remind = Some(fixed(reader, node, &at)?);
        }
        if let Some((node, at)) = with.get("escalate") {
            let fields = reader.fields(node, &at, &["after", "to"])?;
            if !reader.require(&fields, &["after", "to"]) {
                return None;
            }
            let (after, place) = fields.get("after")?;
            let after = fixed(reader, after, &place)?;
            let (to, place) = fields.get("to")?;
            let to = people(reader, to, &place, false)?;
            terms.escalation = Some(Escalation {
                after_ms: millis(after),
                to,
            });
        }
        Some(terms)
    }
}

fn people(reader: &mut Reader, node: &Node, at: &str, quorum: bool) -> Option<Deciders> {
    let known: &[&str] = if quorum {
        &["users", "teams", "quorum"]
    } else {
        &["users", "teams"]
    };
    let fields = reader.fields(node, at, known)?;
    let mut names = |name: &str| -> Option<Vec<String>> {
        let Some((node, at)) = fields.get(name) else {
            return Some(Vec::new());
        };
        let items = node.as_sequence().filter(|items| items.len() <= MOST_PEOPLE);
        let Some(items) = items else {
            reader.expected(node, &at, "a list of at most 100 names");
            return None;
        };
        items
            .iter()
            .map(|item| reader.text(item, &at).map(str::to_owned))
            .collect()
    };
    let mut deciders = Deciders {
        users: names("users")?,
        teams: names("teams")?,
        ..Deciders::default()
    };
    if let Some((node, at)) = fields.get("quorum") {
        let number = reader.integer(node, &at, 1, 100)?;
        deciders.quorum = u32::try_from(number).unwrap_or(1);
        let few = deciders.teams.is_empty() && !deciders.users.is_empty();
        if few && deciders.quorum as usize > deciders.users.len() {
            let message = format!(
                "{number} people must agree, and only {} are named",
                deciders.users.len()
            );
            reader.error("bad_value", message, node.span.start, &at).help =
                Some("name more people, or a team".to_owned());
            return None;
        }
    }
    if deciders.is_open() && !quorum {
        reader.expected(node, at, "`users` or `teams`");
        return None;
    }
    Some(deciders)
}

fn fixed(reader: &mut Reader, node: &Node, at: &str) -> Option<Duration> {
    match Delay::read(reader, node, at)? {
        Delay::Fixed(fixed) if fixed >= SHORTEST => Some(fixed),
        _ => {
            reader
                .error(
                    "bad_duration",
                    "this takes at least a minute, written out",
                    node.span.start,
                    at,
                )
                .help = Some("write a duration such as `PT4H`".to_owned());
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::Decision;
    use serde_json::json;

    use crate::machine::Refusal;
    use crate::testing::{Bench, Run};

    fn ask(terms: &str) -> Run {
        let text = format!(
            "do:\n  - ask: {{ call: approval, with: {{ title: Go?, show: {{ n: 1 }}, {terms} }} }}\n  \
             - next: {{ set: {{ at: next, decision: '${{ .decision }}', n: '${{ .payload.n }}' }} , then: end }}\n  \
             - other: {{ set: {{ at: other, decision: '${{ .decision }}' }} }}\n"
        );
        Bench::yaml(&text).start(json!({}))
    }

    const YES: Decision = Decision::Approve { edited: None };

    #[test]
    fn a_quorum_takes_several_people_and_one_no_is_a_no() {
        let mut run = ask("approvers: { users: [ada, bo, cy], quorum: 2 }");
        run.decide_as("ada", YES).unwrap();
        assert_eq!(run.status(), "waiting");
        let twice = run.decide_as("ada", YES).unwrap_err();
        assert!(matches!(twice, Refusal::Voted { quorum: 2, .. }));
        run.decide_as("cy", YES).unwrap();
        assert_eq!(run.output()["decision"], "approved");
        let mut run = ask("approvers: { users: [ada, bo, cy], quorum: 2 }");
        run.decide_as("ada", YES).unwrap();
        run.decide_as("bo", Decision::Deny).unwrap();
        assert_eq!(run.error().status, 403);
    }

    #[test]
    fn a_change_among_several_is_asked_anew_and_what_was_shown_before_is_stale() {
        let mut run = ask("approvers: { teams: [ops], quorum: 2 }");
        run.decide_as("ada", YES).unwrap();
        let before = run.approvals()[0].digest;
        let edited = Some(json!({ "n": 2 }));
        run.decide_as("bo", Decision::Approve { edited }).unwrap();
        let pending = run.approvals().remove(0);
        assert_ne!(pending.digest, before);
        assert_eq!(pending.votes.len(), 1, "ada agreed to something else");
        let stale = run.decide_stale(YES).unwrap_err();
        assert!(matches!(stale, Refusal::Stale { .. }));
        run.decide_as("ada", YES).unwrap();
        assert_eq!(run.output()["n"], 2);
    }

    #[test]
    fn silence_is_a_no_or_a_way_and_never_a_yes() {
        let mut run = ask("on_expire: deny");
        run.advance();
        assert_eq!(run.error().status, 403);
        let mut run = ask("on_expire: { then: other }");
        run.advance();
        assert_eq!(run.output(), json!({ "at": "other", "decision": "expired" }));
        let mut run = ask("on_deny: { then: other }, on_expire: deny");
        run.advance();
        assert_eq!(run.output(), json!({ "at": "other", "decision": "denied" }));
    }

    #[test]
    fn people_are_reminded_others_are_asked_and_a_decision_ends_both() {
        let mut run = ask(
            "approvers: { users: [ada] }, remind: PT1H, escalate: { after: PT90M, to: { teams: [ops] } }, expires: P1D",
        );
        let happened = |run: &Run, name: &str| run.journal.iter().filter(|e| e.body.name() == name).count();
        run.advance();
        assert_eq!(happened(&run, "approval.reminded"), 1);
        run.advance();
        assert_eq!(happened(&run, "approval.escalated"), 1);
        assert_eq!(run.approvals()[0].request.deciders.words(), "1 of: ada, team ops");
        run.advance();
        assert_eq!(happened(&run, "approval.reminded"), 2);
        run.delegate("ada", "bo").unwrap();
        assert_eq!(run.approvals()[0].request.deciders.users, ["bo"]);
        run.decide_as("bo", YES).unwrap();
        assert_eq!(run.state.next_due(), None, "no timer stays");
        assert_eq!(run.status(), "completed");
    }
}
