//! Events that schedules listen for.

use dirigent_engine::expression::Answers;
use dirigent_engine::{Catch, Listening};
use dirigent_protocol::id::EntityId;
use dirigent_protocol::run::EventBody;
use dirigent_store::Txn;
use serde_json::Value;

use super::book::{BookError, Kept};
use super::keeper::Keeper;
use super::start::start;
use crate::runtime::Heard;

/// How often an expression may ask the worker for one event.
const MAX_ROUNDS: usize = 300;
/// Most events that are collected for one run.
const MOST: usize = 1_000;

impl Keeper {
    /// Takes an event in behind those that wait: it is acknowledged when what came of it is durable, or when it means
    /// nothing.
    pub(super) async fn heard(&mut self, heard: Heard) {
        let id = heard.schedule;
        match self.kept.get_mut(&id) {
            Some(kept) => kept.backlog.push_back(heard),
            None => return heard.done(),
        }
        self.catch_up(id).await;
    }

    /// Takes in what waits, in order, until something cannot be stored or begun now: it and all behind it wait.
    pub(super) async fn catch_up(&mut self, id: EntityId) {
        let Some(mut kept) = self.kept.remove(&id) else {
            return;
        };
        while let Some(heard) = kept.backlog.pop_front() {
            let before = kept.memory();
            let done = match kept.body.paused {
                true => Ok(true),
                false => Box::pin(self.take_in(&mut kept, &heard)).await,
            };
            match done {
                Ok(true) => heard.done(),
                waits => {
                    if let Err(error) = waits {
                        tracing::warn!(schedule = %id, %error, "an event of a schedule waits");
                    }
                    kept.recall(before);
                    kept.backlog.push_front(heard);
                    break;
                }
            }
        }
        self.kept.insert(id, kept);
    }

    async fn take_in(&self, kept: &mut Kept, heard: &Heard) -> Result<bool, BookError> {
        let Some(body) = self.consider(kept, heard).await else {
            return Ok(true);
        };
        let mut listening = kept.listening.clone();
        listening.fold(&body);
        if !listening.closed {
            if listening.taken.len() > MOST {
                kept.body.trouble = format!("more than {MOST} events came before one ended the collection");
                listening = fresh(kept, &listening);
            }
            kept.listening = listening;
            self.book.write(kept, false, Txn::default()).await?;
            return Ok(true);
        }
        let input = Value::Array(listening.taken.iter().map(|value| (**value).clone()).collect());
        let name = format!("event:{}.{}", heard.at.commit, heard.at.index);
        let so = |kept: &mut Kept| kept.listening = fresh(kept, &listening);
        start(&self.book, kept, &name, input, so).await
    }

    async fn consider(&self, kept: &Kept, heard: &Heard) -> Option<Box<EventBody>> {
        let schedule = kept.workflow.schedule()?;
        let mut answers = Answers::default();
        let now = (self.book.clock)();
        for _ in 0..MAX_ROUNDS {
            match schedule.consider(&kept.listening, heard.at, &heard.event, &answers, now) {
                Catch::Nothing => return None,
                Catch::Taken(body) => return Some(body),
                Catch::Ask(requests) => {
                    for reply in self.book.runtime.evaluate(requests).await {
                        answers.insert(reply);
                    }
                }
            }
        }
        None
    }
}

/// Listening begins anew behind what was taken.
fn fresh(kept: &Kept, before: &Listening) -> Listening {
    let mut listening = kept
        .workflow
        .schedule()
        .map(|schedule| schedule.fresh())
        .unwrap_or_default();
    listening.last = before.last;
    listening
}
