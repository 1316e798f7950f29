//! What a call costs. Prices are list prices of the providers (OpenAI, Google: November 2025; Anthropic: October 2026),
//! in micro-USD (millionths of a dollar) for a million tokens; the configuration's `[prices]` adds to them and overrides
//! them. What a provider charges for keeping a cache by the hour is not in them.
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
    /// Prompt tokens the provider put into its cache.
    pub cache_write: u64,
    /// Answer tokens.
    pub output: u64,
}

/// A model whose cache is filled at the price of its prompt.
const fn row(name: &'static str, input: u64, cached: u64, output: u64) -> (&'static str, Price) {
    let price = Price {
        input,
        cached,
        cache_write: input,
        output,
    };
    (name, price)
}

/// A model of Anthropic: what is put into the cache costs a quarter more.
const fn claude(name: &'static str, input: u64, cached: u64, output: u64) -> (&'static str, Price) {
    let price = Price {
        input,
        cached,
        cache_write: input + input / 4,
        output,
    };
    (name, price)
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
    claude("claude-fable-5-1", 10_000_000, 250_000, 50_000_000),
    claude("claude-fable-5", 10_000_000, 1_000_000, 50_000_000),
    claude("claude-opus-5-5", 4_000_000, 200_000, 20_000_000),
    claude("claude-opus-5", 5_000_000, 500_000, 25_000_000),
    claude("claude-opus-4-8", 5_000_000, 500_000, 25_000_000),
    claude("claude-opus-4-7", 5_000_000, 500_000, 25_000_000),
    claude("claude-opus-4-6", 5_000_000, 500_000, 25_000_000),
    claude("claude-opus-4-5", 5_000_000, 500_000, 25_000_000),
    claude("claude-sonnet-5-5", 2_000_000, 100_000, 10_000_000),
    claude("claude-sonnet-5", 2_000_000, 200_000, 10_000_000),
    claude("claude-sonnet-4-6", 3_000_000, 300_000, 15_000_000),
    claude("claude-sonnet-4-5", 3_000_000, 300_000, 15_000_000),
    claude("claude-haiku-5-5", 100_000, 10_000, 500_000),
    claude("claude-haiku-4-5", 1_000_000, 100_000, 5_000_000),
    row("gemini-2.5-pro", 1_250_000, 125_000, 10_000_000),
    row("gemini-2.5-flash", 300_000, 30_000, 2_500_000),
    row("gemini-2.5-flash-lite", 100_000, 10_000, 400_000),
    row("gemini-3-pro-preview", 2_000_000, 200_000, 12_000_000),
];

/// What the whole call costs once its prompt has more tokens than this.
pub const LONG_PROMPTS: &[(u64, (&str, Price))] = &[
    (100_000, claude("claude-haiku-5-5", 500_000, 50_000, 2_500_000)),
    (200_000, row("gemini-2.5-pro", 2_500_000, 250_000, 15_000_000)),
    (
        200_000,
        row("gemini-3-pro-preview", 4_000_000, 400_000, 18_000_000),
    ),
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

    /// The price of a model for a prompt of this many tokens, if known.
    #[must_use]
    pub fn find(&self, provider: &str, model: &str, input_tokens: u64) -> Option<Price> {
        self.own(provider, model)
            .or_else(|| long(model, input_tokens))
            .or_else(|| shipped(model))
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
        let price = self.find(&client.name, model, usage.input_tokens)?;
        let cached = usage.cached_tokens.min(usage.input_tokens);
        let written = usage.cache_write_tokens.min(usage.input_tokens - cached);
        let micro = u128::from(usage.input_tokens - cached - written) * u128::from(price.input)
            + u128::from(cached) * u128::from(price.cached)
            + u128::from(written) * u128::from(price.cache_write)
            + u128::from(usage.output_tokens) * u128::from(price.output);
        u64::try_from(micro.div_ceil(1_000_000)).ok()
    }

    /// The most a call may cost that reads and writes at most this many tokens, whatever of it is cached.
    #[must_use]
    pub fn worst(&self, client: &Descriptor, model: &str, input: u64, output: u64) -> Option<u64> {
        let fresh = Usage {
            input_tokens: input,
            output_tokens: output,
            ..Usage::default()
        };
        let written = Usage {
            cache_write_tokens: input,
            ..fresh
        };
        self.cost(client, model, &fresh)
            .max(self.cost(client, model, &written))
    }
}

fn shipped(model: &str) -> Option<Price> {
    PRICES
        .iter()
        .find(|(name, _)| is_named(model, name))
        .map(|(_, price)| *price)
}

fn long(model: &str, input_tokens: u64) -> Option<Price> {
    LONG_PROMPTS
        .iter()
        .find(|(above, (name, _))| input_tokens > *above && is_named(model, name))
        .map(|(_, (_, price))| *price)
}

fn is_named(model: &str, name: &str) -> bool {
    name == model || is_dated(model, name)
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
            ..Usage::default()
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
    fn what_is_put_into_a_cache_and_long_prompts_cost_more() {
        let table = PriceTable::default();
        let cost = |model, usage| table.cost(&remote("p"), model, &usage);
        let written = Usage {
            cache_write_tokens: 400_000,
            ..usage(1_000_000, 500_000, 0)
        };
        // 100,000 fresh at 3, 500,000 cached at 0.30, 400,000 written at 3.75.
        assert_eq!(
            cost("claude-sonnet-4-5-20250929", written),
            Some(300_000 + 150_000 + 1_500_000)
        );
        let worst = table.worst(&remote("p"), "claude-sonnet-4-5", 1_000_000, 0);
        assert_eq!(worst, Some(3_750_000));
        assert_eq!(cost("gemini-2.5-pro", usage(200_000, 0, 0)), Some(250_000));
        assert_eq!(cost("gemini-2.5-pro", usage(200_001, 0, 0)), Some(500_003));
        for (above, (name, price)) in LONG_PROMPTS {
            let short = table.find("p", name, *above).unwrap();
            assert!(price.input > short.input && price.output > short.output, "{name}");
        }
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
            cache_write: 0,
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
            cache_write: 0,
            output: 0,
        };
        let rows = [
            ("gpt-4o".to_owned(), price(1)),
            ("openai/gpt-4o".to_owned(), price(2)),
        ];
        let table = PriceTable::new(rows.into_iter().collect());
        assert_eq!(table.find("openai", "gpt-4o", 0), Some(price(2)));
        assert_eq!(table.find("proxy", "gpt-4o", 0), Some(price(1)));
    }
}
