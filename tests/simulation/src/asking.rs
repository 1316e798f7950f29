//! Approvals in documents: who may decide, how many, what happens when nobody does.

use crate::rng::Rng;

/// A task that asks.
pub(crate) fn approval(rng: &mut Rng) -> String {
    let n = rng.below(100);
    let mut with = vec![
        format!("title: 'Go {n}?'"),
        format!("action: {}", rng.pick(&["go", "go", "stay"])),
        format!("show: {{ n: {n} }}"),
    ];
    if rng.percent(30) {
        with.push(format!("expires: PT{}S", rng.between(60, 90)));
    }
    match rng.below(20) {
        0..=10 => {}
        11..=13 => with.push("approvers: { quorum: 2 }".into()),
        14..=15 => with.push("approvers: { users: [ ann, bob ] }".into()),
        16 => with.push("approvers: { users: [ ann, bob, cem ], quorum: 2 }".into()),
        17..=18 => with.push("approvers: { teams: [ ops ] }".into()),
        _ => with.push("self_approval: deny".into()),
    }
    if rng.percent(20) {
        with.push(format!("remind: PT{}S", rng.between(60, 900)));
    }
    if rng.percent(20) {
        let after = rng.between(60, 900);
        with.push(format!(
            "escalate: {{ after: PT{after}S, to: {{ users: [ eve ] }} }}"
        ));
    }
    if rng.percent(20) {
        with.push("on_deny: continue".into());
    }
    if rng.percent(30) {
        with.push(format!("on_expire: {}", rng.pick(&["deny", "continue"])));
    }
    if rng.percent(20) {
        with.push("schema: { document: { type: object, required: [ n ] } }".into());
    }
    if rng.percent(15) {
        with.push("risk: high".into());
    }
    format!("call: approval, with: {{ {} }}", with.join(", "))
}
