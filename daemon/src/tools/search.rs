//! Looking for a tool among many: a model is given the search, and then only what it found.
//!
//! Ranked as Okapi BM25 does over names and descriptions, names counting twice. No list of tools is sent to a model
//! whose length nobody bounded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dirigent_protocol::chat::ToolDefinition;
use dirigent_protocol::run::{AgentTurn, Plan};
use serde_json::{Value, json};

use super::names::definition;

/// The tool's name.
pub(super) const NAME: &str = "search_tools";
/// More tools than this are not offered at once.
pub(super) const MANY: usize = 24;
/// Most results of one search.
const MOST: usize = 8;
/// Saturation and length of BM25, as usual.
const K: f64 = 1.2;
/// The same.
const B: f64 = 0.75;

/// The search as a tool.
pub(super) fn offer(count: usize) -> ToolDefinition {
    let about = format!(
        "There are {count} tools. Finds those that fit some words; what it finds can be called next."
    );
    let schema = json!({
        "type": "object",
        "properties": { "query": { "type": "string", "description": "what the tool should do, in a few words" } },
        "required": ["query"],
        "additionalProperties": false,
    });
    definition(NAME, &about, schema)
}

/// The answer to a search: names and descriptions, best first.
pub(super) fn answer(tools: &[&ToolDefinition], query: &str) -> Value {
    let found = ranked(tools, query);
    let told = found.into_iter().take(MOST).map(|tool| {
        let about: String = tool.description.chars().take(300).collect();
        json!({ "name": tool.name, "description": about })
    });
    json!({ "tools": told.collect::<Vec<_>>() })
}

/// What earlier searches of a conversation found.
pub(super) fn found<'a>(turns: impl Iterator<Item = &'a Arc<AgentTurn>>) -> BTreeSet<String> {
    let answers = turns
        .flat_map(|turn| &turn.calls)
        .filter(|call| call.name == NAME);
    let names = answers.filter_map(|call| match &call.plan {
        Plan::Answer { response, .. } => response["tools"].as_array(),
        Plan::Effect(_) => None,
    });
    let names = names.flatten().filter_map(|tool| tool["name"].as_str());
    names.map(str::to_owned).collect()
}

fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut lower = false;
    for c in text.chars() {
        if !c.is_alphanumeric() || (lower && c.is_uppercase()) {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        lower = c.is_lowercase();
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

fn ranked<'a>(tools: &[&'a ToolDefinition], query: &str) -> Vec<&'a ToolDefinition> {
    let bags: Vec<BTreeMap<String, f64>> = tools
        .iter()
        .map(|tool| {
            let mut bag = BTreeMap::new();
            for word in words(&format!("{0} {0} {1}", tool.name, tool.description)) {
                *bag.entry(word).or_insert(0.0) += 1.0;
            }
            bag
        })
        .collect();
    let lengths: Vec<f64> = bags.iter().map(|bag| bag.values().sum()).collect();
    #[expect(clippy::cast_precision_loss, reason = "a count of tools")]
    let count = tools.len().max(1) as f64;
    let average = lengths.iter().sum::<f64>() / count;
    let asked: BTreeSet<String> = words(query).into_iter().collect();
    let mut scores = vec![0.0_f64; tools.len()];
    for word in &asked {
        let hits = |bag: &BTreeMap<String, f64>| -> f64 {
            let whole = bag.get(word).copied().unwrap_or(0.0);
            let begins = |known: &&String| known.starts_with(word.as_str()) && *known != word;
            let part: f64 = bag
                .iter()
                .filter(|(known, _)| begins(known))
                .map(|(_, n)| n / 2.0)
                .sum();
            whole + part
        };
        let holding: f64 = bags.iter().filter(|bag| hits(bag) > 0.0).map(|_| 1.0).sum();
        let rare = (1.0 + (count - holding + 0.5) / (holding + 0.5)).ln();
        for ((score, bag), length) in scores.iter_mut().zip(&bags).zip(&lengths) {
            let n = hits(bag);
            *score += rare * n * (K + 1.0) / (n + K * (1.0 - B + B * length / average.max(1.0)));
        }
    }
    let mut order: Vec<usize> = (0..tools.len()).filter(|at| scores[*at] > 0.0).collect();
    order.sort_by(|a, b| {
        scores[*b]
            .total_cmp(&scores[*a])
            .then(tools[*a].name.cmp(&tools[*b].name))
    });
    order.into_iter().map(|at| tools[at]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tool_that_fits_comes_first() {
        let all = [
            ("create_issue", "Opens a new issue in a repository."),
            ("list_issues", "Lists issues of a repository."),
            ("sendMail", "Sends a mail to somebody."),
            ("read_calendar", "Gives the events of a day."),
        ];
        let all: Vec<ToolDefinition> = all
            .iter()
            .map(|(name, about)| definition(name, about, Value::Null))
            .collect();
        let refs: Vec<&ToolDefinition> = all.iter().collect();
        for (query, best) in [
            ("send an email / mail", "sendMail"),
            ("new issue create", "create_issue"),
            ("calendar events", "read_calendar"),
            ("repo issues list", "list_issues"),
        ] {
            assert_eq!(answer(&refs, query)["tools"][0]["name"], best, "{query}");
        }
        assert_eq!(answer(&refs, "zzz")["tools"], json!([]));
    }
}
