//! Who works, who waits and who handed what to whom, in the monitor of an orchestration's run, at every size.

use dirigent_protocol::entity::Kind;
use dirigent_protocol::run::{EventBody, RunEvent};
use dirigent_tui::model::News;
use dirigent_tui::options::Options;
use serde_json::{Value, json};

use super::world::{World, ago, document, everything, id, runs};

const VERSION: u128 = 0xd1;
const RUN: u128 = 0x8f20;

fn world(columns: u16, rows: u16) -> World {
    let members =
        json!([{ "name": "first", "agent": "triage" }, { "name": "second", "agent": "mail-agent" }]);
    let about = json!({ "strategy": "handoff", "members": members, "lead": { "name": "judge", "capability": "sums" } });
    let spec = json!({ "document": { "document": { "metadata": { "orchestration": about } } } });
    let options = Options {
        place: Some(format!("runs/{}/who", id(RUN)).parse().unwrap()),
        ..Options::default()
    };
    let mut world = World::with(&options, columns, rows);
    world
        .beyond
        .push(document(Kind::WorkflowVersion, VERSION, "v", ago(60), spec));
    let mut all = everything();
    for run in &mut all {
        if run.metadata.id == id(RUN) {
            run.spec["workflow_version"] = json!(id(VERSION));
        }
    }
    assert_eq!(runs().len(), 8);
    world.connect(all);
    world
}

fn events(after: u64, bodies: &[Value]) -> News {
    let event = |(seq, body): (u64, &Value)| RunEvent {
        seq,
        time: ago(60 - i64::try_from(seq).unwrap()),
        body: serde_json::from_value::<EventBody>(body.clone()).unwrap(),
    };
    News::RunEvents {
        run: id(RUN).into(),
        restart: after == 0,
        events: (after + 1..).zip(bodies).map(event).collect(),
    }
}

fn started(step: &str, task: &str) -> Value {
    json!({ "task.started": { "step": step, "task": task, "kind": "call", "input": "workflow_input" } })
}

fn hands() -> Value {
    let handoff = json!({ "from": "first", "to": "second", "reason": "it is about money", "depth": 1, "max_depth": 8, "max_visits": 2 });
    let call = json!({ "agent": { "agent": "mail-agent", "input": {}, "handoff": handoff } });
    json!({ "effect.queued": { "effect": 5, "step": "/do/1/to-second", "attempt": 1, "request": call } })
}

#[test]
fn who_works_with_whom_is_a_picture_of_the_monitor() {
    for (columns, rows) in [(80, 24), (120, 40), (40, 10)] {
        let mut world = world(columns, rows);
        world.wait(500);
        let body = json!({ "step": "/do/0/first", "output": "workflow_input" });
        let first = [started("/do/0/first", "first"), json!({ "task.completed": body })];
        world.news(events(0, &first));
        world.news(events(2, &[started("/do/1/to-second", "to-second"), hands()]));
        world.wait(500);
        let text = world.text();
        assert!(text.contains("first") && text.contains("done"), "{text}");
        assert!(text.contains("waits"), "{text}");
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../../snapshots");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(format!("runs-who-{columns}x{rows}"), text));
        world.press("t");
        assert!(!world.text().contains("Who (handoff)"), "the next picture");
        world.press("t t t");
        assert!(world.text().contains("Who"), "{}", world.text());
    }
}
