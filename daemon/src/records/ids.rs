//! Ids that are the same in every store.

use dirigent_protocol::id::EntityId;
use uuid::Uuid;

/// The organisation of a store that was never told of another.
pub const DEFAULT_ORG: EntityId = EntityId(Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0001));

/// The user who owns the socket: whoever runs the daemon.
pub const BOOTSTRAP_USER: EntityId = EntityId(Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0002));
