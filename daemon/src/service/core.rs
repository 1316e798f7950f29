//! What the service stands on.

use std::sync::Arc;

use jiff::Timestamp;

use super::schema::Schemas;
use crate::clock::Clock;
use crate::door::Door;
use crate::events::Abouts;
use crate::records::Records;

/// The entity service. Shared by every connection.
pub struct Service {
    pub(super) records: Records,
    pub(super) door: Arc<Door>,
    pub(super) schemas: Schemas,
    pub(super) abouts: Abouts,
    clock: Clock,
}

impl Service {
    /// A service over these records, behind this door.
    #[must_use]
    pub fn new(records: Records, door: Arc<Door>, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            abouts: Abouts::new(records.clone()),
            records,
            door,
            schemas: Schemas::default(),
            clock,
        })
    }

    /// The reading side of the store.
    #[must_use]
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// The door in front.
    #[must_use]
    pub fn door(&self) -> &Arc<Door> {
        &self.door
    }

    /// The time, by the daemon's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }
}
