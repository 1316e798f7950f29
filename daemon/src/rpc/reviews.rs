//! Agents that look back, and what people do with what they suggest.

use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::entity::Document;
use dirigent_protocol::fault::{Code, Fault};
use jiff::SignedDuration;
use serde_json::json;

use super::holds;
use super::house::House;
use crate::records::Actor;
use crate::review::{Asked, answering};
use crate::service::Decides;

/// Most runs that an agent is shown, and how many where nobody says.
const RUNS: (usize, usize) = (50, 20);
/// Furthest back, and what 0 means: a week.
const SINCE_MS: (u64, u64) = (366 * 86_400_000, 7 * 86_400_000);

/// Reviews and suggestions; anything else is handed on.
pub(super) async fn on_review(house: &House, actor: Actor, command: Command) -> Result<CommandReply, Fault> {
    let service = &house.service;
    Ok(match command {
        Command::AgentReview {
            agent,
            since_ms,
            runs,
        } => review(house, actor, &agent, (since_ms, runs)).await?,
        Command::SuggestionAccept {
            suggestion,
            replace,
            reason,
        } => {
            let accept = Decides::Accept { replace };
            service
                .decide_suggestion(&actor, &suggestion, accept, &reason)
                .await?
        }
        Command::SuggestionDecline { suggestion, reason } => {
            service
                .decide_suggestion(&actor, &suggestion, Decides::Decline, &reason)
                .await?
        }
        other => return holds::on_hold(house, actor, other).await,
    })
}

async fn review(
    house: &House,
    actor: Actor,
    agent: &str,
    (since_ms, runs): (u64, u32),
) -> Result<CommandReply, Fault> {
    let (service, runtime) = (&house.service, house.runtime()?);
    let reviewed = service.to_review(&actor, agent).await?;
    let meta = &reviewed.document.metadata;
    let back = if since_ms == 0 {
        SINCE_MS.1
    } else {
        since_ms.min(SINCE_MS.0)
    };
    let back = SignedDuration::from_millis(i64::try_from(back).unwrap_or(i64::MAX));
    let since = service.now().checked_sub(back).unwrap_or_default();
    let most = usize::try_from(runs).unwrap_or(RUNS.0).min(RUNS.0);
    let most = if most == 0 { RUNS.1 } else { most };
    let (door, subject) = (service.door().clone(), actor.subject.clone());
    let sees = move |document: &Document| door.sees(&subject, document);
    let gathered = runtime
        .look_back((meta.org, &meta.name), (since, most), &sees)
        .await?;
    if gathered.figures.runs == 0 {
        let words = format!(
            "`{}` has done nothing since {since} that could be looked back on",
            meta.name
        );
        return Err(Fault::new(Code::WrongState, words)
            .help("let it work first, or look further back: `--since 90d`"));
    }
    let asked = Asked {
        name: &meta.name,
        version: (reviewed.version.number, &reviewed.version.digest),
        base: &reviewed.version.definition,
        figures: gathered.figures,
        excerpts: &gathered.excerpts,
        known: &reviewed.known,
    };
    let digest = service.answering(&actor, &meta.name, &answering(&asked)).await?;
    let mut input = asked.input();
    input["answering"] = digest.to_string().into();
    if gathered.narrow {
        input["visibility"] = json!("private");
    } else {
        input["visibility"] = json!(meta.visibility);
        input["team"] = json!(meta.team);
    }
    let run = runtime.review(&meta.name, input, actor).await?;
    Ok(CommandReply::RunStarted {
        run: run.run,
        existing: run.existing,
        status: run.status,
    })
}
