//! Every page in every state at two sizes, as text. A page that is added is covered without a change here.

use dirigent_tui::model::News;
use dirigent_tui::nav::Place;
use dirigent_tui::options::Options;
use dirigent_tui::pages::PAGES;
use dirigent_tui::theme::Theme;

use super::world::{World, check, everything, health, text};

const SIZES: [(u16, u16); 2] = [(80, 24), (120, 40)];

fn at(page: &str, (columns, rows): (u16, u16)) -> World {
    let options = Options {
        place: Some(Place::page(page)),
        ..Options::default()
    };
    World::with(&options, columns, rows)
}

#[test]
fn every_page_in_every_state() {
    for meta in PAGES {
        for size in SIZES {
            let name = |state: &str| format!("{}-{state}-{}x{}", meta.id, size.0, size.1);
            let mut world = at(meta.id, size);
            check(&name("start"), &world);
            world.connect(Vec::new());
            check(&name("empty"), &world);
            let mut world = at(meta.id, size);
            world.connect(everything());
            world.wait(1_000);
            check(&name("live"), &world);
            world.news(News::Health(Box::new(health(
                "the journal did not take a write: No space left on device",
            ))));
            check(&name("error"), &world);
            world.disconnect();
            check(&name("disconnected"), &world);
            let mut world = at(meta.id, size);
            world.disconnect();
            check(&name("never-connected"), &world);
        }
    }
}

#[test]
fn the_overlays() {
    for size in SIZES {
        let name = |what: &str| format!("{what}-{}x{}", size.0, size.1);
        let mut world = World::live(size.0, size.1);
        world.press("?");
        check(&name("help"), &world);
        world.press("esc :");
        world.type_text("rel");
        check(&name("palette"), &world);
        world.press("esc g");
        world.wait(500);
        check(&name("prefix"), &world);
    }
}

#[test]
fn approvals_step_by_step() {
    for size in [(80, 24), (120, 40), (40, 12), (170, 45)] {
        let name = |what: &str| format!("approval-{what}-{}x{}", size.0, size.1);
        let mut world = World::live(size.0, size.1);
        world.press("!");
        world.wait(1_000);
        check(&name("high"), &world);
        world.press("G a");
        world.type_text("pr");
        check(&name("confirm"), &world);
        world.press("esc e");
        check(&name("edit"), &world);
        world.press("esc J");
        world.wait(1_000);
        world.press("x");
        world.type_text("they were sent yesterday");
        check(&name("deny"), &world);
        world.press("enter");
        world.wait(1_500);
        check(&name("held"), &world);
    }
}

#[test]
fn the_sheet_and_the_dialogs_in_every_state() {
    for size in SIZES {
        let name = |what: &str| format!("approval-{what}-{}x{}", size.0, size.1);
        let mut world = World::live(size.0, size.1);
        world.press("g a b");
        check(&name("sheet-empty"), &world);
        world.wait(1_000);
        world.press("space space space");
        check(&name("marked"), &world);
        world.press("b");
        check(&name("sheet-live"), &world);
        world.wait(1_000);
        world.press("x");
        world.type_text("not on a Friday");
        check(&name("sheet-deny"), &world);
        world.disconnect();
        world.press("enter");
        check(&name("sheet-disconnected"), &world);
        world.connect(everything());
        world.press("esc");
        world.wait(1_000);
        world.press("G a");
        world.wait(6_000);
        world.news(News::Decided {
            approval: super::world::id(0xa2),
            result: Err(Box::new(dirigent_protocol::fault::Fault::new(
                dirigent_protocol::fault::Code::AlreadyDecided,
                "sam decided at 18:40",
            ))),
        });
        world.press("G");
        check(&name("sheet-error"), &world);
        let mut world = World::live(size.0, size.1);
        world.press("!");
        world.wait(1_000);
        world.press("D");
        check(&name("diff"), &world);
        world.press("esc H");
        check(&name("history"), &world);
        world.press("esc r");
        world.type_text("What is in v8?");
        check(&name("ask"), &world);
        world.press("esc J");
        world.wait(1_000);
        check(&name("medium"), &world);
        world.press("A");
        check(&name("rule"), &world);
        world.press("esc X");
        world.type_text("stop it");
        check(&name("stop"), &world);
        world.disconnect();
        check(&name("stop-disconnected"), &world);
    }
}

#[test]
fn the_default_looks_never_depend_on_colour_or_on_unicode() {
    for meta in PAGES {
        let theme = Theme {
            ascii: true,
            ..Theme::default()
        };
        let options = Options {
            theme,
            place: Some(Place::page(meta.id)),
            ..Options::default()
        };
        let mut world = World::with(&options, 120, 40);
        world.connect(everything());
        world.wait(1_000);
        assert!(text(&world.draw()).is_ascii());
        check(&format!("{}-ascii-120x40", meta.id), &world);
    }
}
