//! W: workflow files, as `dirigent apply -f` and `dirigent validate -f` get them.

use std::process::Command;

use crate::rules::{Bed, Leaves};

const HEAD: &str = "document: {dsl: '1.0.3', namespace: bad, name: row, version: '1.0.0'}\n";
const FINE: &str = "do: [{a: {set: {a: 1}}}]\n";

/// What the table expects of a file.
enum Expect {
    /// Refused with this code; these words stand in the text.
    Error(&'static str, &'static [&'static str]),
    /// Fine, with this warning.
    Warning(&'static str),
    /// Fine.
    Fine,
}
use Expect::{Error, Fine, Warning};

fn doc(body: &str) -> Vec<u8> {
    format!("{HEAD}{body}").into_bytes()
}

fn task(task: &str) -> Vec<u8> {
    doc(&format!("do: [{{a: {task}}}]\n"))
}

fn waits(duration: &str) -> (&'static str, Vec<u8>, Expect) {
    (
        "W38",
        task(&format!("{{wait: '{duration}'}}")),
        Error("bad_duration", &["row.yaml:2:"]),
    )
}

fn texts() -> Vec<(&'static str, Vec<u8>, Expect)> {
    let mut bytes = doc("do: [{a: {set: {a: \"");
    bytes.extend_from_slice(b"\xff\"}}}]\n");
    vec![
        ("W01", Vec::new(), Error("empty_document", &["row.yaml:1:1"])),
        ("W02", b"# nothing\n".to_vec(), Error("empty_document", &[])),
        ("W02", b"---\n".to_vec(), Error("empty_document", &[])),
        (
            "W04",
            b"document:\n\tdsl: x\n".to_vec(),
            Error("parse_error", &["row.yaml:2:", "tab"]),
        ),
        ("W05", [b"\xef\xbb\xbf", doc(FINE).as_slice()].concat(), Fine),
        ("W07", bytes, Error("not_utf8", &["UTF-8"])),
        (
            "W08",
            doc("do: [{\"a\0b\": {set: {a: 1}}}]\n"),
            Error("bad_character", &["row.yaml:2:"]),
        ),
        (
            "W08",
            doc("do: [{\"a\\0b\": {set: {a: 1}}}]\n"),
            Error("bad_character", &["row.yaml:2:"]),
        ),
        (
            "W10",
            doc("do: &a [*a]\n"),
            Error("alias_cycle", &["row.yaml:2:"]),
        ),
        (
            "W11",
            "[".repeat(100_000).into_bytes(),
            Error("too_deep", &["row.yaml:1:"]),
        ),
        (
            "W13",
            doc(&format!("{FINE}{FINE}")),
            Error("duplicate_key", &["row.yaml:3:1", "line 2"]),
        ),
        (
            "W14",
            doc(&format!("<<: [1]\n{FINE}")),
            Error("merge_unsupported", &["row.yaml:2:1"]),
        ),
        (
            "W16",
            task("{set: {a: no, b: off, c: 0o17, d: 1_000, e: '12:30:45'}}"),
            Warning("ambiguous_scalar"),
        ),
        ("W19", vec![b'a'; 50 << 20], Error("too_large", &["1048576"])),
        (
            "W20",
            [HEAD.as_bytes(), b"x: ", &vec![b'a'; 10 << 20]].concat(),
            Error("too_large", &[]),
        ),
        (
            "W59",
            task("{run: {shell: {command: \"ls \u{202e}; rm\"}}}"),
            Error("bidi_control", &["U+202E"]),
        ),
    ]
}

fn fields() -> Vec<(&'static str, Vec<u8>, Expect)> {
    vec![
        (
            "W17",
            format!("document: {{dsl: '1.0.3', namespace: bad, name: row, version: 1.10}}\n{FINE}")
                .into_bytes(),
            Error("quote_version", &["row.yaml:1:"]),
        ),
        (
            "W22",
            task("{try: [{b: {set: {a: 1}}}], catch: {retrys: {}}}"),
            Error("unknown_field", &["did you mean `retry`"]),
        ),
        (
            "W23",
            b"document: {namespace: x}\n".to_vec(),
            Error("missing_field", &["`dsl`", "`name`", "`version`", "`do`"]),
        ),
    ]
}

fn values() -> Vec<(&'static str, Vec<u8>, Expect)> {
    let retry = "{try: [{b: {set: {a: 1}}}], catch: {retry: {backoff: {exponential: {factor: 1.0e+308}}}}}";
    let key = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789";
    vec![
        // Names that differ only so are legal in the standard.
        (
            "W25",
            doc("do: [{fetch: {set: {a: 1}}}, {Fetch: {set: {a: 1}}}]\n"),
            Warning("confusable_id"),
        ),
        (
            "W26",
            doc("do: [{p\u{430}y: {set: {a: 1}}}]\n"),
            Warning("confusable_name"),
        ),
        ("W40", task(retry), Error("number_range", &["from 1 to 10"])),
        (
            "W41",
            task("{set: {a: 9223372036854775808}}"),
            Error("number_range", &["2^63"]),
        ),
        ("W41", task("{set: {a: 1e400}}"), Error("number_range", &[])),
        (
            "W44",
            task(&format!(
                "{{call: http, with: {{method: get, endpoint: 'https://example.org', headers: {{authorization: 'Bearer {key}'}}}}}}"
            )),
            Warning("literal_secret"),
        ),
        (
            "W50",
            task("{call: approval, with: {title: x, expires: P36500D}}"),
            Error("bad_duration", &["90 days"]),
        ),
        (
            "W50",
            task("{call: approval, with: {title: x, expires: PT0S}}"),
            Error("bad_duration", &["1 minute"]),
        ),
        (
            "W52",
            doc(&format!(
                "input: {{schema: {{resource: {{endpoint: 'file:///etc/passwd'}}}}}}\n{FINE}"
            )),
            Error("external_ref", &["row.yaml:2:"]),
        ),
        (
            "W52",
            doc(&format!(
                "input: {{schema: {{document: {{$ref: '../../x'}}}}}}\n{FINE}"
            )),
            Error("external_ref", &["row.yaml:2:"]),
        ),
    ]
}

fn flows() -> Vec<(&'static str, Vec<u8>, Expect)> {
    let mut rows = vec![
        (
            "W28",
            doc("do: [{fetch: {set: {a: 1}, then: ftech}}]\n"),
            Error("unknown_task", &["did you mean `fetch`"]),
        ),
        (
            "W29",
            doc("do: [{a: {set: {a: 1}, then: a}}]\n"),
            Warning("endless_loop"),
        ),
        (
            "W32",
            doc("do: [{a: {set: {a: 1}, then: end}}, {b: {set: {a: 1}}}]\n"),
            Warning("unreachable"),
        ),
    ];
    rows.extend(["0", "-5s", "1e99s", "NaN", "5 parsecs", "PT-5S"].map(waits));
    rows
}

#[test]
fn a_bad_file_is_refused_in_words_and_nothing_of_it_is_stored() {
    let bed = Bed::start(&[], "");
    let path = bed.home.path("row.yaml");
    for (id, text, expect) in texts().into_iter().chain(fields()).chain(values()).chain(flows()) {
        std::fs::write(&path, &text).unwrap();
        let file = path.to_str().unwrap();
        let (verb, strict): (&[&str], _) = match expect {
            Error(..) => (&["apply", "-f", file], false),
            Warning(_) | Fine => (&["validate", "-f", file], true),
        };
        let output = bed.row(id, Leaves::Nothing, || bed.home.client(verb));
        let said = format!("{}{}", output.stdout, output.stderr);
        match expect {
            Error(code, words) => {
                bed.refused(id, &output, 65, code);
                for word in words {
                    assert!(said.contains(word), "{id}: no `{word}` in:\n{said}");
                }
            }
            Warning(code) => {
                assert_eq!(output.code, Some(0), "{id}: {said}");
                assert!(said.contains(&format!("warning[{code}]")), "{id}: {said}");
            }
            Fine => assert!(
                output.code == Some(0) && !said.contains("warning["),
                "{id}: {said}"
            ),
        }
        if strict {
            let strictly = bed.home.client(&["validate", "--strict", "-f", file]);
            let wanted = if matches!(expect, Fine) { 0 } else { 65 };
            assert_eq!(strictly.code, Some(wanted), "{id} --strict: {strictly:#?}");
        }
    }
}

#[test]
fn every_cycle_is_named() {
    let bed = Bed::start(&[], "");
    let tasks = ["a b", "b a", "c d", "d c"].map(|pair| {
        let (name, then) = pair.split_once(' ').unwrap();
        format!("{{{name}: {{set: {{x: 1}}, then: {then}}}}}")
    });
    let choose = "{s: {switch: [{x: {when: .a, then: a}}, {y: {then: c}}]}}";
    let file = bed.home.write(
        "row.yaml",
        &format!("{HEAD}do: [{choose}, {}]\n", tasks.join(", ")),
    );
    let output = bed.row("W31", Leaves::Nothing, || {
        bed.home.client(&["validate", "-f", file.to_str().unwrap()])
    });
    let said = output.stdout + &output.stderr;
    assert!(
        said.contains("a -> b -> a") && said.contains("c -> d -> c"),
        "W31: {said}"
    );
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let bed = Bed::start(&[], "");
    let pipe = bed.home.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let socket = bed.home.socket();
    let folder = bed.home.path("data");
    for place in [pipe.as_path(), socket.as_path(), "/dev/zero".as_ref()] {
        let place = place.to_str().unwrap();
        let output = bed.row("W53", Leaves::Nothing, || {
            bed.home.client(&["apply", "-f", place])
        });
        bed.refused("W53", &output, 65, "not_regular_file");
    }
    let output = bed.home.client(&["validate", "-f", folder.to_str().unwrap()]);
    assert_eq!(output.code, Some(65), "W53: {output:#?}");
}

#[test]
fn a_published_version_stays_what_it_is() {
    let bed = Bed::start(&[], "");
    let file = bed.home.write("row.yaml", &format!("{HEAD}{FINE}"));
    let file = file.to_str().unwrap();
    let apply = || bed.home.client(&["apply", "-f", file]);
    assert_eq!(apply().code, Some(0));
    bed.home
        .write("row.yaml", &format!("{HEAD}do: [{{a: {{set: {{a: 2}}}}}}]\n"));
    let output = bed.row("W56", Leaves::Nothing, apply);
    bed.refused("W56", &output, 65, "version_conflict");
    // Trying a change out is not publishing it.
    assert_eq!(bed.home.client(&["run", "-f", file]).code, Some(0));
}

#[test]
fn a_version_in_use_is_not_deleted() {
    let bed = Bed::start(&[], "");
    let text = format!("{HEAD}do: [{{ask: {{call: approval, with: {{title: 'Go on?'}}}}}}]\n");
    let file = bed.home.write("row.yaml", &text);
    let run = bed.home.client(&[
        "run",
        "-f",
        file.to_str().unwrap(),
        "--no-wait-approvals",
        "--json",
    ]);
    assert_eq!(run.code, Some(4), "{run:#?}");
    let id = run.json()["run"].as_str().unwrap().to_owned();
    let output = bed.row("W58", Leaves::Nothing, || {
        bed.home.client(&["delete", "workflow", "row"])
    });
    bed.refused("W58", &output, output.code.unwrap(), "in_use");
    let short = &id[id.len() - 8..];
    assert!(
        output.stderr.contains(short),
        "W58: the run {id} is not named:\n{}",
        output.stderr
    );
    assert_ne!(output.code, Some(0));
}
