//! Conversations on the screen: the list, an answer that is streamed, a question, a draft, at every size; and in words.

use dirigent_protocol::entity::{Document, WorkflowApproval};
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::{EventBody, RunEvent, Status, StepId};
use dirigent_protocol::watch::{StreamChunk, StreamSource};
use dirigent_tui::model::{LinkCmd, News, Tell, Wish};
use dirigent_tui::options::Options;
use dirigent_tui::pages::PAGES;
use serde_json::{Value, json};

use super::world::{RunSample, World, ago, approval, check, everything, id, run, text};

const RUN: u128 = 0xc0;
const ASK: &str = "/do/1/talk/foreach/do/0/answer/try/0/turn/fork/branches/0/ask";

fn conversation(n: u128, agent: &str, status: Status, age: i64) -> Document {
    let mut document = run(&RunSample {
        n,
        workflow: "conversation",
        version: "1.0.0",
        status,
        step: "talk",
        progress: (1, 2),
        tokens: 900,
        cost: 0,
        age,
        owner: "dana",
    });
    let label = ("dirigent.conversation".to_owned(), agent.to_owned());
    document.metadata.labels = [label].into();
    if agent != "reviewer" {
        document.spec["conversation"] = json!({
            "agent": agent, "title": format!("Which tickets of {agent} are late? Name them."),
            "last": "Two are late: T-2290 and T-2291.", "turns": 3, "event": 40,
        });
    }
    document
}

fn documents() -> Vec<Document> {
    let mut all = everything();
    all.push(conversation(RUN, "triage", Status::Running, 300));
    all.push(conversation(RUN + 1, "mail-agent", Status::Waiting, 7_000));
    all.push(conversation(RUN + 2, "reviewer", Status::Completed, 90_000));
    all
}

fn id_of(n: u128) -> RunId {
    id(n).into()
}

/// Events as the daemon sends them, from the `after`-th on.
fn events(after: u64, bodies: &[Value]) -> News {
    let event = |(seq, body): (u64, &Value)| RunEvent {
        seq,
        time: ago(60 - i64::try_from(seq).unwrap()),
        body: serde_json::from_value::<EventBody>(body.clone()).unwrap(),
    };
    News::RunEvents {
        run: id_of(RUN),
        restart: after == 0,
        events: (after + 1..).zip(bodies).map(event).collect(),
    }
}

fn said(text: &str) -> Value {
    let data = json!({ "text": text, "by": "dana" });
    json!({ "event.received": {
        "step": "/do/1/talk", "at": { "commit": 1, "index": 0 },
        "event": { "type": "dirigent.conversation.said", "data": data },
    } })
}

fn asks(effect: u64) -> Value {
    let request = json!({ "agent": { "agent": "triage", "input": {}, "message": "..." } });
    json!({ "effect.queued": { "effect": effect, "step": step(), "attempt": 1, "request": request } })
}

fn step() -> Value {
    serde_json::to_value(StepId::new(ASK)).unwrap()
}

/// A turn of the model that wants a file, the call, and what it brought.
fn reads(turn: u64, call: u64) -> [Value; 3] {
    let read = json!({ "file": { "workspace": "/srv", "path": "a.txt", "deed": "read" } });
    let message = json!({ "role": "assistant", "parts": [
        { "type": "text", "content": "I look first." },
        { "type": "tool_call", "id": "c", "name": "read_file", "arguments": { "path": "a.txt" } },
    ] });
    let planned = json!([{ "id": "c", "name": "read_file", "plan": { "effect": { "request": read } } }]);
    let outcome = json!({ "turn": { "turn": { "message": message, "calls": planned } } });
    [
        json!({ "effect.settled": { "effect": turn, "outcome": outcome } }),
        json!({ "effect.queued": { "effect": call, "step": step(), "attempt": 1, "request": read } }),
        json!({ "effect.settled": { "effect": call, "outcome": { "done": { "output": "grass is green" } } } }),
    ]
}

fn handled(said: &str, answer: Option<&str>) -> Value {
    let failed = answer
        .is_none()
        .then(|| json!({ "title": "The answer was stopped", "detail": "by dana" }));
    let output = json!({ "said": said, "answer": answer, "failed": failed });
    json!({ "event.handled": { "step": "/do/1/talk", "output": output } })
}

fn live(seq: u64, source: StreamSource, words: &str) -> News {
    News::Stream {
        run: id_of(RUN),
        chunks: vec![StreamChunk {
            seq,
            step: StepId::new(ASK),
            attempt: 1,
            source,
            text: words.to_owned(),
            withdraws: false,
        }],
        lost: 0,
    }
}

