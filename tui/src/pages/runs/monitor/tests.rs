//! The monitor: the fold, the cursor that drives four panes, prompts, and what each state looks like.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::run_view::RunView;
use crate::keymap::Action;
use crate::model::{Cmd, LinkCmd, Model, Steer};
use crate::nav::Place;
use crate::pages::runs::Runs;
use crate::pages::runs::samples::{Far, ctx, disconnect, draw, followed, model, run_id, script};
use crate::pages::{Input, Page};
use crate::theme::Theme;
use crate::widgets::step_state::StepState;
use dirigent_protocol::command::RetryFrom;

pub(super) fn open(model: &Model) -> Runs {
    let mut page = Runs::default();
    let theme = Theme::default();
    page.open(&[run_id(0).to_string()], &ctx(model, &theme, 0));
    page.update(Input::Data, &ctx(model, &theme, 0));
    page
}

pub(super) fn act(page: &mut Runs, model: &Model, action: Action, ms: i64) -> Vec<Cmd> {
    let theme = Theme::default();
    assert_eq!(page.why_not(action, &ctx(model, &theme, ms)), None, "{action:?}");
    page.update(Input::Action(action), &ctx(model, &theme, ms))
}

#[test]
fn the_same_picture_whatever_the_batches() {
    let events = script(Far::Asking);
    let mut whole = RunView::default();
    whole.extend(&events);
    for size in 1..events.len() {
        let mut view = RunView::default();
        for batch in events.chunks(size) {
            view.extend(batch);
            view.extend(batch);
        }
        assert_eq!(view, whole, "batches of {size}");
    }
    assert_eq!(whole.seq, events.len() as u64);
}

#[test]
fn the_fold_knows_states_tries_and_usage() {
    let mut view = RunView::default();
    view.extend(&script(Far::Live));
    let state = |step: &str| view.steps[&step.parse().unwrap()].state;
    assert_eq!(state("/do/0/read"), StepState::Completed);
    assert_eq!(state("/do/1/look/fork/branches/0/errors"), StepState::Running);
    assert_eq!(state("/do/1/look/fork/branches/1/changes"), StepState::Retry);
    assert_eq!(
        view.steps[&"/do/1/look/fork/branches/1/changes".parse().unwrap()].attempt,
        2
    );
    let mut view = RunView::default();
    view.extend(&script(Far::Asking));
    assert_eq!(view.asking().unwrap().0.to_string(), "/do/3/review");
    assert_eq!(view.usage.calls, 3);
    assert_eq!(view.usage.output_tokens, 410 + 380 + 900);
    let mut view = RunView::default();
    view.extend(&script(Far::Faulted));
    assert!(view.steps.values().all(|step| step.state.is_over()));
    assert_eq!(view.ended, Some(35_020));
}

#[test]
fn the_monitor_in_every_state_and_size() {
    let theme = Theme::default();
    let mut gone = followed(Far::Live, true);
    disconnect(&mut gone, 6_000);
    let mut never = Model::default();
    disconnect(&mut never, 0);
    let states = [
        ("live", followed(Far::Live, true), 8_000),
        ("asking", followed(Far::Asking, true), 62_000),
        ("error", followed(Far::Faulted, true), 99_000),
        (
            "empty",
            model(vec![crate::pages::runs::samples::run(
                0,
                "x",
                dirigent_protocol::run::Status::Pending,
                0,
                0,
            )]),
            0,
        ),
        ("disconnected", gone, 500_000),
        ("never-connected", never, 0),
    ];
    for (name, model, ms) in states {
        let page = open(&model);
        for (width, height) in [(80, 22), (120, 38)] {
            insta::assert_snapshot!(
                format!("monitor-{name}-{width}"),
                draw(&page, &ctx(&model, &theme, ms), width, height)
            );
        }
    }
    let wide = followed(Far::Asking, true);
    insta::assert_snapshot!(
        "monitor-asking-180",
        draw(&open(&wide), &ctx(&wide, &theme, 62_000), 180, 50)
    );
}

#[test]
fn without_a_document_the_graph_grows_from_the_steps() {
    let model = followed(Far::Asking, false);
    let theme = Theme::default();
    insta::assert_snapshot!(draw(&open(&model), &ctx(&model, &theme, 62_000), 120, 38));
}

