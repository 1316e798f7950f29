//! Workflow documents from chance: every construct that makes the runtime do something, nested, small.

use std::fmt::Write as _;

use crate::rng::Rng;
use crate::tasks::{Around, Writer};

/// Most tasks of a document, roughly.
const TASKS: u64 = 9;

/// A document of that name, which may run another one.
pub(crate) fn random(rng: &mut Rng, name: &str, child: Option<&str>, limit: Option<u64>) -> String {
    let around = Around {
        undo: rng.percent(40),
        find: rng.percent(30),
        child: child.map(str::to_owned),
    };
    let mut text = head(rng, name, limit);
    write_functions(&mut text, &around);
    if rng.percent(10) {
        writeln!(text, "timeout: {{ after: PT{}S }}", rng.between(3, 30)).unwrap();
    }
    let left = rng.between(2, TASKS);
    let tasks = Writer::new(rng, left, &around).list(3, 3);
    writeln!(text, "do: {tasks}").unwrap();
    text
}

/// A small document that another one runs.
pub(crate) fn child(rng: &mut Rng, name: &str, limit: Option<u64>) -> String {
    let around = Around::default();
    let mut text = head(rng, name, limit);
    let left = rng.between(1, 3);
    let tasks = Writer::new(rng, left, &around).list(2, 1);
    writeln!(text, "do: {tasks}").unwrap();
    text
}

/// A document whose runs begin by themselves; `when` is its `schedule`, `rules` what the standard has no word for.
pub(crate) fn scheduled(rng: &mut Rng, name: &str, when: &str, rules: &str) -> String {
    let settings = format!("schedule: {{ {rules} }}");
    let mut text = line(name, &[settings]);
    writeln!(text, "schedule: {{ {when} }}").unwrap();
    let around = Around::default();
    let left = rng.between(1, 2);
    let tasks = Writer::new(rng, left, &around).brief();
    writeln!(text, "do: {tasks}").unwrap();
    text
}

/// The same document with one more task at its end.
pub(crate) fn next_version(text: &str) -> String {
    let longer = text.replacen("version: '0.1.0'", "version: '0.2.0'", 1);
    let end = longer.rfind(']').unwrap();
    format!("{}, {{ added: {{ call: noop }} }} ]\n", &longer[..end])
}

fn head(rng: &mut Rng, name: &str, limit: Option<u64>) -> String {
    let mut settings: Vec<String> = limit
        .map(|limit| format!("runs: {{ limit: {limit} }}"))
        .into_iter()
        .collect();
    if rng.percent(30) {
        settings.push(format!("on_unknown: {}", rng.pick(&["retry", "ask", "fail"])));
    }
    if rng.percent(25) {
        settings.push(format!("concurrency: {}", rng.between(1, 3)));
    }
    if rng.percent(25) {
        let (calls, then) = (rng.between(1, 4), rng.pick(&["fail", "ask"]));
        settings.push(format!("budget: {{ calls: {calls}, on_exceeded: {then} }}"));
    }
    line(name, &settings)
}

fn line(name: &str, settings: &[String]) -> String {
    let settings = settings.join(", ");
    format!(
        "document: {{ dsl: '1.0.3', namespace: simulated, name: {name}, version: '0.1.0', metadata: {{ dirigent: {{ {settings} }} }} }}\n"
    )
}

fn write_functions(text: &mut String, around: &Around) {
    let mut functions = Vec::new();
    if around.undo {
        functions.push("undo: { call: http, with: { method: post, endpoint: 'http://outside.test/undo' } }");
    }
    if around.find {
        functions.push(
            "find: { call: http, with: { method: get, endpoint: { uri: 'http://outside.test/find/{key}' } }, \
             output: { as: { happened: '${ .found }', output: '${ { n: .n } }' } } }",
        );
    }
    if !functions.is_empty() {
        writeln!(text, "use: {{ functions: {{ {} }} }}", functions.join(", ")).unwrap();
    }
}