/// What was said live does not count any more.
fn withdrawn(seq: u64, words: &str) -> News {
    let mut news = live(seq, StreamSource::Note, words);
    if let News::Stream { chunks, .. } = &mut news {
        chunks[0].withdraws = true;
    }
    news
}

fn at(columns: u16, rows: u16, place: &str) -> World {
    let options = Options {
        place: Some(place.parse().unwrap()),
        ..Options::default()
    };
    let mut world = World::with(&options, columns, rows);
    world.connect(documents());
    world
}

fn question() -> Document {
    let body = WorkflowApproval {
        run: id(RUN),
        workflow: "conversation".into(),
        task: "ask".into(),
        title: "triage wants write b.txt (3 bytes)".into(),
        action: "tool write_file".into(),
        ..WorkflowApproval::default()
    };
    approval(0xca, body, 5)
}

#[test]
fn a_conversation_in_every_state() {
    for (columns, rows) in [(80, 24), (120, 40), (40, 10)] {
        let name = |what: &str| format!("conversations-{what}-{columns}x{rows}");
        let mut world = at(columns, rows, "conversations");
        world.wait(1_000);
        check(&name("list"), &world);
        world.press("c");
        check(&name("agents"), &world);
        let mut world = at(columns, rows, &format!("conversations/{}", id(RUN)));
        let first = "Which tickets are late?\nName them.";
        world.news(events(0, &[said(first), asks(2)]));
        world.news(live(1, StreamSource::Model, "I look"));
        check(&name("streams"), &world);
        world.news(live(2, StreamSource::Model, " first."));
        world.news(events(2, &reads(2, 4)));
        world.news(live(3, StreamSource::Note, "⚒ ✓ read_file\n"));
        world.news(live(4, StreamSource::Model, "Two are late: T-1187"));
        world.news(events(5, &[asks(6)]));
        world.news(live(5, StreamSource::Model, " and T-1190"));
        world.news(News::Changed(vec![question()]));
        check(&name("asks"), &world);
        let answer = "Two are late: T-1187 and T-1190.";
        world.news(events(
            6,
            &[
                handled(first, Some(answer)),
                said("Stop."),
                handled("Stop.", None),
            ],
        ));
        let shown = world.text();
        assert_eq!(shown.matches("I look first.").count().max(1), 1, "{shown}");
        if columns >= 80 {
            assert_eq!(shown.matches("Two are late").count(), 1, "{shown}");
            assert!(shown.contains("T-1190."), "{shown}");
        }
        world.press("K K");
        check(&name("message"), &world);
        world.press("enter");
        world.type_text("and now?");
        world.press("ctrl-j");
        world.type_text("Second line");
        check(&name("draft"), &world);
        world.disconnect();
        world.press("enter");
        check(&name("kept"), &world);
    }
}

#[test]
fn half_an_answer_that_was_taken_back_is_not_left_on_the_screen() {
    let mut world = at(80, 24, &format!("conversations/{}", id(RUN)));
    world.news(events(0, &[said("one"), asks(2)]));
    world.news(live(1, StreamSource::Model, "half an answ"));
    assert!(world.text().contains("half an answ"), "{}", world.text());
    world.news(withdrawn(2, "another model is asked\n"));
    assert!(!world.text().contains("half an"), "{}", world.text());
    world.news(live(3, StreamSource::Model, "a whole answer"));
    world.news(events(2, &[handled("one", Some("a whole answer"))]));
    let shown = world.text();
    assert!(
        shown.contains("another model is asked") && !shown.contains("half an"),
        "{shown}"
    );
    assert_eq!(shown.matches("a whole answer").count(), 1, "{shown}");
}

#[test]
fn what_is_refused_comes_back_and_what_reached_the_run_does_not() {
    let mut world = at(80, 24, &format!("conversations/{}", id(RUN)));
    world.news(events(0, &[said("one"), handled("one", Some("two"))]));
    world.press("enter");
    world.type_text("three");
    world.press("enter");
    let tells = |world: &World| {
        let said = world.sent.iter().filter(
            |command| matches!(command, LinkCmd::Tell { what: Tell::Say(text), .. } if text == "three"),
        );
        said.count()
    };
    assert_eq!(tells(&world), 1);
    assert!(world.text().contains("on its way: three"), "{}", world.text());
    let fault = dirigent_protocol::fault::Fault::new(dirigent_protocol::fault::Code::NotPermitted, "not you");
    world.news(News::Granted {
        wish: Wish::Tell(id_of(RUN)),
        result: Err(Box::new(fault)),
    });
    assert!(world.text().contains("┃three"), "{}", world.text());
    world.press("enter");
    world.news(News::Granted {
        wish: Wish::Tell(id_of(RUN)),
        result: Ok(id_of(RUN)),
    });
    assert!(world.text().contains("on its way"), "{}", world.text());
    world.news(events(2, &[said("three")]));
    assert!(!world.text().contains("on its way"), "{}", world.text());
    assert_eq!(tells(&world), 2);
}

