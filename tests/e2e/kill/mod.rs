//! `kill -9` of the daemon at random moments, again and again, while runs do shell, HTTP and agent steps.
//!
//! Held to: no acknowledged event is lost; no effect is repeated after its outcome was stored; repeats of effects in
//! flight carry the same key and happen only under `retry`; under `ask` and `fail` there is one request at most; every
//! run ends, and ends right.

mod audit;
mod loops;
mod outside;
mod steps;
mod storm;

use dirigent_tests::{Home, Seed, Server};
use std::time::{Duration, Instant};

use steps::{Policy, Steps};
use storm::{Storm, Subject};

/// How many kills: a few, many where `DIRIGENT_LONG` is set, or as many as `DIRIGENT_KILLS` says.
fn kills(few: u32, many: u32) -> u32 {
    match std::env::var("DIRIGENT_KILLS") {
        Ok(text) => text.parse().unwrap(),
        Err(_) if std::env::var_os("DIRIGENT_LONG").is_some() => many,
        Err(_) => few,
    }
}

#[test]
fn nothing_is_lost_and_nothing_is_doubled() {
    let kills = kills(40, 500);
    let mut seed = Seed::announced("kill");
    let server = Server::start(Duration::from_millis(8));
    let home = Home::new(&[]);
    // Here every death is the test's doing, not a run's: none is set aside.
    let place = server.place();
    home.write(
        "daemon.toml",
        &format!(
            "[run]\nshell = \"allow\"\nmax_crashes = 1000000\n\n[egress]\nallow = [{place:?}]\n\n\
             [store]\nsegment_mib = 1\n\n\
             [providers.counting]\ndialect = \"openai_chat\"\nbase_url = \"http://{place}/v1\"\n"
        ),
    );
    let storm = under_fire(
        kills,
        &mut seed,
        Storm::prepare(&home, Steps::new(&home, &server)),
    );
    let (steps, ended) = storm;
    let verdict = audit::check(&steps.outside, &ended);
    println!("{kills} kills: {verdict:?}");
    assert!(ended.len() >= 3 && ended.iter().any(|run| Policy::of(run.number) == Policy::Ask));
}

/// Kills that often, then lets every run end.
fn under_fire<S: Subject>(kills: u32, seed: &mut Seed, mut storm: Storm<'_, S>) -> (S, Vec<storm::Ended>) {
    let begun = Instant::now();
    for kill in 1..=kills {
        storm.keep_going(seed);
        if kill % 100 == 0 {
            println!(
                "{kill} kills, {} runs ended, {} s",
                storm.ended.len(),
                begun.elapsed().as_secs()
            );
        }
    }
    // Runs must end under fire, not only in the calm behind it.
    let under_fire = storm.ended.len();
    let (subject, ended) = storm.finish();
    println!(
        "{kills} kills, {} runs ended right, {under_fire} of them under fire",
        ended.len()
    );
    assert!(
        under_fire >= kills as usize / 50,
        "only {under_fire} runs ended under fire"
    );
    (subject, ended)
}
