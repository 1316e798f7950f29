//! Starting the full screen, or the dialogue of plain lines, with a link behind it.

use std::cell::RefCell;
use std::rc::Rc;

use dirigent_config::{Sources, load_client};
use dirigent_protocol::fault::{Code, Fault};

use super::cx::Cx;
use super::exit::Exit;
use super::out::Tone;
use crate::app::{AppError, Commands};
use crate::link::{LinkHandle, Settings, spawn};
use crate::model::Msg;
use crate::nav::Place;
use crate::options::{NoScreen, Options, TerminalEnv};
use crate::plain::{self, Farewell, Heard, View, choose};

/// Whether there is somebody to look: a terminal, or the wish for plain lines.
///
/// # Errors
/// There is none.
pub fn check(cx: &Cx) -> Result<(), Fault> {
    if cx.globals.plain {
        return Ok(());
    }
    crate::terminal::check().map_err(no_screen)
}

/// Shows the full screen until the person leaves it; where there is none, plain lines.
///
/// # Errors
/// There is no terminal, the configuration has errors, or the terminal fails.
pub fn show(cx: &Cx, settings: Settings, place: Option<Place>) -> Result<Exit, Fault> {
    let found = cx.place()?;
    // Over ssh a person may be asked something first, while the terminal is still theirs.
    let settings = settings.greeted()?;
    let sources = Sources {
        file: found.paths.client_file.clone(),
        environment: cx.environment.clone(),
        flags: Vec::new(),
    };
    let config = load_client(&sources)
        .map_err(|errors| {
            Fault::new(Code::Configuration, errors.to_string()).help("see `dirigent config path`")
        })?
        .config;
    let env = TerminalEnv::read();
    let options = Options {
        place,
        read_only: cx.globals.read_only,
        host: found.host,
        ..Options::from_config(&config, &env)
    };
    let terminal = crate::terminal::check().is_ok();
    let link = Rc::new(RefCell::new(None));
    let options = with_flags(options, cx, &found.paths.socket);
    let theirs = Rc::clone(&link);
    let shown = match choose(cx.globals.plain, &env, terminal) {
        View::Screen => crate::app::run(&options, move |inbox| {
            let news = move |news| inbox.send(Msg::News(news)).is_ok();
            spawn(settings, news).map(|handle| commands(handle, &theirs))
        })
        .map(|()| Exit::Done),
        View::Lines => plain::attend(&options, move |inbox| {
            let news = move |news| inbox.send(Heard::News(news)).is_ok();
            spawn(settings, news).map(|handle| commands(handle, &theirs))
        })
        .map(exit_of),
    };
    // What was decided before the end is still sent.
    let started = link.borrow_mut().take().and_then(LinkHandle::close);
    if let Some(pid) = started {
        cx.say(
            Tone::Dim,
            &format!(
                "a private daemon was started (process {pid}) and goes on; `dirigent daemon stop` ends it"
            ),
        );
    }
    shown.or_else(|error| match error {
        // Whoever listened has gone; there is nobody to tell.
        AppError::Terminal(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        error => Err(fault_of(&error)),
    })
}

/// What the flags and the places say: how slow the line is, and where the state of the screen is kept.
fn with_flags(mut options: Options, cx: &Cx, socket: &std::path::Path) -> Options {
    options.prefs.slow = cx.globals.slow;
    options.resume = cx.globals.resume;
    let environment = &cx.environment;
    let home = || environment.path("HOME").map(|home| home.join(".local/state"));
    let daemon = options
        .host
        .clone()
        .unwrap_or_else(|| socket.display().to_string());
    options.state = environment
        .path("XDG_STATE_HOME")
        .or_else(home)
        .map(|dir| crate::kept::file(&dir.join("dirigent"), &daemon));
    options
}

/// Keeps the link where it can be closed, and gives what sends to it.
fn commands(handle: LinkHandle, kept: &Rc<RefCell<Option<LinkHandle>>>) -> Commands {
    *kept.borrow_mut() = Some(handle);
    let link = Rc::clone(kept);
    Box::new(move |wish| {
        if let Some(handle) = link.borrow().as_ref() {
            handle.send(wish);
        }
    })
}

const fn exit_of(farewell: Farewell) -> Exit {
    match farewell {
        Farewell::Done => Exit::Done,
        Farewell::Unsent => Exit::Fault(Code::Unreachable),
    }
}

fn fault_of(error: &AppError) -> Fault {
    match error {
        AppError::NoScreen(reason) => no_screen(*reason),
        AppError::Keymap(error) => {
            Fault::new(Code::Configuration, error.to_string()).help("see `dirigent config path`")
        }
        AppError::Terminal(error) => Fault::new(Code::Io, format!("the terminal failed: {error}")),
    }
}

fn no_screen(reason: NoScreen) -> Fault {
    Fault::new(Code::Usage, reason.to_string()).help(reason.help())
}
