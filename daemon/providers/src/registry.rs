//! The clients of one daemon, by name: every configured provider and the rehearsal.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::rehearsal::Rehearsal;
use crate::{ModelClient, OpenError, ProviderSettings, dialect};

/// The provider name of the built-in rehearsal; cannot be configured.
pub const REHEARSAL: &str = "rehearsal";
/// Aliases may point at aliases this many times.
const MAX_ALIAS_DEPTH: usize = 8;

/// Why a model name leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// Neither an alias nor `provider/model`.
    #[error("`{name}` is neither an alias nor provider/model")]
    UnknownAlias {
        /// As asked.
        name: String,
        /// Every alias and provider there is.
        known: Vec<String>,
    },
    /// No such provider.
    #[error("no provider `{provider}` (asked for `{name}`)")]
    UnknownProvider {
        /// As asked.
        name: String,
        /// Its first part.
        provider: String,
        /// Every provider there is.
        known: Vec<String>,
    },
    /// Aliases that point at each other.
    #[error("alias `{name}` points at itself or through more than 8 others")]
    AliasLoop {
        /// As asked.
        name: String,
    },
}

impl ResolveError {
    /// What a person can do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::UnknownAlias { known, .. } => {
                format!("write provider/model, or one of: {}", known.join(", "))
            }
            Self::UnknownProvider { provider, known, .. } => {
                format!("add [providers.{provider}], or use one of: {}", known.join(", "))
            }
            Self::AliasLoop { .. } => "let the alias in [models.aliases] name provider/model".into(),
        }
    }
}

/// A model name resolved.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// Who to ask.
    pub client: Arc<dyn ModelClient>,
    /// The model's name there.
    pub model: String,
}

/// Every client by name, every alias, and the default.
#[derive(Debug)]
pub struct Registry {
    clients: BTreeMap<String, Arc<dyn ModelClient>>,
    models: BTreeMap<String, Vec<String>>,
    aliases: BTreeMap<String, String>,
    default: String,
}

