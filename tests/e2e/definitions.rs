//! Definitions: a good file is stored once, a bad one says everything that is wrong with it at once.

use dirigent_tests::Home;

const BAD: &str = "\
document:
  dsl: '1.0.3'
  namespace: demo
  name: broken
  version: '1.0.0'
do:
  - fetch:
      call: http
      with:
        methd: get
        endpoint: https://example.org
  - choose:
      switch:
        - yes:
            when: ${ .x >< 1 }
            then: nowhere
  - sleep:
      wait: 5 parsecs
  - repeat:
      fro:
        each: item
        in: ${ .items }
      do:
        - one:
            set:
              a: 1
";

/// The lines on which the file above is wrong.
const LINES: [u32; 5] = [10, 15, 16, 18, 20];

#[test]
fn a_bad_workflow_names_every_error_with_line_column_and_help() {
    let home = Home::new(&[]);
    let file = home.write("broken.yaml", BAD);
    let output = home
        .client(&["validate", "-f", file.to_str().unwrap()])
        .expect_code(65);
    let text = output.stdout + &output.stderr;
    for line in LINES {
        assert!(
            text.contains(&format!("broken.yaml:{line}:")),
            "nothing is said of line {line}:\n{text}"
        );
    }
    assert!(text.contains("`method`"), "no nearest name for `methd`:\n{text}");
    assert!(
        text.matches("help:").count() >= LINES.len(),
        "not every error says what to write instead:\n{text}"
    );
}

#[test]
fn applying_a_bad_file_stores_nothing_of_it() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let agent = "kind: Agent\nmetadata:\n  name: fine\nspec:\n  prompt: hello\n---\n";
    let file = home.write("mixed.yaml", &format!("{agent}{BAD}"));
    let output = home
        .client(&["apply", "-f", file.to_str().unwrap()])
        .expect_code(65);
    assert!(output.stderr.contains("mixed.yaml:"), "{output:#?}");
    let agents = home.client(&["get", "agents", "--json"]).expect_code(0).json();
    assert_eq!(agents["items"].as_array().unwrap().len(), 0, "{agents}");
}

#[test]
fn applying_twice_changes_nothing_the_second_time() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let text = "kind: Agent\nmetadata:\n  name: greeter\n  labels: {team: ops}\nspec:\n  prompt: 'Greet {{ input.name }}'\n";
    let file = home.write("agent.yaml", text);
    let path = file.to_str().unwrap();
    let first = home.client(&["apply", "-f", path]).expect_code(0).stdout;
    assert!(first.contains("created"), "{first}");
    let second = home.client(&["apply", "-f", path]).expect_code(0).stdout;
    assert!(second.contains("unchanged"), "{second}");
    home.write("agent.yaml", &text.replace("Greet", "Salute"));
    let third = home.client(&["apply", "-f", path]).expect_code(0).stdout;
    assert!(third.contains("updated"), "{third}");
    let versions = home
        .client(&["get", "agent-versions", "--json"])
        .expect_code(0)
        .json();
    assert_eq!(versions["items"].as_array().unwrap().len(), 2, "{versions}");
    let found = home
        .client(&["get", "agents", "--where", "labels.team == \"ops\"", "--json"])
        .expect_code(0)
        .json();
    assert_eq!(found["items"][0]["metadata"]["name"], "greeter", "{found}");
}
