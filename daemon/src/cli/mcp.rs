//! `dirigentd mcp`: what a daemon offers, as MCP tools on this program's own streams.

use std::process::ExitCode;
use std::time::Duration;

use super::args::Args;
use super::failure::Failure;
use super::serve::configured;
use crate::serve::over_stdio;
use crate::spawn::Supervisor;

/// How long the connection may take to end.
const LAST: Duration = Duration::from_secs(2);

pub(super) fn mcp(args: &Args) -> Result<ExitCode, Failure> {
    let (paths, _) = configured(args)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let served = runtime.block_on(async {
        let tasks = Supervisor::new();
        let served = over_stdio(&paths.socket, &tasks).await;
        tasks.stop(LAST).await;
        served
    });
    // A read of standard input that still waits must not keep the process.
    runtime.shutdown_background();
    served
        .map(|()| ExitCode::SUCCESS)
        .map_err(|fault| Failure::Asked(Box::new(fault)))
}
