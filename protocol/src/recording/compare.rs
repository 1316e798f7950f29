//! A recording held against its replay: each step and field that is not as it was.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::difference::{Difference, differences};
use super::shape::{EffectMoment, Expected, Recording};
use crate::run::{EffectRequest, StepId};

/// Which visit of a step asked.
type Place = (StepId, u32, u32);

/// Everything that differs, in the order of the recording. `asked` is every effect the replay asked for, ended or not.
#[must_use]
pub fn compare(
    recorded: &Recording,
    now: &Expected,
    asked: &[(StepId, u32, u32, EffectRequest)],
) -> Vec<Difference> {
    let mut found = Vec::new();
    requests(recorded, asked, &mut found);
    questions(&recorded.expect, now, &mut found);
    order(&recorded.expect, now, &mut found);
    let (before, after) = (&recorded.expect, now);
    found.extend(differences(
        None,
        "status",
        &json(&before.status),
        &json(&after.status),
    ));
    found.extend(differences(
        None,
        "output",
        &json(&before.output),
        &json(&after.output),
    ));
    found.extend(differences(
        None,
        "error",
        &json(&before.error),
        &json(&after.error),
    ));
    found.extend(differences(
        None,
        "emitted",
        &json(&before.emitted),
        &json(&after.emitted),
    ));
    found
}

fn requests(recorded: &Recording, asked: &[(StepId, u32, u32, EffectRequest)], found: &mut Vec<Difference>) {
    let place = |effect: &EffectMoment| (effect.step.clone(), effect.attempt, effect.visit);
    let now: BTreeMap<Place, &EffectRequest> = asked
        .iter()
        .map(|(step, attempt, visit, request)| ((step.clone(), *attempt, *visit), request))
        .collect();
    let mut before: BTreeMap<Place, &EffectRequest> = BTreeMap::new();
    for effect in recorded.effects() {
        if before.insert(place(effect), &effect.request).is_some() {
            continue;
        }
        match now.get(&place(effect)) {
            Some(request) => found.extend(differences(
                Some(&effect.step),
                "request",
                &json(&effect.request),
                &json(request),
            )),
            None => found.push(Difference {
                step: Some(effect.step.clone()),
                field: "request".to_owned(),
                recorded: Some(json!(effect.request.summary())),
                now: None,
            }),
        }
    }
    for (step, attempt, visit, request) in asked {
        if !before.contains_key(&(step.clone(), *attempt, *visit)) {
            found.push(Difference {
                step: Some(step.clone()),
                field: "request".to_owned(),
                recorded: None,
                now: Some(json!(request.summary())),
            });
        }
    }
}

fn questions(before: &Expected, after: &Expected, found: &mut Vec<Difference>) {
    for (place, asked) in before.asked.iter().enumerate() {
        let now = after.asked.get(place).filter(|now| now.step == asked.step);
        match now {
            Some(now) => found.extend(differences(
                Some(&asked.step),
                "approval",
                &json(&asked.request),
                &json(&now.request),
            )),
            None => found.push(Difference {
                step: Some(asked.step.clone()),
                field: "approval".to_owned(),
                recorded: Some(json!(asked.request.title)),
                now: None,
            }),
        }
    }
    for (place, asked) in after.asked.iter().enumerate() {
        if before.asked.get(place).is_none_or(|was| was.step != asked.step) {
            found.push(Difference {
                step: Some(asked.step.clone()),
                field: "approval".to_owned(),
                recorded: None,
                now: Some(json!(asked.request.title)),
            });
        }
    }
}

/// The first step that is another one, or ended otherwise; behind it everything would differ.
fn order(before: &Expected, after: &Expected, found: &mut Vec<Difference>) {
    let words = |expected: &Expected, place: usize| {
        let taken = expected.steps.get(place)?;
        Some(json!(format!(
            "step {}: {} {}",
            place + 1,
            taken.step,
            taken.ended
        )))
    };
    let most = before.steps.len().max(after.steps.len());
    let Some(place) = (0..most).find(|place| before.steps.get(*place) != after.steps.get(*place)) else {
        return;
    };
    let (was, now) = (before.steps.get(place), after.steps.get(place));
    let inserted = was.is_none() || after.steps.get(place + 1) == was;
    let step = if inserted { now } else { was };
    found.push(Difference {
        step: step.map(|taken| taken.step.clone()),
        field: "order".to_owned(),
        recorded: words(before, place),
        now: words(after, place),
    });
}

fn json<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}
