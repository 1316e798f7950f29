//! Questions of pages that the mirror cannot answer, and what the daemon said: one at a time for each topic.
//!
//! A page says what it wants to know whenever it is told anything; asked is only what is not known, not on its way,
//! or older than the mirror. Invariant: an answer is kept under the question it belongs to.

use std::collections::BTreeMap;
use std::time::Duration;

use dirigent_protocol::fault::Fault;
use dirigent_protocol::query::{Query, QueryReply};

use super::{Cmd, LinkCmd};

/// After this time a question that failed is put again.
const AGAIN: Duration = Duration::from_secs(5);

/// A question and its answer.
#[derive(Debug)]
struct Looked {
    query: Query,
    asked_at: Duration,
    /// Changes of the mirror when it was asked.
    changes: u64,
    waits: bool,
    /// The answer, and the question it answers where that is an earlier one.
    answer: Option<(Query, Result<QueryReply, Fault>)>,
}

/// All topics.
#[derive(Debug, Default)]
pub struct Looks {
    topics: BTreeMap<&'static str, Looked>,
    /// Changes of the mirror so far.
    changes: u64,
}

impl Looks {
    /// The wish to ask, unless it is known, on its way, or was refused a moment ago. What changes may have made
    /// untrue is asked for anew after `refresh`; without one an answer stays true whatever changes.
    #[must_use]
    pub fn want(
        &self,
        topic: &'static str,
        query: &Query,
        refresh: Option<Duration>,
        now: Duration,
    ) -> Option<Cmd> {
        if let Some(looked) = self.topics.get(topic).filter(|looked| looked.query == *query) {
            let age = now.saturating_sub(looked.asked_at);
            let old = match &looked.answer {
                _ if looked.waits => false,
                Some((of, Ok(_))) if of == query => {
                    looked.changes != self.changes && refresh.is_some_and(|refresh| age >= refresh)
                }
                _ => age >= AGAIN,
            };
            if !old {
                return None;
            }
        }
        Some(Cmd::Link(LinkCmd::Look {
            topic,
            query: Box::new(query.clone()),
        }))
    }

    /// The answer to exactly this question.
    #[must_use]
    pub fn answer(&self, topic: &str, query: &Query) -> Option<&Result<QueryReply, Fault>> {
        let (of, answer) = self.topics.get(topic)?.answer.as_ref()?;
        (of == query).then_some(answer)
    }

    /// The newest good answer, whatever was asked.
    #[must_use]
    pub fn newest(&self, topic: &str) -> Option<&QueryReply> {
        let (_, answer) = self.topics.get(topic)?.answer.as_ref()?;
        answer.as_ref().ok()
    }

    /// Why the last question of a topic has no answer.
    #[must_use]
    pub fn failure(&self, topic: &str) -> Option<&Fault> {
        let (_, answer) = self.topics.get(topic)?.answer.as_ref()?;
        answer.as_ref().err()
    }

    /// Exactly this was asked, and is answered or on its way.
    #[must_use]
    pub fn is_asked(&self, topic: &str, query: &Query) -> bool {
        let looked = self.topics.get(topic).filter(|looked| looked.query == *query);
        looked.is_some_and(|looked| looked.waits || looked.answer.as_ref().is_some_and(|(of, _)| of == query))
    }

    /// An answer is on its way.
    #[must_use]
    pub fn waits(&self, topic: &str) -> bool {
        self.topics.get(topic).is_some_and(|looked| looked.waits)
    }

    /// After how long an answer is to be asked for anew; none where it is true or on its way.
    #[must_use]
    pub fn due(&self, topic: &str, refresh: Duration, now: Duration) -> Option<Duration> {
        let looked = self.topics.get(topic).filter(|looked| !looked.waits)?;
        let failed = matches!(looked.answer, Some((_, Err(_))));
        let wait = if failed { AGAIN } else { refresh };
        (failed || looked.changes != self.changes).then(|| {
            (looked.asked_at + wait)
                .saturating_sub(now)
                .max(Duration::from_millis(50))
        })
    }

    /// A question goes to the link.
    pub fn asked(&mut self, topic: &'static str, query: &Query, now: Duration) {
        let before = self.topics.remove(topic);
        let looked = Looked {
            query: query.clone(),
            asked_at: now,
            changes: self.changes,
            waits: true,
            answer: before.and_then(|looked| looked.answer),
        };
        self.topics.insert(topic, looked);
    }

    /// The daemon answered; says whether anybody still wants to know.
    pub fn answered(&mut self, topic: &str, query: &Query, result: Result<QueryReply, Fault>) -> bool {
        match self.topics.get_mut(topic).filter(|looked| looked.query == *query) {
            Some(looked) => {
                looked.waits = false;
                looked.answer = Some((query.clone(), result));
                true
            }
            None => false,
        }
    }

    /// The mirror changed.
    pub const fn changed(&mut self) {
        self.changes = self.changes.wrapping_add(1);
    }

    /// The line broke: what was on its way does not come any more.
    pub fn cut(&mut self) {
        self.topics.retain(|_, looked| {
            looked.waits = false;
            // Asked anew as soon as the line is back.
            looked.changes = u64::MAX;
            looked.answer.as_ref().is_some_and(|(of, _)| *of == looked.query)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Duration = Duration::from_secs(100);
    const SOON: Duration = Duration::from_secs(2);

    #[test]
    fn a_question_is_put_once_and_again_only_when_it_may_have_another_answer() {
        let mut looks = Looks::default();
        let (one, two) = (Query::Kinds {}, Query::Status {});
        assert!(looks.want("t", &one, Some(SOON), T).is_some());
        looks.asked("t", &one, T);
        assert!(looks.waits("t") && looks.want("t", &one, Some(SOON), T).is_none());
        assert!(!looks.answered("t", &two, Ok(QueryReply::Kinds(Vec::new()))));
        assert!(looks.answered("t", &one, Ok(QueryReply::Kinds(Vec::new()))));
        assert!(looks.answer("t", &one).is_some() && looks.answer("t", &two).is_none());
        assert_eq!(looks.want("t", &one, Some(SOON), T + AGAIN), None);
        assert_eq!(looks.due("t", SOON, T), None);
        looks.changed();
        assert_eq!(looks.due("t", SOON, T), Some(SOON));
        assert_eq!(looks.want("t", &one, Some(SOON), T), None);
        assert_eq!(looks.want("t", &one, None, T + SOON), None);
        assert!(looks.want("t", &one, Some(SOON), T + SOON).is_some());
        // Another question under the same topic keeps the old answer in sight until its own comes.
        looks.asked("t", &two, T);
        assert!(looks.newest("t").is_some() && looks.answer("t", &two).is_none());
        looks.cut();
        assert!(looks.want("t", &two, Some(SOON), T).is_some());
    }
}
