//! The page in words: the list, or a workflow's versions with what stands beside them.

use super::again::Doubt;
use super::page::{Definitions, Depth};
use super::side;
use crate::nav::Place;
use crate::pages::speech::count;
use crate::pages::{Ctx, Speech, wording};
use crate::text::span;

/// Cells nothing is cut at.
const WIDE: usize = 100_000;

impl Definitions {
    pub(super) fn in_words(&self, ctx: &Ctx<'_>) -> Speech {
        match self.depth {
            Depth::List if self.narrow.is_open() => self.narrow.in_words(self.what.meta.id, ctx),
            Depth::List => self.list_in_words(ctx),
            Depth::Versions | Depth::Beside => self.versions_in_words(ctx),
        }
    }

    fn list_in_words(&self, ctx: &Ctx<'_>) -> Speech {
        let names = self.names(ctx);
        let mut speech = Speech::new(format!(
            "{}. {}.",
            self.what.meta.title,
            count(names.len(), self.what.word)
        ))
        .part("list");
        for name in &names {
            let place = Place::object(self.what.meta.id, name);
            speech.choice(name, place, self.cursor.key() == Some(name));
        }
        if self.narrow.is_narrowed() {
            speech.say(format!("Narrowed by {}.", self.narrow.spoken()));
        } else if names.is_empty() && ctx.model.loaded {
            speech.say(format!(
                "No {} yet. Publish one: dirigent apply FILE.",
                self.what.word
            ));
        }
        speech
    }

    fn versions_in_words(&self, ctx: &Ctx<'_>) -> Speech {
        let name = self.cursor.key().map_or("", String::as_str);
        let word = wording::capital(self.what.word);
        let Some(versions) = self.versions(ctx) else {
            return Speech::new(format!("{word} {name}. Its versions are not known here."));
        };
        let many = count(versions.len(), "version");
        let part = match self.depth {
            Depth::Beside => self.side.title(),
            _ => "versions",
        };
        let mut speech = Speech::new(format!("{word} {name}. {many}.")).part(part);
        let here = self.version(&versions).map(|version| version.number);
        for version in &versions {
            let age = ctx.time.wall.as_second() - version.made_at.as_second();
            let marked = if self.marked.contains(&version.number) {
                ", marked"
            } else {
                ""
            };
            let text = format!(
                "{} {}, published {} ago{marked}",
                side::mark(version),
                version.version,
                span::spoken(age)
            );
            let place = Place {
                page: self.what.meta.id.to_owned(),
                path: vec![name.to_owned(), side::mark(version)],
            };
            speech.choice(
                text,
                place,
                here == Some(version.number) && self.depth == Depth::Versions,
            );
        }
        match (self.doubt, self.doubted(ctx)) {
            (Some(Doubt::RollBack(number)), _) => speech.say(format!(
                "Publish version {number} again as the newest one? Approve for yes, back for no."
            )),
            (_, Some(asked)) => speech.say(format!(
                "{}. Approve for yes, back for no.",
                wording::capital(&asked)
            )),
            _ => {}
        }
        speech.say(format!("{}:", self.side.title()));
        let lines = self.side_lines(WIDE, ctx);
        self.extent.set((lines.len() + 9, 10));
        for (at, line) in lines.iter().enumerate() {
            let text = wording::without_signs(line.text().trim_end());
            speech.line(
                format!("| {text}"),
                self.depth == Depth::Beside && at == self.scroll && at > 0,
            );
        }
        speech
    }
}
