//! What a driver does with each message.

use dirigent_engine::machine::Stimulus;
use dirigent_protocol::entity::{Level, Question};
use dirigent_protocol::id::EntityId;
use dirigent_protocol::run::{EffectId, Status, TimerId};
use tokio_util::sync::CancellationToken;

use super::batch::{Batch, NoDecision};
use super::commit::{Committed, NotCommitted};
use super::driver::{Broken, Driver};
use super::message::{Message, PersonCommand, Wish};
use crate::runtime::admission::permits::Permit;
use crate::runtime::error::RuntimeError;
use crate::runtime::rows::{self, Deaths};

impl Driver {
    pub(crate) fn open_batch(&self) -> Result<Batch, Broken> {
        let document = self.document.as_ref().ok_or(Broken)?;
        Ok(self.batch(self.about(&document.document)))
    }

    /// Outcomes and permits: as many as there are, in one commit.
    pub(crate) async fn together(&mut self, messages: Vec<Message>) -> Result<(), Broken> {
        let mut batch = self.open_batch()?;
        let mut outcomes = Vec::new();
        for message in messages {
            let (stimulus, held) = match message {
                Message::Settled { effect, outcome } => {
                    // Its permit is free before the decision, which may need it.
                    let outcome = *outcome;
                    self.performing.remove(&effect);
                    self.let_next();
                    outcomes.push((effect, outcome.clone()));
                    (Stimulus::Settled { effect, outcome }, None)
                }
                Message::Permitted { effect, permit } => {
                    self.in_queue = self.in_queue.saturating_sub(1);
                    (Stimulus::Permitted { effect }, Some((effect, permit)))
                }
                _ => continue,
            };
            let permitted = held.is_some();
            let count = self.decide_quietly(&mut batch, &stimulus, held).await?;
            if permitted && count == 0 {
                // It came too late; its place in the queue is another's.
                self.let_next();
            }
        }
        match self.commit(batch, None, Vec::new()).await {
            Err(NotCommitted::TooLarge(_)) => self.apart(outcomes).await,
            other => settled(other),
        }
    }

    /// Timers that are due.
    pub(crate) async fn wake(&mut self) -> Result<(), Broken> {
        let now = (self.core.clock)();
        let due: Vec<TimerId> = self
            .state
            .timers()
            .filter(|timer| self.due(timer) <= now && !self.deferred.contains(&timer.id))
            .map(|timer| timer.id)
            .collect();
        let mut batch = self.open_batch()?;
        for timer in &due {
            let stimulus = Stimulus::TimerFired { timer: *timer };
            if self.decide_quietly(&mut batch, &stimulus, None).await? == 0 {
                self.deferred.insert(*timer);
            }
        }
        let committed = match self.commit(batch, None, Vec::new()).await {
            Err(NotCommitted::TooLarge(_)) => {
                let each = due.into_iter().map(|timer| Stimulus::TimerFired { timer });
                self.one_by_one(each).await
            }
            other => settled(other),
        };
        self.core.timers.set(self.run, self.next_due(&self.state));
        committed
    }

    /// The daemon was restarted: nothing of what was open runs on, then each is settled by its policy.
    pub(crate) async fn recovered(&mut self) -> Result<(), Broken> {
        self.clear_open().await;
        if self.state.status() == Status::Suspended && !self.state.cancelling() {
            self.unsettled = true;
            return Ok(());
        }
        let mut batch = self.open_batch()?;
        self.decide_quietly(&mut batch, &Stimulus::Recovered, None)
            .await?;
        let mut puts = Vec::new();
        if !batch.events.is_empty()
            && !batch.state.status().is_final()
            && let Ok(Some(deaths)) =
                rows::get::<Deaths>(&*self.core.store, &rows::deaths_key(self.run), "deaths")
        {
            // What recovery itself records is no progress.
            let deaths = Deaths {
                seq: batch.state.seq() - self.base,
                ..deaths
            };
            puts.extend(
                rows::encode(&deaths)
                    .map(|bytes| (rows::deaths_key(self.run), bytes))
                    .ok(),
            );
        }
        self.recovering = true;
        let committed = self.commit(batch, None, puts).await;
        self.recovering = false;
        if matches!(committed, Err(NotCommitted::TooLarge(_))) {
            if !self.slow_down() {
                return self.too_much().await;
            }
            self.own.push_front(Message::Recovered);
            return Ok(());
        }
        self.own.push_back(Message::Wake);
        settled(committed)
    }

