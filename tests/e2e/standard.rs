//! The standard's tasks against real counterparts: interpreters, servers, other runs.

use dirigent_tests::{Home, LONG, until};
use serde_json::Value;

const HEAD: &str = "document:\n  dsl: '1.0.3'\n  namespace: tests\n  name: NAME\n  version: '1.0.0'\n";

/// A file of the home with a workflow of that name.
pub(crate) fn workflow(home: &Home, name: &str, rest: &str) -> String {
    let text = format!("{}{rest}", HEAD.replace("NAME", name));
    home.write(&format!("{name}.yaml"), &text)
        .to_str()
        .unwrap()
        .to_owned()
}

fn run(home: &Home, file: &str, input: &str) -> Value {
    let printed = home.client(&["run", "-f", file, "--input", input, "--json"]);
    serde_json::from_str(&printed.stdout).unwrap_or_else(|_| panic!("{printed:#?}\n{}", home.log()))
}

#[test]
fn scripts_run_in_the_languages_that_are_there() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let script = |language: &str, code: &str| {
        format!(
            "do:\n  - s:\n      run:\n        script:\n          language: {language}\n          stdin: ${{ .said }}\n          \
             arguments: [ '${{ .said }}', 'two words' ]\n          environment: {{ FOO: bar }}\n          code: |\n            \
             {}\n        return: all\n",
            code.replace('\n', "\n            ")
        )
    };
    for (language, code) in [
        (
            "sh",
            "printf '%s|%s|%s|%s' \"$(cat)\" \"$1\" \"$2\" \"$FOO\"; echo no >&2; exit 3",
        ),
        (
            "python",
            "import sys, os\nsys.stdout.write('|'.join([sys.stdin.read(), sys.argv[1], sys.argv[2], os.environ['FOO']]))\nprint('no', file=sys.stderr)\nsys.exit(3)",
        ),
        (
            "js",
            "import { readFileSync } from 'node:fs';\nprocess.stdout.write([readFileSync(0, 'utf8'), process.argv[2], process.argv[3], process.env.FOO].join('|'));\nconsole.error('no');\nprocess.exit(3);",
        ),
    ] {
        let file = workflow(&home, &format!("script-{language}"), &script(language, code));
        let ended = run(&home, &file, r#"{"said": "$(id) `x` 'y'"}"#);
        if ended["error"]["title"] == "There is no interpreter" {
            dirigent_tests::skip(&format!("no interpreter for {language}"));
            continue;
        }
        let output = &ended["output"];
        assert_eq!(
            output["stdout"], "$(id) `x` 'y'|$(id) `x` 'y'|two words|bar",
            "{language}: {ended}"
        );
        assert_eq!(
            (&output["code"], &output["stderr"]),
            (&3.into(), &"no\n".into()),
            "{language}: {ended}"
        );
    }
    let file = workflow(
        &home,
        "script-cobol",
        "do: [ { s: { run: { script: { language: cobol, code: x } } } } ]\n",
    );
    let ended = run(&home, &file, "{}");
    assert_eq!(ended["error"]["title"], "The language is not run", "{ended}");
}

#[test]
fn a_workflow_runs_another_and_a_cancel_goes_down() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let child = workflow(
        &home,
        "child",
        "do:\n  - greet: { set: { greeting: '${ \"hello \" + .name }' } }\n  - maybe: { if: '.greeting == \"hello wait\"', wait: PT10M }\n",
    );
    drop(home.client(&["apply", "-f", &child, "--json"]).expect_code(0));
    let parent = workflow(
        &home,
        "parent",
        "do:\n  - sub:\n      run:\n        workflow: { namespace: tests, name: child, version: '1.0.0', input: { name: '${ .who }' } }\n  - more: { set: { got: '${ .greeting }' } }\n",
    );
    let ended = run(&home, &parent, r#"{"who": "ada"}"#);
    assert_eq!(ended["output"]["got"], "hello ada", "{ended}");

    let begun = home
        .client(&[
            "run",
            "-f",
            &parent,
            "--input",
            r#"{"who": "wait"}"#,
            "--detach",
            "--json",
        ])
        .expect_code(0)
        .json();
    let id = begun["run"].as_str().unwrap().to_owned();
    let children = || -> Vec<Value> {
        let all = home.client(&["get", "runs", "--json"]).expect_code(0).json();
        let items = all["items"].as_array().cloned().unwrap_or_default();
        items
            .into_iter()
            .filter(|one| one["spec"]["parent"] == id.as_str())
            .collect()
    };
    until("the child to wait", LONG, || {
        (children().first()?["spec"]["status"] == "waiting").then_some(())
    });
    drop(home.client(&["runs", "cancel", &id]).expect_code(0));
    until("both to be cancelled", LONG, || {
        let own = home
            .client(&["runs", "show", &id, "--json"])
            .expect_code(0)
            .json();
        let child = children().first()?["spec"]["status"].clone();
        (own["status"] == "cancelled" && child == "cancelled").then_some(())
    });
}

