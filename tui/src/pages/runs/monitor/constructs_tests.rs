//! Every construct as it stands on a screen of 80 by 24: as a graph, as a tree, on the timeline.

use std::sync::Arc;

use dirigent_protocol::graph::{Graph, WorkflowEdge, WorkflowNode};
use dirigent_protocol::run::{
    BusPosition, Data, EventBody, EventPattern, ReadAs, RunEvent, StepId, TimerId, TimerPurpose,
    WorkflowError,
};
use serde_json::json;

use super::tests::{act, open};
use crate::keymap::Action;
use crate::model::{Journal, Model};
use crate::pages::runs::samples::{Script, at, ctx, draw, model, run, run_id};
use crate::theme::Theme;
use dirigent_protocol::run::Status;

/// A document's picture and what happened of it.
struct Construct {
    name: &'static str,
    graph: Graph,
    events: Vec<RunEvent>,
    status: Status,
    ms: i64,
}

fn node(id: &str, kind: &str) -> WorkflowNode {
    let parent = ["/do/", "/fork/", "/try/", "/catch/", "/for/", "/foreach/"]
        .iter()
        .filter_map(|part| id.rfind(part))
        .max()
        .map(|place| &id[..place])
        .filter(|place| !place.is_empty())
        .map(|place| place.strip_suffix("/catch").unwrap_or(place).to_owned());
    WorkflowNode {
        id: id.into(),
        name: id.rsplit('/').next().unwrap().into(),
        kind: kind.into(),
        parent,
    }
}

fn graph(nodes: &[(&str, &str)], edges: &[(&str, &str, &str)]) -> Graph {
    let edge = |(from, to, label): &(&str, &str, &str)| WorkflowEdge {
        from: (*from).into(),
        to: (*to).into(),
        label: (*label).into(),
        conditional: !label.is_empty(),
    };
    Graph {
        nodes: nodes.iter().map(|(id, kind)| node(id, kind)).collect(),
        edges: edges.iter().map(edge).collect(),
    }
}

fn step(id: &str) -> StepId {
    id.parse().unwrap()
}

impl Script {
    fn leaf(&mut self, from: i64, to: i64, id: &str, kind: &str) {
        let pointer = id.split('#').next().unwrap();
        self.task(from, id, pointer.rsplit('/').next().unwrap(), kind);
        self.done(to, id, json!(null));
    }

    fn waits(&mut self, ms: i64, id: &str, due: i64) {
        let timer = TimerId(self.events.len() as u64 + 1);
        let purpose = TimerPurpose::Wait;
        self.say(
            ms,
            EventBody::TimerSet {
                timer,
                step: step(id),
                due: at(due),
                purpose,
            },
        );
        self.say(ms, EventBody::WorkflowWaiting {});
    }
}

fn nested() -> Construct {
    let (outer, middle) = ("/do/0/outer", "/do/0/outer/do/0/middle");
    let (inner, beside) = ("/do/0/outer/do/0/middle/do/0/inner", "/do/0/outer/do/1/beside");
    let mut s = Script::default();
    s.begin();
    s.task(5, outer, "outer", "do");
    s.task(6, middle, "middle", "do");
    s.leaf(7, 1_000, inner, "call:noop");
    s.done(1_001, middle, json!(null));
    s.task(1_002, beside, "beside", "call:noop");
    Construct {
        name: "nested",
        graph: graph(
            &[
                (outer, "do"),
                (middle, "do"),
                (inner, "call:noop"),
                (beside, "call:noop"),
                ("/do/1/after", "set"),
            ],
            &[
                (outer, middle, ""),
                (middle, inner, ""),
                (middle, beside, ""),
                (outer, "/do/1/after", ""),
            ],
        ),
        events: s.events,
        status: Status::Running,
        ms: 2_000,
    }
}

