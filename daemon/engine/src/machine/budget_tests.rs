//! Budgets: exact under concurrency, in doubt at their worst, raised by people, caught by documents.

use std::sync::Arc;

use dirigent_protocol::run::{
    Amounts, Budget, Decision, EffectId, EffectOutcome, EffectRequest, OnExceeded, Pins, Usage,
};
use serde_json::{Value, json};

use super::{Quote, Quotes};
use crate::testing::{Bench, Run};
use crate::{EffectPhase, Stimulus, Unlimited, budget_inside};

/// Every call may take ten cents and a hundred tokens.
struct Dime;

impl Quotes for Dime {
    fn quote(&self, request: &EffectRequest) -> Quote {
        let EffectRequest::Agent(call) = request else {
            return Quote {
                run: request.is_run(),
                ..Quote::default()
            };
        };
        Quote {
            worst: Amounts {
                micro_usd: 100_000,
                tokens: 100,
                calls: 1,
            },
            unpriced: call.agent == "priceless",
            uncounted: call.agent == "foreign",
            agent: (call.agent == "poor").then(|| Budget {
                micro_usd: Some(150_000),
                ..Budget::default()
            }),
            run: false,
        }
    }
}

fn start(text: &str, budget: Option<Budget>) -> Run {
    let mut run = Bench::yaml(text).idle(Box::new(Unlimited));
    run.quotes = Box::new(Dime);
    let pins = Pins {
        budget,
        ..Pins::default()
    };
    let input = Arc::new(json!({}));
    run.tell(Stimulus::Start { input, pins }).unwrap();
    run
}

fn billed(micro_usd: u64) -> EffectOutcome {
    EffectOutcome::Done {
        output: Arc::new(json!("ok")),
        usage: Usage {
            calls: 1,
            input_tokens: 40,
            output_tokens: 10,
            cost_micro_usd: micro_usd,
            unpriced_calls: 0,
        },
        facts: Default::default(),
    }
}

fn branches(count: usize, settings: &str) -> String {
    let list: Vec<String> = (0..count)
        .map(|i| format!("          - b{i}: {{ call: agent, with: {{ agent: a }} }}\n"))
        .collect();
    format!(
        "do:\n  - guard:\n      metadata: {{ dirigent: {{ budget: {{ {settings} }} }} }}\n      fork:\n        branches:\n{}",
        list.concat()
    )
}

fn held(run: &Run) -> usize {
    run.state
        .effects()
        .filter(|effect| effect.phase == EffectPhase::Held)
        .count()
}

#[test]
fn branches_wait_for_what_others_have_set_aside_and_all_end_where_bills_are_small() {
    let mut run = start(&branches(50, "usd: 1.00"), None);
    assert_eq!((run.intended().len(), held(&run)), (10, 40));
    let mut most = 0;
    while run.state.status().as_str() == "running" {
        most = most.max(run.intended().len());
        let next = run.intended()[0];
        run.settle(next, billed(1_000));
    }
    assert_eq!(run.status(), "completed");
    assert_eq!(most, 10);
    assert_eq!(run.state.account().spent.micro_usd, 50_000);
    assert_eq!(run.state.account().reserved, Amounts::default());
}

#[test]
fn what_has_no_room_at_all_fails_with_an_error_the_document_can_catch() {
    let text = branches(12, "usd: 1.00").replace('\n', "\n      ");
    let text = text.replacen("do:\n      ", "do:\n  - safe:\n      try:\n      ", 1);
    let text = format!(
        "{}\n      catch:\n        errors: {{ with: {{ status: 402 }} }}\n        as: e\n        do: [ {{ tell: {{ set: {{ why: '${{ $e.data.limited }}' }} }} }} ]\n",
        text.trim_end()
    );
    let mut run = start(&text, None);
    for effect in run.intended() {
        if run.state.effect(effect).is_some() {
            run.settle(effect, billed(100_000));
        }
    }
    assert_eq!(run.output(), json!({ "why": "money" }));
    assert_eq!(
        run.state.account().spent.micro_usd,
        1_000_000,
        "ten dimes and not one more"
    );
}

#[test]
fn an_unknown_call_counts_at_its_worst_and_its_repeat_needs_room_of_its_own() {
    let one = "do:\n  - a: { call: agent, with: { agent: a } }\n";
    let limit = |micro_usd| {
        Some(Budget {
            micro_usd: Some(micro_usd),
            ..Budget::default()
        })
    };
    let mut run = start(one, limit(250_000));
    let key = run.key(run.intended()[0]);
    run.tell(Stimulus::Recovered).unwrap();
    let again = run.intended()[0];
    assert_eq!(run.key(again), key);
    assert_eq!(run.state.account().in_doubt.micro_usd, 100_000);
    assert_eq!(run.state.doubts()[0].key, key, "by name");
    run.settle(again, billed(5));
    assert_eq!(run.status(), "completed");
    assert_eq!(run.state.account().spent.micro_usd, 100_005);
    let mut run = start(one, limit(150_000));
    run.tell(Stimulus::Recovered).unwrap();
    assert_eq!(run.error().status, 402, "no room for a second one");
    assert_eq!(run.state.account().spent.micro_usd, 100_000);
}

