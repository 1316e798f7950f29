//! What every kind of definition can do on the command line: one implementation for agents, workflows, orchestrations.
//! Adding an action is one new file and one row below.

use clap::Subcommand;
use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::Fault;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;

pub mod diff;
pub mod hold;
pub mod list;
pub mod publish;
pub mod rollback;
pub mod show;
pub mod used_by;
pub mod versions;

/// What to do with definitions of any kind.
#[derive(Debug, Subcommand)]
pub enum Common {
    /// List them
    List(list::Args),
    /// Show one as it is written, or one of its versions
    Show(show::Args),
    /// List the published versions of one, newest first
    Versions(versions::Args),
    /// What changed between two versions, or between the newest one and a file
    Diff(diff::Args),
    /// Publish what a file says
    Publish(publish::Args),
    /// Publish an earlier version again, as the newest one
    Rollback(rollback::Args),
    /// Who uses one: definitions that name it, runs that are not over with the version they pinned
    UsedBy(used_by::Args),
}

impl Default for Common {
    fn default() -> Self {
        Self::List(list::Args::default())
    }
}

/// Does it.
///
/// # Errors
/// No such definition or version, or the daemon refuses.
pub async fn run(kind: Kind, action: Common, cx: &mut Cx) -> Result<Exit, Fault> {
    match action {
        Common::List(args) => list::run(kind, args, cx).await,
        Common::Show(args) => show::run(kind, args, cx).await,
        Common::Versions(args) => versions::run(kind, args, cx).await,
        Common::Diff(args) => diff::run(kind, args, cx).await,
        Common::Publish(args) => publish::run(kind, args, cx).await,
        Common::Rollback(args) => rollback::run(kind, args, cx).await,
        Common::UsedBy(args) => used_by::run(kind, args, cx).await,
    }
}
