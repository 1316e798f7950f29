//! Which models can be used right now: keys in the environment, a local Ollama, and always the rehearsal.
//!
//! Looks, never calls a model: the only traffic is one GET to loopback with 150 ms to answer.

use std::time::Duration;

use crate::ProviderSettings;
use crate::registry::REHEARSAL;

/// Where Ollama listens unless told otherwise.
pub const OLLAMA: &str = "http://127.0.0.1:11434";
/// How long the probe may take.
pub const PROBE: Duration = Duration::from_millis(150);

/// One thing a person can choose.
#[derive(Clone, Debug)]
pub struct Found {
    /// Settings that open it; `None` for the built-in rehearsal.
    pub settings: Option<ProviderSettings>,
    /// `provider/model` to use.
    pub model: String,
    /// Why it is offered, in words.
    pub because: String,
}

/// A provider known by the environment variable of its key.
struct KnownKey {
    env: &'static str,
    provider: &'static str,
    dialect: &'static str,
    base_url: &'static str,
    /// Variable that puts another address in the place of `base_url`, and what such an address leaves out.
    moved: Option<(&'static str, &'static str)>,
    models: &'static [&'static str],
}

const KNOWN_KEYS: &[KnownKey] = &[
    KnownKey {
        env: "OPENAI_API_KEY",
        provider: "openai",
        dialect: "openai_chat",
        base_url: "https://api.openai.com/v1",
        moved: Some(("OPENAI_BASE_URL", "")),
        models: &["gpt-4.1-mini", "gpt-4o-mini", "gpt-5-mini", "gpt-4.1", "gpt-5"],
    },
    KnownKey {
        env: "ANTHROPIC_API_KEY",
        provider: "anthropic",
        dialect: "anthropic_messages",
        base_url: "https://api.anthropic.com/v1",
        moved: Some(("ANTHROPIC_BASE_URL", "/v1")),
        models: &["claude-sonnet-5-5", "claude-haiku-5-5", "claude-opus-5-5"],
    },
    KnownKey {
        env: "GEMINI_API_KEY",
        provider: "gemini",
        dialect: "gemini_generate_content",
        base_url: "https://generativelanguage.googleapis.com/v1beta",
        moved: None,
        models: &["gemini-2.5-flash", "gemini-2.5-pro", "gemini-2.5-flash-lite"],
    },
    KnownKey {
        env: "GOOGLE_API_KEY",
        provider: "gemini",
        dialect: "gemini_generate_content",
        base_url: "https://generativelanguage.googleapis.com/v1beta",
        moved: None,
        models: &["gemini-2.5-flash", "gemini-2.5-pro", "gemini-2.5-flash-lite"],
    },
    KnownKey {
        env: "OPENROUTER_API_KEY",
        provider: "openrouter",
        dialect: "openai_chat",
        base_url: "https://openrouter.ai/api/v1",
        moved: None,
        models: &["openai/gpt-4.1-mini", "openai/gpt-4o-mini"],
    },
    KnownKey {
        env: "MISTRAL_API_KEY",
        provider: "mistral",
        dialect: "openai_chat",
        base_url: "https://api.mistral.ai/v1",
        moved: None,
        models: &["mistral-small-latest"],
    },
    KnownKey {
        env: "GROQ_API_KEY",
        provider: "groq",
        dialect: "openai_chat",
        base_url: "https://api.groq.com/openai/v1",
        moved: None,
        models: &["llama-3.3-70b-versatile"],
    },
];

/// Everything usable now, best first; the rehearsal is always there and always last.
pub async fn usable() -> Vec<Found> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    discover(variable, OLLAMA).await
}

/// As [`usable`], with the environment and Ollama's address given. Of several keys of one provider the first counts.
pub async fn discover(variable: impl Fn(&str) -> Option<String>, ollama: &str) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for known in KNOWN_KEYS.iter().filter(|known| variable(known.env).is_some()) {
        let settings = from_key(known, &variable);
        let taken = |other: &Found| {
            other
                .settings
                .as_ref()
                .is_some_and(|other| other.name == settings.name)
        };
        if !found.iter().any(taken) {
            found.push(Found {
                model: format!("{}/{}", known.provider, known.models.first().unwrap_or(&"")),
                because: format!("{} is set", known.env),
                settings: Some(settings),
            });
        }
    }
    found.extend(probe_ollama(ollama).await);
    found.push(Found {
        settings: None,
        model: format!("{REHEARSAL}/{REHEARSAL}"),
        because: "built in: offline, extracts from what it reads, no model".into(),
    });
    found
}

fn from_key(known: &KnownKey, variable: impl Fn(&str) -> Option<String>) -> ProviderSettings {
    let moved = known.moved.and_then(|(name, below)| {
        let url = variable(name)?;
        let url = url.trim().trim_end_matches('/');
        // Their own clients add the version themselves; people write it all the same.
        let below = if url.ends_with(below) { "" } else { below };
        Some(format!("{url}{below}"))
    });
    let base_url = moved.as_deref().unwrap_or(known.base_url);
    let mut settings = ProviderSettings::new(known.provider, known.dialect, base_url);
    settings.key_env = Some(known.env.to_owned());
    settings.models = known.models.iter().map(|model| (*model).to_owned()).collect();
    settings
}

async fn probe_ollama(root: &str) -> Option<Found> {
    let models = tokio::time::timeout(PROBE, ollama_models(root)).await.ok()??;
    let first = models.first()?.clone();
    let mut settings = ProviderSettings::new("ollama", "openai_chat", &format!("{root}/v1"));
    settings.models = models;
    let because = format!("Ollama answers at {}", root.trim_start_matches("http://"));
    Some(Found {
        settings: Some(settings),
        model: format!("ollama/{first}"),
        because,
    })
}

async fn ollama_models(root: &str) -> Option<Vec<String>> {
    let client = crate::http::probe_client()?;
    let body = crate::http::small_json(&client, &format!("{root}/api/tags")).await?;
    let models = body.get("models")?.as_array()?;
    Some(
        models
            .iter()
            .filter_map(|m| m.get("name")?.as_str().map(str::to_owned))
            .take(100)
            .collect(),
    )
}
