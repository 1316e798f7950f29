//! What people want of schedules: pause, resume.

use dirigent_protocol::command::CommandReply;
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::id::EntityId;
use dirigent_store::Txn;
use tokio::sync::{mpsc::UnboundedSender, oneshot};

use super::book::BookError;
use super::keeper::Keeper;
use crate::records::{Actor, Audit, audit, remember};

/// Why a wish was not granted; nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum WishError {
    /// No such schedule.
    #[error("there is no such schedule")]
    Unknown,
    /// It is paused already, or not paused.
    #[error("the schedule is {0}")]
    WrongState(&'static str),
    /// The daemon stops.
    #[error("the daemon is stopping")]
    Stopping,
    /// It could not be stored.
    #[error(transparent)]
    Book(#[from] BookError),
}

impl From<WishError> for Fault {
    fn from(error: WishError) -> Self {
        let text = error.to_string();
        match error {
            WishError::Unknown => {
                Self::new(Code::NotFound, text).help("`dirigent schedules list` lists what there is")
            }
            WishError::WrongState(_) => Self::new(Code::WrongState, text),
            WishError::Stopping => Self::new(Code::Overloaded, text).retry_after_ms(1_000),
            WishError::Book(BookError::Record(error)) => error.into(),
            WishError::Book(BookError::Runtime(error)) => error.into(),
            WishError::Book(BookError::Commit(error)) => crate::runtime::RuntimeError::Commit(error).into(),
        }
    }
}

/// A wish on its way to the keeper.
pub(super) struct Wish {
    pub(super) schedule: EntityId,
    pub(super) pause: bool,
    pub(super) actor: Actor,
    pub(super) reply: oneshot::Sender<Result<(), WishError>>,
}

/// The door of the schedules; clones share it.
#[derive(Clone)]
pub struct Schedules {
    pub(super) wishes: UnboundedSender<Wish>,
}

impl Schedules {
    /// Lets a schedule start nothing, or lets it go on; durable when this answers. What was due while it was paused is
    /// not made up for.
    ///
    /// # Errors
    /// See [`WishError`].
    pub async fn pause(&self, schedule: EntityId, pause: bool, actor: Actor) -> Result<(), WishError> {
        let (reply, answer) = oneshot::channel();
        let wish = Wish {
            schedule,
            pause,
            actor,
            reply,
        };
        self.wishes.send(wish).map_err(|_| WishError::Stopping)?;
        answer.await.unwrap_or(Err(WishError::Stopping))
    }
}

impl Keeper {
    pub(super) async fn grant(&mut self, wish: Wish) {
        let Wish {
            schedule,
            pause,
            actor,
            reply,
        } = wish;
        let answer = self.steer(schedule, pause, &actor).await;
        // Who asked may be gone; the deed stands all the same.
        drop(reply.send(answer));
    }

    async fn steer(&mut self, schedule: EntityId, pause: bool, actor: &Actor) -> Result<(), WishError> {
        let now = (self.book.clock)();
        let Some(kept) = self.kept.get_mut(&schedule) else {
            return Err(WishError::Unknown);
        };
        if kept.body.paused == pause {
            return Err(WishError::WrongState(if pause {
                "paused already"
            } else {
                "not paused"
            }));
        }
        kept.body.paused = pause;
        kept.body.paused_by = pause.then(|| actor.subject.name.clone());
        if !pause {
            kept.body.last_due = kept.body.last_due.max(Some(now));
        }
        let (mut txn, request) = (Txn::default(), actor.request.to_string());
        let object = format!("Schedule/{}", kept.stored.document.metadata.name);
        let action = if pause {
            "schedule.pause"
        } else {
            "schedule.resume"
        };
        let record = Audit {
            request: Some(&request),
            ..Audit::allowed(&actor.subject, action, &object)
        };
        audit(&mut txn, now, &record).map_err(BookError::from)?;
        remember(&mut txn, actor.key, &CommandReply::Accepted {}, now).map_err(BookError::from)?;
        let written = self.book.write(kept, false, txn).await;
        if written.is_err() {
            kept.body.paused = !pause;
        }
        self.plan(schedule);
        Ok(written?)
    }
}
