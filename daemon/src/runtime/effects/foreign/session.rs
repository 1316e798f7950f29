//! One agent that runs and speaks the Agent Client Protocol: what it says, what it is answered, when it stops.
//!
//! Invariant: whatever ends a session, the agent and all it started end with it.

use std::collections::BTreeMap;
use std::process::Stdio;

use dirigent_protocol::watch::StreamSource;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr};

use super::super::process::{self, Group};
use super::ask::{Asked, Known};
use super::place::Place;
use super::serve::serve;
use super::terminals::{Spawner, Terminals};
use super::wire::{Heard, Wire};
use super::worktree::Worktree;
use crate::runtime::live::LiveSink;

/// Most bytes that are kept of what an agent says in one turn.
const MAX_SAID: usize = 1 << 20;
/// Most bytes that are kept of what it says beside the protocol.
const MAX_BESIDE: usize = 4 << 10;

/// Why a session is where it is.
#[derive(Debug)]
pub(super) enum Pause {
    /// What was asked of it is answered.
    Answered(Result<Value, Value>),
    /// It asks for permission, and waits.
    Asks,
    /// It is gone.
    Gone(String),
}

/// A running agent.
pub(super) struct Session {
    wire: Wire,
    beside: Option<Lines<BufReader<ChildStderr>>>,
    _child: Child,
    terminals: Terminals,
    spawner: Spawner,
    pub(super) place: Place,
    pub(super) worktree: Worktree,
    /// The agent's name for the session.
    pub(super) id: String,
    /// Number of the prompt that is open.
    pub(super) prompt: u64,
    /// What it has said since it was prompted.
    pub(super) said: String,
    complaints: String,
    /// Questions that are open.
    pub(super) asked: Vec<Asked>,
    pub(super) known: Known,
    /// Nobody is asked: whatever it wants is allowed.
    pub(super) allows: bool,
    /// What it tells is a repetition.
    pub(super) quiet: bool,
}

impl Session {
    /// Starts the program; secrets are in its own environment alone.
    pub(super) fn begin(
        ((program, arguments), secrets): ((&str, &[String]), &BTreeMap<String, String>),
        spawner: Spawner,
        (place, worktree): (Place, Worktree),
    ) -> std::io::Result<Self> {
        let mut child = spawner
            .command(program, arguments)
            .envs(spawner.kept.environment(secrets))
            .stderr(Stdio::piped())
            .spawn()?;
        let gone = || std::io::Error::other("it ended before it began");
        let group = child.id().and_then(Group::of).ok_or_else(gone)?;
        process::note(&place.group(), &group)?;
        let pipes = child.stdin.take().zip(child.stdout.take()).ok_or_else(gone)?;
        let beside = child.stderr.take().map(|pipe| BufReader::new(pipe).lines());
        Ok(Self {
            wire: Wire::new(pipes.0, pipes.1),
            beside,
            _child: child,
            terminals: Terminals::default(),
            spawner,
            place,
            worktree,
            id: String::new(),
            prompt: 0,
            said: String::new(),
            complaints: String::new(),
            asked: Vec::new(),
            known: Known::default(),
            allows: false,
            quiet: false,
        })
    }

    /// Asks for something and waits for the answer.
    pub(super) async fn ask(&mut self, method: &str, params: Value, live: &LiveSink) -> Pause {
        match self.wire.ask(method, params).await {
            Ok(id) => self.until(id, live).await,
            Err(reason) => self.gone(reason),
        }
    }

    /// Prompts it; the answer comes when it is done.
    pub(super) async fn prompt(&mut self, text: &str) -> Result<(), String> {
        let prompt = json!([{ "type": "text", "text": text }]);
        let params = json!({ "sessionId": self.id, "prompt": prompt });
        self.said.clear();
        self.quiet = false;
        self.prompt = self.wire.ask("session/prompt", params).await?;
        Ok(())
    }

    /// Answers the open questions, in their order; none is a no.
    pub(super) async fn reply(&mut self, chosen: &[Option<String>]) -> Result<(), String> {
        for (n, asked) in std::mem::take(&mut self.asked).into_iter().enumerate() {
            let option = chosen.get(n).and_then(Option::as_deref);
            let answer = asked.answer(option);
            self.wire.answer(asked.id, Ok(answer)).await?;
        }
        Ok(())
    }

    /// Tells it to stop: what is open is not answered any more.
    pub(super) async fn cancel(&mut self, live: &LiveSink) {
        let told = self
            .wire
            .tell("session/cancel", json!({ "sessionId": self.id }))
            .await;
        let cancelled = json!({ "outcome": { "outcome": "cancelled" } });
        for asked in std::mem::take(&mut self.asked) {
            drop(self.wire.answer(asked.id, Ok(cancelled.clone())).await);
        }
        if told.is_ok() {
            drop(self.until(self.prompt, live).await);
        }
    }

