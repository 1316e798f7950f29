//! The real client without a screen, over a pipe and in a dumb terminal: read, decide, take back, follow, cancel.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Mutex};

use dirigent_tests::{Home, LONG, asking, until};
use serde_json::Value;

/// What is said once the note may be published.
const SAY: &str = "  - say:\n      run:\n        shell:\n          command: echo 'the note is out'\n";

/// A client on a pipe, and everything it said.
struct Talk {
    child: Child,
    input: Option<ChildStdin>,
    said: Arc<Mutex<String>>,
    /// How much of it was looked at.
    heard: usize,
}

impl Talk {
    fn start(home: &Home, arguments: &[&str], env: &[(&str, &str)]) -> Self {
        let mut child = home
            .client_command(arguments)
            .envs(env.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let theirs = Arc::clone(&said);
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let mut said = theirs.lock().unwrap();
                said.push_str(&line);
                said.push('\n');
            }
        });
        Self {
            input: child.stdin.take(),
            child,
            said,
            heard: 0,
        }
    }

    /// Types a line and waits for a text that was not there before; gives the line it is in.
    fn say(&mut self, line: &str, answer: &str) -> String {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{line}").unwrap();
        self.hear(answer)
    }

    fn hear(&mut self, answer: &str) -> String {
        let (heard, said) = (self.heard, Arc::clone(&self.said));
        let found = std::panic::catch_unwind(|| {
            until(answer, LONG, || {
                let said = said.lock().unwrap();
                let at = heard + said[heard..].find(answer)?;
                let end = at + said[at..].find('\n')?;
                let begin = said[..at].rfind('\n').map_or(0, |at| at + 1);
                Some((said[begin..end].to_owned(), end + 1))
            })
        });
        let Ok((line, end)) = found else {
            panic!("`{answer}` was not said:\n{}", self.said.lock().unwrap());
        };
        self.heard = end;
        line
    }

    /// The input ends; the exit code.
    fn end(&mut self) -> i32 {
        self.input = None;
        let status = until("the client to end", LONG, || self.child.try_wait().unwrap());
        status.code().unwrap()
    }

    fn everything(&self) -> String {
        self.said.lock().unwrap().clone()
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        // Already gone is fine.
        drop(self.child.kill());
    }
}

fn start(home: &Home, text: &str) -> String {
    home.ask(&asking(&[], SAY), text)
}

fn status(home: &Home, run: &str) -> String {
    let run = home
        .client(&["runs", "show", run, "--json"])
        .expect_code(0)
        .json();
    run["status"].as_str().unwrap().to_owned()
}

/// The word between `Type ` and ` to approve`.
fn word(line: &str) -> String {
    let rest = line.split("Type ").nth(1).unwrap();
    rest.split(' ').next().unwrap().to_owned()
}

#[test]
fn a_whole_conversation_over_a_pipe() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let run = start(&home, "dr\u{e4}ft");
    let mut talk = Talk::start(&home, &[], &[("LANG", "C")]);
    talk.hear("1 waiting for you");
    talk.hear("1: medium risk, asking at gate, publish note");
    talk.say("g r", "Runs. 1 run, 1 waiting");
    talk.say("1", "of asking: waiting");
    talk.say("tab", "Here: timeline");
    talk.say("tab", "Here: stream, followed");
    talk.hear("asks: Publish the note?");
    talk.say("tab", "Here: detail of gate");
    talk.say("a", "Approval 1 of 1: Publish the note?");
    talk.hear("dr<U+00E4>ft");
    talk.hear("matches what is shown here");
    let asked = talk.say("a", "to approve");
    talk.say(&word(&asked), "Held, not sent yet: approve: publish note");
    talk.say("u", "taken back, nothing was sent");
    talk.say("a", "to approve");
    talk.say(&word(&asked), "Held, not sent yet");
    talk.say(&format!("run/{run}"), "of asking: waiting");
    talk.hear("Sent: approve: publish note.");
    talk.hear("approved by");
    talk.hear("the note is out");
    talk.hear("run completed");
    talk.say("", "of asking: completed");
    assert_eq!(talk.end(), 0);
    assert_eq!(status(&home, &run), "completed");
    let everything = talk.everything();
    assert!(everything.is_ascii(), "{everything}");
    assert!(
        !everything.chars().any(|c| c.is_control() && c != '\n'),
        "{everything}"
    );
}

#[test]
fn the_end_of_a_pipe_sends_what_was_decided_and_a_no_reaches_the_run() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let run = start(&home, "one");
    let list = home
        .client(&["approvals", "list", "--json"])
        .expect_code(0)
        .json();
    let digest = list["items"][0]["digest"].as_str().unwrap();
    // Somebody who guesses decides nothing.
    let output = home.client_with_input(&["--plain"], "!\na\nyes\n");
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(status(&home, &run), "waiting");
    let script = format!("!\na\n{}\n", &digest[..4]);
    let output = home.client_with_input(&["--plain"], &script);
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(output.stdout.contains("decided: Publish the note?"), "{output:?}");
    let denied = start(&home, "two");
    let output = home.client_with_input(&["--plain"], "!\nx\nnot before noon\n");
    assert!(output.stdout.contains("because: not before noon"), "{output:?}");
    until("the no to reach the run", LONG, || {
        (status(&home, &denied) == "faulted").then_some(())
    });
    let events = home.client(&["runs", "events", &denied, "--json"]).expect_code(0);
    assert!(events.stdout.contains("not before noon"), "{}", events.stdout);
}

#[test]
fn a_run_is_cancelled_with_two_keys_and_a_payload_edited() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let run = start(&home, "one");
    let script = format!("run/{run}\nx\na\n");
    let output = home.client_with_input(&["--plain"], &script);
    assert!(output.stdout.contains("Cancel run"), "{output:?}");
    until("the run to be cancelled", LONG, || {
        (status(&home, &run) == "cancelled").then_some(())
    });
    let edited = start(&home, "two");
    let mut talk = Talk::start(&home, &["--plain"], &[]);
    talk.say("!", "Publish the note?");
    talk.say("e", "2|   \"text\": \"two\"");
    talk.say("2   \"text\": \"three\"", "2|   \"text\": \"three\"");
    let asked = talk.say("s", "to approve");
    talk.say(&word(&asked), "Held, not sent yet: approve as edited");
    assert_eq!(talk.end(), 0);
    let list = home
        .client(&["approvals", "list", "--json"])
        .expect_code(0)
        .json();
    assert_eq!(list["items"], Value::Array(Vec::new()));
    until("the edited run to end", LONG, || {
        (status(&home, &edited) == "completed").then_some(())
    });
}

#[test]
fn without_a_daemon_it_says_so_and_ends() {
    let home = Home::new(&[]);
    let output = home.client_with_input(&["--plain", "--socket", "/nonexistent/d.sock"], "g r\nq\n");
    assert!(output.stdout.contains("The daemon is not there"), "{output:?}");
    assert!(output.stdout.contains("Runs."), "{output:?}");
}
