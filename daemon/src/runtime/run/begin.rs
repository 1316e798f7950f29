//! How a run begins: at once, or when the gate lets it through. Until then its document and its row are there, and what
//! it was given; its journal is empty.
//!
//! Invariant: a run that waits is durable with its place in the line before anybody is told that it waits.

use dirigent_engine::machine::Stimulus;
use dirigent_protocol::entity::Queued;
use dirigent_protocol::id::EntityId;
use dirigent_protocol::run::Status;

use super::commit::{Committed, Deed, NotCommitted, started};
use super::driver::{Broken, Driver};
use crate::runtime::admission::gate::{Answer, Counted};
use crate::runtime::admission::place::{Ask, Place};
use crate::runtime::error::RuntimeError;
use crate::runtime::rows::{self, StartRow};

impl Driver {
    /// Whether the run waits for its turn.
    pub(crate) fn waits(&self) -> bool {
        self.place.as_ref().is_some_and(|place| place.waits())
    }

    /// Asks the gate whether the run may begin with this; what it was given where it has to wait.
    pub(crate) fn line_up(
        &mut self,
        org: EntityId,
        ask: &Ask,
        stimulus: &Stimulus,
    ) -> Result<Option<StartRow>, RuntimeError> {
        let now = (self.core.clock)();
        let (answer, others) = self.core.gate.ask(org, self.run, ask, now);
        self.core.admit(others);
        let ticket = match answer {
            Answer::Begin(counted) => {
                self.let_through(ask.clone(), counted);
                return Ok(None);
            }
            Answer::Full(most) => return Err(RuntimeError::QueueFull { most }),
            Answer::Wait(ticket) => ticket,
        };
        let Stimulus::Start { input, pins } = stimulus else {
            let standing = self.core.gate.standing(self.run, now);
            self.core.admit(self.core.gate.leave(self.run, false, now));
            return Err(RuntimeError::NoTurn {
                workflow: ask.definition.clone(),
                why: standing
                    .map(|standing| standing.why.to_string())
                    .unwrap_or_default(),
            });
        };
        self.asked = true;
        self.place = Some(Box::new(Place {
            ask: ask.clone(),
            ticket: Some(ticket),
        }));
        Ok(Some(StartRow {
            input: input.clone(),
            pins: pins.clone(),
        }))
    }

    fn let_through(&mut self, ask: Ask, counted: Option<Counted>) {
        self.asked = true;
        self.begins = Some(counted);
        self.place = ask.limits.any().then(|| Box::new(Place { ask, ticket: None }));
    }

    /// Makes a run durable that has to wait.
    pub(crate) async fn wait_outside(
        &mut self,
        mut deed: Deed<'_>,
        start: &StartRow,
    ) -> Result<(), (RuntimeError, bool)> {
        let Some(document) = deed.document.as_ref() else {
            return Err((RuntimeError::Internal("a run without its document"), true));
        };
        let about = self.about(document);
        let row = rows::large_row(&*self.core.store, document.metadata.org, start).await;
        let (row, blob) = row.map_err(|error| (error, false))?;
        deed.reply = started(self.run, Status::Pending);
        deed.blobs.extend(blob);
        let puts = vec![(rows::start_key(self.run), row)];
        let batch = self.batch(about);
        match self.commit(batch, Some(&deed), puts).await {
            Ok(Committed::Applied | Committed::Replayed) => Ok(()),
            Err(NotCommitted::Refused(error) | NotCommitted::TooLarge(error)) => Err((error, false)),
            Err(NotCommitted::Broken(error)) => Err((error, true)),
        }
    }

    /// Its turn has come: it begins as it would have at once.
    pub(crate) async fn admitted(&mut self, counted: Option<Counted>) -> Result<(), Broken> {
        if !self.waits() || self.state.status().is_final() {
            return Ok(());
        }
        let found =
            rows::read_large::<StartRow>(&*self.core.store, &rows::start_key(self.run), "a start").await;
        let start = match found {
            Ok(Some(start)) => start,
            Ok(None) => return Err(Broken),
            Err(error) => {
                tracing::error!(run = %self.run, %error, "a run that waited cannot begin");
                return Err(Broken);
            }
        };
        let Some(place) = self.place.take() else {
            return Ok(());
        };
        self.let_through(place.ask, counted);
        let StartRow { input, pins } = start;
        let stimulus = Stimulus::Start { input, pins };
        self.one_by_one([stimulus]).await?;
        if self.state.status() == Status::Pending {
            let reason = Some("its beginning fits no commit".to_owned());
            let by = "dirigent".to_owned();
            self.one_by_one([Stimulus::Cancel { by, reason }]).await?;
        }
        Ok(())
    }

    /// It was set aside: others may go in its place. Nobody knows when it goes on, and one that kills the daemon again
    /// and again must not hold up all others of its definition.
    pub(crate) fn step_aside(&mut self) {
        if self.asked && !self.aside && !self.waits() {
            self.aside = true;
            self.core
                .admit(self.core.gate.leave(self.run, true, (self.core.clock)()));
        }
    }

    /// It is to go on after it was set aside: among the others again, where there is room.
    pub(crate) fn step_back(&mut self) -> Result<(), RuntimeError> {
        let Some(document) = self.document.as_ref().filter(|_| self.aside) else {
            return Ok(());
        };
        let (org, child) = (document.document.metadata.org, &document.document.spec["parent"]);
        let ask = self.place.as_ref().map(|place| &place.ask);
        match self.core.gate.come_back(org, self.run, ask, !child.is_null()) {
            Ok(()) => {
                self.aside = false;
                Ok(())
            }
            Err(why) => Err(RuntimeError::NoTurn {
                workflow: self.workflow.name().to_owned(),
                why: why.to_string(),
            }),
        }
    }

    /// What the document says of the line.
    pub(crate) fn queued(&self, before: Option<Queued>) -> Option<Queued> {
        let place = self.place.as_ref().filter(|place| place.waits())?;
        let now = (self.core.clock)();
        let standing = self.core.gate.standing(self.run, now);
        Some(Queued {
            since: before.map_or(Some(now), |before| before.since),
            key: place.ask.key.clone(),
            why: standing
                .map(|standing| standing.why.to_string())
                .unwrap_or_default(),
            ..Queued::default()
        })
    }
}
