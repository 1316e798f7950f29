//! The loop against scripted turns: what is asked for, in which order, and what stops it.

use std::sync::Arc;

use dirigent_protocol::chat::{Message, Part, Role, ToolCall};
use dirigent_protocol::run::{
    AgentTurn, ApprovalClass, Decision, EffectId, EffectOutcome, EffectRequest, LoopLimits, OnUnknown, Plan,
    PlannedCall, PlannedEffect, Traits, Usage,
};
use serde_json::{Value, json};

use crate::Stimulus;
use crate::state::EffectPhase;
use crate::testing::{Bench, Run, done, failed};

const AGENT: &str = "do:\n  - a: { call: agent, with: { agent: helper, input: { q: 1 } } }\n  - b: { set: { said: '${ . }' } }\n";

fn planned(value: Value) -> PlannedEffect {
    PlannedEffect {
        request: EffectRequest::Noop {
            value: Arc::new(value),
        },
        approval: ApprovalClass::Never,
        on_unknown: OnUnknown::Retry,
        traits: Traits::default(),
        waits: false,
        destination: "nowhere".into(),
        before: None,
        reason: None,
        edit: None,
    }
}

fn wants_as(calls: Vec<(&str, Value, Plan)>, limits: LoopLimits, given: Traits) -> EffectOutcome {
    let part = |(n, (name, arguments, _)): (usize, &(&str, Value, Plan))| {
        Part::ToolCall(ToolCall {
            id: format!("c{n}"),
            name: (*name).to_owned(),
            arguments: Arc::new(arguments.clone()),
            opaque: Value::Null,
        })
    };
    let message = Message {
        role: Role::Assistant,
        parts: calls.iter().enumerate().map(part).collect(),
    };
    let calls = calls
        .into_iter()
        .enumerate()
        .map(|(n, (name, _, plan))| PlannedCall {
            id: format!("c{n}"),
            name: name.to_owned(),
            plan,
        });
    let turn = AgentTurn {
        version: None,
        message,
        calls: calls.collect(),
        limits,
        given,
    };
    EffectOutcome::Turn {
        turn: Arc::new(turn),
        usage: Usage {
            calls: 1,
            input_tokens: 10,
            output_tokens: 5,
            ..Usage::default()
        },
        facts: Default::default(),
    }
}

fn wants(calls: &[(&str, Value)]) -> EffectOutcome {
    let effect = |value: &Value| Plan::Effect(Box::new(planned(value.clone())));
    let calls = calls
        .iter()
        .map(|(name, value)| (*name, value.clone(), effect(value)));
    wants_as(calls.collect(), LoopLimits::default(), Traits::default())
}

fn only(run: &Run) -> EffectId {
    let intended = run.intended();
    assert_eq!(intended.len(), 1, "{intended:?}");
    intended[0]
}

fn turn_of(run: &Run, effect: EffectId) -> u32 {
    match run.request(effect) {
        EffectRequest::Agent(call) => call.turn.map_or(0, |turn| turn.number),
        other => panic!("{other:?}"),
    }
}

#[test]
fn turns_and_calls_are_effects_of_their_own_and_answers_go_back() {
    let mut run = Bench::yaml(AGENT).start(json!({}));
    let first = only(&run);
    let first_key = run.key(first);
    run.settle(first, wants(&[("look", json!(1)), ("peek", json!(2))]));
    let calls = run.intended();
    assert_eq!(calls.len(), 2, "side by side");
    run.settle(calls[1], done(json!("two")));
    run.settle(calls[0], failed("runtime", 500, false));
    let second = only(&run);
    assert_eq!(turn_of(&run, second), 1);
    let EffectRequest::Agent(call) = run.request(second) else {
        panic!()
    };
    assert_eq!(
        (*call.input).clone(),
        Value::Null,
        "the intent carries a reference alone"
    );
    assert_ne!(run.key(second), first_key);
    let (_, frame) = run
        .state
        .frames()
        .find(|(_, frame)| frame.conversation.is_some())
        .unwrap();
    let talk = frame.conversation.as_ref().unwrap();
    let said = talk.messages(|_, answer| answer.response.clone());
    assert_eq!(said.len(), 2);
    assert_eq!(said[1].role, Role::Tool);
    let Part::ToolCallResponse(answer) = &said[1].parts[0] else {
        panic!()
    };
    assert!(answer.is_error, "a failure is told, not thrown");
    let Part::ToolCallResponse(answer) = &said[1].parts[1] else {
        panic!()
    };
    assert_eq!((*answer.response).clone(), json!("two"));
    run.settle(second, done(json!("the end")));
    assert_eq!(run.output(), json!({ "said": "the end" }));
}

