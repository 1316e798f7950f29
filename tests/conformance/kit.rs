//! The kit: every scenario, run by the real daemon.

use dirigent_protocol::source;
use dirigent_tests::Home;
use serde_json::Value;

use crate::assertions::{Ended, check};
use crate::feature::{Scenario, scenarios};
use crate::hosts::Hosts;
use crate::{files, specification};

/// Scenarios of the kit.
const SCENARIOS: usize = 21;

/// Scenarios that may fail: what they need is being built. A row goes when its scenario passes.
const WAITING: &[&str] = &[];

/// YAML as JSON.
pub(crate) fn yaml(text: &str) -> Value {
    let parsed = source::parse(text.as_bytes());
    let wrong = parsed.diagnostics.iter().find(|found| found.is_error());
    assert!(wrong.is_none(), "{wrong:?}");
    parsed.documents[0].to_json()
}

fn run(home: &Home, hosts: &Hosts, scenario: &Scenario) -> Result<(), String> {
    let block = |words: &str| {
        let step = scenario.steps.iter().find(|step| step.words.starts_with(words))?;
        step.block.clone()
    };
    let document = block("a workflow with definition").unwrap();
    let file = home.write("scenario.yaml", &hosts.redirect(&document));
    let input = block("the workflow input is")
        .map_or(Value::Null, |text| yaml(&text))
        .to_string();
    let mut arguments = vec!["run", "-f", file.to_str().unwrap(), "--json"];
    if input != "null" {
        arguments.extend(["--input", &input]);
    }
    let printed = home.client(&arguments);
    let Ok(shown) = serde_json::from_str::<Value>(&printed.stdout) else {
        return Err(printed.stderr);
    };
    let Some(id) = shown["run"].as_str() else {
        return Err(format!("{shown} {}", printed.stderr));
    };
    let events = home
        .client(&["runs", "events", id, "--json"])
        .expect_code(0)
        .json_lines();
    let started = events
        .iter()
        .filter(|event| event["type"] == "task.started")
        .map(|event| event["task"].as_str().unwrap().to_owned())
        .collect();
    let ended = Ended { run: shown, started };
    let mut checked = 0;
    for step in &scenario.steps {
        if [
            "a workflow with",
            "the workflow input",
            "the workflow is executed",
        ]
        .iter()
        .any(|words| step.words.starts_with(words))
        {
            continue;
        }
        check(step, &ended)?;
        checked += 1;
    }
    assert!(checked > 0, "{} checks nothing", scenario.name);
    Ok(())
}

#[test]
#[expect(clippy::print_stderr, reason = "the score is for people")]
fn the_kit_passes() {
    let Some(root) = specification() else { return };
    let hosts = Hosts::start();
    let home = Home::new(&[hosts.place()]);
    let _daemon = home.start();
    let (mut passed, mut total, mut wrong) = (0, 0, Vec::new());
    for path in files(&root.join("ctk"), "feature") {
        let file = path.file_stem().unwrap().to_str().unwrap();
        for scenario in scenarios(file, &std::fs::read_to_string(&path).unwrap()) {
            total += 1;
            match run(&home, &hosts, &scenario) {
                Ok(()) => passed += 1,
                Err(why) if WAITING.contains(&scenario.name.as_str()) => {
                    eprintln!(
                        "waits: {}: {}",
                        scenario.name,
                        why.lines().next().unwrap_or_default()
                    );
                }
                Err(why) => wrong.push(format!("{}: {why}", scenario.name)),
            }
        }
    }
    eprintln!("conformance kit: {passed} of {total} scenarios");
    assert_eq!(wrong, [""; 0], "{}", home.log());
    assert_eq!(total, SCENARIOS);
}
