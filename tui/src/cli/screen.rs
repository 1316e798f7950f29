//! Starting the full screen with a link behind it.

use std::cell::RefCell;
use std::rc::Rc;

use dirigent_config::{Sources, load_client};
use dirigent_protocol::fault::{Code, Fault};

use super::cx::Cx;
use super::exit::Exit;
use super::out::Tone;
use crate::link::{LinkHandle, Settings, spawn};
use crate::model::Msg;
use crate::nav::Place;
use crate::options::{NoScreen, Options, TerminalEnv};

/// Whether there is a terminal for the full screen.
///
/// # Errors
/// There is none.
pub fn check() -> Result<(), Fault> {
    crate::terminal::check().map_err(no_screen)
}

/// Shows the full screen until the person leaves it.
///
/// # Errors
/// There is no terminal, the configuration has errors, or the terminal fails.
pub fn show(cx: &Cx, settings: Settings, place: Option<Place>) -> Result<Exit, Fault> {
    let found = cx.place()?;
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
    let mut env = TerminalEnv::read();
    env.no_color |= cx.globals.plain;
    let mut options = Options {
        place,
        read_only: cx.globals.read_only,
        host: found.host,
        ..Options::from_config(&config, &env)
    };
    options.theme.ascii |= cx.globals.plain;
    let link = Rc::new(RefCell::new(None));
    let theirs = Rc::clone(&link);
    let shown = crate::app::run(&options, move |inbox| {
        let handle = spawn(settings, move |news| inbox.send(Msg::News(news)).is_ok())?;
        *theirs.borrow_mut() = Some(handle);
        let link = Rc::clone(&theirs);
        Ok(Box::new(move |wish| {
            if let Some(handle) = link.borrow().as_ref() {
                handle.send(wish);
            }
        }))
    });
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
    shown.map(|()| Exit::Done).map_err(|error| fault_of(&error))
}

fn fault_of(error: &crate::app::AppError) -> Fault {
    use crate::app::AppError;
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
