//! Microseconds of decide and apply per `noop` step, beside what serde_json takes for the same bytes.
//!
//! `cargo bench -p dirigent-engine` prints a line per shape; with `--test` each runs once, small.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dirigent_engine::{
    Answers, Context, Decision, EffectPhase, MOST_EVENTS, RunState, Stimulus, Unlimited, apply, decide, load,
};
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::{EffectOutcome, Pins, RunEvent, Usage};
use serde_json::{Value, json};

const HEAD: &str = "document: { dsl: '1.0.3', namespace: bench, name: bench, version: '1.0.0' }\n";

/// What a run took.
struct Took {
    steps: usize,
    engine: Duration,
    events: Vec<RunEvent>,
}

fn drive(text: &str, input: Value) -> Result<Took, Box<dyn std::error::Error>> {
    let workflow = load("bench", &format!("{HEAD}{text}")).map_err(|found| format!("{found:?}"))?;
    let mut state = RunState::new(RunId::nil());
    let (mut random, mut ids) = (|| 1, EntityId::nil);
    let answers = Answers::default();
    let mut all = Vec::new();
    let (mut steps, mut engine) = (0, Duration::ZERO);
    let mut stimulus = Stimulus::Start {
        input: Arc::new(input),
        pins: Pins::default(),
    };
    loop {
        let began = Instant::now();
        let mut cx = Context {
            now: jiff::Timestamp::UNIX_EPOCH,
            random: &mut random,
            ids: &mut ids,
            permits: &mut Unlimited,
            quotes: &dirigent_engine::Free,
            answers: &answers,
            approval_expiry: Duration::from_secs(72 * 3_600),
            most_events: MOST_EVENTS,
        };
        let Decision::Ready { events } = decide(&workflow, &state, &stimulus, &mut cx)? else {
            return Err("an expression is for the worker".into());
        };
        for event in &events {
            apply(&mut state, event);
        }
        engine += began.elapsed();
        all.extend(events);
        let next = state
            .effects()
            .find(|effect| matches!(effect.phase, EffectPhase::Intended { .. }));
        let Some(effect) = next else { break };
        steps += 1;
        let outcome = EffectOutcome::Done {
            output: Arc::new(json!({"n": steps})),
            usage: Usage::default(),
            facts: Default::default(),
        };
        stimulus = Stimulus::Settled {
            effect: effect.id,
            outcome,
        };
    }
    if !state.status().is_final() {
        return Err(format!("ended {}", state.status()).into());
    }
    Ok(Took {
        steps,
        engine,
        events: all,
    })
}

/// Writing and reading the same events as JSON.
fn json_time(events: &[RunEvent]) -> Result<(Duration, usize), serde_json::Error> {
    let began = Instant::now();
    let mut bytes = 0;
    for event in events {
        let text = serde_json::to_string(event)?;
        bytes += text.len();
        std::hint::black_box(serde_json::from_str::<RunEvent>(&text)?);
    }
    Ok((began.elapsed(), bytes))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let small = std::env::args().any(|argument| argument == "--test");
    let n = if small { 20 } else { 1_000 };
    let rounds = if small { 1 } else { 20 };
    let tasks: Vec<String> = (0..n).map(|i| format!("  - s{i}: {{ call: noop }}\n")).collect();
    let branches: Vec<String> = (0..n).map(|i| format!("{{ b{i}: {{ call: noop }} }}")).collect();
    let items: Vec<usize> = (0..n).collect();
    let shapes = [
        ("sequence", format!("do:\n{}", tasks.concat()), json!({"a": 1})),
        (
            "loop",
            "do:\n  - l: { for: { in: . }, do: [ { s: { call: noop, with: { v: '${ $item }' } } } ] }\n"
                .into(),
            json!(items),
        ),
        (
            "fork",
            format!(
                "do:\n  - f: {{ fork: {{ branches: [ {} ] }} }}\n",
                branches.join(", ")
            ),
            json!({}),
        ),
        (
            "jq",
            "do:\n  - l: { for: { in: . }, do: [ { s: { call: noop, with: '${ {v: ($item + 1)} }' } } ] }\n"
                .into(),
            json!(items),
        ),
    ];
    for (name, text, input) in shapes {
        let mut best: Option<(f64, Took)> = None;
        for _ in 0..rounds {
            let took = drive(&text, input.clone())?;
            #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
            let each = took.engine.as_secs_f64() * 1e6 / took.steps as f64;
            if best.as_ref().is_none_or(|(least, _)| each < *least) {
                best = Some((each, took));
            }
        }
        let Some((each, took)) = best else { continue };
        let (json, bytes) = json_time(&took.events)?;
        let ratio = took.engine.as_secs_f64() / json.as_secs_f64();
        println!(
            "{name:9} {each:7.2} us per step, {:5} bytes per step, {ratio:5.2} x serde_json of the same bytes ({} steps)",
            bytes / took.steps,
            took.steps
        );
    }
    Ok(())
}
