//! What the kit's `Then` steps say of a run that ended.

use serde_json::Value;

use crate::feature::Step;

/// A run as the command line shows it.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `run --json`.
    pub(crate) run: Value,
    /// Names of tasks in the order in which they began.
    pub(crate) started: Vec<String>,
}

/// Whether a step holds.
///
/// # Errors
/// What does not hold.
pub(crate) fn check(step: &Step, ended: &Ended) -> Result<(), String> {
    let words = step.words.as_str();
    let output = &ended.run["output"];
    if let Some(rest) = words.strip_prefix("the workflow should ") {
        return outcome(rest, step, ended);
    }
    if let Some(rest) = words.strip_prefix("the workflow output should have ") {
        return properties(rest, step, output);
    }
    order(words, &ended.started)
}

fn outcome(rest: &str, step: &Step, ended: &Ended) -> Result<(), String> {
    let (status, part) = match rest.trim_end_matches(':') {
        "complete" => ("completed", None),
        "complete with output" => ("completed", Some("output")),
        "fault" => ("faulted", None),
        "fault with error" => ("faulted", Some("error")),
        other => return Err(format!("no such step: should {other}")),
    };
    if ended.run["status"] != status {
        return Err(format!("not {status}: {}", ended.run));
    }
    match part {
        None => Ok(()),
        Some("output") => same(&ended.run["output"], &value(step)),
        Some(_) => {
            let wanted = value(step);
            let given = &ended.run["error"];
            let fields = wanted.as_object().unwrap();
            fields
                .iter()
                .try_for_each(|(name, wanted)| match (name.as_str(), wanted.as_str()) {
                    ("type", Some(wanted)) if same_type(wanted, given["type"].as_str()) => Ok(()),
                    _ => same(&given[name], wanted),
                })
        }
    }
}

/// The specification moved its error types to another host: both names are the same.
fn same_type(wanted: &str, given: Option<&str>) -> bool {
    let plain = |text: &str| {
        text.replace(
            "https://serverlessworkflow.io/",
            "https://open-workflow-specification.org/",
        )
    };
    given.is_some_and(|given| plain(given) == plain(wanted))
}

fn properties(rest: &str, step: &Step, output: &Value) -> Result<(), String> {
    let names: Vec<&str> = rest.split('\'').skip(1).step_by(2).collect();
    let found = |name: &str| name.split('.').try_fold(output, |value, part| value.get(part));
    let missing = |name: &&&str| found(name).is_none();
    if let Some(name) = names.iter().find(missing) {
        return Err(format!("no property `{name}` in {output}"));
    }
    if rest.starts_with("properties") {
        return Ok(());
    }
    let value_of = found(names[0]).unwrap();
    if rest.trim_end_matches(':').ends_with("with value") {
        return same(value_of, &value(step));
    }
    if let Some((_, count)) = rest.split_once("containing ") {
        let count: usize = count.trim_end_matches("items").trim().parse().unwrap();
        let given = value_of.as_array().map(Vec::len);
        return (given == Some(count))
            .then_some(())
            .ok_or_else(|| format!("{given:?} items, not {count}"));
    }
    Err(format!("no such step: {rest}"))
}

fn order(words: &str, started: &[String]) -> Result<(), String> {
    let at = |name: &str| started.iter().position(|known| known == name);
    let (task, rest) = words
        .split_once(" should run ")
        .ok_or_else(|| format!("no such step: {words}"))?;
    let Some(place) = at(task) else {
        return Err(format!("`{task}` did not run: {started:?}"));
    };
    let holds = match rest.split_once(' ') {
        None if rest == "first" => place == 0,
        None if rest == "last" => place + 1 == started.len(),
        Some(("after", other)) => at(other).is_some_and(|other| other < place),
        Some(("before", other)) => at(other).is_some_and(|other| other > place),
        _ => return Err(format!("no such step: {words}")),
    };
    holds.then_some(()).ok_or_else(|| format!("{words}: {started:?}"))
}

fn value(step: &Step) -> Value {
    crate::kit::yaml(
        step.block
            .as_deref()
            .unwrap_or_else(|| panic!("no value below: {}", step.words)),
    )
}

fn same(given: &Value, wanted: &Value) -> Result<(), String> {
    (given == wanted)
        .then_some(())
        .ok_or_else(|| format!("{given} is not {wanted}"))
}
