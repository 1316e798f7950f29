//! What agents suggest: read as a diff with its evidence, taken as a draft, declined with a reason.

use dirigent_protocol::entity::{AgentSuggestion, SuggestionStatus};
use dirigent_tui::model::cmd::Suggest;
use dirigent_tui::model::{LinkCmd, News};
use dirigent_tui::nav::Place;
use dirigent_tui::options::Options;

use super::world::{World, everything, id};

fn check(name: &str, world: &World) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, world.text()));
}

fn decided(world: &World) -> Option<Suggest> {
    world.sent.iter().rev().find_map(|cmd| match cmd {
        LinkCmd::Suggest { how, .. } => Some(how.clone()),
        _ => None,
    })
}

#[test]
fn a_report_and_its_suggestions_are_read_and_declined_with_a_reason() {
    for (columns, rows) in [(80, 24), (120, 40)] {
        let name = |what: &str| format!("suggestions-{what}-{columns}x{rows}");
        let mut world = World::live(columns, rows);
        world.press("g b j enter");
        assert!(world.text().contains("1 open suggestion:"), "{}", world.text());
        check(&name("card"), &world);
        world.press("g s enter");
        assert!(world.text().contains("+ max_tokens: 800"), "{}", world.text());
        check(&name("detail"), &world);
        world.press("G");
        check(&name("report"), &world);
        world.press("x enter");
        assert_eq!(decided(&world), None, "a decline has a reason");
        world.type_text("cost matters more");
        check(&name("decline"), &world);
        world.press("enter");
        let reason = "cost matters more".to_owned();
        assert_eq!(decided(&world), Some(Suggest::Decline { reason }));
        world.press("J enter");
        assert_eq!(world.shell.place(), Place::run(id(0xd2)));
    }
}

#[test]
fn what_is_taken_opens_in_the_editor_of_its_agent() {
    let mut world = World::live(120, 40);
    world.press("g s enter e");
    assert_eq!(decided(&world), Some(Suggest::Accept { replace: false }));
    assert_eq!(
        world.shell.place().page,
        "suggestions",
        "only the daemon says that it is taken"
    );
    let all = everything();
    for document in &mut world.beyond {
        if let Ok(mut body) = document.body::<AgentSuggestion>()
            && body.status == SuggestionStatus::Open
            && document.kind == dirigent_protocol::entity::Kind::AgentSuggestion
        {
            body.status = SuggestionStatus::Accepted;
            body.draft = Some(body.base.clone());
            document.spec = serde_json::to_value(&body).unwrap();
        }
    }
    world.connect(all);
    world.news(News::Changed(Vec::new()));
    world.wait(3_000);
    let place = world.shell.place();
    assert_eq!(place.to_string(), "agents/triage/draft", "{}", world.text());
}

#[test]
fn what_is_decided_is_not_decided_again() {
    let mut world = World::live(80, 24);
    world.press("g s j enter e");
    assert_eq!(decided(&world), None);
    assert!(world.text().contains("declined already"), "{}", world.text());
    world.press("a");
    assert_eq!(decided(&world), None, "{}", world.text());
}

#[test]
fn what_is_carried_over_asks_before_it_takes_the_place_of_the_newest_versions_draft() {
    let mut world = World::with(&Options::default(), 120, 40);
    let mut there = world
        .beyond
        .iter()
        .find(|one| one.metadata.id == id(0x502))
        .cloned()
        .unwrap();
    let mut body: AgentSuggestion = there.body().unwrap();
    there.metadata.id = id(0x501);
    body.status = SuggestionStatus::Accepted;
    body.draft = Some(body.base.clone());
    // Made of an older version, and a draft of the newest one.
    body.draft_of = "newest".to_owned();
    there.spec = serde_json::to_value(&body).unwrap();
    world.beyond.push(there);
    world.connect(everything());
    world.press("g s enter");
    world.wait(1_000);
    world.press("e");
    assert!(world.text().contains("in its place?"), "{}", world.text());
    assert_eq!(decided(&world), None);
    world.press("a");
    assert_eq!(decided(&world), Some(Suggest::Accept { replace: true }));
}

#[test]
fn a_look_back_is_begun_on_the_card_after_a_question_with_its_cost() {
    let asked = |world: &World| {
        let mut sent = world.sent.iter();
        sent.any(|cmd| matches!(cmd, LinkCmd::Review { agent } if agent == "triage"))
    };
    let (columns, rows) = (80, 24);
    let mut world = World::live(columns, rows);
    world.press("g b j enter");
    world.wait(1_000);
    world.press("H");
    assert!(
        world.text().contains("look back, ~$0.0039? a yes  Esc no"),
        "{}",
        world.text()
    );
    check(&format!("agents-look-back-{columns}x{rows}"), &world);
    world.press("H");
    assert!(!asked(&world), "the key that asks is no yes");
    world.press("H esc");
    assert!(!asked(&world) && world.text().contains("it does not look back"));
    world.press("H a");
    assert!(asked(&world), "{}", world.text());
}
