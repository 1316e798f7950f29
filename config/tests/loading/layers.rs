//! Which layer wins, and where a value came from.

use dirigent_config::daemon::ShellPolicy;
use dirigent_config::{Environment, FileSource, Place, Sources, load_client, load_daemon};

use crate::{file, load};

#[test]
fn defaults_then_file_then_environment_then_flags() {
    let text = "[run]\nshell = \"deny\"\n\n[run.concurrency]\nagent = 3\nhttp = 5\n";
    let (_dir, path) = file(text);
    let sources = Sources {
        file: FileSource::Named(path.clone()),
        environment: Environment::of([
            ("DIRIGENT__RUN__CONCURRENCY__HTTP", "7"),
            ("DIRIGENT__LOG__LEVEL", "debug"),
        ]),
        flags: vec![("log.level".into(), "warn".into(), "--log-level".into())],
    };
    let loaded = load_daemon(&sources).expect("loads");
    let run = &loaded.config.run;
    assert_eq!(
        (run.shell, run.concurrency.agent, run.concurrency.http),
        (ShellPolicy::Deny, 3, 7)
    );
    assert_eq!(loaded.config.log.level.as_str(), "warn");
    let origin = |key: &str| loaded.origins[key].clone();
    assert_eq!(
        origin("run.concurrency.agent"),
        Place::At {
            path,
            line: 5,
            column: 9
        }
    );
    assert_eq!(
        origin("run.concurrency.http"),
        Place::Environment("DIRIGENT__RUN__CONCURRENCY__HTTP".into())
    );
    assert_eq!(origin("log.level"), Place::Flag("--log-level".into()));
    assert_eq!(origin("store.cache_mib"), Place::Defaults);
}

#[test]
fn the_egress_variable_adds_and_the_long_one_replaces() {
    let text = "egress.allow = [\"a:1\"]";
    let allow = |environment: &[(&str, &str)]| load(text, environment).expect("loads").config.egress.allow;
    assert_eq!(allow(&[]), ["a:1"]);
    assert_eq!(
        allow(&[("DIRIGENT_EGRESS_ALLOW", "b:2, a:1,c:3")]),
        ["a:1", "b:2", "c:3"]
    );
    assert_eq!(allow(&[("DIRIGENT__EGRESS__ALLOW", "d:4")]), ["d:4"]);
    assert_eq!(allow(&[("DIRIGENT_EGRESS_ALLOW", "")]), ["a:1"]);
}

#[test]
fn one_environment_serves_both_binaries() {
    let environment = Environment::of([
        ("DIRIGENT__CONFIRM__GUARD_MS", "900"),
        ("DIRIGENT__RUN__SHELL", "deny"),
    ]);
    let sources = Sources {
        environment,
        ..Sources::default()
    };
    assert_eq!(
        load_client(&sources).expect("client").config.confirm.guard_ms,
        900
    );
    assert_eq!(
        load_daemon(&sources).expect("daemon").config.run.shell,
        ShellPolicy::Deny
    );
}

#[test]
fn providers_come_from_any_layer() {
    let environment = [
        ("DIRIGENT__PROVIDERS__LOCAL__DIALECT", "openai_chat"),
        ("DIRIGENT__PROVIDERS__LOCAL__BASE_URL", "http://127.0.0.1:8080/v1"),
        ("DIRIGENT__PROVIDERS__LOCAL__CONNECT_TIMEOUT", "500ms"),
        ("DIRIGENT__MODELS__DEFAULT", "local/tiny"),
    ];
    let config = load("", &environment).expect("loads").config;
    assert_eq!(config.providers["local"].base_url, "http://127.0.0.1:8080/v1");
    assert_eq!(config.providers["local"].connect_timeout.as_millis(), 500);
    assert_eq!(config.approvals.default_expiry.as_secs(), 72 * 3_600);
}

#[test]
fn a_file_that_need_not_be_there_may_be_missing_or_empty() {
    let sources = Sources {
        file: FileSource::IfPresent("/nonexistent/daemon.toml".into()),
        ..Sources::default()
    };
    let loaded = load_daemon(&sources).expect("defaults");
    assert_eq!(loaded.file, None);
    assert!(load("", &[]).is_ok());
}
