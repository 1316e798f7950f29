//! What is needed to open a client, and why that may fail.

use std::path::PathBuf;
use std::time::Duration;

/// One provider as configured (`[providers.NAME]`).
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// Name in `provider/model`.
    pub name: String,
    /// One of [`crate::DIALECTS`].
    pub dialect: String,
    /// Root of the API, for instance `https://api.openai.com/v1`.
    pub base_url: String,
    /// Environment variable that holds the key.
    pub key_env: Option<String>,
    /// File (mode 0600) that holds the key; wins over `key_env`.
    pub key_file: Option<PathBuf>,
    /// Models offered in pickers; any other name is still passed on.
    pub models: Vec<String>,
    /// Longest time to connect.
    pub connect_timeout: Duration,
}

impl ProviderSettings {
    /// Settings without a key, with the default 10 s to connect.
    #[must_use]
    pub fn new(name: &str, dialect: &str, base_url: &str) -> Self {
        Self {
            name: name.to_owned(),
            dialect: dialect.to_owned(),
            base_url: base_url.to_owned(),
            key_env: None,
            key_file: None,
            models: Vec::new(),
            connect_timeout: Duration::from_secs(10),
        }
    }
}

/// Why a provider could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// No such dialect in this build.
    #[error("provider `{provider}`: unknown dialect `{dialect}`")]
    UnknownDialect {
        /// Which provider.
        provider: String,
        /// What it names.
        dialect: String,
    },
    /// The base URL is no http(s) URL with a host and without credentials.
    #[error(
        "provider `{provider}`: base_url is not an http or https address with a host and without a password"
    )]
    BadBaseUrl {
        /// Which provider.
        provider: String,
    },
    /// Two providers of one name, or one named `rehearsal`.
    #[error("provider `{provider}` is already there")]
    Duplicate {
        /// Which provider.
        provider: String,
    },
    /// The TLS set-up of this machine does not work.
    #[error("provider `{provider}`: cannot set up HTTP: {detail}")]
    Http {
        /// Which provider.
        provider: String,
        /// What the library said.
        detail: String,
    },
}
