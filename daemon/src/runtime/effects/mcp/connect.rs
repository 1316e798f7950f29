//! A connection to a server: over HTTP or over a command's pipes, greeted in the revision that both speak.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU8;
use std::time::Duration;

use dirigent_protocol::digest::Digest;
use dirigent_protocol::run::{EffectOutcome, McpCall, McpRoom, McpTransport, Resource, WorkflowError};
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use rmcp::model::{
    ClientCapabilities, ClientConfig, ElicitationCapability, FormElicitationCapability, Implementation,
    ProtocolVersion, UrlElicitationCapability,
};
use rmcp::service::{ClientLifecycleMode, RunningService, serve_client_with_lifecycle};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{RoleClient, transport::IntoTransport};
use serde_json::Value;
use tokio::process::Child;
use tokio::time::Instant;

use super::super::confine::{self, Kept};
use super::super::performer::{Call, failed, refused};
use super::super::web::Ended;
use super::super::web_auth::bearer;
use super::lines::Trouble;
use super::perform::{Given, Mcp};
use super::pipes::{self, Piped, Program, Said, beside};
use super::refusals::Refusals;
use super::sign_in::{Challenge, Missed, is_discovered};
use crate::capped::Capped;
use crate::sandbox::Room;

fn no_room(place: &Path, error: &std::io::Error) -> EffectOutcome {
    let problem = WorkflowError::standard("runtime", 500, "The server has no room");
    failed(problem.detail(format!("{}: {error}", place.display())), false)
}

/// How long a server is believed to speak an older revision, and of how many that is known.
const BELIEVED: Duration = Duration::from_secs(600);
const MAX_OLDER: usize = 256;
/// How long a server may take to greet.
const GREETING: Duration = Duration::from_secs(30);

pub(super) type Client = RunningService<RoleClient, Refusals>;

/// A greeted server, and what keeps it.
pub(super) struct Server {
    pub(super) client: Client,
    /// Why it was given up, once it was.
    pub(super) trouble: Trouble,
    /// Shows what it says beside the protocol.
    pub(super) said: Said,
    _process: Option<Child>,
}

/// Why a server was not greeted.
enum Unmet {
    /// It may be one that knows older greetings alone.
    Older(Ended),
    Missed(Missed),
}

impl From<Missed> for Unmet {
    fn from(missed: Missed) -> Self {
        Self::Missed(missed)
    }
}

impl From<Ended> for Unmet {
    fn from(ended: Ended) -> Self {
        Self::Missed(Missed::Ended(ended))
    }
}

impl Unmet {
    fn settled(self) -> Missed {
        match self {
            Self::Older(ended) => Missed::Ended(ended),
            Self::Missed(missed) => missed,
        }
    }
}

/// How a server is greeted.
#[derive(Debug, Clone, PartialEq)]
enum Greeting {
    /// In the newest revision, and in an older one where it says that it does not know that.
    Newest,
    /// With `initialize`, in this revision.
    Initialize(ProtocolVersion),
}

/// Servers that spoke an older revision a moment ago: they are not asked for the newest at every call.
#[derive(Default)]
pub(super) struct Older(Capped<Digest, Instant, MAX_OLDER>);

impl Older {
    fn which(wanted: &McpCall) -> Digest {
        Digest::of(&serde_json::to_value(&wanted.transport).unwrap_or_default())
    }

    fn knows(&self, wanted: &McpCall) -> bool {
        let at = self.0.get(&Self::which(wanted));
        at.is_some_and(|at| at.elapsed() < BELIEVED)
    }

    fn note(&self, wanted: &McpCall) {
        self.0.keep(Self::which(wanted), Instant::now());
    }
}

impl Mcp {
    /// A greeted server, in the newest revision that both speak; `token` where somebody signed in at its authority.
    pub(super) async fn connect(
        &self,
        wanted: &McpCall,
        token: Option<&str>,
        (call, given): (&Call, &Given),
    ) -> Result<Server, Missed> {
        let asked = serde_json::from_value::<ProtocolVersion>(Value::String(wanted.protocol.clone()))
            .unwrap_or(ProtocolVersion::V_2025_06_18);
        let older = Greeting::Initialize(ProtocolVersion::LATEST_WITH_INITIALIZE);
        let how = match asked {
            asked if asked != ProtocolVersion::LATEST => Greeting::Initialize(asked),
            _ if self.older.knows(wanted) => older.clone(),
            _ => Greeting::Newest,
        };
        let mut met = self.meet((wanted, &how), token, (call, given)).await;
        if matches!(met, Err(Unmet::Older(_))) && how == Greeting::Newest {
            // Some end the connection, or themselves, over a greeting that they do not know.
            self.empty(wanted, call).await;
            met = self.meet((wanted, &older), token, (call, given)).await;
        }
        let server = met.map_err(Unmet::settled)?;
        let spoken = server
            .client
            .peer_info()
            .map(|info| info.protocol_version.clone());
        if how == Greeting::Newest && spoken.is_some_and(|spoken| spoken != ProtocolVersion::LATEST) {
            self.older.note(wanted);
        }
        Ok(server)
    }