fn looped() -> Construct {
    let (each, one) = ("/do/0/each", "/do/0/each/do/0/one");
    let mut s = Script::default();
    s.begin();
    s.task(5, each, "each", "for");
    for round in 0..4_u32 {
        let (from, place) = (i64::from(round) * 500 + 10, format!("{one}#{round}"));
        let collection = (round == 0).then(|| Arc::new(json!(["a", "b", "c", "d", "e"])));
        s.say(
            from,
            EventBody::TaskIterated {
                step: step(each),
                iteration: round,
                item: Data::Item,
                collection,
            },
        );
        s.leaf(from + 1, from + 400, &place, "call:noop");
    }
    Construct {
        name: "looped",
        graph: graph(&[(each, "for"), (one, "call:noop")], &[(each, one, "each")]),
        events: s.events,
        status: Status::Running,
        ms: 2_200,
    }
}

fn forked() -> Construct {
    let all = "/do/0/all";
    let [left, right, third] =
        [(0, "left"), (1, "right"), (2, "third")].map(|(n, name)| format!("{all}/fork/branches/{n}/{name}"));
    let mut s = Script::default();
    s.begin();
    s.task(5, all, "all", "fork");
    s.leaf(6, 1_500, &left, "call:noop");
    s.task(7, &right, "right", "run:shell");
    s.task(8, &third, "third", "wait");
    s.waits(9, &third, 60_000);
    Construct {
        name: "forked",
        graph: graph(
            &[
                (all, "fork"),
                (&left, "call:noop"),
                (&right, "run:shell"),
                (&third, "wait"),
                ("/do/1/join", "set"),
            ],
            &[
                (all, &left, "fork"),
                (all, &right, "fork"),
                (all, &third, "fork"),
                (all, "/do/1/join", ""),
            ],
        ),
        events: s.events,
        status: Status::Running,
        ms: 3_000,
    }
}

fn waiting() -> Construct {
    let mut s = Script::default();
    s.begin();
    s.leaf(5, 900, "/do/0/fetch", "call:http");
    s.task(910, "/do/1/rest", "rest", "wait");
    s.waits(911, "/do/1/rest", 3_600_911);
    Construct {
        name: "waiting",
        graph: graph(
            &[
                ("/do/0/fetch", "call:http"),
                ("/do/1/rest", "wait"),
                ("/do/2/ask", "call:approval"),
            ],
            &[("/do/0/fetch", "/do/1/rest", ""), ("/do/1/rest", "/do/2/ask", "")],
        ),
        events: s.events,
        status: Status::Waiting,
        ms: 600_000,
    }
}

fn compensated() -> Construct {
    let (book, undo) = ("/do/0/book", "/use/functions/takeBack");
    let mut s = Script::default();
    s.begin();
    s.leaf(5, 900, book, "call:noop");
    s.task(910, "/do/1/rest", "rest", "wait");
    s.waits(911, "/do/1/rest", 3_600_911);
    s.say(
        5_000,
        EventBody::WorkflowCancelling {
            by: "dana".into(),
            reason: Some("sold out".into()),
        },
    );
    s.say(
        5_001,
        EventBody::TaskCancelled {
            step: step("/do/1/rest"),
            reason: None,
        },
    );
    s.say(5_002, EventBody::WorkflowCompensating { left: None });
    let by: StepId = format!("{undo}#1").parse().unwrap();
    s.say(5_003, EventBody::TaskCompensating { step: step(book), by });
    s.leaf(5_004, 6_000, &format!("{undo}#1"), "call:noop");
    s.say(
        6_001,
        EventBody::WorkflowCancelled {
            uncompensated: Vec::new(),
        },
    );
    let mut picture = graph(
        &[(book, "call:noop"), ("/do/1/rest", "wait")],
        &[(book, "/do/1/rest", ""), (book, undo, "compensate")],
    );
    picture.nodes.insert(
        1,
        WorkflowNode {
            id: undo.into(),
            name: "undo book".into(),
            kind: "call:noop".into(),
            parent: None,
        },
    );
    Construct {
        name: "compensated",
        graph: picture,
        events: s.events,
        status: Status::Cancelled,
        ms: 7_000,
    }
}

