//! The client without a screen: every action of every page by its key and by its number, and what the dialogue promises.

use std::time::Duration;

use dirigent_protocol::entity::{Document, Kind, WorkflowApproval};
use dirigent_protocol::run::{Decision, Risk};
use dirigent_tui::keymap::{Action, Chord, Group};
use dirigent_tui::model::{Answer, LinkCmd, News, Time, Verdict};
use dirigent_tui::options::Options;
use dirigent_tui::pages::PAGES;
use dirigent_tui::plain::Dialogue;
use dirigent_tui::shell::Effect;
use dirigent_tui::theme::Theme;
use serde_json::json;

use super::world::{approval, approvals, everything, gone, health, id, now, versions, welcome};

/// A dialogue and its time.
struct Talk {
    dialogue: Dialogue,
    mono: Duration,
    sent: Vec<LinkCmd>,
    /// What the daemon holds.
    daemon: Vec<Document>,
    quit: bool,
}

impl Talk {
    fn with(options: &Options, documents: Vec<Document>) -> Self {
        let mono = Duration::from_secs(1);
        let dialogue = Dialogue::new(options, time(mono)).unwrap();
        let mut talk = Self {
            dialogue,
            mono,
            sent: Vec::new(),
            daemon: documents.iter().cloned().chain(versions()).collect(),
            quit: false,
        };
        talk.news(News::Connected(Box::new(welcome())));
        talk.news(News::Snapshot(documents));
        talk.news(News::Health(Box::new(health(""))));
        talk
    }

    fn live() -> Self {
        let theme = Theme {
            ascii: true,
            ..Theme::default()
        };
        let options = Options {
            theme,
            ..Options::default()
        };
        Self::with(&options, everything())
    }

    fn did(&mut self, effects: Vec<Effect>) -> String {
        let mut before: Vec<String> = Vec::new();
        for effect in effects {
            match effect {
                Effect::Link(command) => {
                    let answer = crate::answers::news(&command, &self.daemon);
                    self.sent.push(command);
                    if let Some(news) = answer {
                        let effects = self.dialogue.news(news, time(self.mono));
                        let said = self.did(effects);
                        before.extend((!said.is_empty()).then_some(said));
                    }
                }
                Effect::Quit => self.quit = true,
                _ => {}
            }
        }
        let effects = self.dialogue.tick(time(self.mono));
        self.sent
            .extend(effects.into_iter().filter_map(|effect| match effect {
                Effect::Link(command) => Some(command),
                _ => None,
            }));
        before.extend(self.dialogue.take_lines());
        let text = before.join("\n");
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
        text
    }

    fn news(&mut self, news: News) -> String {
        let effects = self.dialogue.news(news, time(self.mono));
        self.did(effects)
    }

    /// Types lines; what came back for the last one.
    fn say(&mut self, lines: &str) -> String {
        let mut text = String::new();
        for line in lines.split('\n') {
            let effects = self.dialogue.line(line, time(self.mono));
            text = self.did(effects);
            assert!(!text.is_empty() || line == "wait", "`{line}` was not answered");
        }
        text
    }

    fn wait(&mut self, ms: u64) -> String {
        self.mono += Duration::from_millis(ms);
        self.did(Vec::new())
    }

    fn decided(&self) -> Vec<&Verdict> {
        let sent = self.sent.iter();
        sent.filter_map(|command| match command {
            LinkCmd::Decide(verdict) => Some(verdict),
            _ => None,
        })
        .collect()
    }

    fn digest(&self, n: u128) -> String {
        self.dialogue.model().approvals[&id(n)].body.digest[..4].to_owned()
    }
}

fn time(mono: Duration) -> Time {
    let wall = now() + jiff::SignedDuration::try_from(mono).unwrap() - jiff::SignedDuration::from_secs(1);
    Time { wall, mono }
}

/// The word for an action: its first key, or its name where digits choose.
fn word(action: Action) -> String {
    let key: Chord = action.keys()[0].parse().unwrap();
    let key = key.notation();
    if key.parse::<u32>().is_ok() {
        action.name().to_owned()
    } else {
        key
    }
}

