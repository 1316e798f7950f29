//! The page in words: the list, the agents to choose from, or what was said last in one conversation.

use super::draw::{state, took};
use super::list::parts;
use super::page::Conversations;
use super::talk::Talk;
use crate::nav::Place;
use crate::pages::speech::count;
use crate::pages::{Ctx, Speech, wording};
use crate::text::span;
use crate::widgets::written;

/// Lines of a conversation that are said.
const LINES: usize = 40;

impl Conversations {
    pub(super) fn in_words(&self, ctx: &Ctx<'_>) -> Speech {
        match (&self.talk, &self.choosing) {
            (Some(talk), _) => talk.borrow().in_words(ctx),
            (None, Some(_)) => {
                let agents = Self::agents(ctx);
                let words = format!("Talk with which agent? {}.", count(agents.len(), "agent"));
                let mut speech = Speech::new(words).part("agents");
                for agent in &agents {
                    let place = Place::new_talk(agent);
                    let here = self.choosing.as_ref().and_then(|cursor| cursor.key()) == Some(agent);
                    speech.choice(agent, place, here);
                }
                speech
            }
            (None, None) => self.list_in_words(ctx),
        }
    }

    fn list_in_words(&self, ctx: &Ctx<'_>) -> Speech {
        if self.narrow.is_open() {
            return self.narrow.in_words(super::META.id, ctx);
        }
        let all = self.listed(ctx);
        let more = if self.narrow.has_more(ctx) {
            " There are more: go to the last one."
        } else {
            ""
        };
        let title = format!("Conversations. {}.{more}", count(all.len(), "conversation"));
        let mut speech = Speech::new(title).part("list");
        for run in &all {
            let age = span::spoken(ctx.time.wall.as_second() - run.updated_at.as_second());
            let (agent, _, last) = parts(run);
            let last = match last {
                "" => String::new(),
                last => format!(": {last}"),
            };
            let text = format!(
                "with {agent}, {}, {}, {age} ago, {}{last}",
                run.id.short(),
                state(run, ctx).1,
                took(run),
            );
            let here = self.cursor.key() == Some(&run.id);
            speech.choice(text, Place::object(super::META.id, run.id), here);
        }
        if self.narrow.is_narrowed() {
            speech.say(format!("Narrowed by {}.", self.narrow.spoken()));
        } else if all.is_empty() && ctx.model.loaded {
            let key = ctx.keymap.first(crate::keymap::Action::Create);
            speech.say(format!("No conversation yet: {key} begins one."));
        }
        speech
    }
}

impl Talk {
    fn in_words(&self, ctx: &Ctx<'_>) -> Speech {
        let many = count(self.transcript.messages.len(), "message");
        let id = self.run.map_or_else(|| "not begun".to_owned(), |run| run.short());
        let mut speech = Speech::new(format!("Conversation with {}, {id}. {many}.", self.agent))
            .part(if self.writes { "text" } else { "messages" });
        let marked = self.at.and_then(|at| self.transcript.messages.get(at));
        if let Some(message) = marked {
            speech.say("The message you stand on:");
            speech.quote(&message.text);
        }
        for (time, voice, text) in self.transcript.stream.recent(LINES) {
            let text = wording::without_signs(text);
            match time {
                "" => speech.say(format!("| {text}")),
                time => speech.say(format!("{time} {}| {text}", voice.word())),
            }
        }
        if let Some(line) = self.line(ctx) {
            speech.say(wording::without_signs(line.text().trim()));
        }
        match written(&self.area) {
            typed if typed.is_empty() => {}
            typed => {
                speech.say("Typed and not said:");
                speech.quote(&typed);
            }
        }
        speech
    }
}
