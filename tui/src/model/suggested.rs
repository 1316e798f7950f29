//! What agents suggest of themselves, and their reports: the questions, and what the daemon said.

use std::time::Duration;

use dirigent_protocol::entity::{AgentSelfReport, AgentSuggestion, Document, Kind};
use dirigent_protocol::filter::Filter;
use dirigent_protocol::query::{ListQuery, Query, QueryReply};

use super::{Cmd, Looks};

/// Most suggestions that are listed.
const MOST: u32 = 100;
/// How soon it is asked anew after something changed.
const REFRESH: Duration = Duration::from_millis(500);
const ALL: &str = "suggested.all";
const ACCEPTED: &str = "suggested.accepted";
const OPEN: &str = "suggested.open";
const REPORT: &str = "suggested.report";

fn all() -> Query {
    Query::List(ListQuery {
        limit: MOST,
        ..ListQuery::of(Kind::AgentSuggestion)
    })
}

fn of(kind: Kind, agent: &str, status: Option<&str>, limit: u32) -> Query {
    let mut parts = vec![Filter::eq("agent", agent)];
    parts.extend(status.map(|status| Filter::eq("status", status)));
    Query::List(ListQuery {
        filter: Some(Filter::And(parts)),
        limit,
        ..ListQuery::of(kind)
    })
}

fn accepted(agent: &str) -> Query {
    of(Kind::AgentSuggestion, agent, Some("accepted"), MOST)
}

fn open(agent: &str) -> Query {
    of(Kind::AgentSuggestion, agent, Some("open"), MOST)
}

fn report(agent: &str) -> Query {
    of(Kind::AgentSelfReport, agent, None, 1)
}

/// Asks for every suggestion, newest first.
#[must_use]
pub fn want_all(looks: &Looks, now: Duration) -> Option<Cmd> {
    looks.want(ALL, &all(), Some(REFRESH), now)
}

/// Every suggestion, newest first; none while the daemon has not said.
#[must_use]
pub fn all_of(looks: &Looks) -> Option<&[Document]> {
    items(looks, ALL, &all())
}

/// Asks for the accepted draft of an agent.
#[must_use]
pub fn want_accepted(agent: &str, looks: &Looks, now: Duration) -> Option<Cmd> {
    looks.want(ACCEPTED, &accepted(agent), Some(REFRESH), now)
}

/// The accepted draft of an agent, with its suggestion's document: the one that was accepted last. Those of earlier
/// versions stay accepted and are nobody's draft any more, and an old suggestion may be accepted after a new one.
#[must_use]
pub fn accepted_of<'a>(agent: &str, looks: &'a Looks) -> Option<(&'a Document, AgentSuggestion)> {
    let all = items(looks, ACCEPTED, &accepted(agent))?.iter();
    let read = all.filter_map(|document| Some((document, document.body::<AgentSuggestion>().ok()?)));
    read.max_by_key(|(document, body)| (body.decided_at, document.metadata.id))
}

/// Asks for what an agent's card says of its newest look back.
#[must_use]
pub fn want_card(agent: &str, looks: &Looks, now: Duration) -> Vec<Cmd> {
    let wanted = [
        looks.want(OPEN, &open(agent), Some(REFRESH), now),
        looks.want(REPORT, &report(agent), Some(REFRESH), now),
        want_accepted(agent, looks, now),
    ];
    wanted.into_iter().flatten().collect()
}

/// How many of an agent's suggestions are open.
#[must_use]
pub fn open_of(agent: &str, looks: &Looks) -> usize {
    items(looks, OPEN, &open(agent)).map_or(0, <[Document]>::len)
}

/// An agent's newest report.
#[must_use]
pub fn report_of<'a>(agent: &str, looks: &'a Looks) -> Option<(&'a Document, AgentSelfReport)> {
    let document = items(looks, REPORT, &report(agent))?.first()?;
    Some((document, document.body().ok()?))
}

fn items<'a>(looks: &'a Looks, topic: &str, query: &Query) -> Option<&'a [Document]> {
    match looks.answer(topic, query)? {
        Ok(QueryReply::Page { items, .. }) => Some(items),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::entity::SuggestionStatus;
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_draft_is_what_was_accepted_last_however_old_the_suggestion_is() {
        let id = |n: u32| format!("0199f3c2-7b1a-7cc1-8f1f-2a6b0c9d4e0{n}");
        let one = |n: u32, decided: i64| {
            let id = id(n);
            let body = AgentSuggestion {
                agent: "a".into(),
                status: SuggestionStatus::Accepted,
                decided_at: Timestamp::from_second(decided).ok(),
                ..AgentSuggestion::default()
            };
            serde_json::from_value::<Document>(json!({
                "kind": "AgentSuggestion",
                "metadata": {
                    "id": id, "name": "", "org": id, "owner": id, "revision": 1,
                    "created_at": Timestamp::UNIX_EPOCH, "updated_at": Timestamp::UNIX_EPOCH,
                },
                "spec": body,
            }))
            .unwrap()
        };
        let mut looks = Looks::default();
        looks.asked(ACCEPTED, &accepted("a"), Duration::ZERO);
        let items = vec![one(9, 100), one(3, 200), one(1, 50)];
        assert!(looks.answered(
            ACCEPTED,
            &accepted("a"),
            Ok(QueryReply::Page { items, next: None })
        ));
        let (document, _) = accepted_of("a", &looks).unwrap();
        assert_eq!(document.metadata.id.to_string(), id(3));
    }
}