#[test]
fn a_crash_between_two_calls_repeats_neither() {
    let mut run = Bench::yaml(AGENT).start(json!({}));
    let first = only(&run);
    run.settle(first, wants(&[("look", json!(1)), ("peek", json!(2))]));
    let calls = run.intended();
    run.settle(calls[0], done(json!("one")));
    run.tell(Stimulus::Recovered).unwrap();
    assert_eq!(run.intended(), [calls[1]], "what was answered stays answered");
    run.settle(calls[1], done(json!("two")));
    assert_eq!(turn_of(&run, only(&run)), 1);
}

#[test]
fn the_plan_says_what_becomes_of_an_unknown_outcome() {
    for (policy, parked) in [(OnUnknown::Ask, 1), (OnUnknown::Retry, 0)] {
        let mut run = Bench::yaml(AGENT).start(json!({}));
        let first = only(&run);
        let plan = PlannedEffect {
            on_unknown: policy,
            ..planned(json!(1))
        };
        let plan = vec![("pay", json!(1), Plan::Effect(Box::new(plan)))];
        run.settle(first, wants_as(plan, LoopLimits::default(), Traits::default()));
        run.tell(Stimulus::Recovered).unwrap();
        let waits = run
            .state
            .effects()
            .filter(|e| matches!(e.phase, EffectPhase::Parked { .. }));
        assert_eq!(waits.count(), parked, "{policy:?}");
    }
}

#[test]
fn circles_are_stopped_and_named_and_waiting_is_none() {
    let talk = |plan: &dyn Fn(u32) -> (PlannedEffect, Value)| {
        let mut run = Bench::yaml(AGENT).start(json!({}));
        for n in 0..12 {
            let Some(turn) = run.intended().first().copied() else {
                break;
            };
            let (plan, answer) = plan(n);
            let plan = vec![("poll", json!({ "n": n % 2 }), Plan::Effect(Box::new(plan)))];
            run.settle(turn, wants_as(plan, LoopLimits::default(), Traits::default()));
            let call = only(&run);
            run.settle(call, done(answer));
        }
        run
    };
    let circling = talk(&|_| (planned(json!(1)), json!("pending"))).error();
    assert_eq!(circling.status, 508);
    assert!(circling.detail.unwrap().contains("`poll`"));
    let waiting = talk(&|_| {
        (
            PlannedEffect {
                waits: true,
                ..planned(json!(1))
            },
            json!("pending"),
        )
    });
    assert_eq!(waiting.status(), "running");
    let moving = talk(&|n| (planned(json!(1)), json!(n)));
    assert_eq!(moving.status(), "running");
}

#[test]
fn limits_stop_it_by_name() {
    let few = LoopLimits {
        turns: 2,
        tool_calls: 3,
        ..LoopLimits::default()
    };
    let step = |run: &mut Run, calls: usize| {
        let plan = |n: usize| ("look", json!(n), Plan::Effect(Box::new(planned(json!(n)))));
        let turn = only(run);
        run.settle(
            turn,
            wants_as((0..calls).map(plan).collect(), few, Traits::default()),
        );
        for (n, call) in run.intended().into_iter().enumerate() {
            run.settle(call, done(json!([calls, n])));
        }
    };
    let mut run = Bench::yaml(AGENT).start(json!({}));
    step(&mut run, 1);
    step(&mut run, 2);
    assert!(run.error().detail.unwrap().contains("2 turns"));
    let mut run = Bench::yaml(AGENT).start(json!({}));
    step(&mut run, 4);
    assert!(run.error().detail.unwrap().contains("3 tool calls"));
}

