//! The frame around the pages: history, spaces, palette, quitting.

use dirigent_tui::model::{LinkCmd, Msg};

use super::world::World;

#[test]
fn every_open_page_is_two_keys_away_and_history_leads_back() {
    for meta in dirigent_tui::pages::PAGES {
        let mut world = World::live(120, 40);
        world.press(&format!("g {}", meta.letter));
        assert_eq!(world.shell.place().page, meta.id);
        if meta.id != "dashboard" {
            world.press("ctrl-o");
            assert_eq!(world.shell.place().page, "dashboard");
            world.press("ctrl-n");
            assert_eq!(world.shell.place().page, meta.id);
        }
    }
}

#[test]
fn a_closed_page_says_why() {
    let mut world = World::live(120, 40);
    world.press("g u");
    assert_eq!(world.shell.place().page, "dashboard");
    assert!(
        world.text().contains("Automations is closed: not built yet"),
        "{}",
        world.text()
    );
    world.press("3");
    assert!(
        world.text().contains("Connect: no page of it is open yet"),
        "{}",
        world.text()
    );
}

#[test]
fn the_palette_goes_to_objects_and_refuses_with_the_reason() {
    let mut world = World::live(120, 40);
    world.press(":");
    world.type_text("write rep");
    world.press("enter");
    assert_eq!(world.shell.place().page, "approvals");
    world.press(":");
    world.type_text("Knowledge");
    world.press("enter");
    assert!(world.text().contains("closed: not built yet"), "{}", world.text());
    world.press("esc");
    assert_eq!(world.shell.place().page, "approvals");
}

#[test]
fn prefix_help_comes_late_and_goes_with_the_next_key() {
    let mut world = World::live(120, 40);
    world.press("g");
    assert!(!world.text().contains("g …"));
    world.wait(450);
    assert!(world.text().contains("g …"), "{}", world.text());
    world.press("d");
    assert!(!world.text().contains("g …"));
}

#[test]
fn ctrl_c_twice_quits_and_once_only_says_so() {
    let mut world = World::live(120, 40);
    world.press("ctrl-c");
    assert!(!world.quit);
    assert!(world.text().contains("Ctrl-C again quits"), "{}", world.text());
    world.wait(5_000);
    world.press("ctrl-c");
    assert!(!world.quit, "too late to be twice");
    world.press("ctrl-c");
    assert!(world.quit);
    assert!(world.sent.contains(&LinkCmd::Close));
}

#[test]
fn quitting_with_a_held_decision_asks_once_and_sends_nothing() {
    let mut world = World::live(120, 40);
    world.press("g a J");
    world.wait(1_000);
    world.press("a q");
    assert!(!world.quit);
    assert!(world.text().contains("q again quits"), "{}", world.text());
    world.press("q");
    assert!(world.quit);
    assert!(world.decided().is_empty());
}

#[test]
fn nothing_living_means_no_timer() {
    let mut world = World::new(120, 40);
    assert_eq!(world.shell.next_change(world.time()), None);
    world.connect(super::world::definitions());
    for key in ["g d", "g a", "?", "esc", ":", "esc"] {
        world.press(key);
        assert_eq!(world.shell.next_change(world.time()), None, "{key}");
    }
}

#[test]
fn a_move_in_a_list_costs_at_most_120_bytes_and_50_keys_in_one_frame_60() {
    for keys in ["g d tab", "g r", "g a"] {
        let mut world = World::live(120, 40);
        let mut painter = dirigent_tui::screen::Painter::new(120, 40, dirigent_tui::theme::Depth::Ansi16);
        world.press(keys);
        world.wait(1_000);
        painter.paint(world.draw());
        for key in ["j", "j", "k", "j", "k"] {
            world.msg(Msg::Key(super::world::event(key)));
            let bytes = painter.paint(world.draw());
            assert!(bytes.len() <= 120, "{keys} {key}: {} bytes", bytes.len());
            println!("{keys:8} {key}: {} bytes", bytes.len());
            world.wait(200);
            painter.paint(world.draw());
        }
        for _ in 0..25 {
            world.burst("j k");
        }
        let bytes = painter.paint(world.draw());
        assert!(bytes.len() <= 60, "{keys} burst: {} bytes", bytes.len());
    }
}

