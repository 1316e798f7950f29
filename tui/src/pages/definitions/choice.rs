//! What is chosen on the page: the version under the cursor, the two that are compared, the newest run.

use super::asked::Version;
use super::page::Definitions;
use crate::nav::Place;
use crate::pages::Ctx;

impl Definitions {
    /// The version under the cursor, or the newest.
    pub(super) fn version<'a>(&self, versions: &'a [Version]) -> Option<&'a Version> {
        let here = self.at.key();
        let found = versions.iter().find(|version| Some(&version.number) == here);
        found.or_else(|| versions.first())
    }

    /// The two versions that are compared, the older one first: the marked ones, or the one under the cursor with the
    /// marked one, or with the one before it.
    pub(super) fn pair<'a>(&self, versions: &'a [Version]) -> Option<(&'a Version, &'a Version)> {
        let of = |number: u64| versions.iter().find(|version| version.number == number);
        let mut marked = self.marked.iter().filter_map(|number| of(*number));
        if let (Some(old), Some(new)) = (marked.next(), marked.next()) {
            return Some((old, new));
        }
        let here = self.version(versions)?;
        let marked = self.marked.iter().find_map(|number| of(*number));
        match marked.filter(|marked| marked.number != here.number) {
            Some(other) if other.number < here.number => Some((other, here)),
            Some(other) => Some((here, other)),
            None => {
                let before = versions.iter().filter(|version| version.number < here.number);
                Some((before.max_by_key(|version| version.number)?, here))
            }
        }
    }

    /// The newest run of what is looked at, and who works in it.
    pub(super) fn newest_run(&self, ctx: &Ctx<'_>) -> Option<Place> {
        let name = self.cursor.key()?;
        let runs = ctx.model.newest_runs();
        let newest = runs.into_iter().find(|run| run.body.workflow == *name)?;
        let mut place = Place::run(newest.id);
        place.path.push("who".to_owned());
        Some(place)
    }

    pub(super) fn mark(&mut self, ctx: &Ctx<'_>) {
        let versions = self.versions(ctx).unwrap_or_default();
        let Some(number) = self.version(&versions).map(|version| version.number) else {
            return;
        };
        if !self.marked.remove(&number) {
            if self.marked.len() == 2 {
                self.marked.pop_first();
            }
            self.marked.insert(number);
        }
        self.scroll = 0;
    }
}