#[test]
fn no_more_calls_than_the_limit_run_at_once_and_all_of_them_run() {
    let two = LoopLimits {
        parallel: 2,
        ..LoopLimits::default()
    };
    let mut run = Bench::yaml(AGENT).start(json!({}));
    let plan = |n: usize| ("look", json!(n), Plan::Effect(Box::new(planned(json!(n)))));
    let turn = only(&run);
    run.settle(turn, wants_as((0..5).map(plan).collect(), two, Traits::default()));
    let mut answered = 0;
    while turn_or_none(&run).is_none() {
        let calls = run.intended();
        assert!(calls.len() <= 2);
        run.settle(*calls.last().unwrap(), done(json!("ok")));
        answered += 1;
    }
    assert_eq!(answered, 5);
}

fn turn_or_none(run: &Run) -> Option<u32> {
    match run.request(*run.intended().first()?) {
        EffectRequest::Agent(call) => call.turn.map(|turn| turn.number),
        _ => None,
    }
}

#[test]
fn a_person_is_asked_about_exactly_what_is_sent_and_a_no_is_told() {
    for yes in [true, false] {
        let mut run = Bench::yaml(AGENT).start(json!({}));
        let turn = only(&run);
        let plan = PlannedEffect {
            approval: ApprovalClass::Ask,
            ..planned(json!({ "to": "ada" }))
        };
        let plan = vec![("mail", json!({}), Plan::Effect(Box::new(plan)))];
        run.settle(turn, wants_as(plan, LoopLimits::default(), Traits::default()));
        assert!(run.intended().is_empty());
        let asked = run.approvals().remove(0).request;
        assert_eq!(asked.payload["request"]["noop"]["value"], json!({ "to": "ada" }));
        assert_eq!(asked.agent.as_deref(), Some("helper"));
        let decision = if yes {
            Decision::Approve { edited: None }
        } else {
            Decision::Deny
        };
        run.decide_as("ada", decision).unwrap();
        let next = only(&run);
        if yes {
            assert_eq!(run.request(next), planned(json!({ "to": "ada" })).request);
            run.settle(next, done(json!("sent")));
        }
        assert_eq!(
            turn_of(&run, only(&run)),
            1,
            "the conversation goes on either way"
        );
    }
}

#[test]
fn what_a_person_made_of_a_call_is_performed_at_every_attempt_and_told() {
    let mut run = Bench::yaml(AGENT).start(json!({}));
    let plan = PlannedEffect {
        approval: ApprovalClass::Ask,
        edit: Some(Arc::new(json!({ "type": "object" }))),
        ..planned(json!({ "to": "ada" }))
    };
    let plan = vec![("mail", json!({}), Plan::Effect(Box::new(plan)))];
    run.settle(
        only(&run),
        wants_as(plan, LoopLimits::default(), Traits::default()),
    );
    let asked = run.approvals().remove(0).request;
    assert_eq!(
        asked.edit_schema.as_ref().unwrap()["properties"]["tool"]["const"],
        "mail"
    );
    let mut edited = (*asked.payload).clone();
    edited["request"]["noop"]["value"]["to"] = json!("bo");
    run.decide_as("ada", Decision::Approve { edited: Some(edited) })
        .unwrap();
    let changed = planned(json!({ "to": "bo" })).request;
    assert_eq!(run.request(only(&run)), changed);
    run.settle(only(&run), failed("communication", 503, true));
    run.advance();
    assert_eq!(run.request(only(&run)), changed, "another attempt is of the same");
    run.settle(only(&run), done(json!("sent")));
    let talk = run
        .state
        .frames()
        .find_map(|(_, frame)| frame.conversation.clone())
        .unwrap();
    let told = serde_json::to_string(&talk.messages(|_, answer| answer.response.clone())).unwrap();
    assert!(
        told.contains("a person changed this call") && told.contains("bo"),
        "{told}"
    );
}

