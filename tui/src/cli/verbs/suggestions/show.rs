//! `dirigent suggestions show`: one suggestion, its evidence, and its change as a diff.

use dirigent_protocol::entity::AgentSuggestion;
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::query::{Query, QueryReply, SuggestionLook};
use serde_json::{Value, json};

use super::flat;
use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::format::yaml;
use crate::cli::out::{Out, Tone};
use crate::cli::verbs::definitions::diff;
use crate::link::snapshot::unexpected;
use crate::text::diff::lines;

/// `dirigent suggestions show`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id or short id
    #[arg(value_name = "ID")]
    pub id: String,
    /// The definition with the change, as a file that `apply` takes
    #[arg(long)]
    pub draft: bool,
}

/// Does it.
///
/// # Errors
/// No such suggestion, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let QueryReply::Suggestion(look) = cx.query(Query::Suggestion { id: args.id }).await? else {
        return Err(unexpected("a suggestion"));
    };
    let body: AgentSuggestion = look.suggestion.body().map_err(|_| unexpected("a suggestion"))?;
    if args.draft {
        return draft(cx, &look, &body);
    }
    let (old, new) = (
        yaml(&look.now)?,
        yaml(look.proposed.as_ref().unwrap_or(&look.now))?,
    );
    let changes = lines(&old, &new);
    let mut value = flat(&look.suggestion);
    value["newest"] = json!(look.number);
    value["carried_over"] = json!(look.carried_over);
    value["stale"] = json!(look.stale);
    value["proposed"] = json!(look.proposed);
    value["lines"] = diff::as_rows(&changes);
    cx.show(&value, |out| {
        head(out, &look, &body);
        if look.stale.is_none() {
            let from = format!("v{}", look.number);
            diff::write(out, (&from, "suggested"), &changes);
        }
    })?;
    Ok(Exit::Done)
}

fn head(out: &mut Out, look: &SuggestionLook, body: &AgentSuggestion) {
    out.toned(Tone::Strong, &body.title);
    out.text(&format!(
        "{} v{}, {}",
        body.agent,
        body.number,
        body.status.word()
    ));
    out.text(&body.reason);
    for run in &body.evidence {
        out.toned(Tone::Dim, &format!("shown by run {run}"));
    }
    if !body.decided_by.is_empty() {
        out.text(&format!(
            "{} by {}: {}",
            body.status.word(),
            body.decided_by,
            body.decided_because
        ));
    }
    if let Some(stale) = &look.stale {
        out.toned(
            Tone::Bad,
            &format!("stale: it does not fit v{}: {stale}", look.number),
        );
    } else if look.carried_over && body.draft.is_none() {
        out.text(&format!(
            "made of v{}, carried over to v{}",
            body.number, look.number
        ));
    }
}

fn draft(cx: &mut Cx, look: &SuggestionLook, body: &AgentSuggestion) -> Result<Exit, Fault> {
    let Some(proposed) = &look.proposed else {
        let words = look.stale.clone().unwrap_or_default();
        return Err(Fault::new(
            Code::Stale,
            format!("there is no draft of it: {words}"),
        ));
    };
    let file: Value = json!({ "kind": "Agent", "metadata": { "name": body.agent }, "spec": proposed });
    let text = format!("{}\n", yaml(&file)?.trim_end());
    cx.show(&file, |out| out.exact(&text))?;
    Ok(Exit::Done)
}
