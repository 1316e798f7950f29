//! What a run's journal says of its change to another version of its workflow.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A task of one version and where it stands in another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Its JSON pointer in the version the run leaves.
    pub from: Arc<str>,
    /// Its JSON pointer in the other one; absent where that has no such task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Arc<str>>,
}