/// Every page at its list and at its first object.
fn states() -> Vec<(&'static str, Vec<String>)> {
    let mut states = Vec::new();
    for meta in PAGES {
        let page = format!("g {}", meta.letter);
        states.push((meta.id, vec![page.clone()]));
        states.push((meta.id, vec![page, "1".to_owned()]));
    }
    states
}

#[test]
fn every_action_of_every_page_is_taken_by_its_key_and_by_its_number() {
    let mut taken = 0;
    for (id, way) in states() {
        let meta = PAGES.iter().find(|meta| meta.id == id).unwrap();
        let own = meta.bindings.iter().map(|bind| bind.action);
        let everywhere = Action::ALL
            .iter()
            .copied()
            .filter(|action| action.group() == Group::Everywhere);
        for (at, action) in own.chain(everywhere).enumerate() {
            let mut talk = Talk::live();
            talk.say(&way.join("\n"));
            let by_key = talk.say(&word(action));
            assert!(
                !by_key.contains("means nothing here"),
                "{id} {way:?}: {} by {}: {by_key}",
                action.name(),
                word(action)
            );
            assert!(by_key.is_ascii(), "{by_key}");
            let mut talk = Talk::live();
            talk.say(&way.join("\n"));
            let mut help = talk.say("?");
            let mut last = help.clone();
            while last.ends_with("an empty line reads on.") {
                last = talk.say("");
                help.push_str(&format!("\n{last}"));
            }
            let line = help
                .lines()
                .find(|line| line.starts_with(&format!("{}: ", at + 1)));
            // The first number on a page leads elsewhere: there the page's own list counts.
            if let Some(line) = line.filter(|_| talk.dialogue.place().page == id) {
                assert!(
                    line.contains(&word(action)),
                    "{id}: {line} is not {}",
                    action.name()
                );
                let by_number = talk.say(&(at + 1).to_string());
                assert_eq!(by_number, by_key, "{id}: {}", action.name());
            } else {
                assert_ne!(
                    talk.dialogue.place().page,
                    id,
                    "{id}: {} is not in the help\n{help}",
                    action.name()
                );
            }
            taken += 1;
        }
    }
    println!("{taken} actions taken twice");
}

#[test]
fn every_word_of_ours_is_ascii_whatever_the_locale() {
    for meta in PAGES {
        let mut talk = Talk::with(&Options::default(), Vec::new());
        for line in [&format!("g {}", meta.letter), "?", ""] {
            let text = talk.say(line);
            assert!(text.is_ascii(), "{}: {text}", meta.id);
        }
    }
    let mut talk = Talk::with(&Options::default(), super::world::definitions());
    assert!(talk.say("").is_ascii());
}

#[test]
fn the_dashboard_says_what_waits_and_a_number_opens_it() {
    let mut talk = Talk::live();
    let text = talk.say("");
    assert!(text.contains("3 waiting for you"), "{text}");
    assert!(
        text.contains(
            "1: high risk, release-train at approve-deploy, kubectl apply -n prod, due in 12 minutes"
        ),
        "{text}"
    );
    let text = talk.say("1");
    assert!(text.contains("Approval 1 of 5: Roll out v8?"), "{text}");
    assert!(text.contains("RISK high"), "{text}");
    assert!(text.contains("|     --server-side"), "{text}");
    assert!(text.contains("matches what is shown here"), "{text}");
}

#[test]
fn a_yes_needs_the_word_that_had_to_be_read_and_is_sent_after_five_seconds() {
    let mut talk = Talk::live();
    talk.say("approvals\n2");
    let text = talk.say("a");
    let digest = talk.digest(0xa2);
    assert!(text.contains(&format!("Type {digest} to approve")), "{text}");
    // Typed ahead by somebody who has not read it: nothing.
    let text = talk.say("yes");
    assert!(text.contains(&format!("type {digest} exactly")), "{text}");
    let text = talk.say(&digest);
    assert!(
        text.contains("Held, not sent yet: approve: send 214 e-mails"),
        "{text}"
    );
    assert!(talk.wait(4_900).is_empty(), "nothing is said while time goes by");
    assert!(talk.decided().is_empty());
    assert_eq!(talk.wait(200), "Sent: approve: send 214 e-mails.");
    assert_eq!(
        talk.decided()[0].answer,
        Answer::Decide(Decision::Approve { edited: None })
    );
    let text = talk.news(News::Decided {
        approval: id(0xa2),
        result: Ok(()),
    });
    assert_eq!(text, "decided: Send 214 e-mails?");
}

