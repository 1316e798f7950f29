use std::collections::BTreeMap;
use std::path::PathBuf;

use super::*;

fn found(text: &str) -> Vec<String> {
    match load("test", text) {
        Ok(_) => Vec::new(),
        Err(found) => found.iter().map(|f| format!("{} {}", f.at, f.code)).collect(),
    }
}

const HEAD: &str = "document: { dsl: '1.0.3', namespace: t, name: t, version: '1.0.0' }\n";

const BAD: &str = "document:
  dsl: '1.0.3'
  namespace: bad name
  name: bad
  version: 1.10
use:
  retrys: {}
do:
  - fetch:
      call: http
      with:
        methud: get
        endpoint: https://example.com
      then: stroe
  - wait:
      wait: 5 parsecs
  - choose:
      switch:
        - a: { when: '.x ==', then: store }
        - b: { when: .y }
  - store:
      set: { x: '${ .a | lenght }', y: '${ $contxt.a }' }
      timeout: { after: PT0S }
  - loop:
      for: { each: item }
      do:
        - inner: { sett: { a: 1 } }
  - twice:
      set: { a: 1 }
      wait: PT1S
  - again:
      call: approval
      with: { title: Go?, risk: hgh, expires: P1Y }
  - agent:
      call: agnt
      with: { agent: x }
  - retry:
      try: [ { a: { set: { a: 1 } } } ]
      catch: { retry: missing }
      metadata: { dirigent: { on_unknown: maybe } }
";

const FINDINGS: &str = "\
bad.yaml:3:14: error[bad_name]: `bad name` cannot be a namespace
  help: use letters, digits and `-`, at most 63: bad-name
bad.yaml:5:12: error[quote_version]: `version: 1.10` is a number, not a version
  help: write version: '1.10.0' (three numbers, in quotes)
bad.yaml:7:3: error[unknown_field]: unknown field `retrys`
  help: did you mean `retries`?
bad.yaml:12:9: error[unknown_field]: unknown field `methud`
  help: did you mean `method`?
bad.yaml:12:9: error[missing_field]: `method` is missing
  help: add `method`
bad.yaml:16:13: error[bad_duration]: `5 parsecs` is not a duration: it does not start with P
  help: write `PT30S`, `PT5M`, `P1D`, or `{ minutes: 5 }` (days, hours, minutes, seconds, milliseconds)
bad.yaml:19:28: error[bad_expression]: the jq expression is wrong: expected term at the end
  help: see the jq manual for its syntax
bad.yaml:20:14: error[missing_field]: `then` is missing
  help: add `then`
bad.yaml:22:26: error[unknown_function]: the jq expression is wrong: there is no function `lenght`
  help: did you mean `length`?
bad.yaml:22:44: error[undefined_variable]: there is no variable `$contxt` here
  help: did you mean `$context`?
bad.yaml:23:16: error[bad_duration]: a limit of zero leaves no time at all
  help: write how long it may take, such as `PT5M`
bad.yaml:25:12: error[missing_field]: `in` is missing
  help: add `in`
bad.yaml:27:20: error[unknown_task_kind]: `sett` is no kind of task
  help: did you mean `set`?
bad.yaml:29:7: error[two_tasks]: a task does one thing; this one has `set` and `wait`
  help: make two tasks of it
bad.yaml:33:33: error[bad_value]: `hgh` is not possible here
  help: did you mean `high`?
bad.yaml:33:47: error[bad_duration]: an approval lives from 1 minute to 90 days
  help: write `PT1M` to `P90D`
bad.yaml:35:13: error[unknown_function]: there is no function `agnt`
  help: did you mean `agent`?
bad.yaml:39:23: error[unknown_reference]: there is no `missing` under `use.retries`
  help: define it under `use.retries`
bad.yaml:40:43: error[bad_value]: `maybe` is not possible here
  help: possible here: retry, ask, fail, verify";

#[test]
fn every_mistake_of_a_bad_document_is_reported_at_once_with_its_place() {
    let errors = load("bad.yaml", BAD).unwrap_err();
    let lines: Vec<String> = errors.iter().map(|finding| finding.render("bad.yaml")).collect();
    assert_eq!(lines.join("\n"), FINDINGS);
}

