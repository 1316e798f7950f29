//! The serving end: one connection at a time, each request on a task of its own.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::hello::{Hello, MAX_FRAME, Welcome};
use dirigent_protocol::id::RequestId;
use dirigent_protocol::query::{Query, QueryReply};
use dirigent_protocol::watch::{StreamPage, StreamRequest, WatchPage, WatchRequest};
use futures::StreamExt;
use serde::Serialize;
use tarpc::context::Context;
use tarpc::server::{BaseChannel, Channel};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::codec::{NamedMessagePack, encoded_len, frames};
use crate::service::{Handler, Wire};
use crate::wary::Wary;

/// What one connection may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Requests answered at once; more are refused as `overloaded`.
    pub in_flight: usize,
    /// How long a frame may take from its first byte to its last.
    pub frame: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight: 64,
            frame: Duration::from_secs(10),
        }
    }
}

/// Serves one connection until it ends. `spawn` puts each request on a task of its own, so that one long poll does
/// not hold up the others.
pub async fn serve<Io, H>(
    io: Io,
    handler: H,
    limits: Limits,
    spawn: impl Fn(futures::future::BoxFuture<'static, ()>),
) where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let told = handler.clone();
    let io = Wary::new(io, limits.frame, move |trouble| told.troubled(trouble));
    let transport = tarpc::serde_transport::new(frames(io), NamedMessagePack::default());
    let door = Door {
        handler,
        greeted: Arc::new(AtomicBool::new(false)),
        busy: Arc::new(AtomicUsize::new(0)),
        limits,
    };
    BaseChannel::with_defaults(transport)
        .execute(door.serve())
        .for_each(|request| {
            spawn(Box::pin(request));
            futures::future::ready(())
        })
        .await;
}

/// Stands in front of the handler: `hello` first, no more at once than the limit, no answer over the frame limit.
#[derive(Clone)]
struct Door<H> {
    handler: H,
    greeted: Arc<AtomicBool>,
    busy: Arc<AtomicUsize>,
    limits: Limits,
}

/// One request being answered.
struct Turn(Arc<AtomicUsize>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl<H: Handler> Door<H> {
    fn enter(&self) -> Result<Turn, Fault> {
        if !self.greeted.load(Ordering::Acquire) {
            return Err(Fault::new(
                Code::Usage,
                "the first call of a connection must be `hello`",
            ));
        }
        let turn = Turn(Arc::clone(&self.busy));
        if self.busy.fetch_add(1, Ordering::AcqRel) >= self.limits.in_flight {
            return Err(Fault::new(
                Code::Overloaded,
                format!(
                    "this connection has {} calls in flight already",
                    self.limits.in_flight
                ),
            )
            .help("wait for answers before asking more")
            .retry_after_ms(100));
        }
        Ok(turn)
    }
}

/// An answer over the frame limit would kill the connection without a word: refuse it in words instead.
fn fits<T: Serialize>(answer: Result<T, Fault>) -> Result<T, Fault> {
    let answer = answer?;
    match encoded_len(&answer) {
        Ok(length) if length + 1024 <= MAX_FRAME => Ok(answer),
        Ok(length) => Err(too_large(length)),
        Err(wrong) => Err(unencodable(&wrong)),
    }
}

fn too_large(length: usize) -> Fault {
    Fault::new(
        Code::TooLarge,
        format!("the answer has {length} bytes, a frame holds {MAX_FRAME}"),
    )
    .help("ask for fewer items at once (limit)")
}

fn unencodable(wrong: &io::Error) -> Fault {
    Fault::new(Code::Internal, format!("the answer cannot be encoded: {wrong}"))
}

impl<H: Handler> Wire for Door<H> {
    async fn hello(self, _: Context, hello: Hello) -> Result<Welcome, Fault> {
        let welcome = self.handler.hello(hello).await?;
        self.greeted.store(true, Ordering::Release);
        Ok(welcome)
    }

    async fn query(self, _: Context, query: Query) -> Result<QueryReply, Fault> {
        let _turn = self.enter()?;
        fits(self.handler.query(query).await)
    }

    async fn command(self, _: Context, request: RequestId, command: Command) -> Result<CommandReply, Fault> {
        let _turn = self.enter()?;
        fits(self.handler.command(request, command).await)
    }

    async fn watch(self, _: Context, request: WatchRequest) -> Result<WatchPage, Fault> {
        let _turn = self.enter()?;
        fits(self.handler.watch(request).await)
    }

    async fn stream(self, _: Context, request: StreamRequest) -> Result<StreamPage, Fault> {
        let _turn = self.enter()?;
        fits(self.handler.stream(request).await)
    }
}
