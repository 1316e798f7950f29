//! The list of runs: what it shows in each state and size, and what its keys do.

use crossterm::event::{KeyCode, KeyEvent};
use dirigent_protocol::run::Status;

use super::Runs;
use super::samples::{approval, ctx, disconnect, draw, model, run, run_id, some_runs};
use crate::keymap::Action;
use crate::model::{Cmd, LinkCmd, Model};
use crate::nav::Place;
use crate::pages::{Input, Page};
use crate::theme::Theme;

fn page(model: &Model) -> Runs {
    let mut page = Runs::default();
    page.enter(&ctx(model, &Theme::default(), 0));
    page
}

fn live() -> Model {
    let mut model = model(some_runs());
    let question = approval(0);
    model.approvals.insert(question.id, question);
    model
}

#[test]
fn the_list_in_every_state_and_size() {
    let theme = Theme::default();
    let mut gone = live();
    disconnect(&mut gone, 0);
    let mut never = Model::default();
    disconnect(&mut never, 0);
    let states = [
        ("live", live()),
        ("empty", model(Vec::new())),
        (
            "error",
            model(vec![run(1, "checkout-recovery", Status::Faulted, 7, 12)]),
        ),
        ("disconnected", gone),
        ("never-connected", never),
    ];
    for (name, model) in states {
        let page = page(&model);
        for (width, height) in [(80, 22), (120, 38)] {
            insta::assert_snapshot!(
                format!("list-{name}-{width}"),
                draw(&page, &ctx(&model, &theme, 500), width, height)
            );
        }
    }
}

#[test]
fn the_filter_narrows_and_esc_clears() {
    let (model, theme) = (live(), Theme::default());
    let ctx = ctx(&model, &theme, 0);
    let mut page = page(&model);
    page.update(Input::Action(Action::Filter), &ctx);
    assert!(page.wants_text());
    for c in "triage compl".chars() {
        page.update(Input::Key(&KeyEvent::from(KeyCode::Char(c))), &ctx);
    }
    page.update(Input::Key(&KeyEvent::from(KeyCode::Enter)), &ctx);
    assert!(!page.wants_text());
    let text = draw(&page, &ctx, 120, 12);
    assert!(
        text.contains("completed") && !text.contains("running ") && text.contains("(8 in all)"),
        "{text}"
    );
    page.update(Input::Action(Action::Back), &ctx);
    assert!(draw(&page, &ctx, 120, 12).contains("1 of 8") || draw(&page, &ctx, 120, 12).contains(" of 8 "));
}

#[test]
fn sorting_by_state_puts_questions_first_and_new_runs_do_not_move_the_cursor() {
    let (mut model, theme) = (live(), Theme::default());
    let mut page = page(&model);
    page.update(Input::Action(Action::Down), &ctx(&model, &theme, 0));
    let before = page.update(Input::Action(Action::Copy), &ctx(&model, &theme, 0));
    model
        .runs
        .insert(run_id(99), run(99, "new", Status::Running, 0, -1));
    page.update(Input::Data, &ctx(&model, &theme, 0));
    assert_eq!(
        page.update(Input::Action(Action::Copy), &ctx(&model, &theme, 0)),
        before
    );
    page.update(Input::Action(Action::Sort), &ctx(&model, &theme, 0));
    let text = draw(&page, &ctx(&model, &theme, 0), 120, 14);
    let first = text.lines().nth(2).unwrap();
    assert!(first.contains("⚑ waiting"), "{text}");
}

#[test]
fn a_move_changes_only_marker_and_id() {
    let (model, theme) = (live(), Theme::default());
    let ctx = ctx(&model, &theme, 0);
    let mut page = page(&model);
    let area = ratatui::layout::Rect::new(0, 0, 120, 20);
    let mut before = ratatui::buffer::Buffer::empty(area);
    page.view(&ctx, area, &mut before);
    page.update(Input::Action(Action::Down), &ctx);
    let mut after = ratatui::buffer::Buffer::empty(area);
    page.view(&ctx, area, &mut after);
    let changed = before.diff(&after).len();
    assert!(changed <= 2 * 9 + 4, "{changed} cells");
}

#[test]
fn enter_follows_a_run_and_leaving_stops_that() {
    let (model, theme) = (live(), Theme::default());
    let ctx = ctx(&model, &theme, 0);
    let mut page = page(&model);
    let went = page.update(Input::Action(Action::Open), &ctx);
    assert_eq!(went, [Cmd::Go(Place::run(run_id(0)))]);
    let id = run_id(0).to_string();
    assert_eq!(
        page.open(std::slice::from_ref(&id), &ctx),
        [Cmd::Link(LinkCmd::Follow(run_id(0)))]
    );
    assert_eq!(page.open(&[id], &ctx), [], "it is open already");
    assert_eq!(page.leave(), [Cmd::Link(LinkCmd::Unfollow(run_id(0)))]);
    assert_eq!(page.enter(&ctx), [Cmd::Link(LinkCmd::Follow(run_id(0)))]);
    assert_eq!(
        page.update(Input::Action(Action::Back), &ctx),
        [Cmd::Go(Place::page("runs"))]
    );
    assert_eq!(page.open(&[], &ctx), [Cmd::Link(LinkCmd::Unfollow(run_id(0)))]);
    assert!(matches!(
        page.open(&["nonsense".to_owned()], &ctx).as_slice(),
        [Cmd::Note(_)]
    ));
}

#[test]
fn a_link_given_at_the_start_is_opened_when_the_daemon_has_spoken() {
    let theme = Theme::default();
    let (silent, model) = (Model::default(), live());
    let mut page = Runs::default();
    let short = run_id(1).short();
    assert_eq!(
        page.open(std::slice::from_ref(&short), &ctx(&silent, &theme, 0)),
        []
    );
    assert_eq!(
        page.update(Input::Data, &ctx(&model, &theme, 0)),
        [Cmd::Link(LinkCmd::Follow(run_id(1)))]
    );
    let mut page = Runs::default();
    page.open(&[run_id(2).to_string()], &ctx(&silent, &theme, 0));
    // Who works with whom is asked beside it.
    let follow = Cmd::Link(LinkCmd::Follow(run_id(2)));
    let asked = page.update(Input::Data, &ctx(&model, &theme, 0));
    assert!(
        asked.contains(&follow),
        "asked again: nobody was there the first time: {asked:?}"
    );
    let asked = page.update(Input::Data, &ctx(&model, &theme, 0));
    assert!(!asked.contains(&follow), "once: {asked:?}");
}

#[test]
fn ten_thousand_runs_are_arranged_and_drawn_quickly() {
    let runs = (0..10_000)
        .map(|n| run(n, "nightly-triage", Status::Completed, 8, 1))
        .collect();
    let (model, theme) = (model(runs), Theme::default());
    let ctx = ctx(&model, &theme, 0);
    let page = page(&model);
    draw(&page, &ctx, 120, 40);
    let took = (0..5).map(|_| {
        let begin = std::time::Instant::now();
        draw(&page, &ctx, 120, 40);
        begin.elapsed()
    });
    let took = took.min().unwrap();
    eprintln!("10,000 runs, one frame: {took:?}");
    assert!(took.as_millis() < 200, "{took:?}");
}

#[test]
fn any_size_draws_without_panic() {
    let (model, theme) = (live(), Theme::default());
    let page = page(&model);
    for width in 0..70 {
        for height in 0..8 {
            draw(&page, &ctx(&model, &theme, 0), width, height);
        }
    }
}