#[test]
fn single_mistakes() {
    for (text, expected) in [
        ("do: []", vec!["1:1 missing_field", "1:5 empty_list"]),
        (
            "document: {}\ndo: []",
            vec!["1:11 missing_field", "2:5 empty_list"],
        ),
        ("- a", vec!["1:1 wrong_type"]),
    ] {
        assert_eq!(found(text), expected, "{text}");
    }
    for (body, expected) in [
        (
            "do: [ { a: { set: { x: 1 }, then: b } } ]",
            vec!["2:35 unknown_task"],
        ),
        ("do: [ { a: { set: {} } } ]", vec!["2:19 wrong_type"]),
        ("do: [ { a: 5 } ]", vec!["2:12 wrong_type"]),
        ("do: [ a ]", vec!["2:7 bad_item"]),
        ("do: [ { a: {}, b: {} } ]", vec!["2:7 bad_item"]),
        ("do: [ { a: { switch: { x: 1 } } } ]", vec!["2:22 bad_switch"]),
        (
            "do: [ { a: { run: { shel: { command: x } } } } ]",
            vec!["2:14 missing_field"],
        ),
        (
            "do: [ { a: { set: { x: 1 } } }, { a: { set: { x: 2 } } } ]",
            vec!["2:35 duplicate_task"],
        ),
        (
            "do: [ { a: { set: { x: '${ env.HOME }' } } } ]",
            vec!["2:28 forbidden_function"],
        ),
        (
            "do: [ { a: { set: { x: '${ $secrets.k }' } } } ]",
            vec!["2:24 undeclared_secret"],
        ),
        (
            "input: { schema: { document: { type: nonsense } } }\ndo: [ { a: { set: { x: 1 } } } ]",
            vec!["2:32 bad_schema"],
        ),
        (
            "input: { schema: { document: { $ref: 'file:///etc/passwd' } } }\ndo: [ { a: { set: { x: 1 } } } ]",
            vec!["2:30 external_ref"],
        ),
        (
            "do: [ { a: { set: { x: '${ .b ' } } } ]",
            vec!["2:24 unclosed_expression"],
        ),
        (
            "use: { functions: { f: { call: g }, g: { call: f } } }\ndo: [ { a: { call: f } } ]",
            vec!["2:32 function_cycle", "2:48 function_cycle"],
        ),
        (
            "do: [ { a: { try: [ { b: { set: { x: 1 } } } ], catch: { retry: { backoff: { exponential: { factor: 1.0e+308 } } } } } } ]",
            vec!["2:101 number_range"],
        ),
    ] {
        assert_eq!(found(&format!("{HEAD}{body}")), expected, "{body}");
    }
}

#[test]
fn doubtful_documents_run_with_a_warning() {
    for (body, expected) in [
        ("do: [ { a: { set: { x: 1 }, then: a } } ]", "endless_loop"),
        (
            "do: [ { a: { set: { x: 1 }, then: end } }, { b: { set: { x: 1 } } } ]",
            "unreachable",
        ),
        (
            "do: [ { a: { set: { x: 1 } } }, { A: { set: { x: 1 } } } ]",
            "confusable_id",
        ),
        ("do: [ { p\u{430}y: { set: { x: 1 } } } ]", "confusable_name"),
        (
            "do: [ { a: { call: http, with: { method: get, endpoint: 'https://{host}/' } } } ]",
            "open_host",
        ),
        (
            "do: [ { a: { listen: { to: { one: { with: { type: x } }, until: 'true' } } } } ]",
            "until_ignored",
        ),
    ] {
        let parsed = source::parse(format!("{HEAD}{body}").as_bytes());
        let (workflow, found) = parse_workflow(&parsed.documents[0]);
        assert!(workflow.is_some(), "{body}: {found:?}");
        assert_eq!(found[0].code, expected, "{body}: {found:?}");
    }
    let two = "do: [ { a: { set: { x: 1 }, then: a } }, { b: { set: { x: 1 }, then: c } }, { c: { set: { x: 1 }, then: b } } ]";
    let parsed = source::parse(format!("{HEAD}{two}").as_bytes());
    let (_, found) = parse_workflow(&parsed.documents[0]);
    assert_eq!(
        found.iter().filter(|f| f.code == "endless_loop").count(),
        2,
        "{found:?}"
    );
}

#[test]
fn a_version_is_named_by_its_content() {
    let yaml = load(
        "a",
        &format!("{HEAD}do: [ {{ a: {{ set: {{ x: 1, y: 2 }} }} }} ]"),
    )
    .unwrap();
    let json = load("b", &yaml.definition().to_string()).unwrap();
    assert_eq!(yaml.digest(), json.digest());
    let other = load(
        "c",
        &format!("{HEAD}do: [ {{ a: {{ set: {{ x: 1, y: 3 }} }} }} ]"),
    )
    .unwrap();
    assert_ne!(yaml.digest(), other.digest());
}

#[test]
fn every_published_example_is_accepted() {
    let root = std::env::var("DIRIGENT_OPEN_WORKFLOW").map_or_else(
        |_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/open-workflow"),
        PathBuf::from,
    );
    let Ok(folder) = std::fs::read_dir(root.join("examples")) else {
        eprintln!("SKIPPED: no examples of the specification (set DIRIGENT_OPEN_WORKFLOW)");
        return;
    };
    let mut refused: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut total = 0;
    for entry in folder {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        total += 1;
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if let Err(found) = load(&name, &std::fs::read_to_string(&path).unwrap()) {
            let errors = found.iter().filter(|finding| finding.is_error());
            refused.insert(name, errors.map(|f| f.code.clone()).collect());
        }
    }
    assert_eq!(total, 68);
    assert_eq!(refused, BTreeMap::new());
}
