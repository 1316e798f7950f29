//! `call: mcp`: one connection, one request, by the official client. The server is a command in a process group of its
//! own, or an address that may be reached.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{
    EffectAsk, EffectId, EffectKind, EffectOutcome, EffectRequest, McpCall, McpTransport, Usage,
};
use futures::future::BoxFuture;
use reqwest::header::HeaderValue;
use serde_json::Value;

use super::super::performer::{Call, Means, Performer, misdirected};
use super::super::process;
use super::super::secrets::{self, Revealed};
use super::super::secrets_mask;
use super::super::security::Security;
use super::super::web::Web;
use super::connect::{Older, given_up, named};
use super::pipes::beside;
use super::request::{Unlisted, as_listed, ask, tools};
use super::rounds::Round;
use super::sign_in::{Missed, Next, SignIn};
use crate::runtime::error::RuntimeError;
use crate::runtime::policy::Policy;
use crate::swap::Swap;
use crate::tools::Closed;

/// The daemon's limit where the call names none.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);

/// Shorter tokens are no secrets: masking them would take words out of answers.
const SHORTEST: usize = 4;

/// Connections to servers, one for each request.
pub(in super::super) struct Mcp {
    pub(super) web: Web,
    pub(super) policy: Arc<Swap<Policy>>,
    pub(super) notes: PathBuf,
    /// Where commands have rooms of their own.
    pub(super) work: PathBuf,
    data_dir: PathBuf,
    /// This program: it becomes the sandbox.
    pub(super) dirigentd: PathBuf,
    pub(super) security: Arc<Security>,
    /// Servers that do not speak the newest revision.
    pub(super) older: Older,
}

pub(in super::super) fn open(means: &Means) -> Result<Box<dyn Performer>, RuntimeError> {
    Ok(Box::new(Mcp::open(means)?))
}

impl Mcp {
    /// Ready to connect.
    ///
    /// # Errors
    /// The folder for notes of processes cannot be made.
    pub(in super::super) fn open(means: &Means) -> Result<Self, RuntimeError> {
        let notes = means.data_dir.join("effects");
        std::fs::create_dir_all(&notes).map_err(|source| RuntimeError::Io {
            what: format!("make {}", notes.display()),
            source,
        })?;
        Ok(Self {
            web: Web::open(means)?,
            policy: means.policy.clone(),
            notes,
            work: means.data_dir.join("work"),
            data_dir: means.data_dir.clone(),
            dirigentd: means.program.clone(),
            security: means.security.clone(),
            older: Older::default(),
        })
    }

    /// Every tool of a server.
    ///
    /// # Errors
    /// Why there is no list; what a person is asked first.
    pub(in super::super) async fn tools(&self, wanted: &McpCall, call: &Call) -> Result<Vec<Value>, Closed> {
        let request = EffectRequest::Mcp(wanted.clone());
        let Revealed { request, values } =
            secrets::reveal(&self.data_dir, request).map_err(|ended| words(&ended))?;
        let EffectRequest::Mcp(wanted) = &request else {
            return Err("it is no call of a server".to_owned().into());
        };
        let mut call = call.clone();
        if !values.is_empty() {
            call.live = call.live.silenced();
        }
        let call = &call;
        let list = self.list(wanted, call);
        let limit = wanted.timeout_ms.map_or(DEFAULT_TIMEOUT, Duration::from_millis);
        let found = tokio::select! {
            biased;
            () = call.cancel.cancelled() => Err("it was stopped".to_owned().into()),
            found = tokio::time::timeout(limit, Box::pin(list)) => found
                .unwrap_or_else(|_| Err(format!("no answer within {} ms", limit.as_millis()).into())),
        };
        self.empty(wanted, call).await;
        match found {
            Ok(tools) => Ok(without(tools, &values)),
            Err(Closed::Asks(ask)) => match secrets_mask::masked(EffectOutcome::Asks { ask }, &values) {
                EffectOutcome::Asks { ask } => Err(Closed::Asks(ask)),
                ended => Err(words(&ended).into()),
            },
            Err(closed) => Err(closed),
        }
    }

    /// Ends what was started for a call, and its room.
    pub(super) async fn empty(&self, wanted: &McpCall, call: &Call) {
        if matches!(wanted.transport, McpTransport::Stdio { .. }) {
            process::empty(&process::note_path(&self.notes, call.run, call.effect), &call.key).await;
            drop(std::fs::remove_dir_all(self.room_of(call)));
        }
    }
}

impl Performer for Mcp {
    fn kind(&self) -> EffectKind {
        EffectKind::Mcp
    }

    fn perform(&self, call: Call) -> BoxFuture<'_, EffectOutcome> {
        Box::pin(async move {
            let EffectRequest::Mcp(wanted) = &call.request else {
                return misdirected();
            };
            let limit = wanted.timeout_ms.map_or(DEFAULT_TIMEOUT, Duration::from_millis);
            let outcome = tokio::select! {
                biased;
                () = call.cancel.cancelled() => EffectOutcome::Cancelled,
                outcome = tokio::time::timeout(limit, Box::pin(self.exchange(wanted, &call))) => outcome
                    .unwrap_or_else(|_| EffectOutcome::Unknown {
                        reason: format!("no answer within {} ms", limit.as_millis()),
                    }),
            };
            self.empty(wanted, &call).await;
            outcome
        })
    }

    fn clear<'a>(&'a self, run: RunId, effect: EffectId, key: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if !process::empty(&process::note_path(&self.notes, run, effect), key).await {
                tracing::error!(%run, effect = effect.0, "processes of a server cannot be ended");
            }
        })
    }
}