    /// Serves it until a request of that number is answered, it asks for permission, or it is gone.
    pub(super) async fn until(&mut self, id: u64, live: &LiveSink) -> Pause {
        loop {
            let heard = tokio::select! {
                biased;
                (end, waiting) = self.terminals.next_end(), if self.terminals.any_runs() => {
                    for request in waiting {
                        if let Err(reason) = self.wire.answer(request, Ok(end.clone())).await {
                            return self.gone(reason);
                        }
                    }
                    continue;
                }
                heard = self.wire.hear() => heard,
                line = next_line(&mut self.beside) => {
                    self.complain(line, live);
                    continue;
                }
            };
            match heard {
                Heard::Answer { id: of, result } if of == id => return Pause::Answered(result),
                Heard::Answer { .. } => {}
                Heard::Ended(reason) => return self.gone(reason),
                Heard::Notice { method, params } if method == "session/update" => {
                    self.tell(&params["update"], live)
                }
                Heard::Notice { .. } => {}
                Heard::Request { id, method, params } => match self.asks(id, &method, &params).await {
                    Ok(false) => {}
                    Ok(true) => return Pause::Asks,
                    Err(reason) => return self.gone(reason),
                },
            }
        }
    }

    /// Serves a request; says whether a person must be asked.
    async fn asks(&mut self, id: Value, method: &str, params: &Value) -> Result<bool, String> {
        if method == "session/request_permission" {
            let asked = Asked::read(id, params);
            let allowed = || self.allows.then(|| Some(asked.call.option.clone()));
            let Some(chosen) = self.known.take(&asked).or_else(allowed) else {
                self.asked.push(asked);
                return Ok(true);
            };
            let answer = asked.answer(chosen.as_deref());
            self.wire.answer(asked.id, Ok(answer)).await?;
            return Ok(false);
        }
        if let Some(answer) = serve((&self.spawner, &mut self.terminals), &id, method, params) {
            self.wire.answer(id, answer).await?;
        }
        Ok(false)
    }

    /// Shows what it does.
    fn tell(&mut self, update: &Value, live: &LiveSink) {
        if self.quiet {
            return;
        }
        let text = update["content"]["text"].as_str().unwrap_or_default();
        let title = update["title"].as_str().unwrap_or_default();
        match update["sessionUpdate"].as_str().unwrap_or_default() {
            "agent_message_chunk" => {
                if self.said.len() < MAX_SAID {
                    self.said.push_str(text);
                }
                live.write(StreamSource::Model, text);
            }
            "agent_thought_chunk" => live.write(StreamSource::Note, text),
            "tool_call" => live.write(StreamSource::Note, &format!("\n⚒ {title}\n")),
            "tool_call_update" => match update["status"].as_str() {
                Some("completed") => live.write(StreamSource::Note, "⚒ ✓\n"),
                Some("failed") => live.write(StreamSource::Note, "⚒ ✗\n"),
                _ => {}
            },
            "plan" => {
                let entries = update["entries"].as_array().into_iter().flatten();
                for entry in entries {
                    let (status, content) = (&entry["status"], entry["content"].as_str());
                    let line = format!(
                        "• {} ({})\n",
                        content.unwrap_or_default(),
                        status.as_str().unwrap_or("?")
                    );
                    live.write(StreamSource::Note, &line);
                }
            }
            _ => {}
        }
    }

    fn complain(&mut self, line: Option<String>, live: &LiveSink) {
        let Some(line) = line else {
            self.beside = None;
            return;
        };
        live.write(StreamSource::Stderr, &format!("{line}\n"));
        self.complaints.push_str(&line);
        self.complaints.push('\n');
        let over = self.complaints.len().saturating_sub(MAX_BESIDE);
        let over = self.complaints.ceil_char_boundary(over);
        self.complaints.drain(..over);
    }

    fn gone(&self, reason: String) -> Pause {
        let complaints = self.complaints.trim();
        Pause::Gone(if complaints.is_empty() {
            reason
        } else {
            format!("{reason}; it said: {complaints}")
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        process::end_now(&self.place.group(), &self.place.name);
    }
}

/// The next line; for ever nothing where there are none any more.
async fn next_line(lines: &mut Option<Lines<BufReader<ChildStderr>>>) -> Option<String> {
    match lines {
        Some(lines) => lines.next_line().await.ok().flatten(),
        None => std::future::pending().await,
    }
}
