//! What the answers are made from: one for the whole daemon.

use std::sync::Arc;

use dirigent_protocol::fault::{Code, Fault};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::runs::EndedBefore;
use crate::runtime::RuntimeHandle;
use crate::schedules::Schedules;
use crate::service::Service;
use crate::spawn::Supervisor;
use crate::swap::Swap;

/// Facts about this daemon; only a reload changes them.
#[derive(Debug, Clone)]
pub struct Info {
    /// When it came up.
    pub started_at: Timestamp,
    /// Where its data is.
    pub data_dir: String,
    /// Where it listens.
    pub socket: String,
    /// Serves its owner alone.
    pub private: bool,
    /// Whether `run: shell` is allowed, and as whom.
    pub shell: String,
    /// Models that can be named now.
    pub providers: Vec<String>,
    /// The model of agents that name none.
    pub default_model: String,
    /// Where offers are served over HTTP; empty where they are not.
    pub serve: String,
    /// Walls are wanted around the sandbox of commands.
    pub walls: bool,
}

/// The rooms behind the wire.
pub struct House {
    /// Documents.
    pub service: Arc<Service>,
    /// Runs; none in a daemon that only keeps documents.
    pub runtime: Option<RuntimeHandle>,
    /// Schedules; none without a runtime.
    pub schedules: Option<Schedules>,
    /// Where changes are carried out.
    pub tasks: Supervisor,
    /// Cancelled when somebody asks the daemon to end.
    pub stop: CancellationToken,
    /// Facts; a reload exchanges them.
    pub info: Swap<Info>,
    /// Runs that had ended at the start.
    pub ended_before: EndedBefore,
}

impl House {
    /// The runtime, or why there is none.
    pub(super) fn runtime(&self) -> Result<&RuntimeHandle, Fault> {
        self.runtime
            .as_ref()
            .ok_or_else(|| Fault::new(Code::Unsupported, "this daemon keeps documents and runs nothing"))
    }
}

/// `dirigentd 0.1.0`.
pub(super) fn program() -> String {
    format!("dirigentd {}", env!("CARGO_PKG_VERSION"))
}
