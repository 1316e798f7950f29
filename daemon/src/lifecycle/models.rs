//! From the configuration's words to model clients and prices.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dirigent_config::DaemonConfig;
use dirigent_providers::{Price, PriceTable, ProviderSettings, Registry};

use super::error::StartError;

/// Opens every provider; nothing is sent and no key is read.
pub(super) fn registry(config: &DaemonConfig) -> Result<Arc<Registry>, StartError> {
    let settings: Vec<_> = config
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
        .collect();
    let delay = Duration::from_millis(config.rehearsal.token_delay_ms);
    let models = &config.models;
    Registry::open(&settings, models.aliases.clone(), &models.default, delay)
        .map(Arc::new)
        .map_err(StartError::Providers)
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
                    output: row.output,
                },
            )
        })
        .collect();
    Arc::new(PriceTable::new(rows))
}
