//! What a list of definitions is narrowed by, and what is left of it.

use dirigent_protocol::entity::Kind;

use super::page::{Definitions, Depth};
use crate::keymap::Action;
use crate::model::{Cmd, Named};
use crate::pages::narrow::{Facet, Mine, Narrow, Of, Taken};
use crate::pages::{Ctx, Field};

/// Fields the daemon looks for a text in.
const fn texts(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Agent => &["name", "description", "model"],
        Kind::Orchestration => &["name", "description", "strategy"],
        Kind::OrchestrationRule => &["name", "description", "capability"],
        _ => &["name", "description"],
    }
}

/// The list of a page with nothing left out.
pub(super) fn all(what: &super::What) -> Narrow {
    Narrow::new(what.kind, what.facets, texts(what.kind), what.topics)
}

fn mine<'a>(named: &'a Named, facet: &Facet, now: i64) -> Mine<'a> {
    match facet.of {
        Of::Age(_) => Mine::Seconds(now - named.updated_at.as_second()),
        Of::Field(_) => Mine::Text(&named.sort),
    }
}

impl Definitions {
    /// Those that are not left out, by name.
    pub(super) fn shown<'a>(&self, ctx: &Ctx<'a>) -> Vec<&'a Named> {
        let mut all = ctx.model.of_kind(self.what.kind);
        if self.narrow.is_narrowed() {
            let (words, now) = (self.narrow.words(), ctx.time.wall.as_second());
            all.retain(|named| {
                let texts = [&named.name, &named.about, &named.sort].map(|text| text.to_lowercase());
                let has = |word: &String| texts.iter().any(|text| text.contains(word.as_str()));
                words.iter().all(has) && self.narrow.fits(|facet| mine(named, facet, now))
            });
        }
        all
    }

    /// The names the cursor holds on to one of: those that are left, but all of them while one is looked at or asked
    /// about, which what narrows the list never makes another.
    pub(super) fn held_names(&self, ctx: &Ctx<'_>) -> Vec<String> {
        if self.depth != Depth::List || self.builder.is_some() || self.is_asking() {
            self.all_names(ctx)
        } else {
            self.names(ctx)
        }
    }

    /// Takes an action that narrows the list; none if it is about something else.
    pub(super) fn act_on_narrow(&mut self, action: Action, ctx: &Ctx<'_>) -> Option<Vec<Cmd>> {
        if self.depth != Depth::List {
            return None;
        }
        let narrows = matches!(action, Action::Filter | Action::Facets) || self.narrow.is_open();
        let clears = action == Action::Back && self.narrow.is_narrowed();
        if !narrows && !clears {
            return None;
        }
        match self.narrow.act(action, &ctx.model.looks) {
            Taken::No => None,
            Taken::Moved | Taken::Changed => Some(self.follow(ctx)),
        }
    }

    /// What is typed to narrow it.
    pub(super) fn narrow_field(&self) -> Field {
        Field::Line(vec![format!(
            "Type what the {}s are to hold: words of the name or the description. An empty line: all of them.",
            self.what.word
        )])
    }
}