#[test]
fn two_of_three_go_together_and_the_third_asks_a_person() {
    let read = Traits {
        private: true,
        ..Traits::default()
    };
    let send = Traits {
        outward: true,
        ..Traits::default()
    };
    let outside = Traits {
        untrusted: true,
        ..Traits::default()
    };
    for (given, asked) in [(Traits::default(), 0), (outside, 1)] {
        let mut run = Bench::yaml(AGENT).start(json!({}));
        for traits in [read, send] {
            let turn = only(&run);
            let plan = PlannedEffect {
                traits,
                ..planned(json!(1))
            };
            let plan = vec![("t", json!({}), Plan::Effect(Box::new(plan)))];
            run.settle(turn, wants_as(plan, LoopLimits::default(), given));
            if let Some(call) = run.intended().first().copied() {
                run.settle(call, done(json!("ok")));
            }
        }
        assert_eq!(run.approvals().len(), asked);
    }
}

/// What one agent of a run was told counts for the next one, whatever kind of step told it.
#[test]
fn what_came_into_a_run_counts_in_every_later_call_of_it() {
    let send = Traits {
        outward: true,
        ..Traits::default()
    };
    let secret = Traits {
        private: true,
        ..Traits::default()
    };
    let both = Traits {
        untrusted: true,
        ..secret
    };
    let second = |run: &mut Run| {
        let plan = PlannedEffect {
            traits: send,
            ..planned(json!(1))
        };
        let plan = vec![("post", json!({}), Plan::Effect(Box::new(plan)))];
        let turn = only(run);
        run.settle(turn, wants_as(plan, LoopLimits::default(), Traits::default()));
        run.approvals().len()
    };
    const TWO: &str = "do:\n  - read: { call: agent, with: { agent: reader } }\n  - post: { call: agent, with: { agent: poster } }\n";
    for (brought, asked) in [(secret, 0), (both, 1)] {
        // An agent without tools, a foreign one or a run of a run says it with its answer.
        let mut run = Bench::yaml(TWO).start(json!({}));
        let first = only(&run);
        run.settle(first, done(json!("told")).bringing(brought));
        assert_eq!(second(&mut run), asked, "an answer that brings {brought:?}");
        // One with tools, with what its tools answered.
        let mut run = Bench::yaml(TWO).start(json!({}));
        let plan = PlannedEffect {
            traits: brought,
            ..planned(json!(1))
        };
        let plan = vec![("look", json!({}), Plan::Effect(Box::new(plan)))];
        let first = only(&run);
        run.settle(first, wants_as(plan, LoopLimits::default(), Traits::default()));
        let look = only(&run);
        run.settle(look, done(json!("seen")));
        let last = only(&run);
        run.settle(last, done(json!("told")));
        assert_eq!(second(&mut run), asked, "tools that bring {brought:?}");
        // A run of a run begins with what its parent saw.
        let pins = dirigent_protocol::run::Pins {
            seen: brought,
            ..Default::default()
        };
        let mut run = Bench::yaml(AGENT).start_pinned(json!({}), pins);
        assert_eq!(second(&mut run), asked, "a parent that saw {brought:?}");
    }
    // A program that a workflow's author runs reads what is not public; what it prints was written by others.
    let text = "do:\n  - read: { run: { shell: { command: cat /etc/hosts } } }\n  - post: { call: agent, with: { agent: poster } }\n";
    let mut run = Bench::yaml(text).start(json!({}));
    let first = only(&run);
    run.settle(first, done(json!("127.0.0.1")));
    assert_eq!(second(&mut run), 1);
}

