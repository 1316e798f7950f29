//! The page in words: the list, or one suggestion with its change line by line.

use dirigent_protocol::entity::AgentSuggestion;

use super::detail;
use super::page::{META, Suggestions};
use crate::nav::Place;
use crate::pages::speech::count;
use crate::pages::{Ctx, Speech, wording};

/// Cells nothing is cut at.
const WIDE: usize = 100_000;

impl Suggestions {
    pub(super) fn in_words(&self, ctx: &Ctx<'_>) -> Speech {
        let all = Self::all(ctx);
        if !self.inside {
            let mut speech =
                Speech::new(format!("Suggestions. {}.", count(all.len(), "suggestion"))).part("list");
            for document in all {
                let Ok(body) = document.body::<AgentSuggestion>() else {
                    continue;
                };
                let id = document.metadata.id.to_string();
                let here = self.cursor.key() == Some(&id);
                let text = format!("{}, of {}, {}", body.title, body.agent, body.status.word());
                speech.choice(text, Place::object(META.id, id), here);
            }
            if all.is_empty() {
                speech.say(detail::none(ctx).join(" "));
            }
            return speech;
        }
        let mut speech = Speech::new("Suggestion.").part("suggestion");
        if self.replacing {
            speech.say(
                "A draft of this agent is there. Take this one in its place? Approve for yes, back for no.",
            );
        }
        let lines = self.lines(WIDE, ctx);
        self.extent.set((lines.len() + 9, 10));
        for line in &lines {
            speech.say(format!("| {}", wording::without_signs(line.text().trim_end())));
        }
        if let Some((_, body)) = self.here(ctx) {
            for (at, run) in body.evidence.iter().enumerate() {
                speech.choice(format!("run {}", run.short()), Place::run(run), at == self.run);
            }
        }
        speech
    }
}