    /// The daemon died again and again with this run in hand: it is suspended, and a person is told.
    pub(crate) async fn set_aside(&mut self) -> Result<(), Broken> {
        self.clear_open().await;
        self.quarantined = true;
        self.dequeue_all();
        let mut batch = self.open_batch()?;
        self.decide_quietly(
            &mut batch,
            &Stimulus::Pause {
                by: "dirigent (quarantine)".into(),
            },
            None,
        )
        .await?;
        let text = "The daemon died several times in a row with this run in hand and no progress between. It is \
                    suspended; release it to try once more, or cancel it.";
        batch.papers.notify(
            Level::Critical,
            format!("{} was set aside", self.workflow.name()),
            text.into(),
        );
        settled(self.commit(batch, None, Vec::new()).await)?;
        self.step_aside();
        Ok(())
    }

    async fn clear_open(&self) {
        for effect in self.state.effects() {
            if let Some(key) = effect.phase.key()
                && let Some(performer) = self.core.performers.of(effect.request.kind())
            {
                performer.clear(self.run, effect.id, key).await;
                if effect.abort {
                    let call = self.call(effect, key.clone(), CancellationToken::new());
                    performer.unwanted(&call).await;
                }
            }
        }
    }

    /// A person's wish; told when it is durable.
    pub(crate) async fn command(&mut self, command: PersonCommand) -> Result<(), Broken> {
        let PersonCommand { wish, actor, reply } = command;
        let pauses = matches!(wish, Wish::Pause);
        let resumes = matches!(wish, Wish::Resume | Wish::Release);
        if matches!(wish, Wish::Release) && !self.quarantined {
            let (run, detail) = (self.run, "it is not quarantined".to_owned());
            drop(reply.send(Err(RuntimeError::WrongState { run, detail })));
            return Ok(());
        }
        let cancels = matches!(wish, Wish::Cancel { .. });
        if let Err(error) = if resumes { self.step_back() } else { Ok(()) } {
            drop(reply.send(Err(error)));
            return Ok(());
        }
        let set_aside = (resumes || cancels) && std::mem::take(&mut self.quarantined);
        let granted = match wish {
            Wish::Migrate(migration) => self.migrate(*migration, &actor).await,
            wish => self.grant(wish, &actor).await,
        };
        let (answer, broken) = match granted {
            // A run whose start was answered before has not begun here.
            Ok(()) if self.document.is_none() => (Ok(Status::Pending), false),
            Ok(()) => (Ok(self.state.status()), false),
            Err((error, broken)) => (Err(error), broken),
        };
        let done = answer.is_ok();
        if set_aside && !done {
            self.quarantined = true;
            self.step_aside();
        }
        // Who asked may be gone; the deed stands all the same.
        drop(reply.send(answer));
        if broken {
            return Err(Broken);
        }
        if pauses && done {
            self.dequeue_all();
        }
        if done && (resumes || self.state.cancelling()) {
            self.deferred.clear();
            self.dequeue_all();
            self.enqueue_waiting();
            self.own.push_back(Message::Wake);
            if std::mem::take(&mut self.unsettled) || set_aside {
                self.own.push_back(Message::Recovered);
            }
        }
        Ok(())
    }

    /// A question of one of its approvals was answered: the document says so.
    pub(crate) async fn answered(&mut self, approval: EntityId, answered: &Question) -> Result<(), Broken> {
        let mut batch = self.open_batch()?;
        if let Err(error) = batch.papers.answer(approval, answered) {
            tracing::warn!(%approval, %error, "an answer could not be noted");
            return Ok(());
        }
        settled(self.commit(batch, None, Vec::new()).await)
    }

    /// Decides; a stimulus that does not fit any more is no fault.
    pub(crate) async fn decide_quietly(
        &self,
        batch: &mut Batch,
        stimulus: &Stimulus,
        held: Option<(EffectId, Permit)>,
    ) -> Result<usize, Broken> {
        match Box::pin(self.decide(batch, stimulus, held)).await {
            Ok(count) => Ok(count),
            Err(NoDecision::Refused(refusal)) => {
                tracing::debug!(run = %self.run, %refusal, "a stimulus came too late");
                Ok(0)
            }
            Err(NoDecision::Failed(error)) => {
                tracing::error!(run = %self.run, %error, "a decision could not be made");
                Err(Broken)
            }
        }
    }
}

pub(crate) fn settled(committed: Result<Committed, NotCommitted>) -> Result<(), Broken> {
    match committed {
        Ok(_) => Ok(()),
        Err(NotCommitted::Refused(error) | NotCommitted::TooLarge(error) | NotCommitted::Broken(error)) => {
            tracing::error!(%error, "a run's events were not committed");
            Err(Broken)
        }
    }
}
