//! Which conversations are listed: the daemon's, as many as were asked for, narrowed by a text and by facets.
//!
//! The mirror holds the newest runs only; what the daemon answers joins it, so the list is what the mirror has of both.

use dirigent_protocol::entity::Kind;
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::RunEvent;

use super::page::Conversations;
use crate::model::talk::{TEXTS, Turn, only, said};
use crate::model::{Cmd, Run};
use crate::pages::Ctx;
use crate::pages::narrow::{Facet, Mine, Narrow, Of};

/// Rows from the end of the list on which more are asked for.
const NEAR: usize = 20;

/// What they are told apart by.
const FACETS: &[Facet] = &[
    Facet {
        name: "agent",
        of: Of::Field("labels.dirigent.conversation"),
    },
    Facet {
        name: "state",
        of: Of::Field("status"),
    },
    Facet {
        name: "begun",
        of: Of::Age("created_at"),
    },
];

/// The list with nothing left out.
pub(super) fn all_of_them() -> Narrow {
    let topics = ["conversations.facets", "conversations.rows"];
    Narrow::new(Kind::WorkflowExecution, FACETS, TEXTS, topics).within(only)
}

impl Conversations {
    /// Those that are not left out, the newest first: by the agent, the id, what was said first and last, and what was
    /// said in those that were opened here.
    pub(super) fn listed<'a>(&self, ctx: &Ctx<'a>) -> Vec<&'a Run> {
        let mut all = Self::all(ctx);
        let (words, now) = (self.narrow.words(), ctx.time.wall.as_second());
        all.retain(|run| self.narrow.fits(|facet| mine(run, facet, now)));
        if !words.is_empty() {
            all.retain(|run| {
                let (agent, title, last) = parts(run);
                let about = format!("{agent} {} {title} {last}", run.id).to_lowercase();
                let journal = ctx.model.journals.get(&run.id);
                let says = |word: &String| {
                    journal.is_some_and(|journal| journal.events.iter().any(|event| speaks(event, word)))
                };
                words
                    .iter()
                    .all(|word| about.contains(word.as_str()) || says(word))
            });
        }
        all
    }

    pub(super) fn listed_ids(&self, ctx: &Ctx<'_>) -> Vec<RunId> {
        self.listed(ctx).into_iter().map(|run| run.id).collect()
    }

    /// Every conversation that is known here, the newest first.
    pub(super) fn all<'a>(ctx: &Ctx<'a>) -> Vec<&'a Run> {
        let mut all = ctx.model.newest_runs();
        all.retain(|run| run.talks_with.is_some());
        all
    }

    /// What the daemon is asked: the list, and more of it where one comes near its end.
    pub(super) fn wants(&mut self, listed: &[RunId], ctx: &Ctx<'_>) -> Vec<Cmd> {
        let row = self.cursor.row(listed);
        if self.narrow.has_more(ctx) && !self.narrow.waits(ctx) && row + NEAR >= listed.len() {
            self.narrow.ask_more();
        }
        self.narrow.wants(ctx)
    }

    /// The conversation a link means: its id, or the end of it.
    pub(super) fn find(text: &str, ctx: &Ctx<'_>) -> Option<RunId> {
        let all = Self::all(ctx);
        let mut hits = all
            .iter()
            .map(|run| run.id)
            .filter(|run| text.len() >= 4 && run.to_string().ends_with(text));
        match (text.parse(), hits.next(), hits.next()) {
            (Ok(run), ..) => Some(run),
            (_, Some(run), None) => Some(run),
            _ => None,
        }
    }
}

/// With whom, what was said first, what was said last.
pub(super) fn parts(run: &Run) -> (&str, &str, &str) {
    let agent = run.talks_with.as_deref().unwrap_or_default();
    match &run.body.conversation {
        Some(talk) => (agent, &talk.title, &talk.last),
        None => (agent, "", ""),
    }
}

fn mine<'a>(run: &'a Run, facet: &Facet, now: i64) -> Mine<'a> {
    match facet.of {
        Of::Age(_) => Mine::Seconds(now - run.created_at.as_second()),
        Of::Field("status") => Mine::Text(run.status().as_str()),
        Of::Field(_) => Mine::Text(run.talks_with.as_deref().unwrap_or_default()),
    }
}

/// Something was said or answered in an event that has this word.
fn speaks(event: &RunEvent, word: &str) -> bool {
    let answer = || Turn::of(event).and_then(|turn| turn.answer);
    let has = |text: &str| text.to_lowercase().contains(word);
    said(event).is_some_and(has) || answer().is_some_and(|text| has(&text))
}