#[test]
fn a_new_one_begins_with_the_first_words_and_not_before() {
    let mut world = at(80, 24, "conversations/new/triage");
    let began = |world: &World| {
        world
            .sent
            .iter()
            .any(|command| matches!(command, LinkCmd::Talk { .. }))
    };
    world.wait(1_000);
    assert!(!began(&world));
    world.type_text("hello");
    world.press("enter");
    assert!(began(&world));
    world.news(News::Granted {
        wish: Wish::Talk("triage".into()),
        result: Ok(id_of(RUN)),
    });
    let told = world
        .sent
        .iter()
        .any(|command| matches!(command, LinkCmd::Tell { run, .. } if *run == id_of(RUN)));
    assert!(told && world.sent.contains(&LinkCmd::Follow(id_of(RUN))));
    assert_eq!(world.shell.place().path, [id(RUN).to_string()]);
}

#[test]
fn a_draft_stays_with_its_conversation_whatever_is_looked_at_meanwhile() {
    let mut world = at(80, 24, &format!("conversations/{}", id(RUN)));
    world.press("enter");
    world.type_text("half a thought");
    world.press("esc g r g v");
    assert!(!text(&world.draw()).contains("half a thought"));
    let mut place = world.shell.keep();
    let keeps = place.pages.remove("conversations").unwrap().to_string();
    assert!(keeps.contains("half a thought"), "{keeps}");
    world.press("enter");
    assert!(world.text().contains("half a thought"), "{}", world.text());
    assert!(PAGES.iter().any(|meta| meta.id == "conversations"));
}

#[test]
fn the_list_is_narrowed_by_a_text_and_shown_whole_again() {
    let mut world = at(80, 24, &format!("conversations/{}", id(RUN)));
    world.news(events(
        0,
        &[
            said("Where is T-1187?"),
            handled("Where is T-1187?", Some("On the way.")),
        ],
    ));
    world.press("esc");
    assert!(world.text().contains("Conversations (3)"), "{}", world.text());
    world.press("/");
    world.type_text("mail");
    assert!(world.text().contains("Conversations (1)"), "{}", world.text());
    check("conversations-filter-80x24", &world);
    world.press("enter enter");
    assert_eq!(
        world.shell.place().to_string(),
        format!("conversations/{}", id(RUN + 1))
    );
    world.press("esc esc");
    assert!(world.text().contains("Conversations (3)"), "{}", world.text());
    // What was said in one that was opened here is found as well.
    world.press("/");
    world.type_text("t-1187");
    assert!(world.text().contains("Conversations (1)"), "{}", world.text());
    world.press("ctrl-u");
    world.type_text("nowhere");
    assert!(world.text().contains("None is left"), "{}", world.text());
}

#[test]
fn the_list_is_the_daemons_searched_and_narrowed_by_it() {
    for (columns, rows) in [(80, 24), (120, 40)] {
        let name = |what: &str| format!("conversations-{what}-{columns}x{rows}");
        let options = Options {
            place: Some("conversations".parse().unwrap()),
            ..Options::default()
        };
        let mut world = World::with(&options, columns, rows);
        // One that this client has never heard of.
        let unheard = conversation(RUN + 9, "archivist", Status::Completed, 900_000);
        world.beyond.push(unheard);
        world.connect(documents());
        world.wait(3_000);
        assert!(world.text().contains("Conversations (4)"), "{}", world.text());
        world.press("/");
        world.type_text("ARCHIVIST late");
        world.press("enter");
        world.wait(3_000);
        assert!(world.text().contains("Conversations (1)"), "{}", world.text());
        check(&name("found"), &world);
        world.press("esc f");
        world.wait(3_000);
        check(&name("facets"), &world);
        world.press("j space");
        world.wait(3_000);
        assert!(world.text().contains("agent: "), "{}", world.text());
    }
}