#[test]
fn one_cursor_drives_graph_timeline_stream_and_detail() {
    let model = followed(Far::Live, true);
    let theme = Theme::default();
    let mut page = open(&model);
    draw(&page, &ctx(&model, &theme, 8_000), 120, 38);
    act(&mut page, &model, Action::Top, 8_000);
    act(&mut page, &model, Action::Right, 8_000);
    act(&mut page, &model, Action::Right, 8_000);
    let wait = page.next_change(&ctx(&model, &theme, 8_000)).unwrap();
    assert!(wait.as_millis() <= 60, "the detail follows soon: {wait:?}");
    page.update(Input::Tick, &ctx(&model, &theme, 8_100));
    let text = draw(&page, &ctx(&model, &theme, 8_100), 120, 38);
    let marked: Vec<&str> = text.lines().filter(|line| line.contains('▸')).collect();
    assert!(
        text.contains("Stream: changes") && text.contains("Step changes"),
        "{text}"
    );
    assert!(
        marked.iter().filter(|line| line.contains("▸changes")).count() >= 2,
        "graph and timeline: {text}"
    );
}

#[test]
fn moving_the_cursor_takes_few_bytes() {
    let model = followed(Far::Live, true);
    let theme = Theme::default();
    let mut page = open(&model);
    let area = Rect::new(0, 0, 120, 38);
    let frame = |page: &Runs| {
        let mut buf = Buffer::empty(area);
        page.view(&ctx(&model, &theme, 8_000), area, &mut buf);
        buf
    };
    frame(&page);
    act(&mut page, &model, Action::Top, 8_000);
    let before = frame(&page);
    let mut painter = crate::screen::Painter::new(120, 38, crate::theme::Depth::Ansi16);
    painter.paint(before.clone());
    act(&mut page, &model, Action::Right, 8_000);
    let after = frame(&page);
    let changed = before.diff(&after).len();
    let bytes = painter.paint(after).len();
    eprintln!("one step in the graph: {changed} cells, {bytes} bytes");
    assert!(changed <= 4 * 8, "{changed} cells");
    // Graph and timeline both move their marker; the list's bar is 120 for one.
    assert!(bytes <= 2 * 120, "{bytes} bytes");
}

#[test]
fn tokens_flow_into_the_stream_and_pause_counts_them() {
    let mut model = followed(Far::Live, true);
    let theme = Theme::default();
    let mut page = open(&model);
    let step = "/do/1/look/fork/branches/0/errors";
    page.open(
        &[run_id(0).to_string(), "step".into(), step.replace('/', "~1")],
        &ctx(&model, &theme, 8_000),
    );
    let text = draw(&page, &ctx(&model, &theme, 8_000), 120, 38);
    assert!(text.contains("One is half-confi"), "{text}");
    act(&mut page, &model, Action::Pause, 8_000);
    let journal = model.journals.get_mut(&run_id(0)).unwrap();
    journal.append(
        &dirigent_protocol::watch::StreamChunk {
            seq: 9,
            step: step.parse().unwrap(),
            attempt: 1,
            source: dirigent_protocol::watch::StreamSource::Model,
            text: "gured.\nDone.\n".into(),
            withdraws: false,
        },
        std::time::Duration::ZERO,
    );
    page.update(Input::Data, &ctx(&model, &theme, 8_000));
    let text = draw(&page, &ctx(&model, &theme, 8_000), 120, 38);
    assert!(
        text.contains("One is half-configured.") && text.contains("paused, +2 behind"),
        "{text}"
    );
    act(&mut page, &model, Action::Pause, 8_000);
    assert!(draw(&page, &ctx(&model, &theme, 8_000), 120, 38).contains("Done."));
}

#[test]
fn a_journal_sent_again_keeps_cursor_and_stream() {
    let mut model = followed(Far::Live, true);
    let theme = Theme::default();
    let mut page = open(&model);
    let step = "/do/1/look/fork/branches/0/errors";
    page.open(
        &[run_id(0).to_string(), "step".into(), step.replace('/', "~1")],
        &ctx(&model, &theme, 8_000),
    );
    let before = draw(&page, &ctx(&model, &theme, 8_000), 120, 38);
    let whole = followed(Far::Live, true).journals.remove(&run_id(0)).unwrap();
    let journal = model.journals.get_mut(&run_id(0)).unwrap();
    journal.extend(true, whole.events[..3].to_vec());
    page.update(Input::Data, &ctx(&model, &theme, 8_000));
    draw(&page, &ctx(&model, &theme, 8_000), 120, 38);
    *model.journals.get_mut(&run_id(0)).unwrap() = whole;
    page.update(Input::Data, &ctx(&model, &theme, 8_000));
    assert_eq!(draw(&page, &ctx(&model, &theme, 8_000), 120, 38), before);
}

