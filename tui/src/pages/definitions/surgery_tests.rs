use super::*;

const TEXT: &str = "\
document: {dsl: '1.0.3', namespace: a, name: b, version: '1.0.0'}
# the work
do:
  # get it
  - fetch:
      call: http # over there
      with: {method: get}

  # look at it
  - look:
      set: {seen: true}
      then: last   # skip one
  - middle: {set: {x: 1}}
  - last:
      do:
        - deep:
            wait: PT1S
output: {as: .x} # kept
";

/// Every line of the old text that is not the task's own is in the new one, in its order.
fn keeps(old: &str, new: &str, gone: &[&str]) {
    let mut rest = new.lines();
    for line in old.lines().filter(|line| !gone.contains(line)) {
        assert!(
            rest.any(|new| new == line),
            "lost or out of order: {line:?}\n{new}"
        );
    }
}

fn at(text: &str, name: &str) -> String {
    rows(text)
        .into_iter()
        .find(|task| task.name == name)
        .unwrap()
        .pointer
}

fn names(text: &str) -> Vec<String> {
    rows(text).into_iter().map(|task| task.name).collect()
}

#[test]
fn a_task_is_added_behind_and_before() {
    let after = add(TEXT, &at(TEXT, "fetch"), Where::Behind, 4).unwrap();
    keeps(TEXT, &after.text, &[]);
    assert_eq!(
        names(&after.text),
        ["fetch", "set", "look", "middle", "last", "deep"]
    );
    assert_eq!(after.on.as_deref(), Some("/do/1/set"));
    assert!(
        after
            .text
            .contains("      with: {method: get}\n  - set:\n        value: 1\n")
            || after.text.contains("  - set:\n")
    );
    let again = add(&after.text, "/do/0/fetch", Where::Before, 4).unwrap();
    assert_eq!(names(&again.text)[..3], ["set-2", "fetch", "set"]);
    let inside = add(TEXT, &at(TEXT, "deep"), Where::Behind, 5).unwrap();
    assert_eq!(inside.on.as_deref(), Some("/do/3/last/do/1/wait"));
    keeps(TEXT, &inside.text, &[]);
}

#[test]
fn every_template_can_be_read_again() {
    for (number, (kind, ..)) in TEMPLATES.iter().enumerate() {
        let added = add(TEXT, &at(TEXT, "look"), Where::Behind, number).unwrap();
        let parsed = dirigent_protocol::source::parse(added.text.as_bytes());
        assert!(
            parsed.diagnostics.is_empty(),
            "{}: {:?}",
            kind,
            parsed.diagnostics
        );
        keeps(TEXT, &added.text, &[]);
    }
}

#[test]
fn a_task_goes_with_the_comment_above_it_and_nothing_else() {
    let gone = delete(TEXT, &at(TEXT, "look")).unwrap();
    keeps(
        TEXT,
        &gone.text,
        &[
            "  # look at it",
            "  - look:",
            "      set: {seen: true}",
            "      then: last   # skip one",
        ],
    );
    assert_eq!(gone.text.lines().count() + 4, TEXT.lines().count());
    assert_eq!(gone.on.as_deref(), Some("/do/1/middle"));
    let only = delete(TEXT, &at(TEXT, "deep")).unwrap_err();
    assert!(only.contains("only one"), "{only}");
}

#[test]
fn moving_swaps_whole_tasks_and_moving_back_is_the_same_text() {
    let down = shift(TEXT, &at(TEXT, "look"), false).unwrap();
    assert_eq!(names(&down.text)[..3], ["fetch", "middle", "look"]);
    assert!(down.text.contains("  # look at it\n  - look:\n"));
    let back = shift(&down.text, &down.on.unwrap(), true).unwrap();
    assert_eq!(back.text, TEXT);
    assert!(shift(TEXT, "/do/0/fetch", true).is_err());
}

