//! Workflows: versions, the difference of any two, who uses one.

use dirigent_protocol::query::Query;
use dirigent_tui::model::LinkCmd;
use dirigent_tui::nav::Place;

use super::world::{World, check};

#[test]
fn versions_are_read_compared_and_counted() {
    for (columns, rows) in [(80, 24), (120, 40)] {
        let name = |what: &str| format!("workflow-{what}-{columns}x{rows}");
        let mut world = World::live(columns, rows);
        world.press("g w j enter");
        assert_eq!(world.shell.place(), Place::object("workflows", "nightly-triage"));
        check(&name("versions"), &world);
        // The oldest and the newest.
        world.press("space G space");
        let text = world.text();
        assert!(text.contains("v1 1.0.0 → v3 3.0.0"), "{text}");
        check(&name("diff"), &world);
        world.press(">");
        check(&name("text"), &world);
        world.press(">");
        check(&name("used"), &world);
        world.press("> enter");
        world.disconnect();
        check(&name("disconnected"), &world);
    }
}

#[test]
fn without_a_mark_a_version_is_compared_with_the_one_before() {
    let mut world = World::live(120, 40);
    world.press("g w j enter");
    assert!(world.text().contains("v2 2.0.0 → v3 3.0.0"), "{}", world.text());
    assert!(
        world.text().contains("+         label: billing/overdue"),
        "{}",
        world.text()
    );
    world.press("j");
    assert!(world.text().contains("v1 1.0.0 → v2 2.0.0"), "{}", world.text());
    world.press("j");
    assert!(world.text().contains("nothing before it"), "{}", world.text());
}

fn build(columns: u16, rows: u16) -> World {
    let mut world = World::live(columns, rows);
    world.press("g w j e");
    assert_eq!(world.shell.place().to_string(), "workflows/nightly-triage/draft");
    world.wait(500);
    world
}

#[test]
fn a_graph_is_built_by_keyboard_alone() {
    for (columns, rows) in [(80, 24), (120, 40)] {
        let name = |what: &str| format!("builder-{what}-{columns}x{rows}");
        let mut world = build(columns, rows);
        check(&name("start"), &world);
        // A task behind the first, of a kind that is typed.
        world.press("i");
        world.type_text("wa");
        check(&name("add"), &world);
        world.press("enter");
        world.wait(500);
        assert!(world.text().contains("wait"), "{}", world.text());
        // It goes to the end; the link is asked for by name.
        world.press("L");
        check(&name("link"), &world);
        world.type_text("end");
        world.press("enter");
        world.wait(500);
        assert!(world.text().contains("→ end"), "{}", world.text());
        world.press("M");
        world.type_text("rest");
        world.press("enter K");
        world.wait(500);
        check(&name("moved"), &world);
        // The text of the task alone.
        world.press("enter");
        check(&name("task"), &world);
        world.press("down down end backspace");
        world.type_text("9");
        world.press("ctrl-s");
        world.wait(500);
        world.press("D");
        check(&name("changed"), &world);
        world.press("esc tab");
        check(&name("canvas"), &world);
        world.press("tab t");
        check(&name("text"), &world);
        world.press("esc");
        let text = world.published();
        assert!(
            text.contains("  - rest:\n      wait:\n        seconds: 9\n      then: end\n  - fetch:\n"),
            "{text}"
        );
        // Nobody else's line was touched.
        for line in super::world::sample_lines() {
            assert!(text.lines().any(|own| own == line), "{line}\n{text}");
        }
    }
}

#[test]
fn text_and_steps_are_one_document_and_every_edit_is_undone() {
    let mut world = build(120, 40);
    world.press("t down down down down down down down");
    // In the text: the first task gets another name.
    world.press("end backspace backspace backspace backspace backspace backspace");
    world.type_text("get:");
    world.press("esc");
    world.wait(500);
    assert!(world.text().contains("1 get"), "{}", world.text());
    world.press("x");
    world.wait(500);
    assert!(!world.text().contains("1 get"), "{}", world.text());
    world.press("u u");
    world.wait(500);
    assert!(world.text().contains("1 fetch"), "{}", world.text());
    assert!(!world.text().contains("Steps  changed"), "{}", world.text());
    world.press("ctrl-r");
    assert!(world.text().contains("1 get"), "{}", world.text());
}