#[test]
fn the_stream_is_searched() {
    use crossterm::event::{KeyCode, KeyEvent};
    let model = followed(Far::Live, true);
    let theme = Theme::default();
    let mut page = open(&model);
    draw(&page, &ctx(&model, &theme, 8_000), 120, 38);
    assert!(!page.wants_text());
    act(&mut page, &model, Action::Filter, 8_000);
    assert!(page.wants_text());
    for code in "unavailable".chars().map(KeyCode::Char).chain([KeyCode::Enter]) {
        page.update(Input::Key(&KeyEvent::from(code)), &ctx(&model, &theme, 8_000));
    }
    assert!(!page.wants_text());
    let text = draw(&page, &ctx(&model, &theme, 8_000), 120, 38);
    assert!(
        text.contains("/unavailable") && text.contains("paused, +1 behind"),
        "{text}"
    );
    assert!(matches!(
        act(&mut page, &model, Action::FindNext, 8_000).as_slice(),
        [Cmd::Note(_)]
    ));
}

#[test]
fn a_cancel_asks_and_another_key_confirms() {
    let model = followed(Far::Live, true);
    let theme = Theme::default();
    let cancel = Cmd::Link(LinkCmd::Steer {
        run: run_id(0),
        how: Steer::Cancel,
    });
    let mut page = open(&model);
    assert_eq!(act(&mut page, &model, Action::Stop, 0), []);
    assert!(draw(&page, &ctx(&model, &theme, 0), 120, 38).contains("Cancel run"));
    assert!(
        !act(&mut page, &model, Action::Stop, 0).contains(&cancel),
        "the key that asks does not confirm"
    );
    act(&mut page, &model, Action::Stop, 0);
    assert_eq!(act(&mut page, &model, Action::Approve, 0), [cancel]);
    let over = followed(Far::Faulted, true);
    assert!(
        open(&over)
            .why_not(Action::Stop, &ctx(&over, &theme, 0))
            .is_some()
    );
}

#[test]
fn a_question_is_told_and_opened_never_decided_here() {
    let model = followed(Far::Asking, true);
    let mut page = open(&model);
    let theme = Theme::default();
    draw(&page, &ctx(&model, &theme, 62_000), 120, 38);
    let place = Place::approval(dirigent_protocol::id::EntityId::nil());
    assert_eq!(
        act(&mut page, &model, Action::Approve, 62_000),
        [Cmd::Go(place.clone())]
    );
    assert_eq!(act(&mut page, &model, Action::Open, 62_000), [Cmd::Go(place)]);
}

#[test]
fn the_audit_tab_tells_what_was_asked_and_not_what_was_computed() {
    let model = followed(Far::Asking, true);
    let mut page = open(&model);
    let theme = Theme::default();
    draw(&page, &ctx(&model, &theme, 62_000), 120, 38);
    // Backwards from the input, which a question opens with.
    act(&mut page, &model, Action::PrevTab, 62_000);
    let text = draw(&page, &ctx(&model, &theme, 62_000), 120, 38);
    assert!(
        text.contains("[audit") && text.contains("approval.requested"),
        "{text}"
    );
    assert!(!text.contains("task.started"), "{text}");
}

#[test]
fn time_ticks_once_a_second_while_it_lives_and_never_after() {
    let theme = Theme::default();
    let live = followed(Far::Live, true);
    let page = open(&live);
    draw(&page, &ctx(&live, &theme, 8_300), 120, 38);
    let wait = page.next_change(&ctx(&live, &theme, 8_300)).unwrap();
    assert_eq!(wait.as_millis(), 700);
    let over = followed(Far::Faulted, true);
    let page = open(&over);
    draw(&page, &ctx(&over, &theme, 99_000), 120, 38);
    assert_eq!(page.next_change(&ctx(&over, &theme, 99_000)), None);
    let mut gone = followed(Far::Live, true);
    disconnect(&mut gone, 0);
    assert_eq!(open(&gone).next_change(&ctx(&gone, &theme, 8_300)), None);
}

#[test]
fn links_lead_back_to_the_step() {
    let model = followed(Far::Live, true);
    let theme = Theme::default();
    let mut page = open(&model);
    draw(&page, &ctx(&model, &theme, 8_000), 120, 38);
    act(&mut page, &model, Action::Top, 8_000);
    let place = page.place();
    let again: Place = place.to_string().parse().unwrap();
    let mut other = open(&model);
    other.open(&again.path, &ctx(&model, &theme, 8_000));
    draw(&other, &ctx(&model, &theme, 8_000), 120, 38);
    assert_eq!(other.place(), place);
}

