//! streams: agents that stream side by side, from the server that writes the tokens to the frame that shows them.
//!
//! The server, the daemon and both threads of the client are real; the terminal is one that reads at once. A token
//! carries its number, so its whole way is measured. Invariant: every token that was written has to arrive.

mod screen;
mod server;

use std::sync::Arc;
use std::time::Duration;

use dirigent_protocol::command::{Command, CommandReply, RunTarget};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::id::{RequestId, RunId};
use serde_json::json;

use super::bed::{Bed, Daemon};
use super::figure::{Figure, Required, percentile};
use super::loads::Scale;
use crate::link::snapshot::unexpected;
use screen::Shown;
use server::Server;

/// Agents that stream at once.
const AGENTS: usize = 8;
/// Tokens a second of all together.
const TOKENS_S: usize = 1_000;
/// Longest wait for the end of the run behind the last token.
const PATIENCE: Duration = Duration::from_secs(30);

/// Measures it.
///
/// # Errors
/// The daemon refuses, the run fails, or a token gets lost.
pub async fn measure(scale: &Scale) -> Result<Vec<Figure>, Fault> {
    let pause = Duration::from_secs(1) * AGENTS as u32 / TOKENS_S as u32;
    let seconds = scale.time.as_secs().clamp(1, scale.of(20, 2) as u64);
    let each = TOKENS_S / AGENTS * seconds as usize;
    let server = Arc::new(Server::start(AGENTS, each, pause)?);
    let config = format!(
        "[egress]\nallow = [\"{0}\"]\n\n[run.concurrency]\nagent = {AGENTS}\n\n[providers.scripted]\n\
         dialect = \"openai_chat\"\nbase_url = \"http://{0}/v1\"\n",
        server.place()
    );
    let bed = Bed::configured(scale.dir.as_deref(), &config)?;
    let daemon = bed.start().await?;
    daemon.publish(AGENT.to_owned()).await?;
    daemon.publish(document()).await?;
    let run = begin(&daemon).await?;
    let patience = Duration::from_secs(seconds) + PATIENCE;
    let shown = screen::watch(daemon.target(), run, server, (each * AGENTS, patience))?;
    daemon.stop().await?;
    if shown.model_ms.len() != each * AGENTS {
        let text = format!("{} tokens arrived of {}", shown.model_ms.len(), each * AGENTS);
        return Err(Fault::new(Code::Internal, text));
    }
    Ok(figures(&shown))
}

fn figures(shown: &Shown) -> Vec<Figure> {
    let place = |name| ["streams", name];
    let seconds = shown.time.as_secs_f64();
    let most = |name, value, most| Figure::new(&place(name), value).required(Required::AtMost(most));
    vec![
        most("model_p99_ms", percentile(&shown.model_ms, 0.99), 5.0),
        most("screen_p99_ms", percentile(&shown.screen_ms, 0.99), 75.0),
        most("behind_ms", percentile(&shown.screen_ms, 1.0), 250.0),
        most("frames_s", shown.frames as f64 / seconds, 15.0),
        most("cpu_pct", shown.cpu.as_secs_f64() / seconds * 100.0, 5.0),
        most("bytes_s", shown.bytes as f64 / seconds, 20_000.0),
        Figure::new(&place("model_p50_ms"), percentile(&shown.model_ms, 0.5)),
        Figure::new(&place("screen_p50_ms"), percentile(&shown.screen_ms, 0.5)),
        Figure::new(
            &place("link_cpu_pct"),
            shown.link_cpu.as_secs_f64() / seconds * 100.0,
        ),
        Figure::new(&place("tokens_s"), shown.model_ms.len() as f64 / seconds),
        Figure::new(&place("pages_s"), shown.pages as f64 / seconds),
    ]
}

const AGENT: &str =
    "kind: Agent\nmetadata: { name: speaker }\nspec: { model: scripted/speaker, prompt: '{{ input.n }}' }\n";

fn document() -> String {
    let branch =
        |n| format!("          - b{n}: {{ call: agent, with: {{ agent: speaker, input: {{ n: {n} }} }} }}\n");
    let branches: String = (0..AGENTS).map(branch).collect();
    format!(
        "document: {{ dsl: '1.0.3', namespace: bench, name: speakers, version: '1.0.0' }}\ndo:\n  - all:\n      fork:\n        \
         branches:\n{branches}"
    )
}

async fn begin(daemon: &Daemon) -> Result<RunId, Fault> {
    let command = Command::RunStart {
        target: RunTarget::Name("speakers".to_owned()),
        input: json!({}),
        idempotency_key: None,
        budget: None,
        priority: None,
    };
    let reply = daemon.line.command(RequestId::new(), command).await;
    match reply.map_err(dirigent_rpc::CallError::into_fault)? {
        CommandReply::RunStarted { run, .. } => Ok(run),
        _ => Err(unexpected("`run`")),
    }
}
