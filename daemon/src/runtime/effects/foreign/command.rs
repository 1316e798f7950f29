//! Any command-line agent: a program that is given a prompt and prints an answer.

use std::collections::BTreeMap;

use dirigent_protocol::entity::{ForeignAgent, ForeignKind, ForeignOutput};
use dirigent_protocol::run::{EffectOutcome, ShellCall, Usage, WorkflowError};
use serde_json::{Value, json};

use super::super::confine::Kept;
use super::super::performer::Call;
use super::super::web::Ended;
use super::place::Place;
use super::work::{Foreign, Outcome, Task, limit};

/// Stands in an argument for the prompt; without it, the prompt is standard input.
const PROMPT: &str = "{prompt}";
/// Most bytes of a prompt in an argument: the kernel takes 128 KiB in one, and other words may stand beside it.
const MOST_ARGUMENT: usize = 120 << 10;
/// Most of standard error that an error shows, characters.
const DETAIL_CHARS: usize = 2_000;

/// Most bytes of what was said before that an agent can be told besides what is said now.
pub(in super::super) fn most_told(foreign: &ForeignAgent, now: &str) -> usize {
    if foreign.kind == ForeignKind::Command && in_argument(foreign) {
        MOST_ARGUMENT.saturating_sub(now.len())
    } else {
        usize::MAX
    }
}

fn in_argument(foreign: &ForeignAgent) -> bool {
    foreign.arguments.iter().any(|word| word.contains(PROMPT))
}

/// Runs it once.
pub(super) async fn run(
    foreign: &Foreign,
    task: &Task<'_>,
    kept: Kept,
    call: &Call,
) -> Result<EffectOutcome, Ended> {
    let place = Place::of(&foreign.dir, &call.key);
    let noted = foreign.tree(&place, task, false).await?;
    let room = foreign.room(&place, &noted.worktree, task.foreign);
    let wanted = command(task, &room.workspace.display().to_string());
    let kept = kept.reading(room.reads);
    let ended = Box::pin(foreign.shell.run_within(limit(task), &wanted, call.clone(), kept)).await;
    let output = match ended {
        EffectOutcome::Done { output, .. } => output,
        EffectOutcome::Unknown { reason } => return Ok(EffectOutcome::Unknown { reason }),
        EffectOutcome::Failed { error, .. } => {
            let outcome = nothing(Some(error));
            return Ok(foreign.finish(task, (&place, &noted.worktree), outcome).await);
        }
        other => {
            drop(
                foreign
                    .finish(task, (&place, &noted.worktree), nothing(None))
                    .await,
            );
            return Ok(other);
        }
    };
    let outcome = told(task.foreign, &output);
    Ok(foreign.finish(task, (&place, &noted.worktree), outcome).await)
}

fn nothing(problem: Option<WorkflowError>) -> Outcome {
    Outcome {
        text: String::new(),
        more: Vec::new(),
        usage: Usage::default(),
        facts: BTreeMap::new(),
        problem,
    }
}

fn command(task: &Task<'_>, tree: &str) -> ShellCall {
    let foreign = task.foreign;
    let named = in_argument(foreign);
    let words = foreign
        .arguments
        .iter()
        .map(|word| word.replace(PROMPT, &task.prompt));
    let mut environment = foreign.environment.clone();
    environment.extend(task.secrets.clone());
    if let Ok(path) = std::env::var("PATH") {
        environment.entry("PATH".to_owned()).or_insert(path);
    }
    ShellCall {
        command: r#"exec "$@""#.to_owned(),
        arguments: std::iter::once(foreign.command.clone()).chain(words).collect(),
        stdin: (!named).then(|| task.prompt.clone()),
        environment,
        directory: Some(tree.to_owned()),
        returns: "all".to_owned(),
        ..ShellCall::default()
    }
}

