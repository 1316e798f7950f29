//! What a seed is about: workflows, runs, what people want of them, how often the daemon dies.

use std::time::Duration;

use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::WorkflowVersion;
use dirigent_protocol::id::RequestId;
use serde_json::Value;
use uuid::Uuid;

use crate::library::Library;
use crate::rng::Rng;
use crate::{documents, hearing};

/// What somebody wants of a run, and how long after it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    Cancel,
    Pause,
    Resume,
}

/// A run somebody wants.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Which of the workflows.
    pub(crate) workflow: usize,
    pub(crate) request: RequestId,
    pub(crate) key: Option<String>,
    pub(crate) after: Duration,
    pub(crate) wants: Vec<(Duration, Want)>,
}

/// From where somebody goes on.
#[derive(Debug, Clone)]
pub(crate) enum Whence {
    Failure,
    Step(String),
    Start,
    /// From the event that stands behind so many percent of them, perhaps with another number.
    Event {
        share: u64,
        input: Option<u64>,
    },
}

/// A run that somebody wants to go on from.
#[derive(Debug, Clone)]
pub(crate) struct Again {
    /// Which of the runs that are wanted; behind those, which of these.
    pub(crate) of: usize,
    pub(crate) request: RequestId,
    pub(crate) after: Duration,
    pub(crate) from: Whence,
}

/// An event somebody publishes.
#[derive(Debug, Clone)]
pub(crate) struct Publishing {
    pub(crate) request: RequestId,
    pub(crate) after: Duration,
    pub(crate) event: Value,
}

/// How a life of the daemon goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The power goes at an operation of the disk.
    PowerAt(u64),
    /// The process is killed at an operation of the disk.
    KillAt(u64),
    /// The power goes after a time.
    PowerAfter(Duration),
    /// The process is killed after a time.
    KillAfter(Duration),
    /// An operation of the disk fails.
    FailsAt(u64),
    /// A sync fails.
    SyncFailsAt(u64),
    /// There is no space for an operation of the disk.
    NoSpaceAt(u64),
    /// It is stopped in order.
    Stop(Duration),
}

/// One life of the daemon.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    pub(crate) fate: Fate,
    /// The disk is full for a while.
    pub(crate) full: Option<(Duration, Duration)>,
    /// Milliseconds by which the wall clock is set, ahead or back.
    pub(crate) jump: Option<(Duration, i64)>,
    /// Milliseconds that pass (or that the wall clock is set back) before the next one.
    pub(crate) away: i64,
    pub(crate) slow_disk: bool,
}

/// A run that somebody wants to go on under another version.
#[derive(Debug, Clone)]
pub(crate) struct Move {
    /// Which of the runs that are wanted.
    pub(crate) of: usize,
    pub(crate) after: Duration,
    pub(crate) to: Digest,
}

/// Everything a seed decides before it begins.
pub struct Plan {
    pub(crate) seed: u64,
    pub(crate) library: Library,
    pub(crate) runs: Vec<Wanted>,
    pub(crate) agains: Vec<Again>,
    pub(crate) events: Vec<Publishing>,
    pub(crate) moves: Vec<Move>,
    /// People make and change rules.
    pub(crate) rules: bool,
    pub(crate) lives: Vec<Life>,
    pub(crate) segment_bytes: u64,
    pub(crate) permits: usize,
    pub(crate) rng: Rng,
}

/// The plan of a seed.
#[must_use]
pub fn plan(seed: u64) -> Plan {
    let mut rng = Rng::new(seed);
    // Of its own, so that the stories of those without limits and other versions stay what they were.
    let mut turns = Rng::new(!seed);
    let mut library = library(&mut rng, &mut turns);
    let workflows = library.versions.len();
    let runs: Vec<Wanted> = (0..rng.between(1, 4))
        .map(|at| wanted(at, workflows, &mut rng))
        .collect();
    let most = if rng.percent(50) { rng.between(1, 3) } else { 0 };
    let agains = (0..most).map(|at| again(at, runs.len(), &mut rng)).collect();
    let moves = moves(&mut library, &runs, &mut turns);
    let events = (0..rng.below(6)).map(|at| publishing(at, &mut rng)).collect();
    let lives = (0..rng.between(1, 4)).map(|_| life(&mut rng)).collect();
    Plan {
        seed,
        library,
        runs,
        agains,
        events,
        moves,
        rules: rng.percent(35),
        lives,
        segment_bytes: 64 << 10,
        permits: usize::try_from(rng.pick(&[1, 2, 8])).unwrap(),
        rng,
    }
}

/// How many runs of a definition go at once, where that is limited.
fn limit(turns: &mut Rng) -> Option<u64> {
    let limit = turns.between(1, 2);
    turns.percent(25).then_some(limit)
}

