//! What a verb works with: flags, output, the daemon, and a word on what was happening if Ctrl-C comes.

use std::cell::RefCell;
use std::rc::Rc;

use dirigent_config::Environment;
use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::id::RunId;
use dirigent_protocol::query::{Query, QueryReply};
use serde_json::Value;

use super::format::{pretty, yaml};
use super::globals::{Format, Globals};
use super::out::{Look, Out, Tone, complain};
use super::place::{Place, Start};
use crate::link::Caller;

/// What was happening when Ctrl-C came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Doing {
    /// Nothing that changes anything.
    #[default]
    Nothing,
    /// A command is on its way and not answered.
    Asked(String),
    /// The last command was acknowledged.
    Done(String),
    /// A run goes on without us.
    Attends(RunId),
    /// The verb looks after Ctrl-C itself.
    Handles,
}

/// What a verb works with.
pub struct Cx {
    /// Flags.
    pub globals: Globals,
    /// Standard output.
    pub out: Out,
    /// How standard error is written.
    pub err: Look,
    /// The environment.
    pub environment: Environment,
    doing: Rc<RefCell<Doing>>,
    caller: Option<Caller>,
    start: Start,
}

impl Cx {
    /// With nothing done yet.
    #[must_use]
    pub fn new(globals: Globals, out: Out, err: Look, doing: Rc<RefCell<Doing>>) -> Self {
        let environment = Environment::of_process();
        Self {
            globals,
            out,
            err,
            environment,
            doing,
            caller: None,
            start: Start::Never,
        }
    }

    /// Lets this call start a private daemon when none runs.
    pub fn may_start(&mut self) {
        if !self.globals.read_only {
            self.start = Start::IfNone;
        }
    }

    /// Where everything is.
    ///
    /// # Errors
    /// See [`Place::find`].
    pub fn place(&self) -> Result<Place, Fault> {
        Place::find(&self.globals, &self.environment)
    }

    /// Uses this caller from now on.
    pub fn use_caller(&mut self, caller: Caller) {
        self.caller = Some(caller);
    }

    /// The caller.
    ///
    /// # Errors
    /// See [`Place::find`].
    pub fn caller(&mut self) -> Result<&mut Caller, Fault> {
        if self.caller.is_none() {
            let settings = self.place()?.settings(self.start);
            let (quiet, err) = (self.globals.quiet, self.err);
            self.caller = Some(Caller::new(settings, move |line| {
                if !quiet {
                    complain(&err.paint(Tone::Dim, &err.line(line)));
                }
            }));
        }
        self.caller
            .as_mut()
            .ok_or_else(|| Fault::new(Code::Internal, "no caller"))
    }

    /// Another caller of the same daemon, for polls at the same time. It starts none.
    ///
    /// # Errors
    /// See [`Place::find`].
    pub fn another_caller(&mut self) -> Result<Caller, Fault> {
        let mut settings = self.caller()?.settings().clone();
        settings.launch = None;
        Ok(Caller::new(settings, |_| {}))
    }

    /// Asks the daemon.
    ///
    /// # Errors
    /// The daemon's fault, or it cannot be reached.
    pub async fn query(&mut self, query: Query) -> Result<QueryReply, Fault> {
        self.caller()?.query(query).await
    }

    /// Changes something; `what` names it if the answer stays away.
    ///
    /// # Errors
    /// The daemon's fault, it cannot be reached, or `--read-only`.
    pub async fn command(&mut self, what: &str, command: Command) -> Result<CommandReply, Fault> {
        if self.globals.read_only {
            return Err(Fault::new(
                Code::NotPermitted,
                format!("--read-only: {what} would change something"),
            ));
        }
        // Before the connection nothing can have been asked.
        self.caller()?.connection().await?;
        self.note(Doing::Asked(what.to_owned()));
        let reply = self.caller()?.command(command).await;
        self.note(match &reply {
            Ok(_) => Doing::Done(what.to_owned()),
            Err(_) => Doing::Nothing,
        });
        reply
    }

    /// From here on Ctrl-C only lets go of this run.
    pub fn attend(&self, run: RunId) {
        self.note(Doing::Attends(run));
    }

    /// From here on the verb looks after Ctrl-C itself.
    pub fn handle_interrupts(&self) {
        *self.doing.borrow_mut() = Doing::Handles;
    }

    fn note(&self, now: Doing) {
        let mut doing = self.doing.borrow_mut();
        if *doing != Doing::Handles {
            *doing = now;
        }
    }

    /// Says something about the progress.
    pub fn say(&self, tone: Tone, text: &str) {
        if !self.globals.quiet {
            complain(&self.err.paint(tone, &self.err.text(text)));
        }
    }

    /// Shows a value in the shape asked for; in `Table` shape, and when none was asked for, `table` shows it.
    ///
    /// # Errors
    /// It cannot be written in that shape.
    pub fn show(&mut self, value: &Value, table: impl FnOnce(&mut Out)) -> Result<(), Fault> {
        match self.globals.format() {
            Some(Format::Json) => {
                let text = if self.out.look.terminal {
                    pretty(value)
                } else {
                    value.to_string()
                };
                self.out.exact(&text);
            }
            Some(Format::Yaml) => self.out.exact(&yaml(value)?),
            Some(Format::Table) | None => table(&mut self.out),
        }
        Ok(())
    }

    /// Writes one line of a stream of JSON.
    pub fn json_line(&mut self, value: &Value) {
        self.out.exact(&value.to_string());
        self.out.flush();
    }
}
