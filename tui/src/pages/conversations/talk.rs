//! One conversation: what is typed, what is on its way, which message one stands on, and what each key does to it.

use std::collections::BTreeSet;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use dirigent_protocol::id::RunId;
use ratatui_textarea::TextArea;

use super::transcript::Transcript;
use crate::keymap::Action;
use crate::model::talk::{MAX_SAID, markdown};
use crate::model::{Approval, Cmd, LinkCmd, Note, Steer, Tell, Wish};
use crate::nav::Place;
use crate::pages::Ctx;
use crate::text::clean;
use crate::text::sanitize::is_hidden;
use crate::widgets::{writing, written};

/// What was asked and waits for a yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// Whether to stop the answer.
    Stop,
    /// Whether to end the conversation.
    End,
}

/// A conversation that is looked at.
#[derive(Debug)]
pub(super) struct Talk {
    /// Its run; none before anything was said.
    pub(super) run: Option<RunId>,
    /// With whom; empty while that is not known here.
    pub(super) agent: String,
    pub(super) transcript: Transcript,
    pub(super) area: TextArea<'static>,
    /// The text has the keys.
    pub(super) writes: bool,
    /// What was said and has not reached the agent yet.
    pub(super) sending: Option<String>,
    /// Messages there were before that.
    before: usize,
    pub(super) asked: Option<Asked>,
    /// The message one stands on.
    pub(super) at: Option<usize>,
    /// Its forks when another one was asked for.
    forks: Option<BTreeSet<RunId>>,
    followed: bool,
}

fn refused(words: &str) -> Vec<Cmd> {
    vec![Cmd::Note(Note::refused(words))]
}

impl Talk {
    /// One that has not begun.
    pub(super) fn with(agent: &str, draft: &str) -> Self {
        Self {
            run: None,
            agent: agent.to_owned(),
            transcript: Transcript::default(),
            area: writing(draft),
            writes: true,
            sending: None,
            before: 0,
            asked: None,
            at: None,
            forks: None,
            followed: false,
        }
    }

    /// One that goes on.
    pub(super) fn of(run: RunId, draft: &str) -> Self {
        Self {
            run: Some(run),
            writes: false,
            ..Self::with("", draft)
        }
    }

    /// Where it is, behind the page's name.
    pub(super) fn path(&self) -> Vec<String> {
        match self.run {
            Some(run) => vec![run.to_string()],
            None => vec!["new".to_owned(), self.agent.clone()],
        }
    }

    /// What is typed, and what may be lost on its way.
    pub(super) fn draft(&self) -> String {
        let typed = written(&self.area);
        match &self.sending {
            Some(sending) if typed.is_empty() => sending.clone(),
            Some(sending) => format!("{sending}\n{typed}"),
            None => typed,
        }
    }