#[test]
fn a_new_name_is_followed_by_what_goes_there() {
    let renamed = rename(TEXT, &at(TEXT, "last"), "the end").unwrap();
    assert!(renamed.text.contains("  - 'the end':\n"), "{}", renamed.text);
    assert!(renamed.text.contains("      then: 'the end'   # skip one\n"));
    keeps(
        TEXT,
        &renamed.text,
        &["  - last:", "      then: last   # skip one"],
    );
    assert!(rename(TEXT, &at(TEXT, "last"), "look").is_err());
}

#[test]
fn a_way_is_made_changed_and_taken_away() {
    let made = connect(TEXT, "/do/0/fetch", Some("last")).unwrap();
    assert!(
        made.text
            .contains("      with: {method: get}\n      then: last\n"),
        "{}",
        made.text
    );
    keeps(TEXT, &made.text, &[]);
    let changed = connect(&made.text, "/do/0/fetch", Some("end")).unwrap();
    assert!(changed.text.contains("      then: end\n"));
    assert_eq!(connect(&changed.text, "/do/0/fetch", None).unwrap().text, TEXT);
    assert!(connect(TEXT, &at(TEXT, "middle"), Some("end")).is_err());
}

#[test]
fn a_task_is_edited_as_a_text_of_its_own() {
    let own = text_of(TEXT, &at(TEXT, "look")).unwrap();
    assert_eq!(
        own,
        "# look at it\n- look:\n    set: {seen: true}\n    then: last   # skip one"
    );
    let new = own.replace("true", "false");
    let edited = replace_task(TEXT, &at(TEXT, "look"), &new).unwrap();
    assert_eq!(edited.text, TEXT.replace("seen: true", "seen: false"));
}

#[test]
fn random_edits_never_lose_a_comment_that_is_nobodys() {
    let mut seed: u64 = 0x5eed;
    let mut next = |end: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(seed >> 33).unwrap() % end
    };
    for _ in 0..200 {
        let mut text = TEXT.to_owned();
        for _ in 0..12 {
            let tasks = rows(&text);
            let pointer = tasks[next(tasks.len())].pointer.clone();
            let edited = match next(5) {
                0 => add(&text, &pointer, Where::Behind, next(TEMPLATES.len())),
                1 => delete(&text, &pointer),
                2 => shift(&text, &pointer, next(2) == 0),
                3 => connect(&text, &pointer, Some("end")),
                _ => rename(&text, &pointer, &format!("n{}", next(1000))),
            };
            let Ok(edited) = edited else { continue };
            let parsed = dirigent_protocol::source::parse(edited.text.as_bytes());
            assert!(
                parsed.diagnostics.is_empty(),
                "{:?}\n{text}\n--\n{}",
                parsed.diagnostics,
                edited.text
            );
            text = edited.text;
        }
        for line in ["# the work", "output: {as: .x} # kept"] {
            assert!(text.lines().any(|kept| kept == line), "{line}\n{text}");
        }
    }
}

#[test]
fn a_case_of_a_switch_leads_elsewhere_and_follows_a_new_name() {
    let text = "do:\n  - way:\n      switch:\n        - yes: { when: .ok, then: one }  # mostly\n        - no:\n            then: end\n  - one:\n      wait: PT1S\n  - two:\n      wait: PT2S\n";
    let edited = connect_case(text, "/do/0/way", 0, "two").unwrap();
    assert_eq!(edited.text, text.replace("then: one }", "then: two }"));
    let edited = connect_case(&edited.text, "/do/0/way", 1, "continue").unwrap();
    assert!(
        edited.text.contains("            then: continue\n"),
        "{}",
        edited.text
    );
    let renamed = rename(&edited.text, "/do/2/two", "last").unwrap();
    assert!(renamed.text.contains("then: last }  # mostly") && renamed.text.contains("- last:"));
    assert!(connect_case(text, "/do/0/way", 2, "two").is_err());
}
