//! The eight calls, and the trait the daemon implements to answer them.
//!
//! A closed list: new abilities are new variants of `Command` and `Query`, not new methods.

use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::fault::Fault;
use dirigent_protocol::hello::{Hello, Welcome};
use dirigent_protocol::id::RequestId;
use dirigent_protocol::query::{Query, QueryReply};
use dirigent_protocol::watch::{StreamPage, StreamRequest, WatchPage, WatchRequest};
use futures::future::BoxFuture;

#[tarpc::service]
pub(crate) trait Wire {
    /// First call of a connection: versions, features, identity.
    async fn hello(hello: Hello) -> Result<Welcome, Fault>;
    /// A question.
    async fn query(query: Query) -> Result<QueryReply, Fault>;
    /// A change; the id makes it safe to ask again.
    async fn command(request: RequestId, command: Command) -> Result<CommandReply, Fault>;
    /// Long poll for changes.
    async fn watch(request: WatchRequest) -> Result<WatchPage, Fault>;
    /// Long poll for live text.
    async fn stream(request: StreamRequest) -> Result<StreamPage, Fault>;
}

use crate::wary::Trouble;

/// One connection's answers. Every method must be safe to drop at any await: a client that goes away drops it.
/// Work is handed to the engine and only waited for here.
pub trait Handler: Clone + Send + Sync + 'static {
    /// Hears why the connection is about to be ended from our side.
    fn troubled(&self, _trouble: Trouble) {}
    /// Agrees on a version and says who the caller is.
    fn hello(&self, hello: Hello) -> BoxFuture<'static, Result<Welcome, Fault>>;
    /// Answers a question.
    fn query(&self, query: Query) -> BoxFuture<'static, Result<QueryReply, Fault>>;
    /// Carries out a change.
    fn command(
        &self,
        request: RequestId,
        command: Command,
    ) -> BoxFuture<'static, Result<CommandReply, Fault>>;
    /// Waits for changes.
    fn watch(&self, request: WatchRequest) -> BoxFuture<'static, Result<WatchPage, Fault>>;
    /// Waits for live text.
    fn stream(&self, request: StreamRequest) -> BoxFuture<'static, Result<StreamPage, Fault>>;
}
