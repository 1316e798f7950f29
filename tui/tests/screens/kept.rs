//! The screen survives a lost line and the end of the client: place, selection, filter, draft.

use super::world::{World, everything};

fn cells(world: &World) -> Vec<String> {
    let rows: Vec<String> = world.text().lines().map(str::to_owned).collect();
    // The first line tells the state of the line, the last what was just said.
    rows[1..rows.len() - 1].to_vec()
}

#[test]
fn a_line_that_drops_and_comes_back_changes_nothing() {
    for keys in ["g r / c r m enter j", "g a J", "g d tab j j", "g a J x"] {
        let mut world = World::live(120, 40);
        for key in keys.split(' ') {
            world.press(key);
            world.wait(700);
        }
        if keys.ends_with('x') {
            world.type_text("not on a friday");
        }
        world.wait(1_000);
        let (before, place) = (cells(&world), world.shell.place());
        world.disconnect();
        world.wait(3_000);
        world.connect(everything());
        world.wait(100);
        assert_eq!(world.shell.place(), place, "{keys}");
        let after = cells(&world);
        let changed = before.iter().zip(&after).filter(|(a, b)| a != b).count();
        // Ages may have moved on; nothing else.
        assert!(changed <= 12, "{keys}: {changed} rows\n{}", world.text());
        if keys.ends_with('x') {
            assert!(world.text().contains("not on a friday"));
        }
    }
}

#[test]
fn what_was_kept_comes_back_in_a_new_client() {
    let mut first = World::live(120, 40);
    first.press("g r / c r m enter s");
    first.press("g a J");
    first.wait(700);
    first.press("x");
    first.type_text("not on a friday");
    let kept = first.shell.keep();

    let mut second = World::new(120, 40);
    let time = second.time();
    second.shell.take_up(kept.clone(), false, time);
    assert_eq!(
        second.shell.place().page,
        "approvals",
        "the page is there at once"
    );
    assert_eq!(
        second.shell.keep(),
        kept,
        "nothing is lost before the daemon has spoken"
    );
    second.connect(everything());
    assert!(
        second.text().contains("your unsent text is kept"),
        "{}",
        second.text()
    );
    // It opens nothing and takes no key: what is typed now goes to the page.
    second.wait(2_000);
    second.press("x");
    assert!(second.text().contains("not on a friday"), "{}", second.text());
    assert!(second.decided().is_empty() && second.held() == 0);
    second.press("esc g r");
    assert!(second.text().contains("/crm"), "{}", second.text());
}

#[test]
fn a_place_named_at_the_start_wins_and_rubbish_is_harmless() {
    let mut first = World::live(120, 40);
    first.press("g r");
    let mut kept = first.shell.keep();
    let mut second = World::new(120, 40);
    let time = second.time();
    second.shell.take_up(kept.clone(), true, time);
    second.connect(everything());
    assert_eq!(second.shell.place().page, "dashboard");
    for rubbish in [
        serde_json::json!(7),
        serde_json::json!({ "filter": 7, "sort": -1, "selected": [] , "draft": { "id": 1 } }),
        serde_json::json!({ "sort": 99, "draft": { "id": "x", "revision": 1, "edit": true, "text": "x" } }),
    ] {
        for page in ["runs", "approvals", "dashboard", "none"] {
            kept.pages.insert(page.to_owned(), rubbish.clone());
        }
        let mut world = World::new(120, 40);
        let time = world.time();
        kept.place = "runs//x".to_owned();
        world.shell.take_up(kept.clone(), false, time);
        world.connect(everything());
        world.press("g r g a g d");
    }
}