#[test]
fn after_a_crash_repeats_wait_for_one_another_like_everybody() {
    let mut run = start(&branches(8, "usd: 1.00"), None);
    assert_eq!(run.intended().len(), 8);
    run.tell(Stimulus::Recovered).unwrap();
    assert_eq!(
        (run.intended().len(), held(&run)),
        (2, 6),
        "eight dimes are in doubt, two are set aside"
    );
}

#[test]
fn a_person_raises_a_budget_or_refuses_once_for_all() {
    let text = branches(12, "usd: 1.00, on_exceeded: ask");
    let spend = |run: &mut Run| {
        for effect in run.intended() {
            run.settle(effect, billed(100_000));
        }
    };
    let mut run = start(&text, None);
    spend(&mut run);
    assert_eq!(
        (run.status(), run.approvals().len(), held(&run)),
        ("waiting", 1, 2)
    );
    let asked = run.approvals()[0].clone();
    assert_eq!(asked.request.payload["raise_to"], json!({ "usd": 2.0 }));
    run.decide_approval(
        Decision::Approve {
            edited: Some(json!({ "raise_to": { "usd": 1.1 } })),
        },
        None,
    )
    .unwrap();
    assert_eq!((run.intended().len(), held(&run)), (1, 1), "one more dime");
    spend(&mut run);
    assert_eq!(run.approvals().len(), 1, "it is asked again when that is spent");
    run.decide_approval(Decision::Deny, None).unwrap();
    assert_eq!(run.error().status, 402);
    let mut run = start(&text, None);
    spend(&mut run);
    let cancel = Stimulus::Cancel {
        by: "ada".into(),
        reason: None,
    };
    run.tell(cancel).unwrap();
    assert_eq!((run.status(), run.approvals().len()), ("cancelled", 0));
}

#[test]
fn agents_tokens_calls_and_time_have_limits_too() {
    let two = |agent: &str, settings: &str| {
        format!(
            "do:\n  - w:\n      metadata: {{ dirigent: {{ {settings} }} }}\n      do:\n        - a: {{ call: agent, with: {{ agent: {agent} }} }}\n        - b: {{ call: agent, with: {{ agent: {agent} }} }}\n"
        )
    };
    let limited = |agent: &str, settings: &str, wait: i64| -> Value {
        let mut run = start(&two(agent, settings), None);
        run.pass(wait);
        let first = run.intended()[0];
        run.settle(first, billed(90_000));
        run.error().data["limited"].clone()
    };
    assert_eq!(limited("poor", "risk: low", 0), "money", "its own budget");
    assert_eq!(limited("a", "budget: { tokens: 120 }", 0), "tokens");
    assert_eq!(limited("a", "budget: { calls: 1 }", 0), "calls");
    assert_eq!(limited("a", "budget: { time: PT1M }", 61), "time");
    let mut run = start(&two("priceless", "budget: { usd: 5 }"), None);
    assert!(run.error().detail.unwrap().contains("nobody knows"));
}

#[test]
fn a_lost_branch_counts_at_its_worst_until_its_bill_comes() {
    let text = "do:\n  - race:\n      metadata: { dirigent: { budget: { usd: 1 } } }\n      fork:\n        compete: true\n        branches:\n          - a: { call: agent, with: { agent: a } }\n          - b: { call: agent, with: { agent: a } }\n  - then: { wait: PT1H }\n";
    let mut run = start(text, None);
    let (first, second): (EffectId, EffectId) = (run.intended()[0], run.intended()[1]);
    run.settle(first, billed(10));
    assert_eq!(run.state.account().spent.micro_usd, 100_010);
    run.settle(second, billed(20));
    assert_eq!(run.state.account().spent.micro_usd, 30);
    assert_eq!(run.state.account().in_doubt, Amounts::default());
}

const SUB: &str = "{ run: { workflow: { namespace: t, name: sub, version: '1.0.0' } } }";

fn runs_of_runs(count: usize, settings: &str, own: &str) -> String {
    let list: Vec<String> = (0..count)
        .map(|i| {
            format!(
                "          - b{i}: {}\n",
                SUB.replacen('{', &format!("{{ {own}"), 1)
            )
        })
        .collect();
    format!(
        "do:\n  - guard:\n      metadata: {{ dirigent: {{ {settings} }} }}\n      fork:\n        branches:\n{}",
        list.concat()
    )
}

