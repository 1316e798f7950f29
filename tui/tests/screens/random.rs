//! Random keys, sizes and news: no panic, no control byte, no decision outside the Approvals page.

use dirigent_tui::keymap::{Action, Key};
use dirigent_tui::model::{Msg, News};
use dirigent_tui::theme::{Depth, Theme};

use super::world::{RunSample, World, approvals, everything, run};

/// A small generator, so that a printed seed brings the run back.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

fn seed(name: &str) -> u64 {
    let seed = std::env::var("DIRIGENT_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0x00D1_5EED);
    println!("{name}: DIRIGENT_SEED={seed}");
    seed
}

fn keys() -> Vec<Key> {
    let mut keys: Vec<Key> = Action::ALL
        .iter()
        .flat_map(|action| action.keys())
        .flat_map(|key| key.parse::<dirigent_tui::keymap::Chord>().unwrap().0)
        .collect();
    keys.extend((' '..='~').map(Key::char));
    keys.push("backspace".parse().unwrap());
    keys.push("delete".parse().unwrap());
    keys
}

fn press(world: &mut World, key: Key) {
    use crossterm::event::{KeyEvent, KeyModifiers};
    let mut modifiers = KeyModifiers::NONE;
    if key.ctrl {
        modifiers |= KeyModifiers::CONTROL;
    }
    world.msg(Msg::Key(KeyEvent::new(key.code, modifiers)));
}

#[test]
fn random_keys_never_decide_outside_the_inbox_and_never_panic() {
    let mut random = Random(seed("keys"));
    let keys = keys();
    let mut held_before = 0;
    let (mut decisions, mut outside) = (0, 0);
    let rounds = std::env::var("DIRIGENT_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(2);
    for round in 0..rounds {
        let mut world = World::live(120, 40);
        for _ in 0..2_500 {
            if random.below(60) == 0 {
                world.burst("esc g a");
            }
            let on = world.shell.place().page;
            // Now and then the worst case: somebody who looks long enough and presses the deciding key.
            let key = if random.below(20) == 0 {
                world.wait(700);
                Key::char('a')
            } else {
                keys[random.below(keys.len())]
            };
            press(&mut world, key);
            let held = world.held();
            if held > held_before {
                decisions += 1;
                outside += usize::from(on != "approvals");
            }
            held_before = held;
            match random.below(12) {
                0 => world.wait(random.below(1_200) as u64),
                1 => drop(world.draw()),
                2 => {
                    let mut documents = approvals();
                    let mut document = documents.remove(random.below(documents.len()));
                    document.metadata.revision = 1 + random.below(4) as u64;
                    world.news(News::Changed(vec![document]));
                }
                _ => {}
            }
            if world.quit {
                world = World::live(120, 40);
                held_before = 0;
            }
        }
        assert_eq!(outside, 0, "round {round}");
    }
    println!("{decisions} decisions inside the inbox, {outside} outside");
    assert!(
        decisions > 0,
        "the test must be able to decide, or it proves nothing"
    );
}

/// From one cell to a wall of them.
fn any_size(random: &mut Random) -> (u16, u16) {
    let (columns, rows) = match random.below(5) {
        4 => (1, 1),
        0 => (1 + random.below(12), 1 + random.below(6)),
        1 => (1 + random.below(60), 1 + random.below(30)),
        2 => (1 + random.below(220), 1 + random.below(70)),
        _ => (40 + random.below(100), 10 + random.below(30)),
    };
    (columns as u16, rows as u16)
}

#[test]
fn random_sizes_never_panic_and_the_terminal_agrees() {
    let mut random = Random(seed("sizes"));
    let keys = [
        "?", "esc", ":", "g", "a", "d", "r", "j", "!", "tab", "x", "e", "enter", "J", "esc",
    ];
    for ascii in [false, true] {
        let mut world = World::live(80, 24);
        let mut painter = dirigent_tui::screen::Painter::new(80, 24, Depth::Ansi16);
        let mut terminal = vt100::Parser::new(24.try_into().unwrap(), 80.try_into().unwrap(), 0);
        if ascii {
            let options = dirigent_tui::options::Options {
                theme: Theme {
                    ascii,
                    ..Theme::default()
                },
                ..Default::default()
            };
            world = World::with(&options, 80, 24);
            world.connect(everything());
        }
        for step in 0..1_000 {
            if step % 2 == 0 {
                let (columns, rows) = any_size(&mut random);
                world.msg(Msg::Resize(columns, rows));
                painter.reset(columns, rows);
                terminal
                    .screen_mut()
                    .set_size(rows.try_into().unwrap(), columns.try_into().unwrap());
            }
            if random.below(3) > 0 {
                world.burst(keys[random.below(keys.len())]);
            }
            let frame = world.draw();
            let bytes = painter.paint(frame.clone());
            assert!(!ascii || bytes.is_ascii());
            // A resize costs one full frame, and nothing twice.
            let cells = usize::from(frame.area.width) * usize::from(frame.area.height);
            assert!(
                bytes.len() <= 64 + 8 * cells,
                "{} bytes for {cells} cells",
                bytes.len()
            );
            assert!(painter.paint(frame.clone()).is_empty());
            terminal.process(&bytes);
            for y in 0..frame.area.height {
                for x in 0..frame.area.width {
                    let there = terminal
                        .screen()
                        .cell(y, x)
                        .map(vt100::Cell::contents)
                        .unwrap_or_default();
                    let there = if there.is_empty() { " " } else { there };
                    assert_eq!(there, frame[(x, y)].symbol(), "step {step} at {x},{y}");
                }
            }
        }
    }
}

/// Fields of documents that hold what others wrote.
const TEXTS: [&str; 9] = [
    "workflow",
    "step",
    "task",
    "title",
    "action",
    "reason",
    "started_by",
    "description",
    "decided_by",
];

#[test]
fn hostile_text_never_reaches_a_cell_as_control() {
    let mut random = Random(seed("text"));
    let marks = "e\u{301}".to_owned() + &"\u{301}".repeat(5_000);
    let evil = [
        marks.as_str(),
        "\u{1b}]0;title\u{7}",
        "\u{1b}P$qm\u{1b}\\",
        "\u{1b}_Ga=T;AAAA\u{1b}\\",
        "\u{1b}[6n",
        "┃approve? y┃\n┃",
        "\u{2066}",
        "\u{1b}[2J",
        "\u{1b}]52;c;aGk=\u{7}",
        "\u{9b}31m",
        "\u{202e}",
        "\u{200d}",
        "\r",
        "\u{0}",
        "漢",
        "e\u{301}",
        "\u{1b}]8;;x\u{7}",
    ];
    for _ in 0..12 {
        let mut world = World::new(120, 40);
        let mut text =
            || -> String { (0..4).map(|_| evil[random.below(evil.len())]).collect::<String>() + "x" };
        let mut documents = everything();
        for document in &mut documents {
            document.metadata.name = text();
            for field in TEXTS {
                if document.spec.get(field).is_some_and(serde_json::Value::is_string) {
                    document.spec[field] = text().into();
                }
            }
            if document.spec.get("payload").is_some() {
                document.spec["payload"] = serde_json::json!({ text(): text() });
            }
        }
        world.connect(documents);
        world.wait(100);
        for keys in ["g d", "g r", "g a", "enter", "!", ":"] {
            world.press(keys);
            for cell in &world.draw().content {
                assert!(
                    !cell.symbol().chars().any(dirigent_tui::text::sanitize::is_hidden),
                    "{:?}",
                    cell.symbol()
                );
                assert!(cell.symbol().len() <= 64);
            }
        }
    }
}

#[test]
fn thousands_of_runs_are_drawn_quickly_and_kept_bounded() {
    use dirigent_protocol::run::Status;
    let mut world = World::new(120, 40);
    let many = (0..10_000).map(|n| {
        run(&RunSample {
            n: 0x10_0000 + n,
            workflow: "load",
            version: "1",
            status: Status::Completed,
            step: "",
            progress: (3, 3),
            tokens: 10,
            cost: 10,
            age: 4_000 + n as i64,
            owner: "cron",
        })
    });
    world.connect(many.collect());
    assert!(world.shell.model().runs.len() <= 2_000);
    let start = std::time::Instant::now();
    world.press("tab j j j k G g g");
    println!(
        "9 keys with {} runs: {:?}",
        world.shell.model().runs.len(),
        start.elapsed()
    );
}
