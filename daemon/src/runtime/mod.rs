//! The runtime: one driver per live run, performers of effects, permits, timers, live text, recovery.
//!
//! Owns every run that is not over, and is the only place that performs effects. It interprets no workflow (the
//! engine does), knows no wire and asks for no permission: the door stands in front of its handle.
//!
//! Invariants: (1) an effect is performed only after its intent is durable, and one outcome of it is ever accepted;
//! (2) whatever a caller is told was durable before; (3) a run is in the hands of one driver at most.

mod ack;
mod api;
mod asked;
mod batch;
mod bus;
mod children;
mod commit;
mod core;
mod decide;
mod deciders;
mod dispatch;
mod driver;
mod effects;
mod error;
mod fork;
mod grant;
mod handle;
mod lineage;
mod links;
mod listens;
mod live;
mod load;
mod log_lines;
mod look;
mod message;
mod misfit;
mod notices;
mod on_the_way;
mod papers;
mod parts;
mod perform;
mod permits;
mod plans;
mod policy;
mod publish;
mod questions;
mod quotes;
mod recover;
mod rows;
mod rules;
mod secrets;
mod simulate;
mod space;
mod steps;
mod survey;
mod tell;
mod timers;

pub use api::{Counts, Rooms, RuntimeSettings, StartRun, Started};
pub use bus::{BusNews, Heard};
pub use decide::Answer;
pub use effects::{Call, Performer};
pub use error::RuntimeError;
pub use fork::From;
pub use handle::RuntimeHandle;
pub use links::LinkClaims;
pub use publish::Published;
pub use space::Space;
