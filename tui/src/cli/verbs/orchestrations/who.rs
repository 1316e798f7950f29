//! `dirigent orchestrations who RUN`: who works, who waits, who handed what to whom; from the run's own events.

use dirigent_protocol::entity::{Kind, WorkflowExecution};
use dirigent_protocol::fault::{Code, Fault};
use serde_json::{Value, json};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::follow_run::read_all;
use crate::cli::format::clock;
use crate::cli::out::Tone;
use crate::cli::resolve;
use crate::cli::table::Table;
use crate::model::collaboration::{Collaboration, State};

/// `dirigent orchestrations who`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id, short id or prefix of the run
    #[arg(value_name = "RUN")]
    pub run: String,
}

/// Does it.
///
/// # Errors
/// No such run, it is none of an orchestration, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let run = resolve::run(cx, &args.run).await?;
    let document = resolve::document(cx, Kind::WorkflowExecution, &run.to_string()).await?;
    let body: WorkflowExecution = document
        .body()
        .map_err(|error| Fault::new(Code::Unsupported, format!("this run cannot be read: {error}")))?;
    let version = resolve::document(cx, Kind::WorkflowVersion, &body.workflow_version.to_string()).await?;
    let mut seen = Collaboration::of(&version.spec).ok_or_else(|| {
        let what = format!("the run {} is none of an orchestration", run.short());
        Fault::new(Code::Usage, what)
    })?;
    read_all(cx, run, 0, u64::MAX, &mut |_, event| seen.take(event)).await?;
    show(cx, &seen, (run.to_string(), body.status.as_str()))?;
    Ok(Exit::Done)
}

const fn tone(state: State) -> Tone {
    match state {
        State::NotYet => Tone::Dim,
        State::Works => Tone::Busy,
        State::Waits => Tone::Ask,
        State::Done => Tone::Good,
        State::Failed => Tone::Bad,
    }
}

fn show(cx: &mut Cx, seen: &Collaboration, (run, status): (String, &str)) -> Result<(), Fault> {
    let rows: Vec<Value> = seen
        .members
        .iter()
        .map(|member| {
            json!({ "name": member.name, "who": member.who, "state": member.state().word(), "done": member.done, "failed": member.failed })
        })
        .collect();
    let handoffs: Vec<Value> = seen
        .handoffs
        .iter()
        .map(|(time, handoff)| json!({ "time": time, "from": handoff.from, "to": handoff.to, "reason": handoff.reason, "depth": handoff.depth, "max_depth": handoff.max_depth }))
        .collect();
    let value = json!({ "run": run, "status": status, "strategy": seen.strategy, "members": rows, "handoffs": handoffs });
    cx.show(&value, |out| {
        let mut table = Table::new(&["member", "who", "state", "times"]);
        for member in &seen.members {
            table.row([
                (Tone::Strong, member.name.clone()),
                (Tone::Plain, member.who.clone()),
                (tone(member.state()), member.state().word().to_owned()),
                (Tone::Plain, (member.done + member.failed).to_string()),
            ]);
        }
        table.write(out);
        for (time, handoff) in &seen.handoffs {
            out.text(&format!(
                "{}  {} hands over to {} ({} of {}): {}",
                clock(*time),
                handoff.from,
                handoff.to,
                handoff.depth,
                handoff.max_depth,
                handoff.reason
            ));
        }
    })
}
