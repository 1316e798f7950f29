//! Reading parts of a document: fields, texts, durations, expressions, templates, schemas; every mistake is noted.
//!
//! Does not know any task kind: what a task may hold is read by the kind's own file, with the tools of this room.
//! Invariant: reading never stops at the first mistake, and every mistake has a line, a column and a way out.

mod base;
mod duration;
mod event_filter;
mod extension;
mod reader;
mod run_limits;
mod schedule;
mod schema;
mod secrets;
mod settings;
mod template;

pub use base::{Base, Export, InputRule, OutputRule, Then, TimeLimit};
pub use duration::Delay;
pub(crate) use duration::parse_iso;
pub(crate) use event_filter::{Matching, Strategy, Until, Verdict};
pub use extension::ExtensionRule;
pub use reader::{Fields, Reader};
pub use run_limits::{RunKey, RunLimits, RunRate};
pub use schedule::{Catch, MissedRuns, Overlap, Schedule, ScheduleRules};
pub use schema::Schema;
pub(crate) use settings::read_risk;
pub use settings::{Class, MigrationRules, Settings};
pub use template::Template;
pub(crate) use template::unshare;
