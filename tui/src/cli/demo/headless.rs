//! The demo as lines: progress, the approval, the report.

use std::io::{BufRead, BufReader};
use std::path::Path;

use dirigent_protocol::command::Command;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::WorkflowApproval;
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::{Decision, Status};
use dirigent_protocol::watch::Cursor;
use serde_json::json;

use super::home::Home;
use super::keeper::LIFE;
use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::follow_run::{Ending, Wanted, follow};
use crate::cli::out::Tone;
use crate::cli::printer::Printer;
use crate::cli::run_text::Run;

/// Lines of the report that are shown.
const HEAD: usize = 15;

/// A demo's run.
pub struct Demo<'a> {
    /// Where it lives.
    pub home: &'a Home,
    /// Its run.
    pub run: RunId,
    /// Where the feed stood before it began.
    pub cursor: Cursor,
    /// Say yes without a person.
    pub approve: bool,
}

/// Follows it to the approval, or, with `approve`, to its end.
///
/// # Errors
/// The daemon stays away or refuses.
pub async fn follow_demo(demo: Demo<'_>, cx: &mut Cx) -> Result<Exit, Fault> {
    let mut printer = Printer::as_result(cx);
    let mut stop_for_person = true;
    let mut shown = 0;
    loop {
        let wanted = Wanted {
            events: true,
            live: false,
            stop_for_person,
        };
        let mut show = |cx: &mut Cx, seen: crate::cli::follow_run::Seen<'_>| {
            // After the approval the events come again from the first one: those shown are skipped.
            if let crate::cli::follow_run::Seen::Event(event) = &seen {
                if event.seq <= shown {
                    return;
                }
                shown = event.seq;
                printer.show(cx, seen);
            }
        };
        match follow(cx, demo.run, demo.cursor.clone(), wanted, &mut show).await? {
            Ending::Over(run) => return over(&demo, &run, cx),
            Ending::Unread => return Ok(Exit::Done),
            Ending::NeedsPerson(_, asks) => {
                let (id, approval) = *asks;
                if !demo.approve {
                    return waits(&demo, id, &approval, cx);
                }
                agree(id, &approval, cx).await?;
                stop_for_person = false;
            }
        }
    }
}

async fn agree(id: EntityId, approval: &WorkflowApproval, cx: &mut Cx) -> Result<(), Fault> {
    cx.say(
        Tone::Ask,
        &format!(
            "--approve says yes to approval {}: {}",
            id.short(),
            approval.action
        ),
    );
    let digest: Digest = approval
        .digest
        .parse()
        .map_err(|_| Fault::new(Code::Internal, "the approval has no digest"))?;
    let command = Command::ApprovalDecide {
        approval: id,
        digest,
        decision: Decision::Approve { edited: None },
        reason: Some("dirigent demo --approve".to_owned()),
        also: None,
    };
    cx.command(&format!("approve {}", id.short()), command)
        .await
        .map(drop)
}

/// The name this program was called by, so that what is printed can be typed.
fn program() -> String {
    let called = std::env::args().next().unwrap_or_default();
    if called.contains('/') {
        quoted(&called)
    } else {
        "dirigent".to_owned()
    }
}

/// One word for a shell.
fn quoted(word: &str) -> String {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '+' | ':' | '@' | '=');
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn waits(demo: &Demo<'_>, id: EntityId, approval: &WorkflowApproval, cx: &mut Cx) -> Result<Exit, Fault> {
    let base = format!(
        "{} --socket {}",
        program(),
        quoted(&demo.home.socket.display().to_string())
    );
    let approve = format!("{base} approvals approve {id} --digest {}", approval.digest);
    let show = format!("{base} approvals show {id}");
    let stop = format!("{base} daemon stop");
    if cx.globals.is_json() {
        cx.json_line(&json!({
            "type": "demo.waiting",
            "run": demo.run,
            "approval": id,
            "digest": approval.digest,
            "report": demo.home.report,
            "commands": { "show": show, "approve": approve, "stop": stop },
        }));
        return Ok(Exit::NeedsPerson);
    }
    let minutes = LIFE.as_secs() / 60;
    cx.out.raw_line("");
    cx.out.text(&format!(
        "The run waits for you: {} ({})",
        approval.title, approval.action
    ));
    for (what, command) in [
        ("see it    ", &show),
        ("approve it", &approve),
        ("stop      ", &stop),
    ] {
        cx.out.text(&format!("  {what}  {command}"));
    }
    cx.out.text(&format!(
        "The demo's daemon waits in the background for at most {minutes} minutes."
    ));
    Ok(Exit::NeedsPerson)
}

fn over(demo: &Demo<'_>, run: &Run, cx: &mut Cx) -> Result<Exit, Fault> {
    let report = &demo.home.report;
    let lines = head(report);
    if cx.globals.is_json() {
        cx.json_line(&json!({
            "type": "demo.ended",
            "run": run.to_json(),
            "report": report,
            "head": lines,
        }));
        return Ok(Exit::of_run(run.body.status));
    }
    cx.out.raw_line("");
    cx.say(run.tone(), &run.headline());
    if run.body.status != Status::Completed {
        cx.out.text(&run.why().unwrap_or_default());
    } else if lines.is_empty() {
        cx.out.text("No report was written.");
    } else {
        cx.out
            .text(&format!("The report is {}; it begins:", report.display()));
        for line in lines {
            let shown = format!(
                "  {} {}",
                cx.out.look.paint(Tone::Dim, "│"),
                cx.out.look.line(&line)
            );
            cx.out.raw_line(&shown);
        }
    }
    Ok(Exit::of_run(run.body.status))
}

/// The first lines of a file.
#[must_use]
pub fn head(file: &Path) -> Vec<String> {
    let Ok(file) = std::fs::File::open(file) else {
        return Vec::new();
    };
    BufReader::new(file)
        .lines()
        .map_while(Result::ok)
        .take(HEAD)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_can_be_typed() {
        assert_eq!(quoted("/tmp/a-b.sock"), "/tmp/a-b.sock");
        assert_eq!(quoted("/tmp/a b's"), r"'/tmp/a b'\''s'");
    }
}