    async fn meet(
        &self,
        (wanted, how): (&McpCall, &Greeting),
        token: Option<&str>,
        (call, given): (&Call, &Given),
    ) -> Result<Server, Unmet> {
        match &wanted.transport {
            McpTransport::Http { endpoint, headers } => {
                let sent = self.sent((endpoint, headers), token, given).await?;
                self.over_http((wanted, how), (endpoint, sent), call).await
            }
            McpTransport::Stdio {
                command,
                arguments,
                environment,
                room,
            } => {
                let (kept, room) = self.room(room.as_ref(), call).await?;
                let program = Program {
                    command,
                    arguments,
                    environment,
                    kept,
                    room,
                };
                self.over_pipes((wanted, how), &program, call).await
            }
        }
    }

    /// What a command is kept to, and where it works; without a word of its own, as every command of the daemon.
    async fn room(&self, wanted: Option<&McpRoom>, call: &Call) -> Result<(Kept, Room), Missed> {
        let policy = self.policy.get();
        let kept = match wanted {
            Some(wanted) => confine::of_agent(&policy, wanted.sandbox).await?,
            None => confine::kept(&policy, &call.request).await?,
        };
        let own = self.room_of(call);
        let given = wanted.map_or("", |wanted| wanted.workspace.as_str());
        let made = match kept.keeps() {
            true => std::fs::create_dir_all(&own),
            false => Ok(()),
        };
        made.map_err(|error| Box::new(no_room(&own, &error)))?;
        let reads = wanted.map_or(&[][..], |wanted| &wanted.reads);
        let room = Room {
            workspace: match (given, kept.keeps()) {
                ("", true) => own.clone(),
                (given, _) => PathBuf::from(given),
            },
            temporary: kept.keeps().then_some(own),
            reads: reads.iter().map(PathBuf::from).collect(),
            outlives: false,
        };
        Ok((kept, room))
    }

    /// The directory of a command's own.
    pub(super) fn room_of(&self, call: &Call) -> PathBuf {
        self.work.join(format!("{}-{}", call.run, call.effect.0))
    }

    /// The headers of every request to a server.
    async fn sent(
        &self,
        (endpoint, headers): (&Resource, &BTreeMap<String, String>),
        token: Option<&str>,
        given: &Given,
    ) -> Result<HashMap<HeaderName, HeaderValue>, Missed> {
        let url = self.web.address(&endpoint.uri)?;
        let mut custom = HashMap::new();
        for (name, value) in headers {
            let pair = name
                .parse::<HeaderName>()
                .ok()
                .zip(HeaderValue::from_str(value).ok());
            let Some((name, value)) = pair else {
                let detail = format!("header `{}` cannot be sent", name.escape_debug());
                return Err(Box::new(refused("validation", 400, "Bad header", detail)).into());
            };
            custom.insert(name, value);
        }
        if let Some(token) = token {
            custom.insert(AUTHORIZATION, bearer(token)?);
        } else if let Some(sender) = endpoint
            .authentication
            .as_ref()
            .filter(|sender| !is_discovered(sender))
        {
            let request = reqwest::Request::new(reqwest::Method::POST, url);
            let signed = self.web.signed(request, sender, false).await?;
            if let Some(value) = signed.headers().get(AUTHORIZATION) {
                custom.insert(AUTHORIZATION, value.clone());
            }
        }
        if let Some(value) = custom.get(&AUTHORIZATION) {
            given.note(value);
        }
        Ok(custom)
    }

    async fn over_http(
        &self,
        (wanted, how): (&McpCall, &Greeting),
        (endpoint, sent): (&Resource, HashMap<HeaderName, HeaderValue>),
        call: &Call,
    ) -> Result<Server, Unmet> {
        let url = self.web.address(&endpoint.uri)?;
        let config = StreamableHttpClientTransportConfig::with_uri(url.to_string())
            .custom_headers(sent)
            .max_sse_event_size(self.web.limit())
            .max_json_response_size(self.web.limit());
        let transport = StreamableHttpClientTransport::with_client(self.web.client().clone(), config);
        Ok(Server {
            client: self.greet((wanted, how), transport, call).await?,
            trouble: Trouble::default(),
            said: Said::default(),
            _process: None,
        })
    }

    /// A command, greeted over its pipes.
    async fn over_pipes(
        &self,
        (wanted, how): (&McpCall, &Greeting),
        program: &Program<'_>,
        call: &Call,
    ) -> Result<Server, Unmet> {
        if !self.policy.get().shell {
            let detail = "[run] shell = \"deny\": this daemon runs no commands";
            return Err(Box::new(refused("authorization", 403, "Commands are not allowed", detail)).into());
        }
        let Piped {
            child,
            streams,
            trouble,
            mut said,
        } = pipes::begin(program, (&self.dirigentd, &self.notes), call)?;
        let greeted = beside(&mut said, Box::pin(self.greet((wanted, how), streams, call))).await;
        let client = greeted.map_err(|unmet| match (trouble.get(), unmet) {
            (Some(why), _) => Box::new(given_up(why)).into(),
            (None, Unmet::Older(ended)) => Unmet::Older(program.kept.explained(ended)),
            (None, Unmet::Missed(Missed::Ended(ended))) => program.kept.explained(ended).into(),
            (None, challenged) => challenged,
        })?;
        Ok(Server {
            client,
            trouble,
            said,
            _process: Some(child),
        })
    }

