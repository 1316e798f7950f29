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
    base_url: &'static str,
    models: &'static [&'static str],
}

const KNOWN_KEYS: &[KnownKey] = &[
    KnownKey {
        env: "OPENAI_API_KEY",
        provider: "openai",
        base_url: "https://api.openai.com/v1",
        models: &["gpt-4.1-mini", "gpt-4o-mini", "gpt-5-mini", "gpt-4.1", "gpt-5"],
    },
    KnownKey {
        env: "OPENROUTER_API_KEY",
        provider: "openrouter",
        base_url: "https://openrouter.ai/api/v1",
        models: &["openai/gpt-4.1-mini", "openai/gpt-4o-mini"],
    },
    KnownKey {
        env: "MISTRAL_API_KEY",
        provider: "mistral",
        base_url: "https://api.mistral.ai/v1",
        models: &["mistral-small-latest"],
    },
    KnownKey {
        env: "GROQ_API_KEY",
        provider: "groq",
        base_url: "https://api.groq.com/openai/v1",
        models: &["llama-3.3-70b-versatile"],
    },
];

/// Everything usable now, best first; the rehearsal is always there and always last.
pub async fn usable() -> Vec<Found> {
    let has = |name: &str| std::env::var(name).is_ok_and(|value| !value.trim().is_empty());
    let base = std::env::var("OPENAI_BASE_URL")
        .ok()
        .filter(|url| !url.trim().is_empty());
    discover(has, base.as_deref(), OLLAMA).await
}

/// As [`usable`], with the environment and Ollama's address given.
pub async fn discover(
    has_key: impl Fn(&str) -> bool,
    openai_base_url: Option<&str>,
    ollama: &str,
) -> Vec<Found> {
    let mut found: Vec<Found> = KNOWN_KEYS
        .iter()
        .filter(|known| has_key(known.env))
        .map(|known| from_key(known, openai_base_url))
        .collect();
    found.extend(probe_ollama(ollama).await);
    found.push(Found {
        settings: None,
        model: format!("{REHEARSAL}/{REHEARSAL}"),
        because: "built in: offline, extracts from what it reads, no model".into(),
    });
    found
}

fn from_key(known: &KnownKey, openai_base_url: Option<&str>) -> Found {
    // Only OpenAI's own variable has a base URL of its own in the field.
    let base_url = openai_base_url
        .filter(|_| known.provider == "openai")
        .unwrap_or(known.base_url);
    let mut settings = ProviderSettings::new(known.provider, "openai_chat", base_url);
    settings.key_env = Some(known.env.to_owned());
    settings.models = known.models.iter().map(|model| (*model).to_owned()).collect();
    let first = known.models.first().copied().unwrap_or_default();
    let model = format!("{}/{first}", known.provider);
    Found {
        settings: Some(settings),
        model,
        because: format!("{} is set", known.env),
    }
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
