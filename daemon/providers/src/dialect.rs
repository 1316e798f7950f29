//! The explicit list of wire dialects.

use std::sync::Arc;

use crate::openai_chat;
use crate::{ModelClient, OpenError, ProviderSettings};

/// One wire dialect.
pub struct Dialect {
    /// Name in the configuration.
    pub name: &'static str,
    /// One line for people.
    pub about: &'static str,
    /// Opens a client.
    pub open: fn(&ProviderSettings) -> Result<Arc<dyn ModelClient>, OpenError>,
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
