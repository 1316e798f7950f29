//! From the configuration's words to model clients and prices.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dirigent_config::DaemonConfig;
use dirigent_providers::{Price, PriceTable, ProviderSettings, Registry, discover};

use super::error::StartError;

/// Opens every provider of the configuration. A private daemon also takes what its user has at hand: keys in the
/// environment and a local Ollama; a configured provider of the same name wins. No model is called.
pub(super) async fn registry(config: &DaemonConfig, private: bool) -> Result<Arc<Registry>, StartError> {
    let mut settings = configured(config);
    if private {
        let found = discover::usable()
            .await
            .into_iter()
            .filter_map(|found| found.settings);
        for at_hand in found {
            if settings.iter().all(|known| known.name != at_hand.name) {
                settings.push(at_hand);
            }
        }
    }
    let delay = Duration::from_millis(config.rehearsal.token_delay_ms);
    let models = &config.models;
    Registry::open(&settings, models.aliases.clone(), &models.default, delay)
        .map(Arc::new)
        .map_err(StartError::Providers)
}

fn configured(config: &DaemonConfig) -> Vec<ProviderSettings> {
    config
        .providers
        .iter()
        .map(|(name, section)| ProviderSettings {
            name: name.clone(),
            dialect: section.dialect.clone(),
            base_url: section.base_url.clone(),
            key_env: section.key_env.clone(),
            key_file: section.key_file.clone(),
            models: section.models.clone(),
            connect_timeout: section.connect_timeout,
        })
        .collect()
}

/// The price table with the configuration's rows over the shipped ones.
pub(super) fn prices(config: &DaemonConfig) -> Arc<PriceTable> {
    let rows: BTreeMap<String, Price> = config
        .prices
        .iter()
        .map(|(name, row)| {
            let cached = row.cached.unwrap_or(row.input);
            (
                name.clone(),
                Price {
                    input: row.input,
                    cached,
                    cache_write: row.cache_write.unwrap_or(row.input),
                    output: row.output,
                },
            )
        })
        .collect();
    Arc::new(PriceTable::new(rows))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_configuration_offers_every_dialect_there_is() {
        let names: Vec<_> = dirigent_providers::DIALECTS
            .iter()
            .map(|dialect| dialect.name)
            .collect();
        assert_eq!(names, dirigent_config::rows::DIALECTS);
    }
}