/// What it printed, as its definition says to read it.
fn told(foreign: &ForeignAgent, output: &Value) -> Outcome {
    let (stdout, stderr) = (
        output["stdout"].as_str().unwrap_or_default(),
        output["stderr"].as_str(),
    );
    let code = output["code"].as_i64().unwrap_or(-1);
    let mut outcome = nothing(None);
    outcome.usage.calls = 1;
    outcome.facts.insert("exit_code".into(), code.into());
    match read(foreign.output, stdout) {
        Ok(said) => {
            let answer = match foreign.answer.as_str() {
                "" if foreign.output == ForeignOutput::Text => Some(json!(stdout)),
                "" => Some(said.clone()),
                pointer => found(&said, pointer),
            };
            outcome.text = match answer {
                Some(Value::String(text)) => text,
                Some(other) => other.to_string(),
                None => String::new(),
            };
            count(foreign, &said, &mut outcome.usage);
            if foreign.output != ForeignOutput::Text {
                outcome.more.push(("said", said));
            }
        }
        Err(why) if code == 0 => {
            let title = "What the agent printed cannot be read";
            outcome.problem = Some(WorkflowError::standard("validation", 422, title).detail(why));
        }
        Err(_) => {}
    }
    if code != 0 {
        let said = stderr.unwrap_or_default().trim();
        let skip = said.chars().count().saturating_sub(DETAIL_CHARS);
        let title = format!("The agent ended with exit code {code}");
        let problem = WorkflowError::standard("runtime", 500, title);
        outcome.problem = Some(problem.detail(said.chars().skip(skip).collect::<String>()));
    }
    outcome
}

fn read(how: ForeignOutput, stdout: &str) -> Result<Value, String> {
    match how {
        ForeignOutput::Text => Ok(Value::Null),
        ForeignOutput::Json => {
            serde_json::from_str(stdout.trim()).map_err(|error| format!("it is not JSON: {error}"))
        }
        ForeignOutput::Jsonl => {
            let lines = stdout.lines().filter(|line| !line.trim().is_empty());
            let read = lines.enumerate().map(|(n, line)| {
                serde_json::from_str(line).map_err(|error| format!("line {} is not JSON: {error}", n + 1))
            });
            read.collect::<Result<Vec<Value>, String>>().map(Value::Array)
        }
    }
}

/// What stands at a pointer: of a list of lines, in the last one that has it.
fn found(said: &Value, pointer: &str) -> Option<Value> {
    match said {
        Value::Array(lines) => lines.iter().rev().find_map(|line| line.pointer(pointer)).cloned(),
        said => said.pointer(pointer).cloned(),
    }
}

fn count(foreign: &ForeignAgent, said: &Value, usage: &mut Usage) {
    let number = |pointer: &str| found(said, pointer).filter(|_| !pointer.is_empty());
    let cost = number(&foreign.cost_usd).and_then(|cost| cost.as_f64());
    usage.cost_micro_usd = cost
        .filter(|cost| *cost >= 0.0)
        .map_or(0, dirigent_protocol::run::Budget::micro_of_usd);
    usage.unpriced_calls = u64::from(cost.is_none());
    let tokens = |pointer: &str| number(pointer).and_then(|count| count.as_u64()).unwrap_or(0);
    usage.input_tokens = tokens(&foreign.input_tokens);
    usage.output_tokens = tokens(&foreign.output_tokens);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_costs_are_found_in_what_was_printed() {
        let foreign = ForeignAgent {
            output: ForeignOutput::Jsonl,
            answer: "/result".into(),
            cost_usd: "/total_cost_usd".into(),
            ..ForeignAgent::default()
        };
        let stdout =
            "{\"type\":\"system\"}\n{\"type\":\"result\",\"result\":\"done\",\"total_cost_usd\":0.25}\n";
        let outcome = told(&foreign, &json!({ "code": 0, "stdout": stdout, "stderr": "" }));
        assert_eq!(
            (outcome.text.as_str(), outcome.usage.cost_micro_usd),
            ("done", 250_000)
        );
        assert_eq!(outcome.usage.unpriced_calls, 0);
        let bad = told(&foreign, &json!({ "code": 0, "stdout": "hello", "stderr": "" }));
        assert!(bad.problem.unwrap().detail.unwrap().contains("line 1"));
        let failed = told(&foreign, &json!({ "code": 3, "stdout": "", "stderr": "no key" }));
        assert_eq!(failed.problem.unwrap().detail.unwrap(), "no key");
    }
}
