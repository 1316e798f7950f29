//! A form: an orchestration is built by keyboard alone, and its rows and its text are one document.

use dirigent_tui::model::LinkCmd;

use super::world::World;

fn check(name: &str, world: &World) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, world.text()));
}

/// The newest text of the draft: what would be published.
fn published(world: &mut World) -> String {
    world.press("P a");
    let sent = world.sent.iter().rev().find_map(|cmd| match cmd {
        LinkCmd::Apply { source, .. } => Some(source.clone()),
        _ => None,
    });
    sent.unwrap()
}

/// A row says it.
fn says(world: &World, row: &str, words: &str) {
    let text = world.text();
    let found = text
        .lines()
        .any(|line| line.contains(row) && line.contains(words));
    assert!(found, "{text}");
}

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
        says(&world, "strategy", "vote");
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
        let text = published(&mut world);
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
    says(&world, "strategy", "parallel");
    world.press("u u");
    world.wait(500);
    says(&world, "strategy", "sequential");
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
