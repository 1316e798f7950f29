//! The pulse: a sign of life only when the daemon has just shown that it works.
//!
//! Each time a transaction goes through the store's writer (one whose guard cannot hold, so that nothing is written)
//! and a greeting through the daemon's own socket. A full disk is no death: the daemon answers, and a restart would
//! not help. Invariant: no sign of life without both answers within the period.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dirigent_protocol::fault::Fault;
use dirigent_rpc::{Connection, unix};
use dirigent_store::{CommitError, Guard, Txn};

use super::notify::notify;
use crate::rpc::House;

/// A key that nobody writes.
const NOBODYS: &[u8] = b"watchdog/nobody";

/// What did not answer.
#[derive(Debug, thiserror::Error)]
enum Silent {
    #[error("the store takes no commit: {0}")]
    Store(CommitError),
    #[error("the socket takes no connection: {0}")]
    Socket(#[from] std::io::Error),
    #[error("nobody is greeted: {0}")]
    Greeting(Fault),
    #[error("no answer within {0:?}")]
    Late(Duration),
}

/// Gives signs of life until it is dropped; the manager waits `period` for each.
pub(super) async fn pulse(house: Arc<House>, period: Duration) {
    // Twice within the period: one that comes late is not missed at once.
    let (pause, limit) = (period / 3, period / 3);
    loop {
        let answered = tokio::time::timeout(limit, answers(&house)).await;
        match answered.unwrap_or(Err(Silent::Late(limit))) {
            Ok(()) => notify("WATCHDOG=1"),
            Err(silent) => tracing::error!(error = %silent, "no sign of life is given"),
        }
        tokio::time::sleep(pause).await;
    }
}

async fn answers(house: &House) -> Result<(), Silent> {
    let probe = Txn {
        guards: vec![Guard::Exists(bytes::Bytes::from_static(NOBODYS))],
        reserve: true,
        ..Txn::default()
    };
    match house.service.records().store().commit(probe).await {
        Ok(_)
        | Err(
            CommitError::Conflict(_)
            | CommitError::Full
            | CommitError::Overloaded { .. }
            | CommitError::Rebuilding { .. },
        ) => {}
        Err(error) => return Err(Silent::Store(error)),
    }
    let info = house.info.get();
    let stream = unix::connect(Path::new(&info.socket)).await?;
    let tasks = house.tasks.clone();
    let greeted = Connection::open(stream, "watchdog", move |task| {
        tasks.spawn_until_stop("watchdog", task);
    });
    greeted
        .await
        .map(drop)
        .map_err(|error| Silent::Greeting(error.into_fault()))
}
