//! Keys of the monitor that change the course of a run, and those that say why they do not.

use dirigent_tui::model::{LinkCmd, Steer};

use super::world::World;

#[test]
fn a_run_is_held_with_one_key_and_never_begun_again_by_one() {
    let mut world = World::live(120, 40);
    world.press("g r enter");
    world.press("Z");
    let held = world.sent.iter().any(|sent| {
        matches!(
            sent,
            LinkCmd::Steer {
                how: Steer::Pause,
                ..
            }
        )
    });
    assert!(held, "{:?}", world.sent);
    let before = world.sent.len();
    world.press("R");
    assert!(
        world.text().contains("the run's events have not come yet"),
        "{}",
        world.text()
    );
    assert_eq!(world.sent.len(), before);
}
