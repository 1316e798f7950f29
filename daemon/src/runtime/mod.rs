//! The runtime: one driver per live run, performers of effects, permits, timers, live text, recovery.
//!
//! Owns every run that is not over, and is the only place that performs effects. It interprets no workflow (the
//! engine does), knows no wire and asks for no permission: the door stands in front of its handle.
//!
//! Folders: `run` (a run's driver, from message to commit to effect), `admission` (what may begin now), `effects`
//! (performers), `approvals` (what is asked of people, and rules), `bus` (events), `lineage` (runs that come from runs),
//! `retention` (runs that are not wanted any more), `routing` (which agent does what takes a capability), `versions` (runs and other versions of their workflows).
//!
//! Invariants: (1) an effect is performed only after its intent is durable, and one outcome of it is ever accepted;
//! (2) whatever a caller is told was durable before; (3) a run is in the hands of one driver at most.

mod admission;
mod agent_use;
mod api;
mod approvals;
mod bus;
mod conversation;
mod core;
mod effects;
mod emergency;
mod error;
mod handle;
mod lineage;
mod live;
mod lone_agent;
mod look;
mod plans;
mod policy;
mod recover;
mod retention;
mod reviews;
mod routing;
mod rows;
mod run;
mod timers;
mod unnamed_version;
mod versions;

pub use admission::space::Space;
pub use api::{Counts, Rooms, RuntimeSettings, StartRun, Started, Terms};
pub use approvals::decide::Answer;
pub use approvals::links::LinkClaims;
pub use bus::bell::{BusNews, Heard};
pub use bus::publish::Published;
pub use effects::{Call, Performer};
pub use error::RuntimeError;
pub use handle::RuntimeHandle;
pub use lineage::fork::From;
pub use retention::Pruned;
pub use versions::check::Which;
