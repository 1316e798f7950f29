//! `dirigent agents review`: an agent looks back on its own recent work; a report and suggestions come of it.

use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::entity::{AgentSelfReport, Document, Kind};
use dirigent_protocol::fault::Fault;
use dirigent_protocol::filter::Filter;
use dirigent_protocol::id::RunId;
use dirigent_protocol::query::{ListQuery, Query, QueryReply};
use serde_json::json;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::faults::usage;
use crate::cli::follow_run::{Ending, Wanted, cursor_now, follow};
use crate::cli::out::{Out, Tone};
use crate::link::snapshot::unexpected;
use crate::text::amount;

/// `dirigent agents review`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name or id
    #[arg(value_name = "AGENT")]
    pub agent: String,
    /// How far it looks back: `7d`, `12h`
    #[arg(long, value_name = "SPAN", default_value = "7d")]
    pub since: String,
    /// Most runs it is shown, failed and costly ones first; at most 50
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub runs: u32,
    /// Wait for the report and show it
    #[arg(long)]
    pub wait: bool,
}

/// Does it.
///
/// # Errors
/// No such agent, it has done nothing, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let since = dirigent_config::parse_duration(&args.since).ok_or_else(|| {
        usage(format!("`{}` is no span of time", args.since))
            .help("for example `--since 7d` or `--since 12h`")
    })?;
    let cursor = cursor_now(cx).await?;
    let command = Command::AgentReview {
        agent: args.agent.clone(),
        since_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
        runs: args.runs,
    };
    let reply = cx
        .command(&format!("let {} look back", args.agent), command)
        .await?;
    let CommandReply::RunStarted { run, .. } = reply else {
        return Err(unexpected("a run that looks back"));
    };
    if !args.wait {
        let value = json!({ "agent": args.agent, "run": run });
        cx.show(&value, |out| {
            out.text(&format!(
                "run {} looks back; `dirigent get reports` has what comes of it",
                run.short()
            ));
        })?;
        return Ok(Exit::Done);
    }
    cx.say(Tone::Dim, &format!("run {} looks back", run.short()));
    cx.attend(run);
    let Ending::Over(over) = follow(cx, run, cursor, Wanted::default(), &mut |_, _| {}).await? else {
        return Ok(Exit::Done);
    };
    if let Some((document, report)) = of_run(cx, run).await? {
        show(cx, &document, &report)?;
    }
    Ok(Exit::of_run(over.body.status))
}

/// The report that a run left behind.
async fn of_run(cx: &mut Cx, run: RunId) -> Result<Option<(Document, AgentSelfReport)>, Fault> {
    let filter: Filter = format!("run == \"{run}\"")
        .parse()
        .map_err(|_| unexpected("a report"))?;
    let query = ListQuery {
        filter: Some(filter),
        limit: 1,
        ..ListQuery::of(Kind::AgentSelfReport)
    };
    let QueryReply::Page { items, .. } = cx.query(Query::List(query)).await? else {
        return Err(unexpected("a report"));
    };
    let first = items.into_iter().next();
    Ok(first.and_then(|document| Some((document.clone(), document.body().ok()?))))
}

fn show(cx: &mut Cx, document: &Document, report: &AgentSelfReport) -> Result<(), Fault> {
    let mut value = json!(report);
    value["id"] = json!(document.metadata.id);
    value["success_pct"] = json!(success_pct(report));
    cx.show(&value, |out| write(out, report))
}

fn success_pct(report: &AgentSelfReport) -> Option<u64> {
    let figures = &report.figures;
    (figures.calls.saturating_sub(figures.failures) * 100).checked_div(figures.calls)
}

fn write(out: &mut Out, report: &AgentSelfReport) {
    let figures = &report.figures;
    let by = if report.rehearsal { "rehearsal: " } else { "" };
    out.toned(
        Tone::Strong,
        &format!("{} v{} on its own work", report.agent, report.number),
    );
    out.text(&format!(
        "runs {} ({} failed)  calls {} ({} failed, {} % good)  tokens {}  cost {}",
        amount::count(figures.runs),
        amount::count(figures.runs_failed),
        amount::count(figures.calls),
        amount::count(figures.failures),
        success_pct(report).unwrap_or_default(),
        amount::tokens(figures.usage.input_tokens + figures.usage.output_tokens),
        amount::usd(figures.usage.cost_micro_usd),
    ));
    if !report.problem.is_empty() {
        out.toned(Tone::Bad, &format!("no assessment: {}", report.problem));
        return;
    }
    out.text(&format!("{by}{}", report.summary));
    for one in &report.measures {
        out.text(&format!("{:<8} {:<8} {}", one.measure, one.verdict, one.words));
    }
    for (sign, lines) in [("+", &report.good), ("-", &report.bad)] {
        for line in lines {
            out.text(&format!("{sign} {line}"));
        }
    }
    for refused in &report.refused {
        let title = &refused.title;
        out.toned(
            Tone::Dim,
            &format!("refused: {title} ({}: {})", refused.code, refused.reason),
        );
    }
    match report.suggestions.len() {
        0 => out.text("it suggests nothing"),
        count => out.text(&format!("{count} suggestions: `dirigent suggestions list`")),
    }
}
