//! Rules of routing on the screen: the card, the simulation, the form, and activation with its figures in the question.

use dirigent_tui::model::LinkCmd;

use super::world::{World, check};

fn applied(world: &World) -> Option<String> {
    world.sent.iter().rev().find_map(|cmd| match cmd {
        LinkCmd::Apply { source, .. } => Some(source.clone()),
        _ => None,
    })
}

#[test]
fn a_rule_is_read_simulated_and_followed_only_after_a_question_with_its_figures() {
    for (columns, rows) in [(80, 24), (120, 40)] {
        let name = |what: &str| format!("routing-{what}-{columns}x{rows}");
        let mut world = World::live(columns, rows);
        world.press("g f enter");
        world.wait(3_000);
        check(&name("card"), &world);
        assert!(world.text().contains("not followed"), "{}", world.text());
        world.press("T");
        world.wait(3_000);
        assert!(
            world.text().contains("would have gone elsewhere: 2 of 12"),
            "{}",
            world.text()
        );
        check(&name("simulated"), &world);
        world.press("D");
        assert!(world.text().contains("when"), "{}", world.text());
        check(&name("difference"), &world);
        // The last row says whether it is followed; nothing but a yes to the question applies it.
        world.press("e");
        world.wait(3_000);
        world.press("G enter");
        check(&name("asks"), &world);
        world.type_text("true");
        world.press("enter");
        world.wait(3_000);
        check(&name("form"), &world);
        world.press("P");
        world.wait(3_000);
        let shown = world.text();
        assert!(shown.contains("It is followed from now on"), "{shown}");
        assert!(shown.contains("would have gone elsewhere: 2 of 12"), "{shown}");
        check(&name("publish"), &world);
        world.press("P");
        assert_eq!(applied(&world), None, "only a yes is a yes");
        world.press("P a");
        assert!(applied(&world).unwrap().contains("active: true"));
    }
}
