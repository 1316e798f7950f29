//! MCP on standard input and output, for programs that start their servers themselves: a bridge to a daemon's socket.

use std::io;
use std::path::Path;
use std::sync::Arc;

use dirigent_protocol::fault::{Code, Fault};
use dirigent_rpc::{CallError, Connection, unix};
use rmcp::ServiceExt;

use super::guest::Guest;
use super::mcp::Tools;
use crate::spawn::Supervisor;

/// Serves until the input ends. Whoever started this program is known to the daemon by the socket.
///
/// # Errors
/// No daemon answers there, it refuses, or the streams break.
pub async fn over_stdio(socket: &Path, tasks: &Supervisor) -> Result<(), Fault> {
    let unreachable = |error: io::Error| {
        Fault::new(Code::Unreachable, format!("no daemon can be reached: {error}"))
            .help("start one with `dirigent daemon start`")
    };
    let stream = unix::connect(socket).await.map_err(unreachable)?;
    let name = concat!("dirigentd mcp ", env!("CARGO_PKG_VERSION"));
    let connection = Connection::open(stream, name, |task| tasks.spawn_until_stop("connection", task));
    let connection = connection.await.map_err(CallError::into_fault)?;
    let user = connection.welcome().subject.user;
    let guest = Guest::new(Arc::new(connection), user, &["*".to_owned()]);
    let streams = (tokio::io::stdin(), tokio::io::stdout());
    let broken =
        |error: &dyn std::fmt::Display| Fault::new(Code::Io, format!("the client went away: {error}"));
    let serving = Tools::for_guest(guest).serve(streams).await;
    let serving = serving.map_err(|error| broken(&error))?;
    serving.waiting().await.map(drop).map_err(|error| broken(&error))
}
