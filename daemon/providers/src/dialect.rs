//! The explicit list of wire dialects, and what is needed to open a client of one.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::{ModelClient, RegistryError, openai_chat};

/// One provider as configured (`[providers.NAME]`).
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// Name in `provider/model`.
    pub name: String,
    /// One of [`DIALECTS`].
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

/// One wire dialect.
pub struct Dialect {
    /// Name in the configuration.
    pub name: &'static str,
    /// One line for people.
    pub about: &'static str,
    /// Opens a client.
    pub open: fn(&ProviderSettings) -> Result<Arc<dyn ModelClient>, RegistryError>,
}

/// Every dialect this build speaks over the network.
pub const DIALECTS: &[Dialect] = &[Dialect {
    name: openai_chat::NAME,
    about: "OpenAI chat completions: OpenAI, Ollama /v1, llama.cpp, LiteLLM, vLLM and others",
    open: openai_chat::open,
}];

/// The dialect of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Dialect> {
    DIALECTS.iter().find(|dialect| dialect.name == name)
}
