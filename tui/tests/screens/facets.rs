//! Facets of runs and of requests: counted by the daemon, chosen by keyboard, kept, and said aloud.

use dirigent_protocol::entity::{Document, Kind};
use dirigent_tui::model::{LinkCmd, News};
use dirigent_tui::nav::Place;
use dirigent_tui::options::Options;
use serde_json::json;

use super::world::{World, ago, check, document, everything};

/// Runs that only the daemon knows.
fn old_runs(many: u128) -> Vec<Document> {
    let one = |n: u128| {
        let spec =
            json!({ "workflow": "backup", "status": "faulted", "started_by": "cron", "version": "2.0.0" });
        document(
            Kind::WorkflowExecution,
            0x9000 + n,
            &format!("old-{n}"),
            ago(900_000 + i64::try_from(n).unwrap()),
            spec,
        )
    };
    (0..many).map(one).collect()
}

fn at(page: &str, columns: u16, rows: u16) -> World {
    let options = Options {
        place: Some(Place::page(page)),
        ..Options::default()
    };
    let mut world = World::with(&options, columns, rows);
    world.beyond = old_runs(30);
    world.connect(everything());
    world.wait(1_000);
    world
}

#[test]
fn the_panel_and_what_is_chosen_in_it() {
    for (columns, rows) in [(80, 24), (120, 40)] {
        for page in ["runs", "approvals"] {
            let name = |what: &str| format!("facets-{page}-{what}-{columns}x{rows}");
            let mut world = at(page, columns, rows);
            world.press("f");
            check(&name("open"), &world);
            world.press("j space");
            check(&name("chosen"), &world);
            world.press("f /");
            world.type_text("re");
            world.press("enter");
            check(&name("closed"), &world);
            world.disconnect();
            world.press("f");
            check(&name("disconnected"), &world);
        }
    }
}

#[test]
fn counts_are_the_daemons_and_its_rows_join_the_list() {
    let mut world = at("runs", 120, 40);
    let before = world.shell.model().runs.len();
    world.press("f");
    let text = world.text();
    assert!(text.contains("backup") && text.contains(" 30"), "{text}");
    // The panel alone fetches nothing; a choice fetches what fits it.
    assert_eq!(world.shell.model().runs.len(), before);
    while !world.text().contains("▸[ ] backup") {
        world.press("j");
    }
    world.press("space");
    let text = world.text();
    assert!(
        text.contains("[x] backup") && text.contains("workflow: backup"),
        "{text}"
    );
    assert_eq!(world.shell.model().runs.len(), before + 30);
    // Its other facets count among what is chosen.
    assert!(
        text.contains("[ ] faulted") && !text.contains("[ ] running"),
        "{text}"
    );
    world.press("f");
    assert!(world.text().contains("1 of 30"), "{}", world.text());
    // Esc shows everything again, and asks nothing more.
    world.press("esc");
    assert!(!world.text().contains("workflow: backup"));
    let asked = world.sent.len();
    world.wait(60_000);
    let looks = world.sent[asked..]
        .iter()
        .filter(|cmd| matches!(cmd, LinkCmd::Look { .. }));
    assert_eq!(looks.count(), 0);
}

#[test]
fn what_is_chosen_is_kept_over_the_end_of_the_client() {
    for page in ["runs", "approvals"] {
        let mut world = at(page, 120, 40);
        world.press("f j space");
        let chosen = world.text();
        let chosen = chosen.lines().next().unwrap().to_owned();
        assert!(chosen.contains("state: "), "{chosen}");
        let kept = world.shell.keep();
        let mut again = World::new(120, 40);
        let time = again.time();
        again.shell.take_up(kept, false, time);
        again.connect(everything());
        again.wait(1_000);
        again.press(if page == "runs" { "g r" } else { "g a" });
        assert!(
            again.text().lines().next().unwrap().contains("state: "),
            "{}",
            again.text()
        );
    }
}

#[test]
fn no_key_decides_while_the_facets_are_open() {
    let mut world = at("approvals", 120, 40);
    world.press("f");
    for key in ["a", "x", "e", "A", "X", "r", "z", "b", "J", "u"] {
        world.press(key);
        world.wait(700);
    }
    world.wait(10_000);
    assert!(world.decided().is_empty() && world.held() == 0);
    assert!(world.text().contains("Facets"), "{}", world.text());
}

#[test]
fn the_oldest_request_is_shown_whatever_was_chosen() {
    let mut world = at("approvals", 120, 40);
    world.press("/");
    world.type_text("nothing holds this");
    world.press("enter");
    assert!(world.text().contains("No request fits"), "{}", world.text());
    world.press("!");
    world.wait(1_000);
    assert!(world.text().contains("Approve once"), "{}", world.text());
}

