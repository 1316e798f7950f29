//! `dirigent approvals rules simulate`: what a rule would have decided, before it is active.

use clap::Subcommand;
use dirigent_protocol::entity::{ApprovalRule, Kind, RuleAnswer, RuleScope};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::query::{Query, QueryReply};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::out::Tone;
use crate::cli::resolve;
use crate::cli::table::Table;
use crate::link::snapshot::unexpected;

/// `dirigent approvals rules`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with rules.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Say what a rule would have decided of what people decided
    Simulate(SimulateArgs),
}

/// `dirigent approvals rules simulate`
#[derive(Debug, clap::Args)]
pub struct SimulateArgs {
    /// Name of a rule, active or not
    #[arg(
        value_name = "NAME",
        required_unless_present = "like",
        conflicts_with = "like"
    )]
    pub name: Option<String>,
    /// The rule that a decision on this approval would make
    #[arg(long, value_name = "ID")]
    pub like: Option<String>,
    /// With --like: for exactly this content, or for content of this shape
    #[arg(long, value_name = "exact|shape", value_parser = ["exact", "shape"], default_value = "shape")]
    pub scope: String,
    /// With --like: a rule that denies
    #[arg(long, requires = "like")]
    pub deny: bool,
}

/// Does it.
///
/// # Errors
/// No such rule or approval, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let Action::Simulate(args) = args.action;
    let rule = match (&args.like, &args.name) {
        (Some(id), _) => {
            let (_, approval) = resolve::approval(cx, id).await?;
            let scope = if args.scope == "exact" {
                RuleScope::Exact
            } else {
                RuleScope::Shape
            };
            let answer = if args.deny {
                RuleAnswer::Deny
            } else {
                RuleAnswer::Allow
            };
            ApprovalRule::like(&approval, scope, answer)
        }
        (None, name) => {
            let name = name.as_deref().unwrap_or_default();
            let document = resolve::document(cx, Kind::ApprovalRule, name).await?;
            document.body().map_err(|error| {
                Fault::new(Code::Unsupported, format!("this rule cannot be read: {error}"))
            })?
        }
    };
    let query = Query::RuleSimulate { rule: Box::new(rule) };
    let QueryReply::Simulated(told) = cx.query(query).await? else {
        return Err(unexpected("a simulation"));
    };
    let value = serde_json::to_value(&told).unwrap_or_default();
    cx.show(&value, |out| {
        out.text(&format!(
            "of {} decisions it covers {}: {} the same, {} otherwise, {} denied by a rule first; {} wait",
            told.looked_at,
            told.covered,
            told.agrees,
            told.covered - told.agrees,
            told.denied_first,
            told.waiting
        ));
        let mut table = Table::new(&["approval", "what", "decided", "by", "rule"]);
        for other in &told.differs {
            let cells = [
                other.approval.short(),
                other.title.clone(),
                other.decided.clone(),
                other.by.clone(),
                other.rule.clone(),
            ];
            table.row(cells.map(|cell| (Tone::Plain, cell)));
        }
        if !told.differs.is_empty() {
            table.write(out);
        }
    })?;
    Ok(Exit::Done)
}
