//! Running what is looked at: its input is asked for, and the new run is gone to as soon as it is there.
//!
//! Invariant: nothing runs before its input was given; the newest version is what runs.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use dirigent_protocol::entity::{Kind, Orchestration};
use dirigent_protocol::source;
use serde_json::Value;

use super::asked;
use super::page::Definitions;
use super::tried::given;
use crate::model::{Cmd, LinkCmd, Note};
use crate::pages::Ctx;
use crate::text::{clean, clean_line};
use crate::theme::Role;
use crate::widgets::Line;

/// Longest input that is typed, characters.
const MAX: usize = 4_000;

impl Definitions {
    /// A key of the input.
    pub(super) fn launch_key(&mut self, key: &KeyEvent, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let Some(typed) = &mut self.launch else {
            return Vec::new();
        };
        let held = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc => self.launch = None,
            KeyCode::Enter => return self.send_launch(ctx),
            KeyCode::Backspace => drop(typed.pop()),
            KeyCode::Char('u') if held => typed.clear(),
            KeyCode::Char(c) if !held => self.launch_paste(c.encode_utf8(&mut [0; 4])),
            _ => {}
        }
        Vec::new()
    }

    /// A text that was pasted into it.
    pub(super) fn launch_paste(&mut self, text: &str) {
        if let Some(typed) = &mut self.launch {
            let room = MAX.saturating_sub(typed.chars().count());
            typed.extend(clean(text).chars().filter(|c| !c.is_control()).take(room));
        }
    }

    fn send_launch(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let (Some(typed), Some(name)) = (self.launch.clone(), self.cursor.key().cloned()) else {
            return Vec::new();
        };
        let input: Value = match given(&typed) {
            Ok(input) => input,
            Err(why) => return vec![Cmd::Note(Note::refused(why))],
        };
        self.launch = None;
        self.launched = Some(self.newest_run(ctx));
        vec![Cmd::Link(LinkCmd::Run { name, input })]
    }

    /// The run that was asked for, once it is there.
    pub(super) fn go_to_launched(&mut self, ctx: &Ctx<'_>) -> Option<Cmd> {
        let before = self.launched.clone()?;
        let newest = self
            .newest_run(ctx)
            .filter(|newest| Some(newest) != before.as_ref())?;
        self.launched = None;
        Some(Cmd::Go(newest))
    }

    /// What is asked, and how.
    pub(super) fn launch_in_words(&self, ctx: &Ctx<'_>) -> Vec<String> {
        let name = self.cursor.key().map_or("", String::as_str);
        let ask = format!("Run {name} with which input? JSON; {{}} for none.");
        let takes = self.takes(ctx).map(|names| format!("It takes {names}."));
        let back = "An empty line goes back.".to_owned();
        [Some(ask), takes, Some(back)].into_iter().flatten().collect()
    }

    /// The names its input may have, as it says itself; a question mark behind those that may be left out.
    fn takes(&self, ctx: &Ctx<'_>) -> Option<String> {
        let (subject, looks) = (self.subject(ctx)?, &ctx.model.looks);
        let schema = match subject.kind {
            Kind::Orchestration => asked::body_of::<Orchestration>(&subject, looks)?.input_schema?,
            _ => {
                let parsed = source::parse(asked::source_of(&subject, looks)?.as_bytes());
                let document = parsed.documents.first()?.to_json();
                document["input"]["schema"]["document"].clone()
            }
        };
        let needed = |name: &String| {
            let required = schema["required"].as_array();
            required.is_some_and(|all| all.iter().any(|one| one == name.as_str()))
        };
        let (must, may): (Vec<&String>, Vec<&String>) = schema["properties"]
            .as_object()?
            .keys()
            .partition(|name| needed(name));
        let may = may.iter().map(|name| format!("{name}?"));
        let all: Vec<String> = must.into_iter().cloned().chain(may).collect();
        Some(all.join(", "))
    }

    /// The line that is typed.
    pub(super) fn launch_line(&self, ctx: &Ctx<'_>) -> Option<Line> {
        let typed = self.launch.as_ref()?;
        let word = match self.what.kind {
            Kind::Orchestration => "orchestration",
            _ => self.what.word,
        };
        let takes = self.takes(ctx).filter(|_| typed.is_empty());
        let takes = takes.map_or_else(String::new, |names| format!(" it takes {names}"));
        Some(
            Line::new()
                .add(Role::Heading, format!(" Run this {word} with (JSON) "))
                .add(Role::Mine, clean_line(typed))
                .add(Role::Caret, " ")
                .add(Role::Dim, clean_line(&takes)),
        )
    }
}
