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
}
