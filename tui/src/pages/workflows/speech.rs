//! The page in words: the list, or a workflow's versions with what stands beside them.

use super::keys::META;
use super::page::{Depth, Workflows};
use super::side;
use crate::nav::Place;
use crate::pages::speech::count;
use crate::pages::{Ctx, Speech, wording};
use crate::text::span;

impl Workflows {
    pub(super) fn in_words(&self, ctx: &Ctx<'_>) -> Speech {
        match self.depth {
            Depth::List => self.list_in_words(ctx),
            Depth::Versions | Depth::Beside => self.versions_in_words(ctx),
        }
    }

    fn list_in_words(&self, ctx: &Ctx<'_>) -> Speech {
        let names = Self::names(ctx);
        let mut speech = Speech::new(format!("Workflows. {}.", count(names.len(), "workflow"))).part("list");
        for name in &names {
            let place = Place::object(META.id, name);
            speech.choice(name, place, self.cursor.key() == Some(name));
        }
        if names.is_empty() && ctx.model.loaded {
            speech.say("No workflow yet. Publish one: dirigent apply FILE.");
        }
        speech
    }

    fn versions_in_words(&self, ctx: &Ctx<'_>) -> Speech {
        let name = self.cursor.key().map_or("", String::as_str);
        let Some(versions) = self.versions(ctx) else {
            return Speech::new(format!("Workflow {name}. Its versions are not known here."));
        };
        let many = count(versions.len(), "version");
        let part = match self.depth {
            Depth::Beside => self.side.title(),
            _ => "versions",
        };
        let mut speech = Speech::new(format!("Workflow {name}. {many}.")).part(part);
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
                page: META.id.to_owned(),
                path: vec![name.to_owned(), side::mark(version)],
            };
            speech.choice(
                text,
                place,
                here == Some(version.number) && self.depth == Depth::Versions,
            );
        }
        speech.say(format!("{}:", self.side.title()));
        let lines = self.side_lines(ctx);
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