#[test]
fn from_every_event_a_fork_repeats_nothing_that_was_answered() {
    let mut run = Bench::yaml(AGENT).start(json!({}));
    let turn = only(&run);
    run.settle(turn, wants(&[("look", json!(1)), ("peek", json!(2))]));
    for call in run.intended() {
        run.settle(call, done(json!("ok")));
    }
    let turn = only(&run);
    run.settle(turn, wants(&[("look", json!(3))]));
    let call = only(&run);
    run.settle(call, done(json!("again")));
    let turn = only(&run);
    run.settle(turn, done(json!("the end")));
    assert_eq!(run.status(), "completed");
    for at in 1..run.last_event() {
        let mut fork = run.fork(at, None);
        let settled = run.journal[..usize::try_from(at).unwrap()]
            .iter()
            .filter(|event| event.body.name() == "effect.settled")
            .count();
        let mut performed = 0;
        while let Some(effect) = fork.intended().first().copied() {
            let outcome = match fork.request(effect) {
                EffectRequest::Agent(call) => match call.turn.map_or(0, |turn| turn.number) {
                    0 => wants(&[("look", json!(1)), ("peek", json!(2))]),
                    1 => wants(&[("look", json!(3))]),
                    _ => done(json!("the end")),
                },
                _ => done(json!("ok")),
            };
            fork.settle(effect, outcome);
            performed += 1;
        }
        assert_eq!(fork.output(), json!({ "said": "the end" }), "from event {at}");
        assert_eq!(settled + performed, 6, "from event {at}");
    }
}

#[test]
fn an_agent_is_a_tool_of_another_and_brings_what_it_has_seen() {
    let mut run = Bench::yaml(AGENT).start(json!({}));
    let turn = only(&run);
    let inner = dirigent_protocol::run::AgentCall {
        agent: "inner".into(),
        input: Arc::new(json!({})),
        ..Default::default()
    };
    let plan = PlannedEffect {
        request: EffectRequest::Agent(inner),
        ..planned(json!(1))
    };
    let plan = vec![("ask_inner", json!({}), Plan::Effect(Box::new(plan)))];
    run.settle(turn, wants_as(plan, LoopLimits::default(), Traits::default()));
    let within = only(&run);
    let seen = Traits {
        untrusted: true,
        ..Traits::default()
    };
    let look = vec![("look", json!(1), Plan::Effect(Box::new(planned(json!(1)))))];
    run.settle(within, wants_as(look, LoopLimits::default(), seen));
    let look = only(&run);
    run.settle(look, done(json!("seen")));
    let within = only(&run);
    assert_eq!(turn_of(&run, within), 1);
    run.settle(within, done(json!("inner says")));
    let outer = only(&run);
    assert_eq!(turn_of(&run, outer), 1);
    let (_, frame) = run
        .state
        .frames()
        .find(|(_, frame)| frame.conversation.is_some())
        .unwrap();
    assert!(frame.conversation.as_ref().unwrap().seen.untrusted);
    run.settle(outer, done(json!("outer says")));
    assert_eq!(run.output(), json!({ "said": "outer says" }));
}

#[test]
fn a_cancel_and_a_pause_hold_for_tools_too() {
    let mut run = Bench::yaml(AGENT).start(json!({}));
    let turn = only(&run);
    run.settle(turn, wants(&[("look", json!(1))]));
    let call = only(&run);
    run.tell(Stimulus::Pause { by: "ada".into() }).unwrap();
    run.settle(call, done(json!("ok")));
    assert!(run.intended().is_empty(), "while it is held nothing new begins");
    run.tell(Stimulus::Resume { by: "ada".into() }).unwrap();
    let turn = only(&run);
    run.settle(turn, wants(&[("look", json!(2))]));
    let call = only(&run);
    run.tell(Stimulus::Cancel {
        by: "ada".into(),
        reason: None,
    })
    .unwrap();
    run.settle(call, EffectOutcome::Cancelled);
    assert_eq!(run.status(), "cancelled");
}