#[test]
fn a_child_run_outlives_the_daemons_death_and_is_started_once() {
    let home = Home::new(&[]);
    let daemon = home.start();
    let child = workflow(
        &home,
        "slow",
        "do:\n  - nap: { wait: PT2S }\n  - say: { set: { done: true } }\n",
    );
    drop(home.client(&["apply", "-f", &child, "--json"]).expect_code(0));
    let parent = workflow(
        &home,
        "patient",
        "do:\n  - sub: { run: { workflow: { namespace: tests, name: slow, version: latest } } }\n",
    );
    let begun = home
        .client(&["run", "-f", &parent, "--detach", "--json"])
        .expect_code(0)
        .json();
    let id = begun["run"].as_str().unwrap().to_owned();
    let runs = || {
        home.client(&["get", "runs", "--json"]).expect_code(0).json()["items"]
            .as_array()
            .unwrap()
            .len()
    };
    until("the child to begin", LONG, || (runs() == 2).then_some(()));
    daemon.kill();
    let _daemon = home.start();
    until("the parent to end", LONG, || {
        let shown = home
            .client(&["runs", "show", &id, "--json"])
            .expect_code(0)
            .json();
        (shown["status"] == "completed").then_some(())
    });
    assert_eq!(runs(), 2);
}

#[test]
fn functions_come_from_catalogs_and_a_run_that_starts_itself_ends() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let folder = home.path("shelf/functions/double/1.0.0");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(
        folder.join("function.yaml"),
        "input: { schema: { document: { type: object, required: [ n ] } } }\nset: { doubled: '${ .n * 2 }' }\n",
    )
    .unwrap();
    let shelf = home.path("shelf");
    let file = workflow(
        &home,
        "catalogs",
        &format!(
            "use: {{ catalogs: {{ shelf: {{ endpoint: 'file://{}' }} }} }}\ndo:\n  - a: {{ call: 'double:1.0.0@shelf', with: {{ n: 21 }} }}\n  - b: {{ call: 'log:latest@default', with: {{ message: '${{ \"\\(.doubled)\" }}', timestamp: false, format: '<{{MESSAGE}}>' }} }}\n",
            shelf.display()
        ),
    );
    let ended = run(&home, &file, "{}");
    assert_eq!(ended["output"]["line"], "<42>", "{ended}");
    let wrong = workflow(
        &home,
        "wrong",
        &format!(
            "use: {{ catalogs: {{ shelf: {{ endpoint: 'file://{}' }} }} }}\ndo: [ {{ a: {{ call: 'double:1.0.0@shelf', with: {{ m: 1 }} }} }} ]\n",
            shelf.display()
        ),
    );
    let ended = run(&home, &wrong, "{}");
    assert!(
        ended["error"]["type"].as_str().unwrap().ends_with("/validation"),
        "{ended}"
    );
    let itself = workflow(
        &home,
        "itself",
        "do:\n  - again: { run: { workflow: { namespace: tests, name: itself, version: latest } } }\n",
    );
    let ended = run(&home, &itself, "{}");
    assert!(
        ended["error"]["detail"].as_str().unwrap().contains("deep"),
        "{ended}"
    );
}

#[test]
fn a_notice_is_in_the_inbox_once() {
    let home = Home::new(&[]);
    let _daemon = home.start();
    let file = workflow(
        &home,
        "notice",
        "do:\n  - tell: { call: notify, with: { title: '${ \"\\(.n) files\" }', text: look, level: warning } }\n",
    );
    let ended = run(&home, &file, r#"{"n": 3}"#);
    assert_eq!(ended["output"]["n"], 3, "{ended}");
    let all = home
        .client(&["get", "notifications", "--json"])
        .expect_code(0)
        .json();
    let titles: Vec<_> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["spec"]["title"] == "3 files")
        .collect();
    assert_eq!(titles.len(), 1, "{all}");
    assert_eq!(titles[0]["spec"]["level"], "warning");
}

#[test]
fn a_container_is_run_by_what_is_there_or_refused_by_name() {
    let home = Home::new(&[]);
    let tools = home.path("tools");
    std::fs::create_dir_all(&tools).unwrap();
    let file = workflow(
        &home,
        "box",
        "do:\n  - c:\n      run:\n        container:\n          image: alpine\n          command: echo \"$1\"\n          arguments: [ \"it's\" ]\n          stdin: in\n          environment: { K: v }\n          lifetime: { cleanup: always }\n        return: all\n",
    );
    for tool in ["sh", "cat", "env", "rm"] {
        std::os::unix::fs::symlink(format!("/bin/{tool}"), tools.join(tool)).unwrap();
    }
    let start = |home: &Home| {
        let mut command = home.daemon_command();
        command.env("PATH", &tools);
        let daemon = home.start_as(command);
        until("the daemon to answer", LONG, || {
            (home.socket().exists() && home.client(&["status", "--json"]).code == Some(0)).then_some(())
        });
        daemon
    };
    let daemon = start(&home);
    let ended = run(&home, &file, "{}");
    assert_eq!(ended["error"]["title"], "There is no container engine", "{ended}");
    daemon.stop();
    // An engine that says what it was asked, in the place of one that would need the network for its images.
    let engine = home.write("tools/docker", "#!/bin/sh\n[ \"$1\" = rm ] && exit 0\nprintf '%s\\n' \"$@\"; printf 'K=%s in=%s' \"$K\" \"$(cat)\"\n");
    std::fs::set_permissions(&engine, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let _daemon = start(&home);
    let ended = run(&home, &file, "{}");
    let said = ended["output"]["stdout"]
        .as_str()
        .unwrap_or_else(|| panic!("{ended}"));
    assert!(said.starts_with("run\n-i\n--name\ndirigent-"), "{said}");
    assert!(said.contains("--rm\n--pull\nmissing\n-e\nK\n"), "{said}");
    assert!(
        said.ends_with("--entrypoint\nsh\nalpine\n-c\necho \"$1\"\nsh\nit's\nK=v in=in"),
        "{said}"
    );
}
