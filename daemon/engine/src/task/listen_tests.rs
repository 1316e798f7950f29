use std::sync::Arc;

use dirigent_protocol::run::{BusPosition, RunEvent};
use serde_json::{Value, json};

use crate::Stimulus;
use crate::testing::{Bench, Run, done};

fn publish(run: &mut Run, commit: u64, event: Value) -> Vec<RunEvent> {
    let listens = run.state.listens().map(|(frame, _)| frame).collect();
    publish_to(run, commit, event, listens)
}

fn publish_to(run: &mut Run, commit: u64, event: Value, listens: Vec<u64>) -> Vec<RunEvent> {
    let at = BusPosition { commit, index: 0 };
    let event = Arc::new(event);
    run.tell(Stimulus::Received { at, event, listens }).unwrap()
}

fn listen(to: &str) -> Run {
    Bench::yaml(&format!("do:\n  - hear: {{ listen: {{ to: {to} }} }}\n")).start(json!({"order": 7}))
}

fn event(kind: &str, data: Value) -> Value {
    json!({"specversion": "1.0", "id": "1", "source": "https://s", "type": kind, "data": data})
}

#[test]
fn one_event_that_fits_ends_it_and_others_leave_no_trace() {
    let mut run = listen("{ one: { with: { type: a.b, data: '${ .n > 3 }' } } }");
    assert_eq!(run.status(), "waiting");
    assert!(publish(&mut run, 1, event("a.c", json!({"n": 9}))).is_empty());
    assert!(publish(&mut run, 2, event("a.b", json!({"n": 3}))).is_empty());
    assert!(publish(&mut run, 3, event("a.b", json!("text"))).is_empty());
    publish(&mut run, 4, event("a.b", json!({"n": 4})));
    assert_eq!(run.output(), json!([{"n": 4}]));
}

#[test]
fn the_pattern_of_a_listener_names_what_it_can_and_nothing_is_open_in_the_end() {
    let to = "{ one: { with: { type: a.b, subject: '${ $workflow.input.order }' }, correlate: { o: { from: .data.order, expect: '${ $input.order }' } } } }";
    let mut run = listen(to);
    let (frame, known) = run.state.listens().next().unwrap();
    let pattern = known.patterns[0].clone();
    assert_eq!(pattern.kind.as_deref(), Some("a.b"));
    assert_eq!(
        pattern.equal,
        [
            (vec!["subject".to_owned()], json!(7)),
            (vec!["data".to_owned(), "order".to_owned()], json!(7))
        ]
    );
    let mut wrong = event("a.b", json!({"order": 8}));
    wrong["subject"] = json!(7);
    assert!(publish(&mut run, 1, wrong).is_empty());
    let mut right = event("a.b", json!({"order": 7}));
    right["subject"] = json!(7);
    publish(&mut run, 2, right.clone());
    assert_eq!(run.output(), json!([{"order": 7}]));
    assert_eq!(run.state.listens().count(), 0);
    assert!(publish_to(&mut run, 3, right, vec![frame]).is_empty());
}

#[test]
fn all_needs_each_filter_and_the_first_correlated_value_binds_the_others() {
    let to = "{ all: [ { with: { type: temp }, correlate: { room: { from: .room } } }, { with: { type: hum }, correlate: { room: { from: .room } } } ] }";
    let mut run = listen(to);
    let in_room = |kind: &str, room: u32| {
        let mut event = event(kind, json!(room));
        event["room"] = json!(room);
        event
    };
    assert!(!publish(&mut run, 1, in_room("temp", 1)).is_empty());
    assert!(
        publish(&mut run, 2, in_room("temp", 1)).is_empty(),
        "fulfilled already"
    );
    assert!(publish(&mut run, 3, in_room("hum", 2)).is_empty(), "another room");
    publish(&mut run, 4, in_room("hum", 1));
    assert_eq!(run.output(), json!([1, 1]));
}

#[test]
fn any_until_a_condition_and_until_an_event_which_is_not_kept() {
    let mut run = listen("{ any: [], until: '( . | length ) > 2' }");
    for commit in 1..=3 {
        assert_eq!(run.status(), "waiting");
        publish(&mut run, commit, event("x", json!(commit)));
    }
    assert_eq!(run.output(), json!([1, 2, 3]));

    let mut run = listen("{ any: [ { with: { type: x } } ], until: { one: { with: { type: stop } } } }");
    publish(&mut run, 1, event("x", json!(1)));
    publish(&mut run, 2, event("y", json!(2)));
    publish(&mut run, 3, event("stop", json!(3)));
    assert_eq!(run.output(), json!([1]));
}

#[test]
fn an_event_is_taken_once_however_often_it_comes() {
    let mut run = listen("{ any: [], until: '( . | length ) > 2' }");
    publish(&mut run, 5, event("x", json!(5)));
    assert!(publish(&mut run, 5, event("x", json!(5))).is_empty());
    assert!(publish(&mut run, 4, event("x", json!(4))).is_empty());
    publish(&mut run, 6, event("x", json!(6)));
    publish(&mut run, 7, event("x", json!(7)));
    assert_eq!(run.output(), json!([5, 6, 7]));
}

#[test]
fn envelope_raw_regex_and_an_empty_all() {
    let mut run = Bench::yaml(
        "do:\n  - hear: { listen: { to: { one: { with: { type: 'a\\..*' } } }, read: envelope } }\n",
    )
    .start(json!({}));
    assert!(publish(&mut run, 1, event("b.a", json!(1))).is_empty());
    publish(&mut run, 2, event("a.x.y", json!(1)));
    assert_eq!(run.output()[0]["type"], "a.x.y");
    let mut run = Bench::yaml("do:\n  - hear: { listen: { to: { any: [] }, read: raw } }\n").start(json!({}));
    publish(&mut run, 2, event("x", json!({"a": 1})));
    assert_eq!(run.output(), json!(["{\"a\":1}"]));
    assert_eq!(listen("{ all: [] }").output(), json!([]));
}