#[test]
fn the_first_frame_is_small_and_every_cell_costs_little() {
    for (size, limit) in [((120, 40), 10_000), ((200, 60), 18_000)] {
        let world = World::live(size.0, size.1);
        let mut painter =
            dirigent_tui::screen::Painter::new(size.0, size.1, dirigent_tui::theme::Depth::Ansi16);
        let frame = world.draw();
        let drawn = frame.content.iter().filter(|cell| cell.symbol() != " ").count();
        let bytes = painter.paint(frame).len();
        println!(
            "{size:?}: {bytes} bytes, {drawn} cells, {:.2} bytes per cell",
            bytes as f64 / drawn as f64
        );
        assert!(bytes <= limit, "{size:?}: {bytes} bytes");
        assert!(bytes <= drawn * 3, "{size:?}: {bytes} bytes for {drawn} cells");
    }
}

#[test]
fn objects_open_in_other_programs_and_only_to_look_at() {
    use dirigent_tui::outside::Way;
    let mut world = World::live(120, 40);
    for (keys, kind) in [
        ("g r E", "WorkflowExecution"),
        ("g a J E", "WorkflowApproval"),
        ("g a J o", "WorkflowApproval"),
    ] {
        world.press(keys);
        let sheet = world.outside.pop().unwrap();
        assert_eq!(sheet.kind, "yaml", "{keys}");
        assert!(
            sheet.text.contains(&format!("kind: {kind}")),
            "{keys}: {}",
            sheet.text
        );
        assert_ne!(sheet.way, Way::Edit);
    }
    world.press("g r enter o");
    let sheet = world.outside.pop().unwrap();
    assert_eq!((sheet.kind, sheet.way), ("log", Way::Page));
    world.press("g d tab E");
}

#[test]
fn a_text_field_opens_in_the_editor_and_takes_the_text_back() {
    use dirigent_tui::outside::Way;
    let mut world = World::live(120, 40);
    world.press("g a J");
    world.wait(700);
    world.press("x");
    world.type_text("nEver ");
    world.press("ctrl-g");
    let sheet = world.outside.pop().unwrap();
    assert_eq!((sheet.text.as_str(), sheet.way), ("nEver ", Way::Edit));
    let time = world.time();
    world.shell.returned("never on a friday\n", time);
    assert!(world.text().contains("never on a friday"), "{}", world.text());
    assert!(world.decided().is_empty() && world.held() == 0);
    // What confirms is typed, and comes from nowhere else.
    world.press("esc K");
    world.wait(700);
    world.press("a ctrl-g");
    assert!(world.outside.is_empty(), "{}", world.text());
}

#[test]
fn a_copy_is_never_claimed() {
    let mut world = World::live(120, 40);
    world.press("g r y");
    let text = world.text();
    assert!(
        text.contains("to the terminal; it does not say whether it took them"),
        "{text}"
    );
    assert!(!text.contains("copied"), "{text}");
}

#[test]
fn without_a_daemon_the_last_known_state_is_there_and_marked() {
    let mut world = World::live(120, 40);
    world.press("g r");
    let rows = |world: &World| {
        world
            .text()
            .lines()
            .filter(|line| line.contains("nightly-triage"))
            .count()
    };
    let before = rows(&world);
    world.disconnect();
    assert!(before > 0 && rows(&world) == before, "{}", world.text());
    let first = world.text().lines().next().unwrap().to_owned();
    assert!(
        first.contains("disconnected") || first.contains("stale"),
        "{first}"
    );
    world.press("j j g a g d");
}
