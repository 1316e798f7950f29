//! The link through its public door: a real socket, a scripted daemon behind it that can be cut off at any moment.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![expect(clippy::panic, reason = "a test that cannot go on should stop")]

mod daemon;

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use dirigent_protocol::digest::Digest;
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::Decision;
use dirigent_tui::link::{LinkHandle, Settings, Target, spawn};
use dirigent_tui::model::{Answer, LinkCmd, News, Verdict};

use daemon::Scripted;

const DEADLINE: Duration = Duration::from_secs(20);

struct Client {
    link: Option<LinkHandle>,
    news: Receiver<News>,
}

impl Client {
    fn of(daemon: &Scripted) -> Self {
        let (sender, news) = channel();
        let settings = Settings {
            target: Target::Socket(daemon.socket().to_owned()),
            client: "test".into(),
            launch: None,
            first: dirigent_tui::link::First::default(),
        };
        let link = spawn(settings, move |piece| sender.send(piece).is_ok()).unwrap();
        Self {
            link: Some(link),
            news,
        }
    }

    fn send(&self, wish: LinkCmd) {
        self.link.as_ref().unwrap().send(wish);
    }

    /// Takes news until one fits.
    fn until<T>(&self, what: &str, mut fits: impl FnMut(News) -> Option<T>) -> T {
        let from = Instant::now();
        while let Ok(news) = self.news.recv_timeout(DEADLINE.saturating_sub(from.elapsed())) {
            if let Some(found) = fits(news) {
                return found;
            }
        }
        panic!("no {what} within {DEADLINE:?}");
    }

    fn snapshot(&self) -> usize {
        self.until("snapshot", |news| match news {
            News::Snapshot(documents) => Some(documents.len()),
            _ => None,
        })
    }

    /// Numbers of a run's events until `last`.
    fn events(&self, wanted: RunId, last: u64) -> Vec<u64> {
        let mut seen = Vec::new();
        self.until("last event", |news| {
            if let News::RunEvents { run, events, .. } = news {
                assert_eq!(run, wanted);
                seen.extend(events.iter().map(|event| event.seq));
            }
            (seen.last() == Some(&last)).then_some(())
        });
        seen
    }
}

#[test]
fn a_snapshot_comes_first_then_changes_and_again_after_a_cut() {
    let daemon = Scripted::start();
    daemon.put("one");
    let client = Client::of(&daemon);
    assert_eq!(client.snapshot(), 1);
    daemon.put("two");
    let changed = client.until("change", |news| match news {
        News::Changed(documents) => Some(documents[0].metadata.name.clone()),
        _ => None,
    });
    assert_eq!(changed, "two");
    daemon.cut();
    client.until("word of the cut", |news| {
        matches!(news, News::Disconnected { .. }).then_some(())
    });
    assert_eq!(client.snapshot(), 2);
}

#[test]
fn a_decision_is_sent_with_one_request_until_it_is_answered_once() {
    let daemon = Scripted::start();
    daemon.cut_at_commands(2);
    let client = Client::of(&daemon);
    client.snapshot();
    let approval = EntityId::new();
    client.send(LinkCmd::Decide(Verdict {
        approval,
        digest: Digest::of_bytes(b"shown").to_string(),
        answer: Answer::Decide(Decision::Deny),
        reason: None,
        also: None,
        title: "t".into(),
    }));
    client.until("answer", |news| match news {
        News::Decided {
            approval: about,
            result,
        } => {
            assert_eq!(about, approval);
            result.unwrap();
            Some(())
        }
        _ => None,
    });
    let requests = daemon.requests();
    assert_eq!(requests.len(), 3, "two tries were cut off");
    assert!(
        requests.iter().all(|request| *request == requests[0]),
        "{requests:?}"
    );
}

#[test]
fn a_followed_run_has_no_gap_and_no_double_over_cuts() {
    let daemon = Scripted::start();
    let run = RunId::new();
    daemon.events(run, 700);
    let client = Client::of(&daemon);
    client.snapshot();
    client.send(LinkCmd::Follow(run));
    let mut seen = client.events(run, 700);
    for round in 1..=5_u64 {
        daemon.events(run, 3);
        if round % 2 == 0 {
            daemon.cut();
        }
        seen.extend(client.events(run, 700 + round * 3));
    }
    assert_eq!(seen, (1..=715).collect::<Vec<u64>>());
}

#[test]
fn ending_the_link_sends_what_was_decided() {
    let daemon = Scripted::start();
    let mut client = Client::of(&daemon);
    client.snapshot();
    client.send(LinkCmd::Steer {
        run: RunId::new(),
        how: dirigent_tui::model::Steer::Pause,
    });
    client.link.take().unwrap().close();
    assert_eq!(daemon.requests().len(), 1);
}