#[test]
fn each_event_has_its_round_in_order_and_those_behind_wait() {
    let mut run = Bench::yaml(
        "do:
  - hear:
      listen: { to: { any: [ { with: { type: x } } ], until: { one: { with: { type: stop } } } } }
      foreach:
        item: event
        at: i
        do:
          - handle: { call: noop, with: '${ { n: $event, i: $i, input: . } }' }
        output: { as: '${ .n * 10 }' }
        export: { as: '${ { last: . } }' }
  - tell: { set: { heard: '${ . }', last: '${ $context.last }' } }
",
    )
    .start(json!({}));
    publish(&mut run, 1, event("x", json!(1)));
    assert_eq!(run.status(), "running");
    publish(&mut run, 2, event("x", json!(2)));
    publish(&mut run, 3, event("stop", json!(null)));
    assert_eq!(run.state.listens().count(), 0);
    for n in 1..=2 {
        let effects = run.intended();
        assert_eq!(effects.len(), 1, "one round at a time");
        let request = serde_json::to_value(run.request(effects[0])).unwrap();
        let value = request["noop"]["value"].clone();
        assert_eq!(value, json!({"n": n, "i": n - 1, "input": n}));
        run.settle(effects[0], done(value));
    }
    assert_eq!(run.output(), json!({"heard": [10, 20], "last": 20}));
    assert_eq!(
        run.started()[1..3],
        [
            "/do/0/hear/foreach/do/0/handle#0",
            "/do/0/hear/foreach/do/0/handle#1"
        ]
    );
}

#[test]
fn a_listener_for_ever_keeps_nothing_of_what_it_handled() {
    let mut run = Bench::yaml(
        "do:
  - hear:
      listen: { to: { any: [], until: '${ false }' } }
      foreach: { do: [ { note: { set: { n: '${ $item }' } } } ] }
",
    )
    .start(json!({}));
    for commit in 1..300 {
        publish(&mut run, commit, event("x", json!(commit)));
    }
    assert_eq!(run.status(), "waiting");
    let (_, known) = run.state.listens().next().unwrap();
    assert_eq!((known.handled, known.taken.len(), known.queue.len()), (299, 0, 0));
    run.tell(Stimulus::Cancel {
        by: "ada".into(),
        reason: None,
    })
    .unwrap();
    assert_eq!(run.status(), "cancelled");
}

#[test]
fn a_limit_ends_the_listening_and_a_pause_keeps_what_came() {
    let mut run = Bench::yaml("do:\n  - hear: { listen: { to: { any: [] } }, timeout: { after: PT1M } }\n")
        .start(json!({}));
    run.advance();
    assert!(run.error().kind.ends_with("/timeout"));

    let mut run = listen("{ any: [] }");
    run.tell(Stimulus::Pause { by: "ada".into() }).unwrap();
    publish(&mut run, 1, event("x", json!(1)));
    assert_eq!(run.status(), "suspended");
    run.tell(Stimulus::Resume { by: "ada".into() }).unwrap();
    assert_eq!(run.output(), json!([1]));
}

#[test]
fn side_by_side_each_listener_takes_the_same_event() {
    let mut run = Bench::yaml(
        "do:
  - both:
      fork:
        branches:
          - left: { listen: { to: { any: [] } } }
          - right: { listen: { to: { one: { with: { type: x } } } } }
",
    )
    .start(json!({}));
    publish(&mut run, 1, event("x", json!(1)));
    assert_eq!(run.output(), json!([[1], [1]]));
}

#[test]
fn a_fork_in_the_middle_keeps_what_was_heard_and_listens_on() {
    let mut run = listen("{ any: [], until: '( . | length ) > 2' }");
    publish(&mut run, 1, event("x", json!(1)));
    let mut fork = run.fork(run.state.seq(), None);
    assert_eq!(fork.status(), "waiting");
    publish(&mut fork, 2, event("x", json!(2)));
    publish(&mut fork, 3, event("x", json!(3)));
    assert_eq!(fork.output(), json!([1, 2, 3]));
    assert_eq!(run.status(), "waiting");
}

#[test]
fn a_round_that_is_put_off_is_not_begun_a_second_time_by_the_next_event() {
    let yaml = "do:\n  - hear:\n      listen: { to: { any: [ { with: { type: a } } ], until: '${ length == 2 }' } }\n      \
                foreach: { item: heard, do: [ { first: { call: noop } }, { second: { call: noop } } ] }\n";
    let mut run = Bench::yaml(yaml).start(json!({}));
    let received = |run: &Run, commit| Stimulus::Received {
        at: BusPosition { commit, index: 0 },
        event: Arc::new(event("a", json!({}))),
        listens: run.state.listens().map(|(frame, _)| frame).collect(),
    };
    let first = received(&run, 1);
    run.tell_once(first).unwrap();
    let effect = run.intended()[0];
    run.most_events = 1;
    let outcome = done(json!({}));
    run.tell_once(Stimulus::Settled { effect, outcome }).unwrap();
    let second = received(&run, 2);
    run.tell_once(second).unwrap();
    run.most_events = crate::MOST_EVENTS;
    let put_off: Vec<_> = run.state.timers().map(|timer| timer.id).collect();
    assert_eq!(put_off.len(), 1);
    run.tell(Stimulus::TimerFired { timer: put_off[0] }).unwrap();
    let mut performed = 1;
    while let Some(effect) = run.intended().first().copied() {
        performed += 1;
        run.settle(effect, done(json!({})));
    }
    assert_eq!((performed, run.status()), (4, "completed"));
}
