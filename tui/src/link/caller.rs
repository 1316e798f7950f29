//! A caller for the command line: one connection, made when first needed and again when it breaks.
//!
//! Invariant: a command goes out with one request id, however often it has to be sent.

use std::time::{Duration, Instant};

use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::id::RequestId;
use dirigent_protocol::query::{Query, QueryReply};
use dirigent_protocol::watch::{StreamPage, StreamRequest, WatchPage, WatchRequest};
use dirigent_rpc::{CallError, Connection};
use tokio::time::sleep;

use super::connect::connect_asking;
use super::launch::ready;
use super::settings::Settings;
use super::target::Ask;

/// How long a lost connection is tried anew before the call is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// First pause between two tries; doubles up to [`LONGEST`].
const FIRST: Duration = Duration::from_millis(50);
/// Longest pause between two tries.
const LONGEST: Duration = Duration::from_secs(2);

/// A caller; see the module header.
pub struct Caller {
    settings: Settings,
    connection: Option<Connection>,
    met: bool,
    on_start: Box<dyn Fn(&str)>,
}

impl Caller {
    /// A caller that is not connected yet. `on_start` gets a line for the person when a daemon is started.
    #[must_use]
    pub fn new(settings: Settings, on_start: impl Fn(&str) + 'static) -> Self {
        Self {
            settings,
            connection: None,
            met: false,
            on_start: Box::new(on_start),
        }
    }

    /// Which daemon, and how to start one.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The connection; made, and a daemon started where that is allowed, when there is none.
    ///
    /// # Errors
    /// The daemon cannot be reached or started.
    pub async fn connection(&mut self) -> Result<Connection, Fault> {
        if let Some(connection) = &self.connection {
            return Ok(connection.clone());
        }
        let connection = self.open().await?;
        self.met = true;
        self.connection = Some(connection.clone());
        Ok(connection)
    }

    async fn open(&self) -> Result<Connection, Fault> {
        let Settings {
            target,
            client,
            launch,
            ..
        } = &self.settings;
        // Who is in the middle of something is not asked for a password.
        let ask = if self.met { Ask::Nobody } else { Ask::Person };
        let fault = match connect_asking(target, client, ask).await {
            Ok(connection) => return Ok(connection),
            Err(fault) => fault,
        };
        match launch {
            Some(launch) if fault.code == Code::Unreachable && !self.met => {
                let mut started = launch.start()?;
                let connection = ready(&mut started, target, client).await?;
                let (pid, data) = (started.child.id(), launch.data_dir.display());
                (self.on_start)(&format!(
                    "started a private daemon (process {pid}, data in {data})"
                ));
                Ok(connection)
            }
            _ => Err(fault),
        }
    }

    /// Asks; asks again over a new connection when the old one breaks.
    ///
    /// # Errors
    /// The daemon's fault, or it stayed away.
    pub async fn query(&mut self, query: Query) -> Result<QueryReply, Fault> {
        let mut again = Again::new();
        loop {
            let connection = self.connection_or_wait(&mut again).await?;
            match connection.query(query.clone()).await {
                Ok(reply) => return Ok(reply),
                Err(error) => self.broken(error, &mut again).await?,
            }
        }
    }

    /// Changes; sends the same request again when the connection breaks before the answer.
    ///
    /// # Errors
    /// The daemon's fault, or [`Code::OutcomeUnknown`] when the answer never came.
    pub async fn command(&mut self, command: Command) -> Result<CommandReply, Fault> {
        let request = RequestId::new();
        let mut again = Again::new();
        let mut sent = false;
        loop {
            let unknown = |fault: Fault| {
                if sent {
                    outcome_unknown(request, &fault)
                } else {
                    fault
                }
            };
            let connection = self.connection_or_wait(&mut again).await.map_err(unknown)?;
            sent = true;
            match connection.command(request, command.clone()).await {
                Ok(reply) => return Ok(reply),
                Err(error) => {
                    let lost = matches!(error, CallError::Lost(_));
                    let unknown = |fault: Fault| {
                        if lost {
                            outcome_unknown(request, &fault)
                        } else {
                            fault
                        }
                    };
                    self.broken(error, &mut again).await.map_err(unknown)?;
                }
            }
        }
    }

    /// Waits for changes.
    ///
    /// # Errors
    /// The daemon's fault, or it stayed away.
    pub async fn watch(&mut self, request: WatchRequest) -> Result<WatchPage, Fault> {
        let mut again = Again::new();
        loop {
            let connection = self.connection_or_wait(&mut again).await?;
            match connection.watch(request.clone()).await {
                Ok(page) => return Ok(page),
                Err(error) => self.broken(error, &mut again).await?,
            }
        }
    }

    /// Waits for live text.
    ///
    /// # Errors
    /// The daemon's fault, or it stayed away.
    pub async fn stream(&mut self, request: StreamRequest) -> Result<StreamPage, Fault> {
        let mut again = Again::new();
        loop {
            let connection = self.connection_or_wait(&mut again).await?;
            match connection.stream(request.clone()).await {
                Ok(page) => return Ok(page),
                Err(error) => self.broken(error, &mut again).await?,
            }
        }
    }

    /// The connection; once the daemon was met, its absence is waited out.
    async fn connection_or_wait(&mut self, again: &mut Again) -> Result<Connection, Fault> {
        loop {
            match self.connection().await {
                Ok(connection) => return Ok(connection),
                Err(fault) if self.met && fault.code == Code::Unreachable => again.wait(fault).await?,
                Err(fault) => return Err(fault),
            }
        }
    }

    async fn broken(&mut self, error: CallError, again: &mut Again) -> Result<(), Fault> {
        match error {
            CallError::Fault(fault) if fault.code == Code::Overloaded && fault.retry_after_ms.is_some() => {
                again.wait(fault).await
            }
            CallError::Fault(fault) => Err(fault),
            lost @ CallError::Lost(_) => {
                self.connection = None;
                again.wait(lost.into_fault()).await
            }
        }
    }
}

fn outcome_unknown(request: RequestId, fault: &Fault) -> Fault {
    Fault::new(Code::OutcomeUnknown, format!("the daemon did not say whether this was done: {}", fault.message))
        .at(format!("request {request}"))
        .help("look before you repeat it: `dirigent status`, then `dirigent runs list` or `dirigent approvals list`")
}

/// Pauses between tries, and their end.
struct Again {
    since: Option<Instant>,
    pause: Duration,
}

impl Again {
    const fn new() -> Self {
        Self {
            since: None,
            pause: FIRST,
        }
    }

    async fn wait(&mut self, fault: Fault) -> Result<(), Fault> {
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() > PATIENCE {
            return Err(fault);
        }
        let asked = fault.retry_after_ms.map_or(Duration::ZERO, Duration::from_millis);
        sleep(self.pause.max(asked).min(PATIENCE)).await;
        self.pause = (self.pause * 2).min(LONGEST);
        Ok(())
    }
}
