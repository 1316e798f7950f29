//! A form: an orchestration is built by keyboard alone, and its rows and its text are one document.

use dirigent_protocol::entity::{Document, Kind};
use dirigent_tui::model::{LinkCmd, News};
use serde_json::json;

use super::world::{World, ago, check, document, everything, triage};

/// A new orchestration by a vote.
fn begun(columns: u16, rows: u16) -> World {
    let mut world = World::live(columns, rows);
    world.press("g o c");
    world.wait(500);
    world.type_text("vo");
    world
}

#[test]
fn an_orchestration_is_built_by_keyboard_alone() {
    for (columns, rows) in [(80, 24), (120, 40)] {
        let name = |what: &str| format!("form-{what}-{columns}x{rows}");
        let mut world = begun(columns, rows);
        check(&name("begin"), &world);
        world.press("enter");
        world.wait(500);
        world.says("strategy", "vote");
        check(&name("start"), &world);
        // Into the first member: who it is, and what it is good for.
        world.press("j j enter enter");
        world.type_text("rev");
        check(&name("who"), &world);
        world.press("enter j j enter");
        world.type_text("reads: first");
        world.press("enter");
        world.wait(500);
        check(&name("member"), &world);
        // Out again; the second one goes, another one joins and moves up.
        world.press("h j x");
        world.press("i");
        world.type_text("triage");
        world.press("enter K M");
        world.type_text("judge");
        world.press("enter h");
        world.wait(500);
        // What may be chosen, and how long it may take.
        world.press("G g g j j j j j j j enter enter");
        world.type_text("approve, changes");
        world.press("enter h j enter");
        world.press("j j j enter");
        world.type_text("PT5M");
        world.press("enter");
        world.wait(500);
        check(&name("done"), &world);
        world.press("D");
        check(&name("changed"), &world);
        world.press("esc");
        let text = world.published();
        assert_eq!(
            text,
            "kind: Orchestration\nmetadata:\n  name: new-orchestration\nspec:\n  description: What it is for.\n  strategy: vote\n  \
             members:\n    - agent: triage\n      name: judge\n    - agent: reviewer\n      role: 'reads: first'\n  \
             vote: { choices: [approve, changes] }\n  limits: { timeout: PT5M }\n"
        );
    }
}

#[test]
fn rows_and_text_are_one_document_and_every_edit_is_undone() {
    let mut world = begun(120, 40);
    world.press("enter");
    world.wait(500);
    // In the text: the strategy is another one.
    world.press("t down down down down down end backspace backspace backspace backspace");
    world.type_text("parallel");
    world.press("esc");
    world.wait(500);
    world.says("strategy", "parallel");
    world.press("u u");
    world.wait(500);
    world.says("strategy", "sequential");
    // What is written over several lines is changed in the text, at its place.
    world.press("G enter");
    assert!(world.text().contains("Text"), "{}", world.text());
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_typed_is_lost() {
    let mut world = begun(80, 24);
    world.press("enter G k k k enter");
    world.type_text("x");
    world.press("esc g g j j j j j j j j enter enter");
    world.type_text("many");
    world.press("enter");
    assert!(world.text().contains("a number is meant"), "{}", world.text());
    assert!(world.text().contains("› many"), "{}", world.text());
    // Who has no name to be renamed, no place to be moved from.
    world.press("esc h M");
    assert!(
        world.text().contains("only members have names"),
        "{}",
        world.text()
    );
    world.press("J");
    assert!(
        world.text().contains("only members are moved"),
        "{}",
        world.text()
    );
}

fn orchestration(n: u128, name: &str) -> Document {
    document(
        Kind::Orchestration,
        n,
        name,
        ago(5_000),
        json!({ "strategy": "vote" }),
    )
}

/// The new orchestration gets another name.
fn renamed(name: &str) -> World {
    let mut world = begun(80, 24);
    world.press("enter k k enter ctrl-u");
    world.type_text(name);
    world.press("enter");
    world
}

#[test]
fn looking_at_a_value_changes_nothing() {
    let mut world = begun(120, 40);
    world.press("enter");
    world.wait(500);
    // The strategy, its name, who the second member is, and its name.
    world.press("enter enter k k enter enter j j j j j enter enter enter");
    world.wait(500);
    let text = world.published();
    assert!(text.contains("strategy: vote\n"), "{text}");
    assert!(
        text.ends_with("    - agent: first\n    - agent: second\n"),
        "{text}"
    );
}

#[test]
fn what_is_published_is_named_as_the_text_names_it() {
    let mut world = renamed("triage");
    world.press("P");
    let shown = world.text();
    assert!(shown.contains("Publish triage?   a yes   Esc no"), "{shown}");
    assert!(shown.contains("New runs begin with it"), "{shown}");
    world.press("esc");
    world.news(News::Changed(vec![orchestration(0x31, "triage")]));
    world.press("P");
    let shown = world.text();
    assert!(shown.contains("Publish triage?"), "{shown}");
    assert!(shown.contains("As a new version of triage"), "{shown}");
    world.press("a");
    let sent = world.sent.iter().find_map(|cmd| match cmd {
        LinkCmd::Apply { what, .. } => Some(what.as_str()),
        _ => None,
    });
    assert_eq!(sent, Some("publish triage"));
}

#[test]
fn after_a_new_one_is_published_the_next_one_begins_anew() {
    let mut world = renamed("pair");
    let text = world.published();
    assert!(text.contains("name: pair"), "{text}");
    world.news(News::Changed(vec![orchestration(0x32, "pair")]));
    world.press("esc");
    let kept = world.shell.keep();
    let drafts = &kept.pages["orchestrations"]["drafts"];
    assert_eq!(drafts["pair"][0], text, "nothing is lost");
    world.press("c enter");
    let next = world.published();
    assert!(next.contains("name: new-orchestration"), "{next}");
}

#[test]
fn no_draft_is_lost_unasked() {
    let mut drafts = json!({ "nightly-triage": [format!("{}# mine\n", triage(3)), triage(3)] });
    for n in 1..20 {
        drafts[format!("other-{n}")] = json!(["a", "b"]);
    }
    let mut world = World::new(80, 24);
    let (mut kept, time) = (world.shell.keep(), world.time());
    kept.pages
        .insert("workflows".to_owned(), json!({ "drafts": drafts }));
    world.shell.take_up(kept, false, time);
    world.connect(everything());
    world.wait(1_000);
    let now = |world: &World| world.shell.keep().pages["workflows"]["drafts"].clone();
    // One that is kept already is kept with what is changed now.
    world.press("g w j e");
    world.wait(500);
    world.press("x esc");
    assert!(world.text().contains("the draft is kept"), "{}", world.text());
    let mine = now(&world)["nightly-triage"][0].clone();
    let mine = mine.as_str().unwrap();
    assert!(mine.contains("# mine") && !mine.contains("fetch"), "{mine}");
    // One more is not left without a yes.
    world.wait(3_000);
    world.press("c enter esc");
    let shown = world.text();
    assert!(shown.contains("Leave the draft?   a yes   Esc no"), "{shown}");
    assert!(shown.contains("20 are kept already"), "{shown}");
    world.wait(3_000);
    world.press("esc");
    assert_eq!(world.shell.place().to_string(), "workflows/new-workflow/draft");
    // Nor by going to the list.
    world.press("esc");
    let refused = "20 drafts are kept already: this one would be lost";
    assert!(world.text().contains(refused), "{}", world.text());
    world.wait(3_000);
    world.press("esc a");
    assert_eq!(world.shell.place().to_string(), "workflows");
    assert_eq!(now(&world).as_object().unwrap().len(), 20);
}
