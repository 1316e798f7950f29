//! An answer that its model did not finish: cut at a limit, or withheld.
//!
//! Half an answer that goes on as a whole one is noticed by nobody in a run that nobody watches: it fails there, by name,
//! unless the agent says that its text is taken with a mark. A person who reads it wants the text. What fits its schema
//! is whole, whatever the limit was.

use dirigent_protocol::entity::{Agent, OnCut};
use dirigent_protocol::run::{AgentCall, EffectOutcome, WorkflowError};
use dirigent_providers::{ChatReply, FinishReason};
use serde_json::json;

use super::agent_ask::{Step, Taken};

/// What an answer is cut for, in the data of the error.
const CUT: &str = "answer_cut_at_limit";
const FILTERED: &str = "content_filtered";

/// Lets a whole answer pass, and marks or refuses one that is not.
pub(super) fn judge((agent, wanted): (&Agent, &AgentCall), reply: &ChatReply, taken: &mut Taken) -> Step<()> {
    match reply.finish_reason {
        FinishReason::ContentFilter => {
            let title = "The model's provider withheld the answer";
            let detail =
                "it ended with `content_filter`: the model declined, or the rest of its answer was filtered";
            Err(refuse((FILTERED, title), detail.to_owned(), reply, taken))
        }
        FinishReason::Length if shaped(agent, wanted) && reply.tool_calls().next().is_none() => Ok(()),
        FinishReason::Length => {
            let usual = if wanted.message.is_some() {
                OnCut::Mark
            } else {
                OnCut::Fail
            };
            if agent.on_cut.unwrap_or(usual) == OnCut::Mark {
                taken.facts.insert("cut".into(), true.into());
                return Ok(());
            }
            let at = agent.max_tokens.map_or_else(
                || "the model's limit".to_owned(),
                |most| format!("max_tokens ({most})"),
            );
            let detail =
                format!("it reached {at}; raise `max_tokens`, or take what there is with `on_cut: mark`");
            let title = "The model's answer was cut before it was complete";
            Err(refuse((CUT, title), detail, reply, taken))
        }
        _ => Ok(()),
    }
}

/// Whether its answer must fit a schema: then that decides.
fn shaped(agent: &Agent, wanted: &AgentCall) -> bool {
    agent.output_schema.is_some() && wanted.message.is_none()
}

fn refuse(
    (code, title): (&str, &str),
    detail: String,
    reply: &ChatReply,
    taken: &Taken,
) -> Box<EffectOutcome> {
    let mut error = WorkflowError::standard("communication", 502, title).detail(detail);
    error.data = json!({
        "code": code,
        "finish_reason": reply.finish_reason.word(),
        "model": reply.model,
    });
    Box::new(EffectOutcome::Failed {
        error,
        retryable: false,
        retry_after_ms: None,
        usage: taken.usage,
        retry: None,
    })
}
