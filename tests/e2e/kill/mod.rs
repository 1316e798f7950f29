//! `kill -9` of the daemon at random moments, again and again, while runs do shell, HTTP and agent steps.
//!
//! Held to: no acknowledged event is lost; no effect is repeated after its outcome was stored; repeats of effects in
//! flight carry the same key and happen only under `retry`; under `ask` and `fail` there is one request at most; every
//! run ends, and ends right.

mod audit;
mod storm;

use dirigent_tests::{Home, Seed, Server};
use std::time::Duration;

use storm::{Policy, Storm};

/// Kills and runs: the short form, or the long one where `DIRIGENT_LONG` is set.
fn size() -> (u32, u32) {
    if std::env::var_os("DIRIGENT_LONG").is_some() {
        (500, 50)
    } else {
        (40, 9)
    }
}

#[test]
fn nothing_is_lost_and_nothing_is_doubled() {
    let (kills, runs) = size();
    let mut seed = Seed::announced("kill");
    let server = Server::start(Duration::from_millis(8));
    let home = Home::new(&[]);
    // Here every death is the test's doing, not a run's: none is set aside.
    let place = server.place();
    home.write(
        "daemon.toml",
        &format!(
            "[run]\nshell = \"allow\"\nmax_crashes = 1000000\n\n[egress]\nallow = [{place:?}]\n\n\
             [providers.counting]\ndialect = \"openai_chat\"\nbase_url = \"http://{place}/v1\"\n"
        ),
    );
    let mut storm = Storm::prepare(&home, &server, runs);
    for kill in 1..=kills {
        storm.keep_going(&mut seed, kill, kills);
    }
    let ended = storm.finish();
    audit::check(&home, &server, &ended);
    assert!(ended.iter().any(|run| run.policy == Policy::Ask) || runs < 3);
}