/// Runs that are to go on under a version with one more task.
fn moves(library: &mut Library, runs: &[Wanted], turns: &mut Rng) -> Vec<Move> {
    if !turns.percent(25) {
        return Vec::new();
    }
    let versions = library.versions.clone();
    let next: Vec<Digest> = versions
        .iter()
        .map(|version| {
            let source = version.body::<WorkflowVersion>().unwrap().source;
            library.publish_next(version, &documents::next_version(&source))
        })
        .collect();
    let wanted = (0..runs.len()).filter(|_| turns.percent(70)).collect::<Vec<_>>();
    wanted
        .into_iter()
        .map(|of| Move {
            of,
            after: turns.ms(0, 5_000),
            to: next[runs[of].workflow],
        })
        .collect()
}

fn library(rng: &mut Rng, turns: &mut Rng) -> Library {
    let mut library = Library::new();
    let child = rng.percent(40).then_some("inner");
    if let Some(name) = child {
        let source = documents::child(rng, name, limit(turns));
        library.publish(&source);
    }
    for at in 0..rng.between(1, 2) {
        let source = documents::random(rng, &format!("outer{at}"), child, limit(turns));
        let version = library.publish(&source);
        library.versions.push(version);
    }
    if rng.percent(25) {
        let source = schedule(rng);
        library.schedule_runs(&source);
    }
    library
}

/// A workflow whose runs begin by themselves: rarely enough that an hour slept through stays a few dozen runs.
fn schedule(rng: &mut Rng) -> String {
    let missed = rng.pick(&["skip", "one", "all"]);
    let overlap = rng.pick(&["allow", "allow", "skip", "replace"]);
    let least = if missed == "all" { 200 } else { 30 };
    let when = match rng.below(10) {
        0..=3 => format!("every: PT{}S", rng.between(least, 400)),
        4..=5 if missed == "all" => format!("cron: '0 */{} * * * *'", rng.pick(&[4, 5, 10])),
        4..=5 => format!("cron: '*/{} * * * * *'", rng.pick(&[20, 30])),
        6 => format!("after: PT{}S", rng.between(3, 60)),
        _ => format!("on: {{ one: {} }}", hearing::filter(rng)),
    };
    documents::scheduled(
        rng,
        "timed",
        &when,
        &format!("missed: {missed}, overlap: {overlap}"),
    )
}

fn request(rng: &mut Rng) -> RequestId {
    RequestId(Uuid::from_u64_pair(rng.number(), rng.number()))
}

fn wanted(at: u64, workflows: usize, rng: &mut Rng) -> Wanted {
    let mut wants = Vec::new();
    if rng.percent(25) {
        wants.push((rng.ms(0, 6_000), Want::Cancel));
    }
    if rng.percent(20) {
        let paused = rng.ms(0, 3_000);
        wants.push((paused, Want::Pause));
        wants.push((paused + rng.ms(0, 4_000), Want::Resume));
    }
    wants.sort_by_key(|(after, _)| *after);
    Wanted {
        workflow: usize::try_from(rng.below(workflows as u64)).unwrap(),
        request: request(rng),
        key: rng.percent(30).then(|| format!("key-{at}")),
        after: if rng.percent(60) {
            rng.ms(0, 300)
        } else {
            rng.ms(0, 3_000)
        },
        wants,
    }
}

fn again(at: u64, runs: usize, rng: &mut Rng) -> Again {
    let from = match rng.below(10) {
        0..=2 => Whence::Failure,
        3 => Whence::Start,
        4 => Whence::Step(format!("t{}", rng.between(1, 6))),
        _ => Whence::Event {
            share: rng.between(1, 100),
            input: rng.percent(40).then(|| rng.below(4)),
        },
    };
    Again {
        of: usize::try_from(rng.below(runs as u64 + at)).unwrap(),
        request: request(rng),
        after: rng.ms(0, 12_000),
        from,
    }
}

fn publishing(at: u64, rng: &mut Rng) -> Publishing {
    Publishing {
        request: request(rng),
        after: rng.ms(0, 5_000),
        event: hearing::event(rng, &format!("planned-{at}")),
    }
}

fn life(rng: &mut Rng) -> Life {
    let op = if rng.percent(50) {
        rng.between(1, 30)
    } else {
        rng.between(1, 150)
    };
    let fate = match rng.below(11) {
        0..=3 => Fate::PowerAt(op),
        4 => Fate::KillAt(op),
        5 => Fate::PowerAfter(rng.ms(0, 12_000)),
        6 => Fate::KillAfter(rng.ms(0, 12_000)),
        7 => Fate::FailsAt(op),
        8 => Fate::NoSpaceAt(op),
        9 => Fate::SyncFailsAt(rng.between(1, 25)),
        _ => Fate::Stop(rng.ms(0, 8_000)),
    };
    Life {
        fate,
        full: rng.percent(10).then(|| (rng.ms(0, 3_000), rng.ms(500, 4_000))),
        jump: rng.percent(15).then(|| {
            let by = i64::try_from(rng.between(1_000, 900_000)).unwrap();
            (rng.ms(0, 5_000), if rng.percent(70) { by } else { -by })
        }),
        away: match rng.below(4) {
            0 => -i64::try_from(rng.below(120_000)).unwrap(),
            1 => i64::try_from(rng.below(3_600_000)).unwrap(),
            _ => i64::try_from(rng.below(3_000)).unwrap(),
        },
        slow_disk: rng.percent(20),
    }
}
