//! The cursor of a list: it holds on to a thing, not to a row, so that new rows never move it.

use crate::keymap::Action;

/// Which thing is under the cursor, and the first row on the screen.
#[derive(Debug, Clone)]
pub struct Cursor<K> {
    /// The thing under the cursor.
    key: Option<K>,
    /// Its row when it was last seen: where the cursor goes if the thing is gone.
    row: usize,
}

impl<K> Default for Cursor<K> {
    fn default() -> Self {
        Self { key: None, row: 0 }
    }
}

impl<K: PartialEq + Clone> Cursor<K> {
    /// The thing under the cursor.
    #[must_use]
    pub const fn key(&self) -> Option<&K> {
        self.key.as_ref()
    }

    /// The row under the cursor.
    #[must_use]
    pub fn row(&self, keys: &[K]) -> usize {
        self.key
            .as_ref()
            .and_then(|key| keys.iter().position(|k| k == key))
            .unwrap_or(self.row)
            .min(keys.len().saturating_sub(1))
    }

    /// Puts the cursor on a thing.
    pub fn set(&mut self, key: K) {
        self.key = Some(key);
    }

    /// Follows the list: holds its thing, or takes what stands in its row when that is gone. Says whether the
    /// thing under the cursor is another one now.
    pub fn follow(&mut self, keys: &[K]) -> bool {
        let row = self.row(keys);
        self.row = row;
        let now = keys.get(row).cloned();
        let changed = now != self.key;
        self.key = now;
        changed
    }

    /// Moves by an action; says whether it was a move. `page` is the height of the list in rows.
    pub fn step(&mut self, action: Action, keys: &[K], page: usize) -> bool {
        if keys.is_empty() {
            return false;
        }
        let (row, last) = (self.row(keys), keys.len() - 1);
        let page = page.max(1);
        let target = match action {
            Action::Up => row.saturating_sub(1),
            Action::Down => row + 1,
            Action::Top => 0,
            Action::Bottom => last,
            Action::HalfUp => row.saturating_sub(page.div_ceil(2)),
            Action::HalfDown => row + page.div_ceil(2),
            Action::PageUp => row.saturating_sub(page),
            Action::PageDown => row + page,
            _ => return false,
        };
        self.row = target.min(last);
        self.key = keys.get(self.row).cloned();
        true
    }
}

/// First row to draw so that `row` is among `height` rows of `len`; whole pages, so that a move inside a page
/// redraws two rows and not all.
#[must_use]
pub const fn first_row(row: usize, len: usize, height: usize) -> usize {
    if height == 0 || len <= height {
        return 0;
    }
    let page = row / height * height;
    let last = len - height;
    if page > last { last } else { page }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_rows_do_not_move_it() {
        let mut cursor = Cursor::default();
        cursor.follow(&["b", "c"]);
        cursor.step(Action::Down, &["b", "c"], 10);
        assert!(!cursor.follow(&["a", "b", "c", "d"]));
        assert_eq!(cursor.key(), Some(&"c"));
        assert_eq!(cursor.row(&["a", "b", "c", "d"]), 2);
    }

    #[test]
    fn when_its_thing_goes_the_row_stays_and_says_so() {
        let mut cursor = Cursor::default();
        cursor.follow(&["a", "b", "c"]);
        cursor.step(Action::Down, &["a", "b", "c"], 10);
        assert!(cursor.follow(&["a", "c"]));
        assert_eq!(cursor.key(), Some(&"c"));
        assert!(cursor.follow(&[]));
        assert_eq!(cursor.key(), None);
    }

    #[test]
    fn the_row_is_always_on_the_screen() {
        for len in 0..40 {
            for height in 0..12 {
                for row in 0..len {
                    let first = first_row(row, len, height);
                    assert!(
                        height == 0 || (first <= row && row < first + height),
                        "{row} of {len} in {height}"
                    );
                }
            }
        }
    }
}