    /// The question of its agent that waits for a person.
    pub(super) fn question<'a>(&self, ctx: &Ctx<'a>) -> Option<&'a Approval> {
        let run = self.run?.into();
        ctx.model.undecided().find(|approval| approval.body.run == run)
    }

    /// It takes no more words.
    pub(super) fn is_over(&self, ctx: &Ctx<'_>) -> bool {
        let known = self.run.and_then(|run| ctx.model.runs.get(&run));
        self.transcript.over || known.is_some_and(|run| run.status().is_final())
    }

    /// Begins to follow its run, once.
    pub(super) fn watch(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        match self
            .run
            .filter(|_| !self.followed && ctx.model.connection.is_live())
        {
            Some(run) => {
                self.followed = true;
                vec![Cmd::Link(LinkCmd::Follow(run))]
            }
            None => Vec::new(),
        }
    }

    /// No longer looked at.
    pub(super) fn unwatch(&mut self) -> Vec<Cmd> {
        let followed = std::mem::take(&mut self.followed);
        let run = self.run.filter(|_| followed);
        run.map(|run| Cmd::Link(LinkCmd::Unfollow(run)))
            .into_iter()
            .collect()
    }

    /// Takes in what the mirror knows.
    pub(super) fn data(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let mut cmds = self.granted(ctx);
        cmds.extend(self.watch(ctx));
        let Some(run) = self.run else { return cmds };
        if let Some(agent) = ctx.model.runs.get(&run).and_then(|run| run.talks_with.as_ref()) {
            self.agent.clone_from(agent);
        }
        if let Some(journal) = ctx.model.journals.get(&run) {
            self.transcript.follow(journal, &ctx.prefs.zone);
        }
        self.reached(ctx);
        if let Some(known) = &self.forks
            && let Some(fork) = ctx
                .model
                .children(run)
                .into_iter()
                .find(|child| !known.contains(child))
        {
            self.forks = None;
            cmds.push(Cmd::Go(Place::object(super::META.id, fork)));
        }
        cmds
    }

    /// What is on its way is so no longer once it stands among the messages; an end that came before it gives it back.
    fn reached(&mut self, ctx: &Ctx<'_>) {
        let Some(sending) = &self.sending else { return };
        let mut since = self.transcript.messages.iter().skip(self.before);
        if since.any(|message| message.text == *sending) {
            self.sending = None;
        } else if self.is_over(ctx) {
            self.give_back();
        }
    }

    /// What was not taken is typed again, in front of what was typed since.
    fn give_back(&mut self) {
        self.area = writing(&self.draft());
        self.sending = None;
    }

    /// What became of what is on its way.
    fn granted(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let Some(text) = self.sending.clone() else {
            return Vec::new();
        };
        let wish = match self.run {
            Some(run) => Wish::Tell(run),
            None => Wish::Talk(self.agent.clone()),
        };
        match (ctx.model.granted.get(&wish), self.run) {
            (None, _) | (Some(Ok(_)), Some(_)) => Vec::new(),
            (Some(Ok(run)), None) => {
                self.run = Some(*run);
                self.tell(*run, Tell::Say(text), ctx)
            }
            (Some(Err(_)), _) => {
                self.give_back();
                Vec::new()
            }
        }
    }

    fn tell(&self, run: RunId, what: Tell, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let by = ctx.model.connection.subject().unwrap_or_default().to_owned();
        vec![Cmd::Link(LinkCmd::Tell { run, what, by })]
    }

    /// Says what is typed.
    pub(super) fn say(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let text = written(&self.area);
        let why = match text.trim() {
            "" => Some("nothing is typed"),
            _ if text.len() > MAX_SAID => Some("this is too long for one message; the text is kept"),
            _ if self.is_over(ctx) => Some("this conversation is over: fork it; the text is kept"),
            _ if !ctx.model.connection.is_live() => Some("not connected; the text is kept"),
            _ if self.sending.is_some() => Some("the message before is on its way; the text is kept"),
            _ => None,
        };
        if let Some(why) = why {
            return refused(why);
        }
        self.sending = Some(text.clone());
        self.before = self.transcript.messages.len();
        self.area = writing("");
        self.at = None;
        self.transcript.stream.mark(None);
        self.transcript.stream.follow();
        match self.run {
            Some(run) => self.tell(run, Tell::Say(text), ctx),
            None => vec![Cmd::Link(LinkCmd::Talk {
                agent: self.agent.clone(),
            })],
        }
    }

    /// A key of the text.
    pub(super) fn key(&mut self, key: &KeyEvent, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let held = key
            .modifiers
            .intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        match key.code {
            KeyCode::Esc | KeyCode::Tab | KeyCode::BackTab => self.writes = false,
            KeyCode::Enter if !held => return self.say(ctx),
            KeyCode::Enter => self.area.insert_newline(),
            KeyCode::Char('j') if key.modifiers.contains(KeyModifiers::CONTROL) => self.area.insert_newline(),
            KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => self.area = writing(""),
            KeyCode::Char(c) if is_hidden(c) => return refused("a character nobody would see is not taken"),
            _ => {
                self.area.input(*key);
            }
        }
        Vec::new()
    }

    /// A text that was pasted: it is never said by itself.
    pub(super) fn paste(&mut self, text: &str) -> Vec<Cmd> {
        let room = MAX_SAID.saturating_sub(written(&self.area).len());
        if text.len() > room {
            return refused("too long for one message: nothing was pasted");
        }
        self.area.insert_str(clean(text));
        let lines = text.lines().count();
        let words = format!("{lines} lines pasted; nothing is said yet");
        let note = (lines > 1).then(|| Cmd::Note(Note::info(words)));
        note.into_iter().collect()
    }

    /// An action while the text has not the keys; none where one leaves the conversation.
    pub(super) fn act(&mut self, action: Action, ctx: &Ctx<'_>) -> Option<Vec<Cmd>> {
        if let Some(asked) = self.asked.take() {
            return Some(self.confirm(asked, action, ctx));
        }
        let stream = &mut self.transcript.stream;
        let page = i32::try_from(stream.rows()).unwrap_or(10);
        match action {
            Action::Back if self.writes => self.writes = false,
            Action::Back => return None,
            Action::Open | Action::Edit | Action::NextPane | Action::PrevPane => self.writes = true,
            Action::Stop => self.asked = Some(Asked::Stop),
            Action::StopRun => self.asked = Some(Asked::End),
            Action::NextItem | Action::PrevItem => self.step(action == Action::NextItem),
            Action::Up => stream.scroll(-1),
            Action::Down => stream.scroll(1),
            Action::HalfUp => stream.scroll(-page / 2),
            Action::HalfDown => stream.scroll(page / 2),
            Action::PageUp => stream.scroll(-page),
            Action::PageDown => stream.scroll(page),
            Action::Top => stream.to_top(),
            Action::Bottom => stream.follow(),
            Action::Pause => stream.pause(),
            Action::Wrap => stream.toggle_wrap(),
            Action::Again => return Some(self.fork(ctx)),
            Action::Copy => return Some(vec![Cmd::Copy(self.message())]),
            Action::Save if self.writes => return Some(self.say(ctx)),
            action => return Some(self.lead(action, ctx)),
        }
        Some(Vec::new())
    }

    /// Actions that lead elsewhere.
    fn lead(&self, action: Action, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let go = |place: Place| vec![Cmd::Go(place)];
        match (action, self.run) {
            (Action::Approve, _) => self
                .question(ctx)
                .map(|approval| Cmd::Go(Place::approval(approval.id)))
                .into_iter()
                .collect(),
            (Action::View, Some(run)) => go(Place::run(run)),
            (Action::CopyLink, Some(run)) => {
                vec![Cmd::Copy(Place::object(super::META.id, run).to_string())]
            }
            (Action::Save, Some(run)) => vec![Cmd::Write {
                name: (format!("conversation-{}", run.short()), "md"),
                text: markdown(run, &self.transcript.turns),
            }],
            _ => Vec::new(),
        }
    }

    /// Why an action cannot be taken.
    pub(super) fn why_not(&self, action: Action, ctx: &Ctx<'_>) -> Option<String> {
        let why = match action {
            _ if self.asked.is_some() => return None,
            Action::Open | Action::Edit if self.is_over(ctx) => "this conversation is over: fork it",
            Action::Save if self.writes => return None,
            Action::Stop if !self.transcript.is_answering() => "no answer is under way",
            Action::StopRun if self.is_over(ctx) => "this conversation is over",
            Action::Approve if self.question(ctx).is_none() => "its agent asks nothing now",
            Action::Again if self.transcript.turns.is_empty() => "nothing was answered yet",
            Action::NextItem | Action::PrevItem if self.transcript.messages.is_empty() => {
                "nothing was said yet"
            }
            Action::Copy | Action::Save if self.transcript.turns.is_empty() => "nothing was answered yet",
            Action::Stop | Action::StopRun | Action::View | Action::CopyLink if self.run.is_none() => {
                "nothing was said yet"
            }
            Action::Stop | Action::StopRun | Action::Again if !ctx.model.connection.is_live() => {
                "not connected"
            }
            _ => return None,
        };
        Some(why.to_owned())
    }

    /// The answer to a question; anything but a yes is a no.
    fn confirm(&mut self, asked: Asked, action: Action, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let Some(run) = self.run.filter(|_| action == Action::Approve) else {
            return vec![Cmd::Note(Note::info("it goes on"))];
        };
        let what = match asked {
            Asked::Stop => Tell::Stop,
            Asked::End => Tell::End,
        };
        self.tell(run, what, ctx)
    }

    /// To the next message of the person, or the one before.
    fn step(&mut self, later: bool) {
        let last = self.transcript.messages.len().saturating_sub(1);
        self.at = match (self.at, later) {
            (Some(at), true) if at >= last => None,
            (Some(at), true) => Some(at + 1),
            (Some(at), false) => Some(at.saturating_sub(1)),
            (None, true) => None,
            (None, false) => Some(last),
        };
        let line = self.at.and_then(|at| self.transcript.messages.get(at));
        let line = line.map(|message| message.line);
        self.transcript.stream.mark(line);
        if line.is_none() {
            self.transcript.stream.follow();
        }
    }

    /// Goes on from behind the message one stands on, as a conversation of its own.
    fn fork(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let turns = &self.transcript.turns;
        let at = self.at.unwrap_or(turns.len().saturating_sub(1));
        let (Some(run), Some(turn)) = (self.run, turns.get(at)) else {
            return refused("this message has no answer yet: choose one before it");
        };
        self.forks = Some(ctx.model.children(run).into_iter().collect());
        let how = Steer::Fork {
            at: turn.event,
            input: None,
        };
        vec![Cmd::Link(LinkCmd::Steer { run, how })]
    }

    /// The message one stands on with its answer, or the newest answer.
    fn message(&self) -> String {
        let turns = &self.transcript.turns;
        let answer = |at: usize| turns.get(at).and_then(|turn| turn.answer.clone());
        match self.at {
            Some(at) => {
                let said = self
                    .transcript
                    .messages
                    .get(at)
                    .map(|message| message.text.clone());
                [said, answer(at)]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join("\n\n")
            }
            None => answer(turns.len().saturating_sub(1)).unwrap_or_default(),
        }
    }
}
