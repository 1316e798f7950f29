//! One connection's answers.

use std::sync::{Arc, OnceLock};

use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::hello::{Hello, Subject, VERSIONS, Welcome};
use dirigent_protocol::id::RequestId;
use dirigent_protocol::query::{Query, QueryReply};
use dirigent_protocol::watch::{StreamPage, StreamRequest, WatchPage, WatchRequest};
use dirigent_rpc::{Handler, Trouble};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::house::{House, program};
use super::{commands, queries};
use crate::door::{Action, Bearer, Peer};
use crate::records::Actor;
use crate::service::ServiceError;

/// Who calls.
#[derive(Debug, Clone)]
pub enum Caller {
    /// Whoever is at the other end of the socket.
    Peer(Peer),
    /// Whoever a token stands for.
    Bearer(Bearer),
}

/// Answers the calls of one caller.
#[derive(Clone)]
pub struct Answers {
    house: Arc<House>,
    caller: Caller,
    greeted: CancellationToken,
    trouble: Arc<OnceLock<Trouble>>,
}

impl Answers {
    /// Answers for whoever calls.
    #[must_use]
    pub fn new(house: Arc<House>, caller: Caller) -> Self {
        Self {
            house,
            caller,
            greeted: CancellationToken::new(),
            trouble: Arc::default(),
        }
    }

    /// Cancelled once the peer has greeted.
    #[must_use]
    pub fn greeted(&self) -> CancellationToken {
        self.greeted.clone()
    }

    /// Why the connection was ended from our side, once it was.
    #[must_use]
    pub fn trouble(&self) -> Arc<OnceLock<Trouble>> {
        Arc::clone(&self.trouble)
    }

    async fn subject(&self) -> Result<Subject, Fault> {
        let door = self.house.service.door();
        let who = match &self.caller {
            Caller::Peer(peer) => door.identify(*peer).await,
            Caller::Bearer(bearer) => door.bearer(bearer).map(|(subject, _)| subject),
        };
        who.map_err(|error| ServiceError::from(error).into())
    }

    async fn greet(self, hello: Hello) -> Result<Welcome, Fault> {
        let version = agree(&hello)?;
        let subject = self.subject().await?;
        let client: String = hello
            .client
            .chars()
            .take(100)
            .flat_map(char::escape_debug)
            .collect();
        tracing::debug!(%client, who = %subject.name, version, "connected");
        self.greeted.cancel();
        Ok(Welcome {
            daemon: program(),
            version,
            features: Vec::new(),
            subject,
            store: self
                .house
                .service
                .records()
                .store()
                .identity()
                .database
                .to_string(),
            private: self.house.info.get().private,
        })
    }

    /// On a task of its own: whoever asked may go away meanwhile.
    async fn change(self, request: RequestId, command: Command) -> Result<CommandReply, Fault> {
        let tasks = self.house.tasks.clone();
        let work = async move {
            let actor = Actor::of(self.subject().await?, request, &command);
            if let Some(first) = self.house.service.recall(&actor)? {
                return Ok(first);
            }
            let done = commands::carry_out(&self.house, actor.clone(), command).await;
            // The same request may have been carried out by another call of it meanwhile: then what stands in the way
            // now is its own effect.
            match done {
                Err(fault) => self.house.service.recall(&actor)?.ok_or(fault),
                done => done,
            }
        };
        let done = tasks.detached("command", work).await;
        done.unwrap_or_else(|| {
            Err(
                Fault::new(Code::Internal, "the daemon failed while it carried this out")
                    .help("its log says more; ask again with the same request id"),
            )
        })
    }

    async fn poll_stream(self, request: StreamRequest) -> Result<StreamPage, Fault> {
        let subject = self.subject().await?;
        self.house
            .service
            .run(&subject, Action::Read, request.run)
            .await?;
        Ok(self.house.runtime()?.stream(request).await)
    }
}

/// The newest version both speak.
fn agree(hello: &Hello) -> Result<u32, Fault> {
    let (oldest, newest) = (*VERSIONS.start(), *VERSIONS.end());
    let version = newest.min(hello.newest);
    if version >= oldest && version >= hello.oldest && hello.oldest <= hello.newest {
        return Ok(version);
    }
    let client: String = hello
        .client
        .chars()
        .take(100)
        .flat_map(char::escape_debug)
        .collect();
    let message = format!(
        "{client} speaks protocol {} to {}, {} speaks {oldest} to {newest}",
        hello.oldest,
        hello.newest,
        program()
    );
    let older = if hello.oldest > newest {
        "update and restart the daemon"
    } else {
        "update the client"
    };
    Err(Fault::new(Code::VersionMismatch, message).help(older))
}

impl Handler for Answers {
    fn troubled(&self, trouble: Trouble) {
        self.trouble.get_or_init(|| trouble);
    }

    fn hello(&self, hello: Hello) -> BoxFuture<'static, Result<Welcome, Fault>> {
        self.clone().greet(hello).boxed()
    }

    fn query(&self, query: Query) -> BoxFuture<'static, Result<QueryReply, Fault>> {
        let this = self.clone();
        async move {
            let subject = this.subject().await?;
            queries::answer(&this.house, &subject, query).await
        }
        .boxed()
    }

    fn command(
        &self,
        request: RequestId,
        command: Command,
    ) -> BoxFuture<'static, Result<CommandReply, Fault>> {
        self.clone().change(request, command).boxed()
    }

    fn watch(&self, request: WatchRequest) -> BoxFuture<'static, Result<WatchPage, Fault>> {
        let this = self.clone();
        async move {
            let subject = this.subject().await?;
            Ok(this.house.service.watch(&subject, &request).await?)
        }
        .boxed()
    }

    fn stream(&self, request: StreamRequest) -> BoxFuture<'static, Result<StreamPage, Fault>> {
        self.clone().poll_stream(request).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(oldest: u32, newest: u32) -> Hello {
        Hello {
            client: "test".into(),
            oldest,
            newest,
            features: Vec::new(),
        }
    }

    #[test]
    fn the_newest_common_version_is_agreed_on_or_both_are_named() {
        assert_eq!(agree(&hello(1, 9)), Ok(*VERSIONS.end()));
        let newer = agree(&hello(7, 9)).unwrap_err();
        assert_eq!(newer.code, Code::VersionMismatch);
        assert!(newer.message.contains("7 to 9") && newer.message.contains("1 to 1"));
        assert_eq!(newer.help.as_deref(), Some("update and restart the daemon"));
        assert_eq!(
            agree(&hello(0, 0)).unwrap_err().help.as_deref(),
            Some("update the client")
        );
        assert!(agree(&hello(2, 1)).is_err());
    }
}