#[test]
fn a_high_risk_asks_for_its_own_word() {
    let mut talk = Talk::live();
    let text = talk.say("!\na");
    assert!(text.contains("Risk high, digest"), "{text}");
    assert!(text.contains("Type prod to approve"), "{text}");
    talk.say(&talk.digest(0xa1));
    assert!(talk.dialogue.model().outbox.held().is_empty());
    let text = talk.say("prod");
    assert!(
        text.contains("Held, not sent yet: approve: kubectl apply"),
        "{text}"
    );
}

#[test]
fn a_high_risk_that_was_not_read_to_its_end_is_not_approved() {
    let body = WorkflowApproval {
        action: "long".into(),
        risk: Risk::High,
        payload: json!(format!("{}end", "line\n".repeat(90))),
        ..WorkflowApproval::default()
    };
    let mut talk = Talk::with(&Options::default(), vec![approval(0xb1, body, 60)]);
    let text = talk.say("!");
    assert!(text.contains("more lines: an empty line reads on"), "{text}");
    let text = talk.say("a");
    assert!(text.contains("read to the end first"), "{text}");
    while talk.say("").ends_with("an empty line reads on.") {}
    let text = talk.say("a");
    assert!(text.contains("Type approve to approve"), "{text}");
}

#[test]
fn a_no_takes_a_reason_and_is_taken_back_with_one_key() {
    let mut talk = Talk::live();
    let text = talk.say("approvals\n3\nx");
    assert!(text.contains("Type the reason"), "{text}");
    let text = talk.say("the numbers are old");
    assert!(
        text.contains("Held, not sent yet: deny: write report.md, because: the numbers are old"),
        "{text}"
    );
    let text = talk.say("g r\nu");
    assert!(text.contains("taken back, nothing was sent"), "{text}");
    talk.wait(20_000);
    assert!(talk.decided().is_empty());
    let text = talk.say("approvals\n3\nx\n");
    assert!(!text.contains("Held"), "{text}");
}

#[test]
fn a_payload_is_edited_line_by_line_and_the_change_is_said_before_the_word() {
    let mut talk = Talk::live();
    let text = talk.say("approvals\n2\ne");
    assert!(text.contains("4|   \"count\": 214"), "{text}");
    let text = talk.say("4   \"count\": ,\ns");
    assert!(text.contains("line 4"), "{text}");
    let text = talk.say("4   \"count\": 20\ns");
    assert!(text.contains("was |   \"count\": 214"), "{text}");
    assert!(text.contains("now |   \"count\": 20"), "{text}");
    let digest = talk.digest(0xa2);
    talk.say(&digest);
    talk.wait(5_100);
    let Answer::Decide(Decision::Approve { edited: Some(edited) }) = &talk.decided()[0].answer else {
        panic!("{:?}", talk.decided());
    };
    assert_eq!(edited["count"], 20);
}

#[test]
fn ctrl_c_cancels_the_question_and_twice_leaves() {
    let mut talk = Talk::live();
    talk.say("approvals\n2\nx");
    let effects = talk.dialogue.interrupt(time(talk.mono));
    let text = talk.did(effects);
    assert!(text.contains("Cancelled."), "{text}");
    assert!(!talk.quit);
    assert!(talk.say("j").contains("At"), "the next line is a command again");
    talk.wait(3_000);
    for _ in 0..2 {
        let effects = talk.dialogue.interrupt(time(talk.mono));
        talk.did(effects);
    }
    assert!(talk.quit);
}

#[test]
fn what_is_said_ahead_of_a_change_decides_nothing() {
    let mut talk = Talk::live();
    talk.say("approvals\n2");
    let old = talk.digest(0xa2);
    let mut changed = approvals().remove(1);
    changed.metadata.revision = 2;
    changed.spec["payload"]["count"] = json!(215);
    changed.spec["digest"] = json!("ffff".repeat(16));
    let text = talk.news(News::Changed(vec![changed]));
    assert!(text.contains("changed"), "{text}");
    let text = talk.say("a");
    assert!(text.contains("Not done"), "{text}");
    talk.say(&old);
    assert!(talk.dialogue.model().outbox.held().is_empty());
    let text = talk.say("\na");
    assert!(text.contains("Type ffff to approve"), "{text}");
}

