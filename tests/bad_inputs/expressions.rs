//! E: prompt templates and jq, as they go wrong in a run, and the limits of runs themselves.

use serde_json::{Value, json};

use crate::rules::{Bed, Leaves};

const HEAD: &str = "document: {dsl: '1.0.3', namespace: bad, name: row, version: '1.0.0'}\n";

fn run(bed: &Bed, id: &str, tasks: &str, input: &Value) -> Value {
    let file = bed.home.write("row.yaml", &format!("{HEAD}do: [{tasks}]\n"));
    let (file, input) = (file.to_str().unwrap().to_owned(), input.to_string());
    let output = bed.row(id, Leaves::ARun, || {
        bed.home
            .client(&["run", "-f", &file, "--input", &input, "--json"])
    });
    let report = output.json();
    bed.shows_nothing(id, &report["error"].to_string().replace("\\\\", "\\"));
    report
}

#[test]
fn a_hostile_prompt_ends_its_step_by_name() {
    let bed = Bed::start(&[], "");
    let macros = "{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(1) }}";
    let growing = "{% for i in range(100000) %}{{ 'x' * 1000 }}{% endfor %}";
    for (id, prompt, code) in [
        ("E01", "hello {{ input.customer.name }}", "undefined_variable"),
        ("E04", macros, "recursion_limit"),
        ("E05", growing, "output_limit"),
    ] {
        let agent =
            json!({"kind": "Agent", "metadata": {"name": id.to_lowercase()}, "spec": {"prompt": prompt}});
        let file = bed.home.write("agent.yaml", &agent.to_string());
        assert_eq!(
            bed.home.client(&["apply", "-f", file.to_str().unwrap()]).code,
            Some(0)
        );
        let call = format!(
            "{{a: {{call: agent, with: {{agent: {}, input: {{}}}}}}}}",
            id.to_lowercase()
        );
        let report = run(&bed, id, &call, &json!({}));
        assert_eq!(report["status"], "faulted", "{id}: {report}");
        let error = &report["error"];
        assert!(
            error["detail"].as_str().unwrap().starts_with(code),
            "{id}: {error}"
        );
        assert_eq!(error["instance"], "/do/0/a", "{id}: {error}");
    }
    let broken = bed.home.write(
        "agent.yaml",
        "kind: Agent\nmetadata: {name: x}\nspec:\n  prompt: 'hi {{ x '\n",
    );
    let output = bed.row("E02", Leaves::Nothing, || {
        bed.home.client(&["apply", "-f", broken.to_str().unwrap()])
    });
    bed.refused("E02", &output, 65, "bad_template");
    assert!(output.stderr.contains("agent.yaml:4:"), "E02: {}", output.stderr);
}

#[test]
fn an_unclosed_expression_is_refused_with_its_line() {
    let bed = Bed::start(&[], "");
    for (text, code) in [("${ .a ", "unclosed_expression"), ("${ .a | }", "bad_expression")] {
        let file = bed.home.write(
            "row.yaml",
            &format!("{HEAD}do: [{{a: {{set: {{x: '{text}'}}}}}}]\n"),
        );
        let output = bed.row("E02", Leaves::Nothing, || {
            bed.home.client(&["apply", "-f", file.to_str().unwrap()])
        });
        bed.refused("E02", &output, 65, code);
        assert!(output.stderr.contains("row.yaml:2:"), "E02: {}", output.stderr);
    }
}

#[test]
fn data_stays_data_on_its_way_to_a_command() {
    let bed = Bed::start(&[], "");
    let hostile = "$(id) `id`; rm -rf ~\n-rf --help";
    let echo = "{a: {run: {shell: {command: 'printf %s \"$1\"', arguments: ['${ .text }']}}}}";
    let report = run(&bed, "E07", echo, &json!({ "text": hostile }));
    assert_eq!(report["output"], hostile, "E07: {report}");
    let report = run(&bed, "E08", echo, &json!({ "text": "-n --version" }));
    assert_eq!(report["output"], "-n --version", "E08: {report}");
    let report = run(&bed, "E10", echo, &json!({ "text": "a\0b" }));
    assert_eq!(report["status"], "faulted", "E10: {report}");
    assert!(
        report["error"]["title"].as_str().unwrap().contains("NUL"),
        "E10: {report}"
    );
}