#[test]
fn what_is_wrong_stands_below_with_its_place_and_one_key_goes_there() {
    for (columns, rows) in [(80, 24), (120, 40)] {
        let mut world = build(columns, rows);
        world.press("t");
        world.type_text("do: [");
        world.wait(500);
        check(&format!("builder-wrong-{columns}x{rows}"), &world);
        assert!(world.text().contains("✗ "), "{}", world.text());
        world.press("esc V");
        assert!(world.text().contains("Text"), "{}", world.text());
    }
}

#[test]
fn a_draft_is_kept_over_leaving_and_over_the_end_of_the_client() {
    let mut world = build(120, 40);
    world.press("x");
    world.press("esc");
    assert!(world.text().contains("the draft is kept"), "{}", world.text());
    let kept = world.shell.keep();
    let mut again = World::new(120, 40);
    let time = again.time();
    again.shell.take_up(kept, false, time);
    again.connect(super::world::everything());
    again.wait(1_000);
    again.press("g w e");
    again.wait(500);
    assert!(
        again.text().contains("your draft is taken up again"),
        "{}",
        again.text()
    );
    assert!(again.text().contains("Steps  changed"), "{}", again.text());
}

#[test]
fn nothing_is_published_without_a_yes() {
    let mut world = build(120, 40);
    for keys in ["P esc", "P x", "P enter", "a"] {
        world.press(keys);
        assert!(
            world.sent.iter().all(|cmd| !matches!(cmd, LinkCmd::Apply { .. })),
            "{keys}"
        );
    }
}

#[test]
fn a_draft_is_simulated_with_an_input_and_nothing_of_it_can_be_steered() {
    for (columns, rows) in [(80, 24), (120, 40)] {
        let mut world = build(columns, rows);
        world.press("T");
        world.type_text("{oops");
        world.press("enter");
        assert!(world.text().contains("this is no JSON"), "{}", world.text());
        world.press("ctrl-u");
        world.type_text("{\"a\":1}");
        world.press("enter");
        check(&format!("builder-simulated-{columns}x{rows}"), &world);
        assert!(world.text().contains("SIMULATED"), "{}", world.text());
        let asked = world.sent.iter().any(|cmd| match cmd {
            LinkCmd::Look { query, .. } => {
                matches!(&**query, Query::DryRun(asked) if asked.input == Some(serde_json::json!({ "a": 1 })))
            }
            _ => false,
        });
        assert!(asked, "{:?}", world.sent);
        let before = world.sent.len();
        world.press("x a Z R a y");
        assert!(
            !world.sent[before..]
                .iter()
                .any(|cmd| matches!(cmd, LinkCmd::Steer { .. })),
            "nothing of a dry run is steered"
        );
        world.press("esc");
        assert!(world.text().contains("Steps"), "{}", world.text());
    }
}

#[test]
fn a_new_workflow_begins_with_a_template_that_is_published_with_its_agents() {
    let mut world = World::live(80, 24);
    world.press("g w c");
    check("builder-begin-80x24", &world);
    world.type_text("mail");
    world.press("enter");
    world.wait(500);
    assert_eq!(world.shell.place().to_string(), "workflows/mail-digest/draft");
    assert!(world.text().contains("1 collect"), "{}", world.text());
    let text = world.published();
    assert!(
        text.contains("kind: Agent") && text.contains("name: mail-digest-writer"),
        "{text}"
    );
    // Without one: a task to begin with.
    let mut world = World::live(80, 24);
    world.press("g w c enter");
    world.wait(500);
    assert!(world.text().contains("1 first"), "{}", world.text());
}
