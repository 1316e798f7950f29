//! A question put to folders: the best passages, each with its place, as many as were asked for and fit.

use std::time::Instant;

use serde_json::{Value, json};

use super::rank::rank;
use super::shelf::Shelf;
use crate::tools::workspace::FileError;

/// What is asked.
pub(crate) struct Question<'a> {
    /// Where.
    pub(crate) folders: &'a [&'a str],
    pub(crate) query: &'a str,
    /// Most passages.
    pub(crate) most: usize,
    /// Most bytes of them all.
    pub(crate) bytes: usize,
}

/// `{ passages: [{ title, file, lines, text, score }], files, passages_in_all, left_out }`.
///
/// # Errors
/// A folder cannot be looked into.
pub(crate) fn search(shelf: &Shelf, question: &Question<'_>, began: Instant) -> Result<Value, FileError> {
    let (mut files, mut left_out) = (Vec::new(), 0);
    for folder in question.folders {
        let looked = shelf.look(folder, began)?;
        left_out += looked.left_out;
        files.extend(
            looked
                .files
                .into_iter()
                .map(|(path, passages)| (*folder, path, passages)),
        );
    }
    let all = files
        .iter()
        .flat_map(|(folder, path, passages)| passages.iter().map(move |passage| (*folder, path, passage)));
    let found = rank(
        question.query,
        all.clone().map(|(_, _, passage)| passage),
        question.most,
    );
    let places: Vec<_> = all.collect();
    let (mut told, mut bytes) = (Vec::new(), 0);
    for (at, score) in found {
        let (folder, path, passage) = places[at];
        let size = passage.text.len() + passage.title.len();
        // A shorter one behind it may fit.
        if bytes + size > question.bytes {
            continue;
        }
        bytes += size;
        let file = if question.folders.len() > 1 {
            format!("{}/{path}", folder.trim_end_matches('/'))
        } else {
            path.clone()
        };
        told.push(json!({
            "title": passage.title,
            "file": file,
            "lines": format!("{}-{}", passage.lines.0, passage.lines.1),
            "text": passage.text,
            "score": (score * 100.0).round() / 100.0,
        }));
    }
    Ok(json!({
        "passages": told,
        "files": files.len(),
        "passages_in_all": places.len(),
        "left_out": left_out,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(shelf: &Shelf, folders: &[&str], query: &str) -> Value {
        let question = Question {
            folders,
            query,
            most: 3,
            bytes: 4_000,
        };
        search(shelf, &question, Instant::now()).unwrap()
    }

    #[test]
    fn passages_have_their_place_follow_changes_and_stay_within_the_folder() {
        let all = tempfile::tempdir().unwrap();
        let inside = all.path().join("docs");
        std::fs::create_dir_all(inside.join("sub/.git")).unwrap();
        std::fs::write(all.path().join("secret.md"), "# Fees\nsecret fee").unwrap();
        std::fs::write(inside.join("a.md"), "# Fees\n\nThe late fee is 5 %.").unwrap();
        std::fs::write(inside.join("sub/b.html"), "<h1>Trains</h1>\n<p>second class").unwrap();
        std::fs::write(inside.join("sub/.git/c.md"), "fee fee fee").unwrap();
        std::fs::write(inside.join("d.png"), "fee").unwrap();
        std::fs::write(inside.join("bad.txt"), [0xff, 0xfe]).unwrap();
        std::os::unix::fs::symlink("../secret.md", inside.join("link.md")).unwrap();
        std::os::unix::fs::symlink("..", inside.join("up")).unwrap();
        let (shelf, folder) = (Shelf::default(), inside.to_str().unwrap());
        let told = ask(&shelf, &[folder], "late fees");
        let first = &told["passages"][0];
        assert_eq!(
            (&first["file"], &first["lines"], &first["title"]),
            (&json!("a.md"), &json!("3-3"), &json!("Fees"))
        );
        assert_eq!(told["passages"].as_array().unwrap().len(), 1, "{told}");
        assert_eq!(
            (&told["files"], &told["left_out"]),
            (&json!(2), &json!(1)),
            "{told}"
        );
        assert_eq!(
            ask(&shelf, &[folder], "train")["passages"][0]["file"],
            "sub/b.html"
        );
        std::fs::write(inside.join("a.md"), "# Fees\n\nThere is no fee any more.").unwrap();
        let again = ask(&shelf, &[folder], "late fees");
        assert!(
            again["passages"][0]["text"].as_str().unwrap().contains("no fee"),
            "{again}"
        );
        let missing = all.path().join("none");
        let question = Question {
            folders: &[missing.to_str().unwrap()],
            query: "x",
            most: 1,
            bytes: 10,
        };
        assert!(
            search(&shelf, &question, Instant::now())
                .unwrap_err()
                .is_missing()
        );
    }
}