    /// The handshake: `initialize` where the revision has one, else what newer servers want in its place.
    async fn greet<T, E, A>(
        &self,
        (wanted, how): (&McpCall, &Greeting),
        transport: T,
        call: &Call,
    ) -> Result<Client, Unmet>
    where
        T: IntoTransport<RoleClient, E, A>,
        E: std::error::Error + Send + Sync + 'static,
    {
        let (name, version) = wanted
            .client
            .clone()
            .unwrap_or_else(|| ("dirigent".to_owned(), env!("CARGO_PKG_VERSION").to_owned()));
        let (newest, legacy) = match how {
            Greeting::Newest => (true, ProtocolVersion::LATEST_WITH_INITIALIZE),
            Greeting::Initialize(version) => (false, version.clone()),
        };
        let config = ClientConfig::new(
            can_do(newest && wanted.elicitation),
            Implementation::new(name, version),
        )
        .with_protocol_version(legacy.clone());
        let info = Refusals {
            config,
            security: self.security.clone(),
            run: call.run,
            server: named(&wanted.transport),
            key: call.key.to_string(),
            noted: AtomicU8::default(),
        };
        let lifecycle = if newest {
            ClientLifecycleMode::Auto {
                preferred_versions: vec![ProtocolVersion::LATEST],
                legacy_version: Some(legacy),
            }
        } else {
            ClientLifecycleMode::Initialize
        };
        let silent = |detail: String| {
            let problem = WorkflowError::standard("communication", 503, "The server does not greet");
            Box::new(failed(problem.detail(detail), true))
        };
        let greeted = Box::pin(serve_client_with_lifecycle(info, transport, lifecycle));
        let client = tokio::time::timeout(GREETING, greeted)
            .await
            .map_err(|_| silent(format!("it said nothing for {} s", GREETING.as_secs())))?
            .map_err(|error| match Challenge::of_greeting(&error) {
                Some(challenge) => Unmet::Missed(Missed::Challenged(challenge)),
                None => Unmet::Older(silent(error.to_string())),
            })?;
        known(&client)?;
        Ok(client)
    }
}

/// What servers may ask for: nothing, or input of a person.
fn can_do(asks_people: bool) -> ClientCapabilities {
    let mut can = ClientCapabilities::default();
    can.elicitation = asks_people.then(|| {
        ElicitationCapability::new()
            .with_form(FormElicitationCapability::new())
            .with_url(UrlElicitationCapability::new())
    });
    can
}

/// A server, for records: its origin alone, for a secret may stand anywhere else in its address.
pub(super) fn named(transport: &McpTransport) -> String {
    match transport {
        McpTransport::Http { endpoint, .. } => {
            let place = Url::parse(&endpoint.uri).map(|address| address.origin());
            let known = place.ok().filter(|origin| origin.is_tuple());
            known.map_or_else(|| "a server".to_owned(), |origin| origin.ascii_serialization())
        }
        McpTransport::Stdio { command, .. } => command.clone(),
    }
}

/// Whether the server speaks a revision that is known here.
fn known(client: &Client) -> Result<(), Ended> {
    let Some(told) = client.peer_info().map(|info| info.protocol_version.clone()) else {
        return Ok(());
    };
    if ProtocolVersion::KNOWN_VERSIONS.contains(&told) {
        return Ok(());
    }
    let detail = format!(
        "version_mismatch: it speaks `{}`, known here are up to `{}`",
        told.as_str().escape_debug(),
        ProtocolVersion::LATEST
    );
    Err(Box::new(refused(
        "communication",
        505,
        "The server speaks another revision",
        detail,
    )))
}

/// A server that broke the protocol.
pub(super) fn given_up(why: &str) -> EffectOutcome {
    let problem = WorkflowError::standard("communication", 502, "The server breaks the protocol");
    failed(problem.detail(why.to_owned()), false)
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::Resource;

    use super::*;

    #[test]
    fn a_server_is_named_by_nothing_that_may_be_a_secret() {
        let of = |uri: &str| {
            named(&McpTransport::Http {
                endpoint: Resource {
                    uri: uri.into(),
                    ..Resource::default()
                },
                headers: BTreeMap::default(),
            })
        };
        assert_eq!(
            of("https://me:hunter2@h:8443/api/hunter2/mcp?k=hunter2#x"),
            "https://h:8443"
        );
        assert_eq!(of("hunter2"), "a server");
        assert_eq!(of("data:hunter2"), "a server");
    }
}