/// What servers were given to know who asks: a server that echoes it is masked.
#[derive(Default)]
pub(super) struct Given(Mutex<Vec<String>>);

impl Given {
    /// Takes the value of an `Authorization` header.
    pub(super) fn note(&self, header: &HeaderValue) {
        let Ok(text) = header.to_str() else { return };
        let value = text.split_once(' ').map_or(text, |(_, value)| value);
        if value.len() >= SHORTEST {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.push(value.to_owned());
        }
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn out_of(&self, words: String) -> String {
        match secrets_mask::masked(EffectOutcome::Unknown { reason: words }, &self.all()) {
            EffectOutcome::Unknown { reason } => reason,
            _ => String::new(),
        }
    }
}

/// What a request to a server led to where it has no answer yet.
enum Missing {
    Asks(Arc<EffectAsk>),
    Ended(Box<EffectOutcome>),
}

impl Mcp {
    /// Does something with a token of the server's authority, if there is one to be had: again with another one where
    /// the server challenges it.
    async fn signed_in<'w, T>(
        &self,
        wanted: &McpCall,
        work: impl Fn(Option<String>) -> BoxFuture<'w, Result<T, Missed>> + Send,
    ) -> Result<T, Missing> {
        let mut sign_in = SignIn::of(&self.web, wanted).map_err(Missing::Ended)?;
        if let Some(sign_in) = &mut sign_in
            && let Some(ask) = sign_in.heard(&wanted.answers).await.map_err(Missing::Ended)?
        {
            return Err(Missing::Asks(ask));
        }
        loop {
            let token = match &mut sign_in {
                Some(sign_in) => sign_in.token().await.map_err(Missing::Ended)?,
                None => None,
            };
            let challenge = match work(token.clone()).await {
                Ok(done) => return Ok(done),
                Err(Missed::Ended(ended)) => return Err(Missing::Ended(ended)),
                Err(Missed::Challenged(challenge)) => challenge,
            };
            let Some(sign_in) = &mut sign_in else {
                return Err(Missing::Ended(challenge.refusal()));
            };
            let next = sign_in.challenged(&challenge, token.as_deref()).await;
            if let Next::Ask(ask) = next.map_err(Missing::Ended)? {
                return Err(Missing::Asks(ask));
            }
        }
    }

    async fn exchange(&self, wanted: &McpCall, call: &Call) -> EffectOutcome {
        let server = named(&wanted.transport);
        let who = (server.as_str(), asked_of(wanted));
        if let Some(ask) = Round::heard(&wanted.answers).and_then(|round| round.next(who)) {
            return EffectOutcome::Asks { ask };
        }
        let given = &Given::default();
        let done = self.signed_in(wanted, move |token| {
            Box::pin(async move {
                let mut server = self.connect(wanted, token.as_deref(), (call, given)).await?;
                let asking = async {
                    as_listed(&server.client, wanted).await?;
                    ask(&server.client, wanted, who, &call.key).await
                };
                let outcome = beside(&mut server.said, asking).await;
                drop(server.client.cancel().await);
                match server.trouble.get() {
                    Some(why) => Ok(given_up(why)),
                    None => outcome,
                }
            })
        });
        let outcome = match Box::pin(done).await {
            Ok(outcome) => outcome,
            Err(Missing::Ended(ended)) => *ended,
            Err(Missing::Asks(ask)) => EffectOutcome::Asks { ask },
        };
        secrets_mask::masked(outcome, &given.all())
    }

    async fn list(&self, wanted: &McpCall, call: &Call) -> Result<Vec<Value>, Closed> {
        let given = &Given::default();
        let listed = self.signed_in(wanted, move |token| {
            Box::pin(async move {
                let mut server = self.connect(wanted, token.as_deref(), (call, given)).await?;
                let tools = beside(&mut server.said, tools(&server.client)).await;
                drop(server.client.cancel().await);
                match tools {
                    Ok(tools) => Ok(Ok(tools)),
                    Err(Unlisted::Challenged(challenge)) => Err(Missed::Challenged(challenge)),
                    Err(Unlisted::Words(words)) => Ok(Err(server.trouble.get().cloned().unwrap_or(words))),
                }
            })
        });
        match Box::pin(listed).await {
            Ok(Ok(tools)) => Ok(without(tools, &given.all())),
            Ok(Err(words)) => Err(given.out_of(words).into()),
            Err(Missing::Ended(ended)) => Err(given.out_of(words(&ended)).into()),
            Err(Missing::Asks(ask)) => Err(Closed::Asks(ask)),
        }
    }
}

/// A list of tools without the values of secrets.
fn without(tools: Vec<Value>, values: &[String]) -> Vec<Value> {
    let outcome = EffectOutcome::Done {
        output: Arc::new(Value::Array(tools)),
        usage: Usage::default(),
        facts: BTreeMap::new(),
    };
    match secrets_mask::masked(outcome, values) {
        EffectOutcome::Done { output, .. } => output.as_array().cloned().unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// What a call is for: its tool, its prompt, its resource, or the method alone.
fn asked_of(wanted: &McpCall) -> &str {
    let member = |name: &str| wanted.parameters.get(name).and_then(Value::as_str);
    member("name").or_else(|| member("uri")).unwrap_or(&wanted.method)
}

/// An ending in words.
fn words(ended: &EffectOutcome) -> String {
    match ended {
        EffectOutcome::Failed { error, .. } => match &error.detail {
            Some(detail) => format!("{}: {detail}", error.title),
            None => error.title.clone(),
        },
        EffectOutcome::Unknown { reason } => reason.clone(),
        _ => "it was stopped".to_owned(),
    }
}
