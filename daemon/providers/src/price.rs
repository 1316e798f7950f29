//! What a call costs. Prices are list prices of the providers as of November 2025, in micro-USD (millionths of a
//! dollar) for a million tokens; the configuration's `[prices]` adds to them and overrides them.
//!
//! Invariant: no guess. A model without a row costs "unknown" (`None`), never zero; only what runs on this machine
//! costs zero, unless the configuration has a price for it.

use std::collections::BTreeMap;

use crate::{Descriptor, Usage};

/// Price of one model, micro-USD for a million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// Prompt tokens.
    pub input: u64,
    /// Prompt tokens the provider had cached.
    pub cached: u64,
    /// Answer tokens.
    pub output: u64,
}

const fn row(name: &'static str, input: u64, cached: u64, output: u64) -> (&'static str, Price) {
    (
        name,
        Price {
            input,
            cached,
            output,
        },
    )
}

/// Shipped rows; a name covers its dated versions too (`gpt-4o` covers `gpt-4o-2024-08-06`).
pub const PRICES: &[(&str, Price)] = &[
    row("gpt-4o", 2_500_000, 1_250_000, 10_000_000),
    row("gpt-4o-mini", 150_000, 75_000, 600_000),
    row("gpt-4.1", 2_000_000, 500_000, 8_000_000),
    row("gpt-4.1-mini", 400_000, 100_000, 1_600_000),
    row("gpt-4.1-nano", 100_000, 25_000, 400_000),
    row("gpt-5", 1_250_000, 125_000, 10_000_000),
    row("gpt-5-mini", 250_000, 25_000, 2_000_000),
    row("gpt-5-nano", 50_000, 5_000, 400_000),
    row("o3", 2_000_000, 500_000, 8_000_000),
    row("o4-mini", 1_100_000, 275_000, 4_400_000),
];

/// The shipped rows under the configured ones.
#[derive(Clone, Debug, Default)]
pub struct PriceTable {
    overrides: BTreeMap<String, Price>,
}

impl PriceTable {
    /// A table in which `overrides` (by `provider/model` or by model) win over the shipped rows.
    #[must_use]
    pub fn new(overrides: BTreeMap<String, Price>) -> Self {
        Self { overrides }
    }

    /// The price of a model, if known.
    #[must_use]
    pub fn find(&self, provider: &str, model: &str) -> Option<Price> {
        self.own(provider, model).or_else(|| shipped(model))
    }

    fn own(&self, provider: &str, model: &str) -> Option<Price> {
        let full = format!("{provider}/{model}");
        let found = self.overrides.get(&full);
        found.or_else(|| self.overrides.get(model)).copied()
    }

    /// Cost of a call in micro-USD, rounded up; `None` when the price is unknown; 0 on this machine.
    #[must_use]
    pub fn cost(&self, client: &Descriptor, model: &str, usage: &Usage) -> Option<u64> {
        // A gateway on this machine may cost money: then the configuration has its price.
        if client.local() && self.own(&client.name, model).is_none() {
            return Some(0);
        }
        let price = self.find(&client.name, model)?;
        let cached = usage.cached_tokens.min(usage.input_tokens);
        let micro = u128::from(usage.input_tokens - cached) * u128::from(price.input)
            + u128::from(cached) * u128::from(price.cached)
            + u128::from(usage.output_tokens) * u128::from(price.output);
        u64::try_from(micro.div_ceil(1_000_000)).ok()
    }
}

fn shipped(model: &str) -> Option<Price> {
    PRICES
        .iter()
        .find(|(name, _)| *name == model || is_dated(model, name))
        .map(|(_, price)| *price)
}

/// `gpt-4o-2024-08-06` is a dated `gpt-4o`; `gpt-4o-mini` is not.
fn is_dated(model: &str, name: &str) -> bool {
    model
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('-'))
        .is_some_and(|date| date.len() >= 4 && date.chars().all(|c| c.is_ascii_digit() || c == '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(name: &str) -> Descriptor {
        Descriptor {
            name: name.into(),
            dialect: "openai_chat",
            rehearsal: false,
            host: Some("api.openai.com:443".into()),
        }
    }

    fn usage(input_tokens: u64, cached_tokens: u64, output_tokens: u64) -> Usage {
        Usage {
            input_tokens,
            output_tokens,
            cached_tokens,
            estimated: false,
        }
    }

    #[test]
    fn cached_tokens_cost_less_and_fractions_round_up() {
        let table = PriceTable::default();
        let cost = |usage| table.cost(&remote("openai"), "gpt-4o-mini-2024-07-18", &usage);
        assert_eq!(cost(usage(1_000_000, 0, 1_000_000)), Some(750_000));
        assert_eq!(cost(usage(1_000_000, 1_000_000, 0)), Some(75_000));
        assert_eq!(cost(usage(1, 0, 0)), Some(1));
        assert_eq!(
            cost(usage(0, 5, 0)),
            Some(0),
            "more cached than sent is not negative"
        );
    }

    #[test]
    fn an_unknown_model_has_no_cost_and_a_local_one_none_to_pay() {
        let table = PriceTable::default();
        assert_eq!(
            table.cost(&remote("openai"), "gpt-4o-audio-preview", &usage(10, 0, 10)),
            None
        );
        let local = Descriptor {
            host: Some("127.0.0.1:11434".into()),
            ..remote("ollama")
        };
        assert_eq!(table.cost(&local, "llama3", &usage(10, 0, 10)), Some(0));
        let price = Price {
            input: 1_000_000,
            cached: 0,
            output: 2_000_000,
        };
        let table = PriceTable::new(BTreeMap::from([("ollama/metered".to_owned(), price)]));
        assert_eq!(table.cost(&local, "metered", &usage(10, 0, 10)), Some(30));
        assert_eq!(table.cost(&local, "llama3", &usage(10, 0, 10)), Some(0));
    }

    #[test]
    fn the_configuration_wins_most_exact_first() {
        let price = |input| Price {
            input,
            cached: 0,
            output: 0,
        };
        let rows = [
            ("gpt-4o".to_owned(), price(1)),
            ("openai/gpt-4o".to_owned(), price(2)),
        ];
        let table = PriceTable::new(rows.into_iter().collect());
        assert_eq!(table.find("openai", "gpt-4o"), Some(price(2)));
        assert_eq!(table.find("proxy", "gpt-4o"), Some(price(1)));
    }
}