fn switched() -> Construct {
    let [way, one, two, other] = ["/do/0/way", "/do/1/express", "/do/2/standard", "/do/3/pickup"];
    let mut s = Script::default();
    s.begin();
    s.leaf(5, 6, way, "switch");
    s.task(7, two, "standard", "call:http");
    Construct {
        name: "switched",
        graph: graph(
            &[
                (way, "switch"),
                (one, "call:http"),
                (two, "call:http"),
                (other, "set"),
            ],
            &[
                (way, one, "urgent"),
                (way, two, "small"),
                (way, other, "otherwise"),
                (one, two, ""),
            ],
        ),
        events: s.events,
        status: Status::Running,
        ms: 1_500,
    }
}

fn caught() -> Construct {
    let (attempt, risky) = ("/do/0/attempt", "/do/0/attempt/try/0/risky");
    let repair = "/do/0/attempt/catch/do/0/repair";
    let mut s = Script::default();
    s.begin();
    s.task(5, attempt, "attempt", "try");
    s.task(6, risky, "risky", "call:http");
    let error = WorkflowError::standard("communication", 503, "Service unavailable");
    s.say(
        1_500,
        EventBody::TaskFaulted {
            step: step(risky),
            error: error.clone(),
        },
    );
    s.say(
        1_501,
        EventBody::TaskCaught {
            step: step(attempt),
            error,
        },
    );
    s.task(1_502, repair, "repair", "set");
    Construct {
        name: "caught",
        graph: graph(
            &[
                (attempt, "try"),
                (risky, "call:http"),
                (repair, "set"),
                ("/do/1/after", "set"),
            ],
            &[
                (attempt, risky, "try"),
                (attempt, repair, "catch"),
                (attempt, "/do/1/after", ""),
            ],
        ),
        events: s.events,
        status: Status::Running,
        ms: 2_000,
    }
}

fn heard() -> Construct {
    let hear = "/do/0/hear";
    let paid: EventPattern = serde_json::from_value(json!({ "type": "order.paid" })).unwrap();
    let mut s = Script::default();
    s.begin();
    s.task(5, hear, "hear", "listen");
    s.say(
        6,
        EventBody::ListenOpened {
            step: step(hear),
            patterns: vec![paid],
            read: ReadAs::default(),
            expected: Vec::new(),
            forever: false,
            rounds: false,
        },
    );
    s.say(7, EventBody::WorkflowWaiting {});
    s.say(
        4_000,
        EventBody::EventReceived {
            step: step(hear),
            at: BusPosition { commit: 9, index: 0 },
            event: Arc::new(json!({ "type": "order.paid", "data": { "order": 7 } })),
            filter: Some(0),
            until: None,
            closes: true,
            correlations: Default::default(),
        },
    );
    s.done(4_001, hear, json!([{ "order": 7 }]));
    s.task(4_002, "/do/1/say", "say", "emit");
    Construct {
        name: "heard",
        graph: graph(
            &[(hear, "listen"), ("/do/1/say", "emit")],
            &[(hear, "/do/1/say", "")],
        ),
        events: s.events,
        status: Status::Running,
        ms: 5_000,
    }
}

fn followed(construct: &Construct) -> Model {
    let mut model = model(vec![run(0, construct.name, construct.status, 1, 0)]);
    let mut journal = Journal {
        graph: Some(construct.graph.clone()),
        ..Journal::default()
    };
    journal.extend(true, construct.events.clone());
    model.journals.insert(run_id(0), journal);
    model
}

#[test]
fn every_construct_as_graph_as_tree_and_on_the_timeline_at_80_by_24() {
    let theme = Theme::default();
    let all = [
        nested(),
        looped(),
        forked(),
        waiting(),
        compensated(),
        switched(),
        caught(),
        heard(),
    ];
    for construct in &all {
        let model = followed(construct);
        let mut page = open(&model);
        // What 80 columns show first is the tree; then timeline and graph.
        for picture in ["tree", "timeline", "graph"] {
            let text = draw(&page, &ctx(&model, &theme, construct.ms), 80, 24);
            insta::assert_snapshot!(format!("{}-{picture}", construct.name), text);
            act(&mut page, &model, Action::View, construct.ms);
        }
    }
}
