//! Workflows: versions, the difference of any two, who uses one.

use dirigent_tui::nav::Place;

use super::world::World;

fn check(name: &str, world: &World) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, world.text()));
}

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
