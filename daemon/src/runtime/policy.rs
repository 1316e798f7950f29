//! What a reload of the configuration may change while runs go on.
//!
//! Owns no rule: performers and decisions ask for the policy of the moment each time. An effect that is being
//! performed keeps what it began with.

use std::sync::Arc;
use std::time::Duration;

use dirigent_config::daemon::WallsPolicy;
use dirigent_protocol::run::Sandbox;
use dirigent_providers::{PriceTable, Registry};

use super::retention::Kept;
use crate::sandbox::Profile;

/// See the module header.
pub(crate) struct Policy {
    /// Whether commands are run at all.
    pub(crate) shell: bool,
    /// What commands are kept to; none is nothing.
    pub(crate) sandbox: Option<Profile>,
    /// The loosest that programs of agents may ask for.
    pub(crate) agent_sandbox: Sandbox,
    /// What stands around their sandbox.
    pub(crate) sandbox_walls: WallsPolicy,
    /// Largest output, bytes.
    pub(crate) max_output_bytes: usize,
    /// How long an approval waits when its document does not say.
    pub(crate) approval_expiry: Duration,
    /// Whether who started a run may approve what it asks, where it does not say.
    pub(crate) self_approval: bool,
    /// Which runs are deleted after a while.
    pub(crate) retention: Kept,
    /// Model clients.
    pub(crate) providers: Arc<Registry>,
    /// Prices.
    pub(crate) prices: Arc<PriceTable>,
}
