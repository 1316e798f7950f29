//! The form of an agent: built, limited, tried and published by keyboard alone; its rows and its text are one document.

use dirigent_protocol::entity::Kind;
use dirigent_tui::model::LinkCmd;
use serde_json::json;

use super::world::{World, ago, check, document, everything};

/// A published agent, with tools.
fn published() -> Vec<dirigent_protocol::entity::Document> {
    let spec = json!({
        "description": "Answers tickets.",
        "model": "rehearsal/rehearsal",
        "temperature": 0.4,
        "prompt": "Label each ticket with exactly one of:\nbilling, bug, how-to.\n\n{{ input.text }}\n",
        "tools": [
            { "file": { "workspace": "/srv/tickets" }, "allow": ["read_file", "red_file"] },
            { "agent": { "name": "reviewer" }, "approval": "always" },
        ],
    });
    let mut all = everything();
    all.push(document(Kind::Agent, 0x13, "answerer", ago(90_000), spec));
    all
}

fn editing(columns: u16, rows: u16) -> World {
    let mut world = World::new(columns, rows);
    world.connect(published());
    world.wait(1_000);
    world.press("g b e");
    world.wait(500);
    assert_eq!(world.shell.place().to_string(), "agents/answerer/draft");
    world
}

/// Goes down to the row of that name.
fn to(world: &mut World, row: &str) {
    let here = |world: &World| {
        let text = world.text();
        text.lines().any(|line| line.contains('▸') && line.contains(row))
    };
    let found = (0..60).any(|_| {
        here(world) || {
            world.press("j");
            here(world)
        }
    });
    assert!(found, "there is no row {row}\n{}", world.text());
}

#[test]
fn an_agent_is_changed_tried_and_published_by_keyboard_alone() {
    for (columns, rows) in [(80, 24), (120, 40)] {
        let name = |what: &str| format!("agent-form-{what}-{columns}x{rows}");
        let mut world = editing(columns, rows);
        check(&name("start"), &world);
        to(&mut world, "temperature");
        world.press("enter ctrl-u");
        world.type_text("0.2");
        world.press("enter");
        // The prompt, in a window of its own.
        world.press("g g");
        to(&mut world, "prompt");
        world.press("enter");
        check(&name("prompt"), &world);
        world.press("down home");
        world.type_text("billing/overdue, ");
        world.press("esc");
        world.wait(500);
        // What it may use: a strange name goes, and a person is asked.
        to(&mut world, "1 file");
        world.press("enter");
        check(&name("tool"), &world);
        to(&mut world, "red_file");
        world.press("space");
        to(&mut world, "approval");
        world.press("enter");
        world.type_text("alw");
        check(&name("approval"), &world);
        world.press("enter h");
        world.wait(500);
        world.press("D");
        check(&name("changed"), &world);
        world.press("esc tab");
        check(&name("beside"), &world);
        world.press("tab");
        let text = world.published();
        assert!(
            text.contains("  temperature: 0.2\n")
                && text.contains("\n    billing/overdue, billing, bug, how-to.\n\n    {{ input.text }}\n")
                && text.contains("allow: [read_file]")
                && text.contains("approval: always"),
            "{text}"
        );
        world.press("T");
        world.type_text("{\"text\": \"a\"}");
        world.press("enter");
        let tried = world
            .sent
            .iter()
            .any(|cmd| matches!(cmd, LinkCmd::TryOut { agent, .. } if agent == "answerer"));
        assert!(tried, "{}", world.text());
    }
}

#[test]
fn tools_are_granted_and_taken_back() {
    let mut world = World::live(80, 24);
    world.press("g b c");
    world.wait(500);
    world.press("i");
    check("agent-form-grant-80x24", &world);
    world.type_text("file");
    world.press("enter");
    // What it cannot be without is asked at once.
    assert!(
        world.text().contains("workspace: the directory, absolute"),
        "{}",
        world.text()
    );
    world.type_text("/srv/docs");
    world.press("enter h i");
    world.type_text("rev");
    world.press("enter h");
    world.says("2 reviewer", "another agent");
    world.press("K");
    world.says("1 reviewer", "another agent");
    let text = world.published();
    assert!(
        text.ends_with(
            "  tools:\n    - agent:\n        name: reviewer\n    - file:\n        workspace: '/srv/docs'\n"
        ),
        "{text}"
    );
    world.press("x x");
    world.says("tools", "nothing yet");
    assert!(!world.published().contains("tools"), "an empty list is no list");
}

#[test]
fn a_model_is_one_that_is_known_or_exactly_what_is_typed() {
    let mut world = editing(80, 24);
    to(&mut world, "model");
    world.press("enter");
    world.says("▸rehearsal/rehearsal", "as answerer has it");
    world.type_text("rehearsal/rehears");
    world.press("enter");
    world.says("model", "rehearsal/rehears");
    world.press("u");
    world.says("model", "rehearsal/rehearsal");
    // A broken text keeps the rows; the text itself is opened with `t`.
    world.press("t");
    assert!(world.text().contains("kind: Agent"), "{}", world.text());
    world.press("esc");
    world.says("model", "rehearsal/rehearsal");
}
