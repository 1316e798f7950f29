//! What is kept over the end of the client, collected from the pages and given back to them.
//!
//! It is given back when the daemon has spoken, for only then is there something to select. It opens no dialog and
//! sends nothing.

use super::state::{Effect, Shell};
use crate::kept::Kept;
use crate::model::Time;
use crate::nav::Place;

impl Shell {
    /// What is worth keeping now.
    #[must_use]
    pub fn keep(&self) -> Kept {
        if let Some(kept) = &self.returning {
            // Nothing was given back yet: what was kept is still the truth.
            return kept.clone();
        }
        let pages = self.pages.iter().filter_map(|page| {
            let kept = page.keep();
            (!kept.is_null()).then(|| (page.meta().id.to_owned(), kept))
        });
        Kept {
            place: self.place().to_string(),
            pages: pages.collect(),
        }
    }

    /// Goes back to where one was: to the page at once, into it when the daemon has spoken. `home`: only what the
    /// pages keep, for the place was named at the start.
    pub fn take_up(&mut self, mut kept: Kept, home: bool, time: Time) {
        if home {
            kept.place.clear();
        } else if let Ok(place) = kept.place.parse::<Place>() {
            let _effects = self.go(&Place::page(&place.page), time);
        }
        self.returning = Some(kept);
    }

    /// Gives back what was kept, now that there is a world to give it back to.
    pub(super) fn return_kept(&mut self, time: Time) -> Vec<Effect> {
        let Some(kept) = self.returning.take() else {
            return Vec::new();
        };
        let mut cmds = Vec::new();
        for index in 0..self.pages.len() {
            if let Some(value) = kept.pages.get(self.pages[index].meta().id) {
                cmds.extend(self.with_page(index, time, |page, ctx| page.take_up(value, ctx)));
            }
        }
        let mut effects = self.run(cmds, time);
        if let Ok(place) = kept.place.parse::<Place>()
            && place.page == self.page().meta().id
            && !place.path.is_empty()
        {
            effects.extend(self.go(&place, time));
        }
        effects
    }

    /// The person left, instead of being cut off.
    #[must_use]
    pub const fn has_left(&self) -> bool {
        self.left
    }
}
