//! The explicit list of wire dialects.

use std::sync::Arc;

use crate::exchange::open;
use crate::{ModelClient, OpenError, ProviderSettings};
use crate::{anthropic_messages, gemini_generate_content, openai_chat, openai_responses};

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
pub const DIALECTS: &[Dialect] = &[
    Dialect {
        name: openai_chat::NAME,
        about: "OpenAI chat completions: OpenAI, Ollama /v1, llama.cpp, LiteLLM, vLLM and others",
        open: open::<openai_chat::OpenAiChat>,
    },
    Dialect {
        name: openai_responses::NAME,
        about: "OpenAI responses: OpenAI, LiteLLM, vLLM, llama.cpp and others",
        open: open::<openai_responses::OpenAiResponses>,
    },
    Dialect {
        name: anthropic_messages::NAME,
        about: "Anthropic messages: Anthropic, LiteLLM, llama.cpp and others",
        open: open::<anthropic_messages::AnthropicMessages>,
    },
    Dialect {
        name: gemini_generate_content::NAME,
        about: "Google Gemini generateContent: Google, LiteLLM and others",
        open: open::<gemini_generate_content::GeminiGenerateContent>,
    },
];

/// The dialect of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Dialect> {
    DIALECTS.iter().find(|dialect| dialect.name == name)
}
