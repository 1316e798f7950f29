//! What is wrong, where, and what to write instead.

use dirigent_config::{FileSource, Problem, Sources, load_daemon};

use crate::{file, load};

/// Problems without the directory of the file, which differs in every run.
fn problems(text: &str, environment: &[(&str, &str)]) -> Vec<String> {
    let errors = load(text, environment).expect_err("must be refused");
    errors.0.iter().map(strip).collect()
}

fn strip(problem: &Problem) -> String {
    let text = problem.to_string();
    match (text.find("  at /"), text.find("daemon.toml")) {
        (Some(from), Some(to)) if from < to => format!("{}  at {}", &text[..from], &text[to..]),
        _ => text,
    }
}

#[test]
fn every_problem_comes_at_once_with_place_and_help() {
    let text = r#"[run]
shel = "deny"
max_output_bytes = "big"

[run.concurrency]
agent = 0

[log]
level = "warning"

[providers.lokal]
base_url = "http://127.0.0.1:1"
"#;
    let expected = [
        "error[config_unknown_key]: unknown key `shel`\n  at daemon.toml:2:1 run.shel\nhelp: did you mean `run.shell`?",
        "error[config_bad_value]: `run.max_output_bytes` cannot be \"big\"\n  at daemon.toml:3:20 run.max_output_bytes\nhelp: it takes a whole number from 1024 to 67108864",
        "error[config_bad_value]: `run.concurrency.agent` cannot be 0\n  at daemon.toml:6:9 run.concurrency.agent\nhelp: it takes a whole number from 1 to 10000",
        "error[config_bad_value]: `log.level` cannot be \"warning\"\n  at daemon.toml:9:9 log.level\nhelp: did you mean \"warn\"? It takes \"error\" or \"warn\" or \"info\" or \"debug\" or \"trace\"",
        "error[config_missing_key]: [providers.lokal] has no `dialect`\n  at daemon.toml:12:12 providers.lokal\nhelp: add `dialect = ...` below [providers.lokal]",
    ];
    let found = problems(text, &[]);
    assert_eq!(found, expected, "\n{}", found.join("\n"));
}

#[test]
fn broken_toml_is_located() {
    for (text, at) in [
        ("[run]\nshell = \"deny\"\n[run]\n", "daemon.toml:3:2"),
        ("[run]\nshell = \"deny\"\nshell = \"allow\"\n", "daemon.toml:3:1"),
        ("[run\n", "daemon.toml:1:5"),
        ("a = [1,\n", "daemon.toml:"),
    ] {
        let found = problems(text, &[]).join("\n");
        assert!(
            found.contains("error[config_syntax]") && found.contains(at),
            "{text:?} gave\n{found}"
        );
    }
}

#[test]
fn a_misplaced_key_is_led_home() {
    let found = problems("shell = \"deny\"\n[run]\nconcurrency = 4\n", &[]).join("\n");
    assert!(found.contains("did you mean `run.shell`?"), "{found}");
    assert!(
        found.contains("write [run.concurrency] with keys of its own: total, agent, http, shell"),
        "{found}"
    );
}

#[test]
fn the_environment_and_flags_are_held_to_the_same() {
    let found = problems(
        "",
        &[("DIRIGENT__RUN__SHELL", "maybe"), ("DIRIGENT__RUN__SHEL", "deny")],
    )
    .join("\n");
    assert!(
        found.contains("at environment DIRIGENT__RUN__SHELL run.shell"),
        "{found}"
    );
    assert!(
        found.contains("at environment DIRIGENT__RUN__SHEL run.shel"),
        "{found}"
    );
    let flags = vec![("run.shell".into(), "no".into(), "--shell".into())];
    let errors = load_daemon(&Sources {
        flags,
        ..Sources::default()
    })
    .expect_err("refused");
    assert!(
        errors.to_string().contains("at flag --shell run.shell"),
        "{errors}"
    );
}

#[test]
fn names_must_lead_somewhere() {
    let text = r#"[models]
default = "opnai/gpt-4o"
[models.aliases]
fast = "nowhere"
[providers.openai]
dialect = "openai_chat"
base_url = "https://api.openai.com/v1"
[providers.rehearsal]
dialect = "openai_chat"
base_url = "https://api.openai.com/v1"
[socket]
max_connections_per_user = 600
"#;
    let found = problems(text, &[]).join("\n");
    for expected in [
        "no provider `opnai`\n  at daemon.toml:2:11 models.default\nhelp: did you mean `openai`?",
        "`nowhere` is no alias\n  at daemon.toml:4:8 models.aliases.fast",
        "`rehearsal` is taken",
        "one user may have 600 connections, all together 512\n  at daemon.toml:12:28",
    ] {
        assert!(found.contains(expected), "{expected} not in\n{found}");
    }
}

#[test]
fn a_key_pasted_into_key_env_is_refused_by_its_place() {
    let text =
        "[providers.a]\ndialect = \"openai_chat\"\nbase_url = \"https://h/v1\"\nkey_env = \"sk-abc-def\"\n";
    let found = problems(text, &[]).join("\n");
    assert!(found.contains("providers.a.key_env"), "{found}");
    assert!(
        !found.contains("sk-abc-def"),
        "a pasted key must not be shown:\n{found}"
    );
}

#[test]
fn hostile_files_are_refused_in_words() {
    let named = |path: std::path::PathBuf| {
        load_daemon(&Sources {
            file: FileSource::Named(path),
            ..Sources::default()
        })
        .expect_err("refused")
        .to_string()
    };
    assert!(named("/nonexistent/daemon.toml".into()).contains("there is no such file"));
    let (dir, path) = file(b"a = 1\nb = \xff\n");
    assert!(named(path).contains("line 2 is not UTF-8"));
    assert!(named(dir.path().to_owned()).contains("this is a directory"));
    let (_dir, path) = file("#".repeat(2 * 1024 * 1024));
    assert!(named(path).contains("at most 1048576 bytes"));
    let found = problems("\"a\\u001b[2J\" = 1\n", &[]).join("\n");
    assert!(
        !found.contains('\u{1b}') && found.contains("\\u{1b}"),
        "{found:?}"
    );
    let deep = format!("a = {}1{}", "[".repeat(50_000), "]".repeat(50_000));
    assert!(problems(&deep, &[]).join("\n").contains("config_syntax"));
}
