//! Whoever takes offers up: the calls they may make, and the offers that are there for them.

use std::sync::Arc;

use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::id::{EntityId, RequestId};
use dirigent_protocol::query::{Query, QueryReply};
use dirigent_protocol::watch::{WatchPage, WatchRequest};
use dirigent_rpc::{CallError, Connection, Handler};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::rpc::Answers;

/// Calls of the wire, answered here or at the other end of a connection.
pub trait Calls: Send + Sync {
    /// A question.
    fn query(&self, query: Query) -> BoxFuture<'static, Result<QueryReply, Fault>>;
    /// A change.
    fn command(&self, command: Command) -> BoxFuture<'static, Result<CommandReply, Fault>>;
    /// A long poll.
    fn watch(&self, request: WatchRequest) -> BoxFuture<'static, Result<WatchPage, Fault>>;
}

impl Calls for Answers {
    fn query(&self, query: Query) -> BoxFuture<'static, Result<QueryReply, Fault>> {
        Handler::query(self, query)
    }

    fn command(&self, command: Command) -> BoxFuture<'static, Result<CommandReply, Fault>> {
        Handler::command(self, RequestId::new(), command)
    }

    fn watch(&self, request: WatchRequest) -> BoxFuture<'static, Result<WatchPage, Fault>> {
        Handler::watch(self, request)
    }
}

impl Calls for Connection {
    fn query(&self, query: Query) -> BoxFuture<'static, Result<QueryReply, Fault>> {
        let this = self.clone();
        async move { Self::query(&this, query).await.map_err(CallError::into_fault) }.boxed()
    }

    fn command(&self, command: Command) -> BoxFuture<'static, Result<CommandReply, Fault>> {
        let this = self.clone();
        async move {
            let told = Self::command(&this, RequestId::new(), command).await;
            told.map_err(CallError::into_fault)
        }
        .boxed()
    }

    fn watch(&self, request: WatchRequest) -> BoxFuture<'static, Result<WatchPage, Fault>> {
        let this = self.clone();
        async move { Self::watch(&this, request).await.map_err(CallError::into_fault) }.boxed()
    }
}

/// Somebody who takes offers up.
#[derive(Clone)]
pub struct Guest {
    calls: Arc<dyn Calls>,
    /// In whose name.
    user: EntityId,
    /// The offers that are there for them; `*` is every one.
    offers: Arc<[String]>,
}

impl Guest {
    /// A guest who acts in the name of `user` and takes up what `offers` names; `*` is everything.
    #[must_use]
    pub fn new(calls: Arc<dyn Calls>, user: EntityId, offers: &[String]) -> Self {
        Self {
            calls,
            user,
            offers: offers.into(),
        }
    }

    /// In whose name they act.
    pub(super) const fn user(&self) -> EntityId {
        self.user
    }

    /// Whether an offer is there for them.
    pub(super) fn may(&self, offer: &str) -> bool {
        self.offers.iter().any(|name| name == "*" || name == offer)
    }

    pub(super) async fn query(&self, query: Query) -> Result<QueryReply, Fault> {
        self.calls.query(query).await
    }

    pub(super) async fn command(&self, command: Command) -> Result<CommandReply, Fault> {
        self.calls.command(command).await
    }

    pub(super) async fn watch(&self, request: WatchRequest) -> Result<WatchPage, Fault> {
        self.calls.watch(request).await
    }
}

/// The daemon answered something else than was asked.
pub(super) fn unexpected(wanted: &str) -> Fault {
    Fault::new(Code::Internal, format!("the daemon did not answer with {wanted}"))
}

/// A fault with every finding, for whoever wrote the input.
pub(super) fn words(fault: &Fault) -> String {
    let findings = fault.details.iter();
    let findings = findings.map(|finding| format!("{}: {}", finding.at, finding.message));
    std::iter::once(fault.message.clone())
        .chain(findings)
        .chain(fault.help.clone())
        .collect::<Vec<_>>()
        .join("\n")
}
