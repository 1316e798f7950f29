//! `dirigent agents took`: what an agent took in the runs that are kept, and how it did.

use dirigent_protocol::agent_use::AgentUse;
use dirigent_protocol::fault::Fault;
use dirigent_protocol::query::{Query, QueryReply};
use serde_json::json;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::link::snapshot::unexpected;
use crate::text::amount;

/// `dirigent agents took`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name or id
    #[arg(value_name = "AGENT")]
    pub agent: String,
}

/// Does it.
///
/// # Errors
/// No such agent, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let query = Query::AgentUse {
        id: args.agent.clone(),
    };
    let QueryReply::AgentUse(took) = cx.query(query).await? else {
        return Err(unexpected("what an agent took"));
    };
    let value = json!({
        "agent": args.agent,
        "runs": took.runs,
        "calls": took.uses,
        "failures": took.failures,
        "success_pct": took.success_pct(),
        "usage": took.usage,
        "last_used_at": took.last_used_at,
        "complete": took.complete,
    });
    cx.show(&value, |out| {
        for (name, words) in rows(&took) {
            out.text(&format!("{name:<10} {words}"));
        }
    })?;
    Ok(Exit::Done)
}

fn rows(took: &AgentUse) -> Vec<(&'static str, String)> {
    let Some(last) = took.last_used_at else {
        return vec![("used", "never".to_owned())];
    };
    let usage = &took.usage;
    let newest = if took.complete { "" } else { ", the newest counted" };
    vec![
        ("last used", last.to_string()),
        ("runs", format!("{}{newest}", amount::count(took.runs))),
        (
            "calls",
            format!(
                "{}, {} failed, {} % good",
                amount::count(took.uses),
                amount::count(took.failures),
                took.success_pct().unwrap_or_default()
            ),
        ),
        (
            "tokens",
            format!(
                "{} read, {} written",
                amount::tokens(usage.input_tokens),
                amount::tokens(usage.output_tokens)
            ),
        ),
        (
            "cost",
            format!(
                "{}, {} calls without a price",
                amount::usd(usage.cost_micro_usd),
                amount::count(usage.unpriced_calls)
            ),
        ),
    ]
}