#[test]
fn only_what_happened_is_said_unasked() {
    let mut talk = Talk::live();
    talk.say("runs");
    assert!(talk.wait(600_000).is_empty());
    let text = talk.news(News::Health(Box::new(health(""))));
    assert!(text.is_empty(), "{text}");
    let urgent = WorkflowApproval {
        workflow: "cleaner".into(),
        task: "wipe".into(),
        action: "drop database".into(),
        risk: Risk::High,
        ..WorkflowApproval::default()
    };
    let text = talk.news(News::Changed(vec![approval(0xa9, urgent, 0)]));
    assert_eq!(text, "New question: high risk, cleaner at wipe, drop database.");
    let text = talk.news(News::Disconnected {
        fault: Box::new(gone()),
        retry_at: None,
    });
    assert!(text.starts_with("Disconnected: "), "{text}");
    let text = talk.news(News::Connecting { attempt: 2 });
    assert!(text.is_empty(), "{text}");
    talk.news(News::Connected(Box::new(welcome())));
    let text = talk.news(News::Snapshot(everything()));
    assert!(text.starts_with("Connected again."), "{text}");
    talk.say("quiet");
    let text = talk.news(News::Changed(vec![approval(
        0xaa,
        WorkflowApproval::default(),
        0,
    )]));
    assert!(text.is_empty(), "{text}");
}

#[test]
fn lists_are_filtered_found_and_gone_through() {
    let mut talk = Talk::live();
    let text = talk.say("g r");
    assert!(
        text.contains("Runs. 8 runs, 2 running, 2 waiting, 1 faulted"),
        "{text}"
    );
    let text = talk.say("/triage");
    assert!(text.contains("2 runs of 8 match triage"), "{text}");
    assert!(text.contains("1: ") && !text.contains("3: "), "{text}");
    let text = talk.say("/\nrelease");
    assert!(text.contains("1 run of 8 match release"), "{text}");
    let text = talk.say("esc");
    assert!(text.contains("Runs. 8 runs"), "{text}");
    let text = talk.say("s");
    assert!(text.contains("Sorted by state"), "{text}");
    let text = talk.say(":write rep");
    assert!(text.contains("1: Write the report?"), "{text}");
    let text = talk.say("1");
    assert!(text.contains("Write the report?"), "{text}");
    assert_eq!(talk.dialogue.place().page, "approvals");
    let text = talk.say(":\nknowledge");
    assert!(text.contains("not now: closed"), "{text}");
    assert!(talk.say("nonsense").contains("means nothing here"));
    assert!(talk.say("g r\n99").contains("There is no 99"));
    assert!(talk.say("run/zzzz").contains("no run"));
}

#[test]
fn the_numbers_of_what_was_said_do_not_move_under_news() {
    let mut talk = Talk::live();
    talk.say("approvals");
    talk.news(News::Gone(vec![(Kind::WorkflowApproval, id(0xa1))]));
    let text = talk.say("2");
    assert!(text.contains("Send 214 e-mails?"), "{text}");
}

#[test]
fn the_end_of_the_input_decides_nothing_that_was_not_answered() {
    let mut talk = Talk::live();
    talk.say("approvals\n2\na");
    let effects = talk.dialogue.input_ended(time(talk.mono));
    let text = talk.did(effects);
    assert!(text.contains("nothing was decided"), "{text}");
    talk.wait(10_000);
    assert!(talk.decided().is_empty());
}

#[test]
fn facets_are_said_with_their_counts_and_chosen_by_number() {
    let mut talk = Talk::live();
    let text = talk.say("g r\nf");
    assert!(text.contains("Facets of runs. 8 match."), "{text}");
    let line = text
        .lines()
        .find(|line| line.contains("state faulted, 1"))
        .unwrap();
    let number = line.split(':').next().unwrap();
    let text = talk.say(number);
    assert!(text.contains("state faulted, 1, chosen"), "{text}");
    let text = talk.say("f");
    assert!(
        text.contains("1 run of 8 match state: faulted, 1 on the daemon"),
        "{text}"
    );
    let text = talk.say("g a\nf");
    assert!(
        text.contains("Facets of approvals") && text.contains("risk high, 1"),
        "{text}"
    );
}