#[test]
fn every_key_in_every_state_at_any_size_is_safe() {
    let theme = Theme::default();
    for far in [Far::Live, Far::Asking, Far::Faulted] {
        let model = followed(far, true);
        let mut page = open(&model);
        let mut random = 7u64;
        for step in 0..600i64 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let action = Action::ALL[usize::try_from(random >> 33).unwrap() % Action::ALL.len()];
            let now = ctx(&model, &theme, 60_000 + step);
            if page.why_not(action, &now).is_none() {
                page.update(Input::Action(action), &now);
            }
            page.update(Input::Tick, &now);
            let (width, height) = ((random >> 20) % 140, (random >> 10) % 45);
            draw(
                &page,
                &now,
                u16::try_from(width).unwrap(),
                u16::try_from(height).unwrap(),
            );
            page.crumbs(&now);
        }
    }
}

#[test]
fn a_large_run_folds_and_draws_in_time() {
    let mut script = crate::pages::runs::samples::Script::default();
    script.begin();
    for n in 0..3_000 {
        let (step, ms) = (format!("/do/0/each/for/do/0/work#{n}"), i64::from(n) * 10);
        script.task(ms, &step, "work", "call:agent");
        let effect = script.agent(ms + 1, &step, 1);
        script.settle(ms + 8, effect, serde_json::json!({"n": n}), 10);
        script.done(ms + 9, &step, serde_json::json!(n));
    }
    let mut model = followed(Far::Live, false);
    let journal = model.journals.get_mut(&run_id(0)).unwrap();
    journal.extend(true, script.events);
    let theme = Theme::default();
    let page = open(&model);
    draw(&page, &ctx(&model, &theme, 31_000), 120, 40);
    // The best of a few: other work on the machine is not what is measured.
    let best = |then: &dyn Fn(i64)| {
        let took = (0..5i64).map(|round| {
            let begin = std::time::Instant::now();
            then(round);
            begin.elapsed()
        });
        took.min().unwrap()
    };
    let folded = best(&|_| drop(open(&model)));
    let frame = best(&|_| drop(draw(&page, &ctx(&model, &theme, 31_000), 120, 40)));
    let ticked = best(&|round| drop(draw(&page, &ctx(&model, &theme, 32_000 + 1_000 * round), 120, 40)));
    eprintln!("12,001 events: fold {folded:?}, frame {frame:?}, frame after a tick {ticked:?}");
    assert!(folded.as_millis() < 1_500 && frame.as_millis() < 500 && ticked.as_millis() < 1_000);
}

#[test]
fn again_asks_from_where_and_another_key_starts_it() {
    use crossterm::event::{KeyCode, KeyEvent};
    let theme = Theme::default();
    let over = followed(Far::Faulted, true);
    let retry = |from| {
        Cmd::Link(LinkCmd::Steer {
            run: run_id(0),
            how: Steer::Retry(from),
        })
    };
    let mut page = open(&over);
    draw(&page, &ctx(&over, &theme, 0), 120, 38);
    assert_eq!(act(&mut page, &over, Action::Again, 0), []);
    let text = draw(&page, &ctx(&over, &theme, 0), 120, 38);
    assert!(
        text.contains("again, from") && text.contains("where it failed"),
        "{text}"
    );
    assert!(matches!(
        act(&mut page, &over, Action::Again, 0).as_slice(),
        [Cmd::Note(_)]
    ));
    act(&mut page, &over, Action::Again, 0);
    assert_eq!(
        act(&mut page, &over, Action::Approve, 0),
        [retry(RetryFrom::Failure {})]
    );
    act(&mut page, &over, Action::Again, 0);
    assert_eq!(
        act(&mut page, &over, Action::Top, 0),
        [retry(RetryFrom::Start {})]
    );
    act(&mut page, &over, Action::Again, 0);
    act(&mut page, &over, Action::Edit, 0);
    assert!(page.wants_text());
    let mut sent = Vec::new();
    for code in "{\"n\":2}".chars().map(KeyCode::Char).chain([KeyCode::Enter]) {
        sent = page.update(Input::Key(&KeyEvent::from(code)), &ctx(&over, &theme, 0));
    }
    assert!(
        matches!(
            sent.as_slice(),
            [Cmd::Link(LinkCmd::Steer { how: Steer::Fork { at, input: Some(input) }, .. })]
                if *at > 0 && input.value["n"] == 2
        ),
        "{sent:?}"
    );
    // A run that goes on is forked, not retried.
    let live = followed(Far::Live, true);
    let mut page = open(&live);
    draw(&page, &ctx(&live, &theme, 0), 120, 38);
    act(&mut page, &live, Action::Again, 0);
    assert!(matches!(
        act(&mut page, &live, Action::Approve, 0).as_slice(),
        [Cmd::Note(_)]
    ));
}
