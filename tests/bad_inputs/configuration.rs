//! C: configuration, places and limits a daemon is started with. It must refuse in words and leave nothing behind.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

use dirigent_tests::{Home, LONG, daemon_path, until};

/// Starts a daemon that should refuse, and waits for its words.
fn refusal(command: &mut Command) -> (Option<i32>, String) {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("the daemon to refuse", LONG, || child.try_wait().unwrap());
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
}

fn daemon(home: &Home) -> Command {
    let mut command = Command::new(daemon_path());
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home.path(""))
        .env("DIRIGENT_HOME", home.path("data"))
        .env("DIRIGENT_SOCKET", home.socket())
        .env("DIRIGENT_CONFIG", home.path("daemon.toml"))
        .arg("--foreground");
    command
}

fn said(id: &str, (code, text): (Option<i32>, String), exit: i32, words: &[&str]) {
    assert_eq!(code, Some(exit), "{id}:\n{text}");
    for word in words.iter().chain(&["error[", "help:"]) {
        assert!(text.contains(word), "{id}: no `{word}` in:\n{text}");
    }
    assert!(!text.contains("panicked"), "{id}:\n{text}");
    assert!(text.lines().count() <= 24, "{id}: more than a screen:\n{text}");
}

#[test]
fn a_bad_configuration_is_refused_with_its_lines() {
    for (id, text, words) in [
        (
            "C02",
            "[run]\nshel = \"allow\"\n",
            &["daemon.toml:2", "run.shell"][..],
        ),
        ("C02", "[run]\nshell = 7\n", &["daemon.toml:2"]),
        ("C02", "[run]\n[run]\n", &["daemon.toml:2"]),
        ("C02", "[socket]\nmax_connections = 0\n", &["daemon.toml:2"]),
        ("C02", "[run]\nmax_crashes = 1e99\n", &["daemon.toml:2"]),
    ] {
        let home = Home::new(&[]);
        home.write("daemon.toml", text);
        said(id, refusal(&mut daemon(&home)), 78, words);
        assert!(
            !home.path("data").join("store").exists(),
            "{id}: something was made"
        );
    }
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    let home = Home::new(&[]);
    std::fs::remove_file(home.path("daemon.toml")).unwrap();
    said("C01", refusal(&mut daemon(&home)), 78, &["daemon.toml"]);
}

#[test]
fn a_socket_path_that_is_too_long_says_how_long() {
    let home = Home::new(&[]);
    let long = home.path(&"s".repeat(120));
    said(
        "C05",
        refusal(daemon(&home).env("DIRIGENT_SOCKET", &long)),
        78,
        &["107"],
    );
}

#[test]
fn a_directory_that_is_no_place_for_data_is_refused() {
    let home = Home::new(&[]);
    let file = home.write("data", "I am a file");
    let (code, text) = refusal(&mut daemon(&home));
    assert!(code.is_some_and(|code| code != 0), "C07: {text}");
    assert!(text.contains("error[") && text.contains("help:"), "C07:\n{text}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "I am a file");
    let home = Home::new(&[]);
    std::fs::create_dir(home.path("data")).unwrap();
    home.write("data/letters.txt", "mine");
    std::fs::set_permissions(home.path("data"), PermissionsExt::from_mode(0o755)).unwrap();
    let (code, text) = refusal(&mut daemon(&home));
    assert!(code.is_some_and(|code| code != 0), "C07: {text}");
    assert!(text.contains("error[") && text.contains("help:"), "C07:\n{text}");
    assert_eq!(
        std::fs::read_to_string(home.path("data/letters.txt")).unwrap(),
        "mine"
    );
}

#[test]
fn a_second_daemon_on_the_directory_is_refused() {
    let home = Home::new(&[]);
    let _first = home.start();
    let (code, text) = refusal(daemon(&home).env("DIRIGENT_SOCKET", home.path("other.sock")));
    assert!(code.is_some_and(|code| code != 0), "C08: {text}");
    assert!(text.contains("error[") && text.contains("help:"), "C08:\n{text}");
    assert_eq!(home.client(&["status"]).code, Some(0), "C08: the first goes on");
}

#[test]
fn too_few_descriptors_are_refused_by_number() {
    let home = Home::new(&[]);
    let mut shell = Command::new("sh");
    let inner = daemon(&home);
    shell
        .env_clear()
        .args(["-c", "ulimit -n 16; exec \"$0\" --foreground"])
        .arg(inner.get_program());
    for (name, value) in inner.get_envs() {
        if let Some(value) = value {
            shell.env(name, value);
        }
    }
    let (code, text) = refusal(&mut shell);
    assert!(code.is_some_and(|code| code != 0), "C13: {text}");
    assert!(text.contains("16") && text.contains("help:"), "C13:\n{text}");
}