#[test]
fn agents_are_narrowed_by_a_text_and_by_their_model() {
    let mut world = World::with(
        &Options {
            place: Some(Place::page("agents")),
            ..Options::default()
        },
        120,
        40,
    );
    let mut all = everything();
    for document in all.iter_mut().filter(|document| document.kind == Kind::Agent) {
        if document.metadata.name == "triage" {
            document.spec["model"] = json!("openai/gpt");
        }
    }
    world.connect(all);
    world.wait(1_000);
    assert!(world.text().contains("Agents (2)"), "{}", world.text());
    world.press("/");
    world.type_text("view");
    assert!(world.text().contains("Agents (1)"), "{}", world.text());
    world.press("esc f");
    world.wait(500);
    check("facets-agents-120x40", &world);
    assert!(world.text().contains("openai/gpt"), "{}", world.text());
    world.press("j j space f");
    world.wait(500);
    assert!(world.text().contains("Agents (1)"), "{}", world.text());
    assert!(world.text().contains("model: "), "{}", world.text());
    world.press("esc");
    assert!(world.text().contains("Agents (2)"), "{}", world.text());
}

/// A list of the workflows of the last day: one that is about to be older, the cursor on it, and one that stays.
fn fading() -> World {
    let mut world = World::new(120, 40);
    let mut documents = everything();
    for document in &mut documents {
        match document.metadata.name.as_str() {
            "nightly-triage" => document.metadata.updated_at = ago(86_380),
            "inbox-zero" => document.metadata.updated_at = ago(7_200),
            _ => {}
        }
    }
    world.connect(documents);
    world.wait(1_000);
    world.press("g w f");
    for _ in 0..9 {
        if !world.text().contains("▸[ ] 1 h to 1 d ago") {
            world.press("j");
        }
    }
    world.press("space f G");
    assert!(world.text().contains("▸nightly-triage"), "{}", world.text());
    world
}

#[test]
fn what_is_asked_about_one_is_never_done_to_another() {
    // Its input is typed while it leaves the list.
    let mut world = fading();
    world.press("B");
    world.type_text("{}");
    world.wait(120_000);
    world.press("enter");
    let run = world.sent.iter().find_map(|cmd| match cmd {
        LinkCmd::Run { name, .. } => Some(name.clone()),
        _ => None,
    });
    assert_eq!(run.as_deref(), Some("nightly-triage"));
    // Going back is asked about meanwhile.
    let mut world = fading();
    world.press("enter j R");
    world.wait(120_000);
    assert!(world.text().contains("publish v2 again?"), "{}", world.text());
    world.press("a");
    let back = world.sent.iter().find_map(|cmd| match cmd {
        LinkCmd::Restore { name, number, .. } => Some((name.clone(), *number)),
        _ => None,
    });
    assert_eq!(back, Some(("nightly-triage".to_owned(), 2)));
    // It is gone: the question goes with it.
    let mut world = fading();
    world.press("B");
    let gone = everything()
        .into_iter()
        .find(|document| document.metadata.name == "nightly-triage")
        .unwrap();
    world.news(News::Gone(vec![(gone.kind, gone.metadata.id)]));
    assert!(world.text().contains("nothing is done"), "{}", world.text());
    world.press("enter");
    assert!(!world.sent.iter().any(|cmd| matches!(cmd, LinkCmd::Run { .. })));
}

#[test]
fn a_link_leads_to_what_the_kept_filter_leaves_out() {
    let kept = fading().shell.keep();
    for path in ["workflows/nightly-triage", "workflows/nightly-triage/draft"] {
        let options = Options {
            place: path.parse().ok(),
            ..Options::default()
        };
        assert!(options.place.is_some());
        let mut world = World::with(&options, 120, 40);
        let time = world.time();
        world.shell.take_up(kept.clone(), true, time);
        let mut documents = everything();
        for document in &mut documents {
            if document.metadata.name == "inbox-zero" {
                document.metadata.updated_at = ago(7_200);
            }
        }
        world.connect(documents);
        world.wait(1_000);
        assert_eq!(world.shell.place().to_string(), path, "{}", world.text());
    }
}

#[test]
fn an_open_panel_refuses_what_the_list_refuses() {
    let mut world = at("workflows", 120, 40);
    world.disconnect();
    world.press("f B");
    assert!(world.text().contains("not connected"), "{}", world.text());
    world.type_text("{}");
    world.press("enter");
    assert!(!world.sent.iter().any(|cmd| matches!(cmd, LinkCmd::Run { .. })));
}
