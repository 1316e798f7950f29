//! What a seed is about: workflows, runs, what people want of them, how often the daemon dies.

use std::time::Duration;

use dirigent_daemon::records::Draft;
use dirigent_protocol::entity::{Document, Kind, WorkflowVersion};
use dirigent_protocol::id::{EntityId, RequestId};
use jiff::Timestamp;
use uuid::Uuid;

use crate::documents;
use crate::rng::Rng;

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
    /// Milliseconds the wall clock is set forward in it.
    pub(crate) jump: Option<(Duration, i64)>,
    /// Milliseconds that pass (or that the wall clock is set back) before the next one.
    pub(crate) away: i64,
    pub(crate) slow_disk: bool,
}

/// Everything a seed decides before it begins.
pub struct Plan {
    pub(crate) seed: u64,
    pub(crate) versions: Vec<Document>,
    pub(crate) sources: Vec<String>,
    pub(crate) runs: Vec<Wanted>,
    pub(crate) lives: Vec<Life>,
    pub(crate) segment_bytes: u64,
    pub(crate) permits: usize,
    pub(crate) rng: Rng,
}

/// The plan of a seed.
#[must_use]
pub fn plan(seed: u64) -> Plan {
    let mut rng = Rng::new(seed);
    let sources: Vec<String> = (0..rng.between(1, 2))
        .map(|_| documents::random(&mut rng))
        .collect();
    let versions = sources.iter().map(|text| version(text, &mut rng)).collect();
    let runs = (0..rng.between(1, 4))
        .map(|at| wanted(at, sources.len(), &mut rng))
        .collect();
    let lives = (0..rng.between(1, 4)).map(|_| life(&mut rng)).collect();
    Plan {
        seed,
        versions,
        sources,
        runs,
        lives,
        segment_bytes: 64 << 10,
        permits: usize::try_from(rng.pick(&[1, 2, 8])).unwrap(),
        rng,
    }
}

fn id(rng: &mut Rng) -> Uuid {
    Uuid::from_u64_pair(rng.number(), rng.number())
}

fn version(source: &str, rng: &mut Rng) -> Document {
    let workflow =
        dirigent_engine::load("simulated", source).unwrap_or_else(|found| panic!("{source}\n{found:#?}"));
    let body = WorkflowVersion {
        workflow: EntityId(id(rng)),
        workflow_name: workflow.name().into(),
        digest: workflow.digest().to_string(),
        version: workflow.version().into(),
        number: 1,
        source: source.to_owned(),
        document: (**workflow.definition()).clone(),
    };
    Draft::of(Kind::WorkflowVersion, "", serde_json::to_value(body).unwrap())
        .id(EntityId(id(rng)))
        .document(Timestamp::UNIX_EPOCH)
}

fn wanted(at: u64, workflows: usize, rng: &mut Rng) -> Wanted {
    let mut wants = Vec::new();
    if rng.percent(15) {
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
        request: RequestId(id(rng)),
        key: rng.percent(30).then(|| format!("key-{at}")),
        after: if rng.percent(60) {
            rng.ms(0, 300)
        } else {
            rng.ms(0, 3_000)
        },
        wants,
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
            let by = rng.between(1_000, 900_000);
            (rng.ms(0, 5_000), i64::try_from(by).unwrap())
        }),
        away: match rng.below(4) {
            0 => -i64::try_from(rng.below(120_000)).unwrap(),
            1 => i64::try_from(rng.below(3_600_000)).unwrap(),
            _ => i64::try_from(rng.below(3_000)).unwrap(),
        },
        slow_disk: rng.percent(20),
    }
}
