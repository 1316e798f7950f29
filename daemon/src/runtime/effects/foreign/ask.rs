//! What an agent asks a person, as the tool call it becomes, and the answer that goes back.

use std::sync::Arc;

use dirigent_engine::state::{Answer, Conversation};
use dirigent_protocol::chat::{Message, Part, Role, ToolCall};
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{Agent, ForeignAgent, ForeignKind};
use dirigent_protocol::run::{
    AgentTurn, ApprovalClass, EffectRequest, LoopLimits, OnUnknown, PermissionCall, PermissionOption, Plan,
    PlannedCall, PlannedEffect, Sandbox, Traits,
};
use serde_json::{Value, json};

use crate::tools::change;

/// A question that is open.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The agent's number of it.
    pub(super) id: Value,
    pub(super) call: PermissionCall,
}

/// The option that was chosen; none where a person said no.
type Chosen = Option<String>;

/// Answers that were given, by what was asked.
#[derive(Debug, Default)]
pub(super) struct Known(Vec<(Digest, Chosen)>);

impl Asked {
    /// Reads a request for permission.
    pub(super) fn read(id: Value, params: &Value) -> Self {
        let tool = &params["toolCall"];
        let options: Vec<PermissionOption> = params["options"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|option| PermissionOption {
                id: words(&option["optionId"]),
                name: words(&option["name"]),
                kind: words(&option["kind"]),
            })
            .collect();
        let kind = words(&tool["kind"]);
        let title = match tool["title"].as_str() {
            Some(title) if !title.is_empty() => title.to_owned(),
            _ => format!("leave to {}", if kind.is_empty() { "go on" } else { &kind }),
        };
        let option = of_kind(&options, "allow").unwrap_or_default();
        Self {
            id,
            call: PermissionCall {
                title,
                tool_call: tool.clone(),
                options,
                option,
            },
        }
    }

    /// What is asked, whatever number it has.
    fn digest(&self) -> Digest {
        identity(&self.call)
    }

    /// What goes back to the agent.
    pub(super) fn answer(&self, allowed: Option<&str>) -> Value {
        let chosen = match allowed {
            Some(option) => Some(option.to_owned()).filter(|option| !option.is_empty()),
            None => of_kind(&self.call.options, "reject"),
        };
        match chosen {
            Some(option) => json!({ "outcome": { "outcome": "selected", "optionId": option } }),
            None => json!({ "outcome": { "outcome": "cancelled" } }),
        }
    }
}

