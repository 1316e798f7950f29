//! The rehearsal: a built-in stand-in for a model, offline and deterministic.
//!
//! It reads what it is given and answers with what it found there: counts, clusters, quoted lines. It does NOT
//! generate: every fact in an answer is in the input. It chooses nothing either: it calls the tools that
//! `ChatRequest::rehearsal` names, turn by turn, as far as they are offered. So a workflow, its approvals, budgets and screens can be tried
//! with nothing but this program, on real input.
//!
//! Invariant: every answer is labelled (`ChatReply::rehearsal`, `model = "rehearsal"`, and a last line in prose), and
//! the same request gives the same bytes.

mod blocks;
mod bounds;
mod brief;
mod calls;
mod cluster;
mod entry;
mod extract;
mod fill;
mod gather;
mod git;
mod notes;
mod outline;
mod packages;
mod pick;
mod read;
mod report;
mod stamp;
mod write;

use std::time::Duration;

use crate::ModelErrorKind::BadResponse;
use crate::{
    BoxFuture, CancelSignal, ChatReply, ChatRequest, Descriptor, FinishReason, ModelClient, ModelError,
    ModelErrorKind, Part, Phase, TokenSink, Usage, tokens,
};

/// Name of provider, dialect and model.
const NAME: &str = "rehearsal";

/// The built-in client.
pub struct Rehearsal {
    descriptor: Descriptor,
    token_delay: Duration,
}

impl Rehearsal {
    /// A rehearsal that pauses `token_delay` between two tokens, as a model would.
    #[must_use]
    pub fn new(token_delay: Duration) -> Self {
        Self {
            descriptor: Descriptor {
                name: NAME.to_owned(),
                dialect: NAME,
                rehearsal: true,
                host: None,
            },
            token_delay,
        }
    }

    async fn speak(
        &self,
        text: &str,
        limit: Option<u32>,
        sink: &dyn TokenSink,
        spoken: &mut String,
    ) -> FinishReason {
        let limit = limit.map_or(usize::MAX, |limit| limit as usize);
        for (index, piece) in tokens::pieces(text).enumerate() {
            if index >= limit {
                return FinishReason::Length;
            }
            if self.token_delay.is_zero() {
                // Still lets a cancel through between two tokens.
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(self.token_delay).await;
            }
            sink.text(piece);
            spoken.push_str(piece);
        }
        FinishReason::Stop
    }
}

/// What it does with a request.
enum Act {
    /// Says this: prose, or JSON when a schema is given.
    Say(String),
    /// Calls these tools.
    Call(Vec<Part>),
}

fn compose(request: &ChatRequest) -> Act {
    let brief = brief::Brief::of(&request.messages);
    let findings = extract::Findings::of(&brief);
    let calls = calls::next(request, &brief, &findings);
    if !calls.is_empty() {
        return Act::Call(calls);
    }
    Act::Say(match &request.response_schema {
        Some(schema) => fill::answer(schema, &brief, &findings).to_string(),
        None if report::is_wanted(&brief, &findings) => report::compose(&brief, &findings),
        None => write::prose(&brief, &findings),
    })
}

/// What to do, and how many tokens the request is.
fn read(request: &ChatRequest) -> (Act, u64) {
    let mut input_tokens = 0;
    request.texts(|text| input_tokens += tokens::count(text));
    (compose(request), input_tokens)
}

impl ModelClient for Rehearsal {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn chat<'a>(
        &'a self,
        request: ChatRequest,
        sink: &'a dyn TokenSink,
        cancel: CancelSignal,
    ) -> BoxFuture<'a, Result<ChatReply, ModelError>> {
        Box::pin(async move {
            let mut spoken = String::new();
            let mut calls = Vec::new();
            let (model, limit, total) = (request.model.clone(), request.max_tokens, request.timeouts.total);
            let mut input_tokens = 0;
            let ended = tokio::select! {
                biased;
                () = cancel.cancelled() => Err(ModelErrorKind::Cancelled { sent: false }),
                () = tokio::time::sleep(total) => Err(ModelErrorKind::Timeout { phase: Phase::Total, after: total }),
                reason = async {
                    // Reading megabytes takes a while: not on a thread that serves others, and a cancel gets through.
                    let read = tokio::task::spawn_blocking(move || read(&request)).await;
                    let (act, tokens) = read.map_err(|_| BadResponse { reason: "the rehearsal broke off" })?;
                    input_tokens = tokens;
                    match act {
                        Act::Say(text) => Ok(self.speak(&text, limit, sink, &mut spoken).await),
                        Act::Call(wanted) => {
                            calls = wanted;
                            Ok(FinishReason::ToolCall)
                        }
                    }
                } => reason,
            };
            let usage = Usage {
                input_tokens,
                output_tokens: tokens::count(&spoken) + calls::tokens(&calls),
                estimated: true,
                ..Usage::default()
            };
            match ended {
                Ok(finish_reason) => Ok(ChatReply {
                    parts: said(spoken, calls),
                    finish_reason,
                    model: NAME.to_owned(),
                    usage,
                    response_id: None,
                    request_id: None,
                    replaced_bytes: false,
                    masked_key: false,
                    rehearsal: true,
                }),
                Err(kind) => Err(ModelError {
                    kind,
                    provider: NAME.to_owned(),
                    model,
                    detail: None,
                    partial: spoken,
                    usage: None,
                }),
            }
        })
    }
}

fn said(spoken: String, calls: Vec<Part>) -> Vec<Part> {
    let text = (!spoken.is_empty()).then_some(Part::Text { content: spoken });
    text.into_iter().chain(calls).collect()
}
