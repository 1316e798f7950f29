//! `vote`: all members decide for themselves, side by side; their choices are counted.

use dirigent_protocol::entity::{Orchestration, VoteRule, VoteRules};
use serde_json::{Value, json};

use super::parts::{expr, matter, named, quoted, together, with};
use super::strategy::{PLAIN, Reads, Strategy};

pub(super) const ROW: Strategy = Strategy {
    name: "vote",
    about: "all decide for themselves, side by side; `vote` says what may be chosen and what wins",
    reads: Reads { vote: true, ..PLAIN },
    own: &["votes", "count", "decision"],
    tasks,
    wrong,
};

fn tasks(wanted: &Orchestration) -> Vec<Value> {
    let nothing = VoteRules::default();
    let rules = wanted.vote.as_ref().unwrap_or(&nothing);
    let votes = with(
        together(&wanted.members, &matter()),
        json!({ "export": { "as": "$context + { previous: $output, results: $output }" } }),
    );
    let choice = rules.choice.as_deref().map_or(".vote", bare);
    let choices = Value::from(rules.choices.clone());
    let count = json!({ "set": {
        "votes": expr(&format!("$context.results | to_entries | map({{ voter: .key, choice: (.value | try ({choice}) catch null), answer: .value }})")),
    }, "output": { "as": format!(
        ". + {{ counts: ([.votes[] | .choice as $c | select({choices} | any(. == $c))] | group_by(.choice) | map({{ key: .[0].choice, value: length }}) | from_entries), \
         invalid: [.votes[] | .choice as $c | select({choices} | any(. == $c) | not) | .voter] }}") } });
    let decision = json!({ "set": {
        "decision": expr(&winner(rules, wanted.members.len())),
        "counts": expr(".counts"),
        "votes": expr(".votes"),
        "invalid": expr(".invalid"),
        "voters": wanted.members.len(),
    } });
    vec![
        named("votes", votes),
        named("count", count),
        named("decision", decision),
    ]
}

/// The expression inside `${ }`, or the text where it has none.
fn bare(code: &str) -> &str {
    let inside = code
        .trim()
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'));
    inside.unwrap_or(code).trim()
}

/// What wins, of `.counts`.
fn winner(rules: &VoteRules, voters: usize) -> String {
    let otherwise = rules
        .otherwise
        .as_deref()
        .map_or_else(|| "null".to_owned(), quoted);
    let all = "(.counts | to_entries)";
    let best = |least: usize| {
        format!(
            "[{all} | sort_by(.value) | reverse | .[] | select(.value >= {least})] | .[0].key // {otherwise}"
        )
    };
    match rules.rule.unwrap_or(VoteRule::Majority) {
        VoteRule::Majority => best(voters / 2 + 1),
        VoteRule::Unanimous => best(voters.max(1)),
        // Two may have that many: the most votes win, and a tie wins nothing.
        VoteRule::AtLeast(votes) => only_best(votes.max(1), &otherwise),
        VoteRule::Plurality => only_best(1, &otherwise),
    }
}

fn only_best(least: u32, otherwise: &str) -> String {
    format!(
        "(.counts | [.[]] | max) as $most | [.counts | to_entries | .[] | select(.value == $most and .value >= {least})] \
         | if length == 1 then .[0].key else {otherwise} end"
    )
}

fn wrong(wanted: &Orchestration) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut say = |at: &str, words: &str| found.push((at.to_owned(), words.to_owned()));
    let Some(rules) = &wanted.vote else {
        say(
            "/vote",
            "it does not say what may be chosen; add `vote: { choices: [yes, no] }`",
        );
        return found;
    };
    if rules.choices.len() < 2 {
        say("/vote/choices", "a vote needs at least two choices");
    }
    if let Some(VoteRule::AtLeast(votes)) = rules.rule
        && (votes == 0 || votes as usize > wanted.members.len())
    {
        say("/vote/rule", "there are not so many voters");
    }
    found
}