fn words(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The option of that kind that binds for the shortest time.
fn of_kind(options: &[PermissionOption], kind: &str) -> Option<String> {
    let kinds = [format!("{kind}_once"), format!("{kind}_always")];
    let found = kinds
        .iter()
        .find_map(|kind| options.iter().find(|one| one.kind == *kind));
    found.map(|option| option.id.clone())
}

fn identity(call: &PermissionCall) -> Digest {
    let options: Vec<&str> = call.options.iter().map(|option| option.id.as_str()).collect();
    Digest::of(&json!([
        call.title,
        call.tool_call["kind"],
        call.tool_call["rawInput"],
        options
    ]))
}

impl Known {
    /// Every answer of a conversation.
    pub(super) fn of(conversation: Option<&Conversation>) -> Self {
        let exchanges = conversation.map(|talk| &talk.exchanges[..]).unwrap_or_default();
        let answered = exchanges.iter().flat_map(|exchange| {
            let answers = exchange.turn.calls.iter().zip(&exchange.answers);
            answers.filter_map(|(call, answer)| Some((identity(permission(call)?), chosen(answer.as_ref()?))))
        });
        Self(answered.collect())
    }

    /// The answer that was given to the same question before; each answers once.
    pub(super) fn take(&mut self, asked: &Asked) -> Option<Chosen> {
        let digest = asked.digest();
        let at = self.0.iter().position(|(known, _)| *known == digest)?;
        Some(self.0.remove(at).1)
    }
}

fn permission(call: &PlannedCall) -> Option<&PermissionCall> {
    match &call.plan {
        Plan::Effect(planned) => match &planned.request {
            EffectRequest::Permission(permission) => Some(permission),
            _ => None,
        },
        Plan::Answer { .. } => None,
    }
}

fn chosen(answer: &Answer) -> Chosen {
    (!answer.is_error).then(|| words(&answer.response["option"]))
}

/// Options that were chosen for the questions of the last turn, in their order.
pub(super) fn answers(conversation: Option<&Conversation>) -> Vec<Chosen> {
    let last = conversation.and_then(Conversation::last);
    let answers = last.map(|last| &last.answers[..]).unwrap_or_default();
    answers
        .iter()
        .map(|answer| answer.as_ref().and_then(chosen))
        .collect()
}

/// The turn that asks them.
pub(super) fn turn(
    (agent, foreign): (&Agent, &ForeignAgent),
    version: &str,
    said: &str,
    asked: &[Asked],
    place: &str,
) -> AgentTurn {
    let given = given(agent, foreign);
    let mut parts = Vec::new();
    if !said.is_empty() {
        parts.push(Part::Text {
            content: said.to_owned(),
        });
    }
    let mut calls = Vec::new();
    for (n, one) in asked.iter().enumerate() {
        let kind = words(&one.call.tool_call["kind"]);
        let name = if kind.is_empty() {
            "permission".to_owned()
        } else {
            kind
        };
        let id = format!("{}-{n}", words(&one.call.tool_call["toolCallId"]));
        parts.push(Part::ToolCall(ToolCall {
            id: id.clone(),
            name: name.clone(),
            arguments: Arc::new(json!({ "title": one.call.title, "input": one.call.tool_call["rawInput"] })),
            opaque: Value::Null,
        }));
        let ids: Vec<&str> = one.call.options.iter().map(|option| option.id.as_str()).collect();
        let request = EffectRequest::Permission(one.call.clone());
        let effect = PlannedEffect {
            // Whoever decides may take another of the answers it offers.
            edit: change::schema(&request, &[("/permission/option", json!({ "enum": ids }))]),
            request,
            approval: class(foreign),
            on_unknown: OnUnknown::Retry,
            traits: Traits {
                outward: true,
                ..given
            },
            waits: true,
            destination: place.to_owned(),
            before: None,
            reason: Some("another program asks; what it says of itself is not checked".to_owned()),
        };
        calls.push(PlannedCall {
            id,
            name,
            plan: Plan::Effect(Box::new(effect)),
        });
    }
    AgentTurn {
        version: version.parse().ok(),
        message: Message {
            role: Role::Assistant,
            parts,
        },
        calls,
        limits: agent.limits.unwrap_or(LoopLimits {
            turns: 1_000,
            tool_calls: 5_000,
            ..LoopLimits::default()
        }),
        given,
    }
}

/// Whether a person is asked: always about a program that is kept to nothing.
fn class(foreign: &ForeignAgent) -> ApprovalClass {
    match foreign.sandbox {
        Sandbox::Host => ApprovalClass::Always,
        _ => foreign.approval.unwrap_or(ApprovalClass::Ask),
    }
}

/// What an agent brings into its run with what it says: it is told the input, and reads its repository; what stands
/// elsewhere is written by others.
pub(in super::super) fn given(agent: &Agent, foreign: &ForeignAgent) -> Traits {
    Traits {
        untrusted: !agent.trusted_input || foreign.kind == ForeignKind::A2a,
        private: !foreign.repository.is_empty() || foreign.sandbox == Sandbox::Host,
        outward: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(input: u32) -> Asked {
        let option = |id: &str, kind: &str| json!({ "optionId": id, "name": id, "kind": kind });
        Asked::read(
            json!(7),
            &json!({
                "toolCall": { "toolCallId": "c", "title": "write", "kind": "edit", "rawInput": { "n": input } },
                "options": [option("all", "allow_always"), option("ok", "allow_once"), option("no", "reject_once")],
            }),
        )
    }

    #[test]
    fn a_yes_binds_once_and_a_no_is_said() {
        let one = asked(1);
        assert_eq!(one.call.option, "ok");
        assert_eq!(one.answer(Some("all"))["outcome"]["optionId"], "all");
        assert_eq!(one.answer(None)["outcome"]["optionId"], "no");
        let mut known = Known(vec![(one.digest(), None)]);
        assert_eq!(known.take(&asked(2)), None);
        assert_eq!((known.take(&asked(1)), known.take(&asked(1))), (Some(None), None));
    }
}
