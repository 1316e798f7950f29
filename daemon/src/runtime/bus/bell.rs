//! What the bus is to the rest of the daemon: a bell for the desk that delivers, and news for whoever keeps schedules.

use std::sync::{Mutex, PoisonError};

use dirigent_protocol::Payload;
use dirigent_protocol::id::EntityId;
use dirigent_protocol::run::BusPosition;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::ack::Ack;

/// News for whoever keeps schedules.
pub enum BusNews {
    /// A workflow was written or deleted.
    Workflow(EntityId),
    /// An event came that a schedule listens for.
    Heard(Heard),
}

/// An event for a schedule. Dropped before [`Heard::done`], it is delivered again.
pub struct Heard {
    /// Which schedule.
    pub schedule: EntityId,
    /// Where the event stands on the bus.
    pub at: BusPosition,
    /// The event.
    pub event: Payload,
    pub(crate) ack: Ack,
}

impl Heard {
    /// What came of it is durable.
    pub fn done(self) {
        self.ack.done();
    }
}

/// See the module header.
pub(crate) struct Bus {
    bell: Notify,
    news: UnboundedSender<BusNews>,
    waiting: Mutex<Option<UnboundedReceiver<BusNews>>>,
}

impl Default for Bus {
    fn default() -> Self {
        let (news, waiting) = unbounded_channel();
        Self {
            bell: Notify::new(),
            news,
            waiting: Mutex::new(Some(waiting)),
        }
    }
}

impl Bus {
    /// Something durable concerns the bus.
    pub(crate) fn poke(&self) {
        self.bell.notify_one();
    }

    /// Resolves once something does.
    pub(crate) async fn poked(&self) {
        self.bell.notified().await;
    }

    pub(crate) fn tell(&self, news: BusNews) {
        // Nobody keeps schedules here: then a schedule's event is not taken in, and is delivered once somebody does.
        drop(self.news.send(news));
    }

    /// The news; there is one reader.
    pub(crate) fn take_news(&self) -> Option<UnboundedReceiver<BusNews>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