impl Registry {
    /// Opens every provider; nothing is sent yet and no key is read. All errors at once.
    ///
    /// `default` is used for the name `default` and for an empty one; `token_delay` paces the rehearsal.
    ///
    /// # Errors
    /// One per provider that cannot be opened.
    pub fn open(
        providers: &[ProviderSettings],
        aliases: BTreeMap<String, String>,
        default: &str,
        token_delay: Duration,
    ) -> Result<Self, Vec<OpenError>> {
        let rehearsal: Arc<dyn ModelClient> = Arc::new(Rehearsal::new(token_delay));
        let mut clients = BTreeMap::from([(REHEARSAL.to_owned(), rehearsal)]);
        let mut models = BTreeMap::from([(REHEARSAL.to_owned(), vec![REHEARSAL.to_owned()])]);
        let mut errors = Vec::new();
        for settings in providers {
            let provider = settings.name.clone();
            if clients.contains_key(&provider) {
                errors.push(OpenError::Duplicate { provider });
                continue;
            }
            match open_one(settings) {
                Ok(client) => {
                    models.insert(provider.clone(), settings.models.clone());
                    clients.insert(provider, client);
                }
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self {
            clients,
            models,
            aliases,
            default: default.to_owned(),
        })
    }

    /// A registry that holds the rehearsal alone.
    #[must_use]
    pub fn rehearsal_only(token_delay: Duration) -> Self {
        let client: Arc<dyn ModelClient> = Arc::new(Rehearsal::new(token_delay));
        Self {
            clients: BTreeMap::from([(REHEARSAL.to_owned(), client)]),
            models: BTreeMap::from([(REHEARSAL.to_owned(), vec![REHEARSAL.to_owned()])]),
            aliases: BTreeMap::new(),
            default: format!("{REHEARSAL}/{REHEARSAL}"),
        }
    }

    /// Adds or replaces a client: for clients opened outside the configuration (discovered, or scripted in tests).
    pub fn insert(&mut self, client: Arc<dyn ModelClient>, models: Vec<String>) {
        let name = client.descriptor().name.clone();
        self.models.insert(name.clone(), models);
        self.clients.insert(name, client);
    }

    /// Finds the client and model for `provider/model` (the model may contain `/`), an alias, `default` or nothing.
    ///
    /// # Errors
    /// When the name leads to no provider.
    pub fn resolve(&self, name: &str) -> Result<Resolved, ResolveError> {
        let mut current = name.trim();
        for _ in 0..MAX_ALIAS_DEPTH {
            if let Some(target) = self.aliases.get(current) {
                current = target;
            } else if current.is_empty() || current == "default" {
                current = &self.default;
            } else {
                return self.lookup(name, current);
            }
        }
        Err(ResolveError::AliasLoop {
            name: name.to_owned(),
        })
    }

    fn lookup(&self, asked: &str, name: &str) -> Result<Resolved, ResolveError> {
        let known = || self.clients.keys().cloned().collect::<Vec<_>>();
        let (provider, model) = match name.split_once('/') {
            Some((provider, model)) if !model.is_empty() => (provider, model),
            _ if name == REHEARSAL => (REHEARSAL, REHEARSAL),
            _ => {
                let known = self.aliases.keys().cloned().chain(known()).collect();
                return Err(ResolveError::UnknownAlias {
                    name: asked.to_owned(),
                    known,
                });
            }
        };
        match self.clients.get(provider) {
            Some(client) => Ok(Resolved {
                client: Arc::clone(client),
                model: model.to_owned(),
            }),
            None => Err(ResolveError::UnknownProvider {
                name: asked.to_owned(),
                provider: provider.to_owned(),
                known: known(),
            }),
        }
    }

    /// Every client, by name.
    pub fn clients(&self) -> impl Iterator<Item = &Arc<dyn ModelClient>> {
        self.clients.values()
    }

    /// Every `provider/model` the configuration lists, the rehearsal last.
    #[must_use]
    pub fn offered(&self) -> Vec<String> {
        let all = self
            .models
            .iter()
            .flat_map(|(provider, models)| models.iter().map(move |model| format!("{provider}/{model}")));
        let (mut rest, rehearsal): (Vec<_>, Vec<_>) = all.partition(|name| !name.starts_with("rehearsal/"));
        rest.extend(rehearsal);
        rest
    }
}

fn open_one(settings: &ProviderSettings) -> Result<Arc<dyn ModelClient>, OpenError> {
    let dialect = dialect::find(&settings.dialect).ok_or_else(|| OpenError::UnknownDialect {
        provider: settings.name.clone(),
        dialect: settings.dialect.clone(),
    })?;
    (dialect.open)(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aliases(rows: &[(&str, &str)]) -> BTreeMap<String, String> {
        rows.iter()
            .map(|(name, target)| ((*name).to_owned(), (*target).to_owned()))
            .collect()
    }

    fn registry(rows: &[(&str, &str)]) -> Registry {
        let mut local = ProviderSettings::new("local", "openai_chat", "http://127.0.0.1:9/v1");
        local.models = vec!["org/tiny".into()];
        Registry::open(&[local], aliases(rows), "fast", Duration::ZERO).expect("opens")
    }

    #[test]
    fn names_aliases_and_the_default_lead_to_a_client() {
        let registry = registry(&[("fast", "local/org/tiny"), ("loop", "loop2"), ("loop2", "loop")]);
        for name in ["local/org/tiny", "fast", "default", ""] {
            let found = registry.resolve(name).expect(name);
            assert_eq!(
                (found.client.descriptor().name.as_str(), found.model.as_str()),
                ("local", "org/tiny")
            );
        }
        let rehearsal = registry.resolve("rehearsal").expect("built in");
        assert!(rehearsal.client.descriptor().rehearsal);
        let error = registry.resolve("loop").expect_err("loop");
        assert_eq!(error, ResolveError::AliasLoop { name: "loop".into() });
        assert_eq!(registry.offered(), ["local/org/tiny", "rehearsal/rehearsal"]);
    }

    #[test]
    fn an_unknown_name_says_what_there_is() {
        let registry = registry(&[("fast", "local/org/tiny")]);
        let error = registry.resolve("openai/gpt-4o").expect_err("unknown");
        assert!(
            error.help().contains("[providers.openai]") && error.help().contains("local"),
            "{}",
            error.help()
        );
        let error = registry.resolve("fsat").expect_err("unknown");
        assert!(
            error.help().contains("fast, local, rehearsal"),
            "{}",
            error.help()
        );
    }

    #[test]
    fn every_bad_provider_is_reported_at_once() {
        let bad = [
            ProviderSettings::new("a", "nope", "http://127.0.0.1:9"),
            ProviderSettings::new("b", "openai_chat", "ftp://host"),
            ProviderSettings::new("c", "openai_chat", "https://user:pw@host/v1"),
            ProviderSettings::new("rehearsal", "openai_chat", "http://127.0.0.1:9"),
        ];
        let errors = Registry::open(&bad, BTreeMap::new(), "", Duration::ZERO).expect_err("refused");
        assert_eq!(errors.len(), 4, "{errors:?}");
        assert!(!format!("{errors:?}").contains("pw"), "{errors:?}");
    }
}
