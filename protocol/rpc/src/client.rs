//! The calling end.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::hello::{Hello, MAX_FRAME, VERSIONS, Welcome};
use dirigent_protocol::id::RequestId;
use dirigent_protocol::query::{Query, QueryReply};
use dirigent_protocol::watch::{StreamPage, StreamRequest, WatchPage, WatchRequest};
use futures::future::BoxFuture;
use tarpc::client::{self, RpcError};
use tarpc::context::{self, Context};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::codec::{NamedMessagePack, encoded_len, frames};
use crate::pulse::{Pulse, heard};
use crate::service::WireClient;

/// What a plain call may take.
const CALL: Duration = Duration::from_secs(30);
/// What a long poll may take beyond its own waiting.
const SLACK: Duration = Duration::from_secs(10);

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The daemon answered with a fault.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The connection is gone. A command may or may not have taken effect: ask again with the same request id.
    #[error("the connection to the daemon is lost: {0}")]
    Lost(#[source] RpcError),
}

impl CallError {
    /// The fault that people see.
    #[must_use]
    pub fn into_fault(self) -> Fault {
        match self {
            Self::Fault(fault) => fault,
            Self::Lost(_) => Fault::new(Code::Unreachable, self.to_string())
                .help("see `dirigent daemon status`; what was acknowledged is kept"),
        }
    }
}

/// A greeted connection. Cheap to clone; every clone shares the one connection.
#[derive(Clone)]
pub struct Connection {
    wire: WireClient,
    welcome: Arc<Welcome>,
    pulse: Pulse,
    /// What lives as long as the connection.
    kept: Option<Arc<dyn Any + Send + Sync>>,
}

impl Connection {
    /// Greets the daemon over a connected transport. `spawn` runs the connection's own task.
    ///
    /// # Errors
    /// The daemon refuses, shares no version, or the connection breaks.
    pub async fn open<Io>(
        io: Io,
        client: &str,
        spawn: impl FnOnce(BoxFuture<'static, ()>),
    ) -> Result<Self, CallError>
    where
        Io: AsyncRead + AsyncWrite + Send + 'static,
    {
        Self::open_within(CALL, io, Pulse::default(), client, spawn).await
    }

    /// The same over a transport on which the greeting may take longer (somebody types a password first). `pulse` notes
    /// what is heard.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_within<Io>(
        limit: Duration,
        io: Io,
        pulse: Pulse,
        client: &str,
        spawn: impl FnOnce(BoxFuture<'static, ()>),
    ) -> Result<Self, CallError>
    where
        Io: AsyncRead + AsyncWrite + Send + 'static,
    {
        let io = heard(Box::pin(io), pulse.clone());
        let transport = tarpc::serde_transport::new(frames(io), NamedMessagePack::default());
        let new = WireClient::new(client::Config::default(), transport);
        let dispatch = new.dispatch;
        spawn(Box::pin(async move {
            // A broken connection is reported by the calls on it.
            drop(dispatch.await);
        }));
        let hello = Hello {
            client: client.to_owned(),
            oldest: *VERSIONS.start(),
            newest: *VERSIONS.end(),
            features: Vec::new(),
        };
        let welcome = new
            .client
            .hello(within(limit), hello)
            .await
            .map_err(CallError::Lost)??;
        if !VERSIONS.contains(&welcome.version) {
            return Err(Fault::new(
                Code::VersionMismatch,
                format!(
                    "{} speaks protocol {}, this client {VERSIONS:?}",
                    welcome.daemon, welcome.version
                ),
            )
            .help("use a client of the daemon's version")
            .into());
        }
        Ok(Self {
            wire: new.client,
            welcome: Arc::new(welcome),
            pulse,
            kept: None,
        })
    }

    /// Keeps something until the last clone of the connection is gone: the process that carries it.
    #[must_use]
    pub fn keeping(mut self, what: impl Any + Send + Sync) -> Self {
        self.kept = Some(Arc::new(what));
        self
    }

    /// How long the other side has been silent. It is so by right while nothing is asked.
    #[must_use]
    pub fn silence(&self) -> Duration {
        self.pulse.silence()
    }

    /// What the daemon said at the start.
    #[must_use]
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Asks.
    ///
    /// # Errors
    /// The daemon's fault, or a lost connection.
    pub async fn query(&self, query: Query) -> Result<QueryReply, CallError> {
        self.wire
            .query(within(CALL), query)
            .await
            .map_err(CallError::Lost)?
            .map_err(CallError::Fault)
    }

    /// Changes. After [`CallError::Lost`] the same `request` may be sent again and takes effect once.
    ///
    /// # Errors
    /// The daemon's fault, a command over the frame limit, or a lost connection.
    pub async fn command(&self, request: RequestId, command: Command) -> Result<CommandReply, CallError> {
        if encoded_len(&command).map_or(true, |length| length + 1024 > MAX_FRAME) {
            return Err(Fault::new(Code::TooLarge, format!("the command is over {MAX_FRAME} bytes")).into());
        }
        self.wire
            .command(within(CALL), request, command)
            .await
            .map_err(CallError::Lost)?
            .map_err(CallError::Fault)
    }

    /// Waits for changes, at most as long as the request says.
    ///
    /// # Errors
    /// The daemon's fault, or a lost connection.
    pub async fn watch(&self, request: WatchRequest) -> Result<WatchPage, CallError> {
        let limit = Duration::from_millis(u64::from(request.wait_ms)) + SLACK;
        self.wire
            .watch(within(limit), request)
            .await
            .map_err(CallError::Lost)?
            .map_err(CallError::Fault)
    }

    /// Waits for live text, at most as long as the request says.
    ///
    /// # Errors
    /// The daemon's fault, or a lost connection.
    pub async fn stream(&self, request: StreamRequest) -> Result<StreamPage, CallError> {
        let limit = Duration::from_millis(u64::from(request.wait_ms)) + SLACK;
        self.wire
            .stream(within(limit), request)
            .await
            .map_err(CallError::Lost)?
            .map_err(CallError::Fault)
    }
}

fn within(limit: Duration) -> Context {
    let mut context = context::current();
    context.deadline = Instant::now() + limit;
    context
}
