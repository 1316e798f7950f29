//! The specification's examples: each is accepted by the real validator.

use dirigent_tests::Home;
use serde_json::Value;

use crate::{files, specification};

/// Examples of the specification.
const EXAMPLES: usize = 68;

/// Findings that an example may have: what it needs is being built.
const WAITING: &[&str] = &[];

#[test]
#[expect(clippy::print_stderr, reason = "the score is for people")]
fn every_example_validates() {
    let Some(root) = specification() else { return };
    let home = Home::new(&[]);
    let all = files(&root.join("examples"), "yaml");
    let mut arguments = vec!["validate", "--json"];
    arguments.extend(all.iter().flat_map(|path| ["-f", path.to_str().unwrap()]));
    let report = home.client(&arguments).json();
    let (mut waits, mut wrong) = (Vec::new(), Vec::new());
    for file in report["files"].as_array().unwrap() {
        let name = file["file"].as_str().unwrap().rsplit('/').next().unwrap();
        let errors: Vec<&Value> = file["diagnostics"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|found| found["severity"] == "error")
            .collect();
        if errors.is_empty() {
            continue;
        }
        let known = |found: &&Value| WAITING.iter().any(|code| found["code"] == *code);
        if errors.iter().all(known) {
            waits.push(name.to_owned());
        } else {
            wrong.push(format!("{name}: {errors:?}"));
        }
    }
    eprintln!(
        "examples: {} of {} validate; waiting: {waits:?}",
        all.len() - waits.len() - wrong.len(),
        all.len()
    );
    assert_eq!(all.len(), EXAMPLES);
    assert_eq!(wrong, [""; 0]);
}
