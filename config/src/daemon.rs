//! `daemon.toml`, typed. Defaults are in `defaults/daemon.toml`, not here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::shape::duration_text;

/// Everything dirigentd is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DaemonConfig {
    /// Running workflows.
    pub run: RunSection,
    /// Outgoing requests.
    pub egress: EgressSection,
    /// The store.
    pub store: StoreSection,
    /// Which models agents use.
    pub models: ModelsSection,
    /// Model providers by name.
    #[serde(default)]
    pub providers: BTreeMap<String, ProviderSection>,
    /// Prices by `provider/model` or model.
    #[serde(default)]
    pub prices: BTreeMap<String, PriceSection>,
    /// The built-in rehearsal.
    pub rehearsal: RehearsalSection,
    /// Approvals.
    pub approvals: ApprovalsSection,
    /// What is deleted after a while.
    pub retention: RetentionSection,
    /// The log.
    pub log: LogSection,
    /// The Unix socket.
    pub socket: SocketSection,
    /// What is offered over HTTP.
    pub serve: ServeSection,
}

/// Whether workflows may run commands as the daemon's user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShellPolicy {
    /// They may.
    Allow,
    /// They may not; such a step is faulted with the reason.
    Deny,
}

/// What commands of workflows are kept to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SandboxPolicy {
    /// Nothing: they may do what the daemon's user may.
    Host,
    /// A workspace of their own, and the network.
    Online,
    /// A workspace of their own, no network.
    Build,
    /// As that, and they write only temporary files; little memory and time.
    Pure,
}

/// `[run] sandbox_walls`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WallsPolicy {
    /// A unit of systemd and bubblewrap, as far as the machine has them.
    Found,
    /// At least one of them.
    Required,
    /// Neither.
    None,
}

/// `[run]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSection {
    /// Commands as the daemon's user.
    pub shell: ShellPolicy,
    /// What commands are kept to.
    pub sandbox: SandboxPolicy,
    /// The loosest that programs of agents may ask for.
    pub agent_sandbox: SandboxPolicy,
    /// What stands around their sandbox.
    pub sandbox_walls: WallsPolicy,
    /// Effects in flight.
    pub concurrency: ConcurrencySection,
    /// Largest output of one step, in bytes.
    pub max_output_bytes: u64,
    /// Deaths of the daemon with a run in hand, without progress between them, before the run is set aside.
    pub max_crashes: u32,
    /// Runs that go at once, of all workflows; 0 is without end.
    pub max_running: usize,
    /// Runs that may wait for their turn.
    pub max_queued: usize,
}

/// `[run.concurrency]`: effects in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConcurrencySection {
    /// Together.
    pub total: usize,
    /// Model calls.
    pub agent: usize,
    /// HTTP calls.
    pub http: usize,
    /// Commands.
    pub shell: usize,
}

/// `[egress]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EgressSection {
    /// `host:port` that may be reached although loopback, private or link-local.
    pub allow: Vec<String>,
}

/// `[store]`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSection {
    /// Memory for the state database, in MiB.
    pub cache_mib: u64,
    /// Size of one journal segment, in MiB.
    pub segment_mib: u64,
    /// Free space below which no run starts, in MiB.
    pub min_free_mib: u64,
    /// The same as a share of the disk, in percent; it asks for 4 GiB at most. The larger one counts.
    pub min_free_percent: u64,
    /// Free space below which no step starts, in MiB.
    pub min_free_step_mib: u64,
}

/// `[models]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelsSection {
    /// `provider/model` or alias used where an agent names none.
    pub default: String,
    /// Short names.
    #[serde(default)]
    pub aliases: BTreeMap<String, String>,
}

/// `[providers.NAME]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderSection {
    /// Wire dialect.
    pub dialect: String,
    /// Root of the API.
    pub base_url: String,
    /// Environment variable that holds the key.
    #[serde(default)]
    pub key_env: Option<String>,
    /// File (mode 0600) that holds the key; wins over `key_env`.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// Models offered in pickers.
    #[serde(default)]
    pub models: Vec<String>,
    /// Longest time to connect.
    #[serde(default = "ten_seconds", with = "duration_text")]
    pub connect_timeout: Duration,
}

const fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

/// `[prices.NAME]`: micro-USD for a million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceSection {
    /// Prompt tokens.
    pub input: u64,
    /// Prompt tokens the provider had cached; as `input` when absent.
    #[serde(default)]
    pub cached: Option<u64>,
    /// Prompt tokens the provider put into its cache; as `input` when absent.
    #[serde(default)]
    pub cache_write: Option<u64>,
    /// Answer tokens.
    pub output: u64,
}

/// `[rehearsal]`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RehearsalSection {
    /// Pause between two tokens, in milliseconds.
    pub token_delay_ms: u64,
}

/// `[approvals]`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalsSection {
    /// How long a request waits for a decision.
    #[serde(with = "duration_text")]
    pub default_expiry: Duration,
    /// Whether who started a run may say yes to what it asks, where the workflow does not say.
    pub self_approval: SelfApproval,
}

/// `[retention]`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionSection {
    /// Runs that ended more days ago are deleted; zero keeps all.
    pub runs_days: u32,
    /// The newest so many of each workflow stay in any case.
    pub newest: u32,
}

/// Whether people may approve what their own runs ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelfApproval {
    /// They may.
    Allow,
    /// Somebody else must.
    Deny,
}

/// Least severe line that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Errors.
    Error,
    /// Warnings.
    Warn,
    /// What happened.
    Info,
    /// How it happened.
    Debug,
    /// Every step of it.
    Trace,
}

impl LogLevel {
    /// The word in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// Shape of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// Text.
    Text,
    /// JSON lines.
    Json,
}

/// `[log]`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSection {
    /// Least severe line.
    pub level: LogLevel,
    /// Shape.
    pub format: LogFormat,
}

/// `[socket]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SocketSection {
    /// Path; empty for the default place (see [`crate::Paths`]).
    pub path: PathBuf,
    /// Connections together.
    pub max_connections: usize,
    /// Connections of one user.
    pub max_connections_per_user: usize,
}

/// `[serve]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServeSection {
    /// Address of this machine's loopback and a port; empty serves nothing over HTTP.
    pub listen: String,
    /// How it is reached from outside, where something in front of it has another address; empty is `listen`.
    pub url: String,
}
