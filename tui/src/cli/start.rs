//! From the words of the call to the exit code.

use std::cell::RefCell;
use std::ffi::OsString;
use std::process::ExitCode;
use std::rc::Rc;

use clap::Parser;
use clap::error::ErrorKind;
use dirigent_protocol::fault::Fault;
use serde_json::json;

use super::cx::{Cx, Doing};
use super::exit::Exit;
use super::faults::{self, usage};
use super::out::{Look, Out, complain};
use super::verbs::Verb;
use super::words::Cli;
use crate::text::clean;

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    let json = wants_json(&words);
    let parsed = if words.len() <= 1 {
        // The dashboard has nothing to parse, and is to be on the screen at once.
        Ok(Cli::default())
    } else {
        Cli::try_parse_from(&words)
    };
    let exit = match parsed {
        Ok(cli) => attend(cli),
        Err(error) => refuse(&error, json),
    };
    exit.into()
}

/// Whether errors are to be JSON, known before the words are understood.
fn wants_json(words: &[OsString]) -> bool {
    words
        .iter()
        .any(|word| word == "--json" || word == "-ojson" || word == "--output=json")
        || words
            .windows(2)
            .any(|pair| (pair[0] == "-o" || pair[0] == "--output") && pair[1] == "json")
}

fn refuse(error: &clap::Error, json: bool) -> Exit {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let mut out = Out::stdout(false);
        out.raw(&error.render().to_string());
        return ended(out, Exit::Done);
    }
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
    let (message, rest) = text.split_once("\n\n").unwrap_or((text, ""));
    let help = rest.trim().replace("\n\n", "\n");
    let mut fault = usage(clean(message));
    fault.help = Some(if help.is_empty() {
        "see `dirigent --help`".to_owned()
    } else {
        clean(&help).into_owned()
    });
    tell(&fault, json, stderr(false));
    Exit::Fault(fault.code)
}

fn stderr(plain: bool) -> Look {
    Look::of(std::io::IsTerminal::is_terminal(&std::io::stderr()), plain)
}

fn tell(fault: &Fault, json: bool, look: Look) {
    complain(&if json {
        faults::to_json(fault).to_string()
    } else {
        faults::to_text(fault, look)
    });
}

fn attend(cli: Cli) -> Exit {
    let Cli { globals, verb } = cli;
    let (json, look) = (globals.is_json(), stderr(globals.plain));
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tell(&faults::io("cannot start", "runtime", &error), json, look);
            return Exit::Io;
        }
    };
    let doing = Rc::new(RefCell::new(Doing::default()));
    let mut cx = Cx::new(
        globals.clone(),
        Out::stdout(globals.plain),
        look,
        Rc::clone(&doing),
    );
    let verb = verb.unwrap_or_else(Verb::dashboard);
    let ended_by = runtime.block_on(async {
        tokio::select! {
            biased;
            result = verb.run(&mut cx) => Some(result),
            () = interrupt(&doing) => None,
        }
    });
    let exit = match ended_by {
        Some(Ok(exit)) => exit,
        Some(Err(fault)) => {
            cx.out.flush();
            tell(&fault, json, look);
            Exit::Fault(fault.code)
        }
        None => {
            let doing = doing.borrow().clone();
            interrupted(&doing, &mut cx, json);
            Exit::Interrupted
        }
    };
    // A question that still waits for its answer must not keep the program.
    runtime.shutdown_background();
    ended(cx.out, exit)
}

/// Waits for a Ctrl-C that the verb does not look after itself.
async fn interrupt(doing: &RefCell<Doing>) {
    loop {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without the handler Ctrl-C simply ends the program.
            return std::future::pending().await;
        }
        if *doing.borrow() != Doing::Handles {
            return;
        }
    }
}

fn interrupted(doing: &Doing, cx: &mut Cx, json: bool) {
    match doing {
        Doing::Nothing => complain("interrupted: nothing was changed"),
        Doing::Handles => complain("interrupted"),
        Doing::Asked(what) => complain(&format!(
            "interrupted: it is unknown whether this was done: {what}"
        )),
        Doing::Done(what) => complain(&format!("interrupted: the daemon has acknowledged: {what}")),
        Doing::Attends(run) => {
            complain(&format!(
                "detached: the run goes on; `dirigent logs -f {}` follows it",
                run.short()
            ));
            cx.out.text(&if json {
                json!({ "run": run, "detached": true }).to_string()
            } else {
                run.to_string()
            });
        }
    }
}

fn ended(out: Out, exit: Exit) -> Exit {
    match out.finish() {
        Ok(()) => exit,
        Err(error) => {
            complain(&format!("error[io]: standard output cannot be written: {error}"));
            if exit == Exit::Done { Exit::Io } else { exit }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_at_all_means_what_the_parser_says() {
        let parsed = Cli::try_parse_from(["dirigent"]).unwrap();
        assert_eq!(format!("{parsed:?}"), format!("{:?}", Cli::default()));
    }

    #[test]
    fn json_errors_are_wanted_in_every_spelling() {
        let of = |words: &[&str]| wants_json(&words.iter().map(OsString::from).collect::<Vec<_>>());
        assert!(of(&["dirigent", "runs", "--json"]));
        assert!(of(&["dirigent", "-o", "json", "nonsense"]));
        assert!(!of(&["dirigent", "-o", "yaml"]));
    }
}