fn set_aside(run: &Run) -> Vec<u64> {
    let reserved = run.state.effects().filter_map(|effect| effect.reserved);
    reserved.map(|amounts| amounts.micro_usd).collect()
}

#[test]
fn runs_of_runs_share_what_is_left_and_never_take_more() {
    let mut run = start(&runs_of_runs(50, "budget: { usd: 1.00 }", ""), None);
    assert_eq!(set_aside(&run), [20_000; 50]);
    let mut billed_in_all = 0;
    while run.state.status().as_str() == "running" {
        let next = *run.intended().last().unwrap();
        let most = run.state.effect(next).unwrap().reserved.unwrap().micro_usd;
        billed_in_all += most;
        run.settle(next, billed(most));
        let account = run.state.account();
        assert!(account.spent.plus(account.reserved).micro_usd <= 1_000_000);
    }
    assert_eq!((run.status(), billed_in_all), ("completed", 1_000_000));
}

#[test]
fn a_run_of_a_run_gets_what_its_step_says_and_the_others_wait() {
    let own = "metadata: { dirigent: { budget: { usd: 0.30 } } },";
    let mut run = start(&runs_of_runs(10, "budget: { usd: 1.00 }", own), None);
    assert_eq!((set_aside(&run), held(&run)), (vec![300_000; 3], 7));
    for _ in 0..10 {
        let next = run.intended()[0];
        run.settle(next, billed(1_000));
        let account = run.state.account();
        assert!(account.spent.plus(account.reserved).micro_usd <= 1_000_000);
    }
    assert_eq!(run.status(), "completed");
    let mut alone = start(&runs_of_runs(4, "fan_out: 1, budget: { usd: 1.00 }", own), None);
    for spent in [1_000, 2_000, 3_000] {
        assert_eq!(
            set_aside(&alone),
            [300_000],
            "one at a time has all its step allows"
        );
        let next = alone.intended()[0];
        alone.settle(next, billed(1_000));
        assert_eq!(alone.state.account().spent.micro_usd, spent);
    }
}

#[test]
fn a_run_that_is_found_again_after_a_crash_takes_no_second_share() {
    let mut run = start(&runs_of_runs(5, "budget: { usd: 1.00 }", ""), None);
    for _ in 0..8 {
        run.tell(Stimulus::Recovered).unwrap();
        assert_eq!(set_aside(&run), [200_000; 5]);
        assert_eq!(run.state.account().spent, Amounts::default());
    }
    for effect in run.intended() {
        run.settle(effect, billed(200_000));
    }
    assert_eq!(run.status(), "completed");
    assert_eq!(run.state.account().spent.micro_usd, 1_000_000);
}

#[test]
fn where_nothing_is_left_a_run_of_a_run_is_refused() {
    let text = format!(
        "do:\n  - guard:\n      metadata: {{ dirigent: {{ budget: {{ usd: 0.10 }} }} }}\n      do:\n        - a: {SUB}\n        - b: {SUB}\n"
    );
    let mut run = start(&text, None);
    assert_eq!(set_aside(&run), [100_000]);
    let first = run.intended()[0];
    run.settle(first, billed(100_000));
    assert_eq!(run.error().status, 402);
}

#[test]
fn a_run_inside_has_the_least_time_that_is_left_and_asks_where_a_scope_around_it_does() {
    let text = format!(
        "do:\n  - outer:\n      metadata: {{ dirigent: {{ budget: {{ time: PT1H, on_exceeded: ask }} }} }}\n      do:\n        - rest: {{ wait: PT50M }}\n        - sub: {SUB}\n"
    );
    let given = Budget {
        time_ms: Some(30 * 60_000),
        ..Budget::default()
    };
    let mut run = start(&text, None);
    run.advance();
    let inside = |run: &Run| budget_inside(run.workflow(), &run.state, run.intended()[0], run.now);
    let budget = inside(&run).unwrap();
    assert_eq!(
        budget.time_ms,
        Some(10 * 60_000),
        "of an hour fifty minutes are over"
    );
    assert_eq!((budget.on_exceeded, budget.micro_usd), (OnExceeded::Ask, None));
    let free = start(&format!("do:\n  - sub: {SUB}\n"), None);
    assert_eq!(inside(&free), None, "nothing limits it");
    let both = start(&format!("do:\n  - sub: {SUB}\n"), Some(given));
    assert_eq!(inside(&both).unwrap().time_ms, given.time_ms);
}
