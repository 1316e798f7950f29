//! What changed between two texts, line by line.
//!
//! One algorithm for one type: the library's convenient doors bring every algorithm for every type, 0.8 MB of them.

use similar::algorithms::{Capture, myers};
use similar::{ChangeTag, DiffOp};

/// The lines of both texts, in order, each with what became of it.
#[must_use]
pub fn lines<'a>(old: &'a str, new: &'a str) -> Vec<(ChangeTag, &'a str)> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let mut capture = Capture::new();
    let done = myers::diff(
        &mut capture,
        old.as_slice(),
        0..old.len(),
        new.as_slice(),
        0..new.len(),
    );
    debug_assert!(done.is_ok(), "a capture does not fail");
    let mut out = Vec::new();
    for op in capture.into_ops() {
        let (gone, come) = match op {
            DiffOp::Equal { old_index, len, .. } => {
                out.extend(
                    old[old_index..old_index + len]
                        .iter()
                        .map(|line| (ChangeTag::Equal, *line)),
                );
                continue;
            }
            DiffOp::Delete {
                old_index, old_len, ..
            } => (old_index..old_index + old_len, 0..0),
            DiffOp::Insert {
                new_index, new_len, ..
            } => (0..0, new_index..new_index + new_len),
            DiffOp::Replace {
                old_index,
                old_len,
                new_index,
                new_len,
            } => (old_index..old_index + old_len, new_index..new_index + new_len),
        };
        out.extend(old[gone].iter().map(|line| (ChangeTag::Delete, *line)));
        out.extend(new[come].iter().map(|line| (ChangeTag::Insert, *line)));
    }
    // Within one change a reader looks for what was before what is; the algorithm has no opinion on it.
    for change in
        out.chunk_by_mut(|(one, _), (next, _)| (*one == ChangeTag::Equal) == (*next == ChangeTag::Equal))
    {
        change.sort_by_key(|(tag, _)| *tag == ChangeTag::Insert);
    }
    out
}

/// The changes in groups, each with up to `around` lines that stayed the same on either side.
#[must_use]
pub fn groups<'a>(changes: &[(ChangeTag, &'a str)], around: usize) -> Vec<Vec<(ChangeTag, &'a str)>> {
    let mut out: Vec<Vec<_>> = Vec::new();
    // Behind the last line that is in a group already.
    let mut shown = 0;
    for (at, (tag, _)) in changes.iter().enumerate() {
        if *tag == ChangeTag::Equal {
            continue;
        }
        let from = at.saturating_sub(around);
        let to = (at + 1 + around).min(changes.len());
        match out.last_mut() {
            Some(group) if from <= shown => group.extend(&changes[shown.min(to)..to]),
            _ => out.push(changes[from..to].to_vec()),
        }
        shown = shown.max(to);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_texts_can_be_read_back() {
        for (old, new) in [
            ("a\nb\nc", "a\nx\nc"),
            ("", "a"),
            ("a", ""),
            ("a\nb", "b\na"),
            ("same", "same"),
            ("1\n2\n3\n4", "0\n2\n4\n5"),
        ] {
            let changes = lines(old, new);
            let side = |without| {
                let kept = changes.iter().filter(|(tag, _)| *tag != without);
                kept.map(|(_, line)| *line).collect::<Vec<_>>().join("\n")
            };
            assert_eq!(
                (side(ChangeTag::Insert), side(ChangeTag::Delete)),
                (old.to_owned(), new.to_owned())
            );
        }
    }

    #[test]
    fn what_was_stands_before_what_is() {
        let tags: Vec<_> = lines("a\nb\nc\nd", "w\nb\nx\ny")
            .iter()
            .map(|(tag, _)| *tag)
            .collect();
        use ChangeTag::{Delete, Equal, Insert};
        assert_eq!(tags, [Delete, Insert, Equal, Delete, Delete, Insert, Insert]);
    }

    #[test]
    fn groups_touch_and_end_where_the_text_does() {
        let (old, new) = ("a\n1\n2\n3\n4\nb\nc", "A\n1\n2\n3\n4\nB\nC");
        let changes = lines(old, new);
        let shown = |around: usize| -> Vec<usize> { groups(&changes, around).iter().map(Vec::len).collect() };
        assert_eq!(shown(0), [2, 4]);
        assert_eq!(shown(1), [3, 5]);
        assert_eq!(shown(2), [10]);
        assert_eq!(shown(9), [10]);
        assert!(groups(&lines("same", "same"), 3).is_empty());
    }
}