#[test]
fn data_cannot_bend_a_request() {
    let bed = Bed::start(&["127.0.0.1:9".to_owned()], "");
    let header =
        "{a: {call: http, with: {method: get, endpoint: 'http://127.0.0.1:9/', headers: {x: '${ .text }'}}}}";
    let report = run(&bed, "E11", header, &json!({ "text": "a\r\nevil: 1" }));
    assert_eq!(report["error"]["title"], "Bad header", "E11: {report}");
    let host = "{a: {call: http, with: {method: get, endpoint: 'https://good.example{h}/'}}}";
    for taint in ["@evil.example", "#", "?", "/../"] {
        let report = run(&bed, "E13", host, &json!({ "h": taint }));
        assert_eq!(report["status"], "faulted", "E13 {taint}: {report}");
        let title = report["error"]["title"].as_str().unwrap();
        assert!(
            title == "Bad address" || !report["error"].to_string().contains("evil.example/"),
            "E13: {report}"
        );
    }
}

#[test]
fn an_expression_that_would_never_end_is_stopped() {
    let bed = Bed::start(&[], "");
    for (id, expression, word) in [
        ("E16", r#"(\"a\" * 1000000 + \"b\") | test(\"(a+)+$\")"#, ""),
        (
            "E17",
            r#"\"a\" | test(\"((a{1000}){1000}){1000}\")"#,
            "regex_too_big",
        ),
        ("E17", "def f: f; f", "limits"),
        ("E17", "def f: 1 + f; f", "limits"),
    ] {
        let task = format!("{{a: {{set: {{x: \"${{ {expression} }}\"}}}}}}");
        let report = run(&bed, id, &task, &json!({}));
        assert_eq!(report["status"], "faulted", "{id}: {report}");
        let detail = report["error"]["detail"].as_str().unwrap();
        assert!(detail.contains(word), "{id}: {report}");
    }
}

#[test]
fn a_run_that_would_never_end_is_stopped() {
    let bed = Bed::start(&[], "");
    // Ten thousand rounds are work that is asked for, so the CPU rule is not for these two.
    let rounds =
        "{a: {for: {each: x, in: '${ [range(20000)] }'}, while: '${ true }', do: [{b: {set: {a: 1}}}]}}";
    for (id, tasks, title) in [
        ("W37", rounds, "Too many rounds"),
        (
            "W29",
            "{a: {set: {a: 1}, then: b}}, {b: {set: {a: 2}, then: a}}",
            "Endless loop",
        ),
    ] {
        let file = bed.home.write("row.yaml", &format!("{HEAD}do: [{tasks}]\n"));
        let report = bed
            .home
            .client(&["run", "-f", file.to_str().unwrap(), "--json"])
            .json();
        assert_eq!(report["error"]["title"], title, "{id}: {report}");
        bed.answers(id);
    }
}

#[test]
fn the_time_of_a_step_is_the_time_it_was_first_asked() {
    let bed = Bed::start(&[], "");
    let report = run(&bed, "E20", "{a: {set: {x: '${ [now, now] }'}}}", &json!({}));
    assert_eq!(
        report["output"]["x"][0], report["output"]["x"][1],
        "E20: {report}"
    );
    let events = bed
        .home
        .client(&["runs", "events", report["run"].as_str().unwrap(), "--json"])
        .stdout;
    assert!(
        events.contains(&report["output"]["x"][0].to_string()),
        "E20: the value is not in the journal"
    );
}
