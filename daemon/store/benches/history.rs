//! What a run costs the store behind few finished runs and behind many, and what waiting runs leave in memory at a start.
//!
//! `cargo bench -p dirigent-store --bench history`; `DIRIGENT_BENCH_DIR` chooses the disk, `DIRIGENT_BENCH_RUNS` says how
//! many runs are finished (100,000), `DIRIGENT_BENCH_WAIT` how many wait (10,000). Rows are those of a run of one step: as
//! many, as long, as much alike, and with keys in the same order.

#![expect(clippy::unwrap_used, reason = "a bench stops at the first surprise")]

use bytes::Bytes;
use dirigent_store::{
    Append, Guard, Key, MaintainBudget, Options, RequestKey, ScanRange, Store, StreamId, Txn, open,
};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

const ORG: [u8; 16] = [7; 16];
const FEW: u64 = 1_000;
/// Runs of one measurement; the median of some counts.
const ROUND: u64 = 2_000;
const ROUNDS: usize = 5;
/// Commits in flight.
const AT_ONCE: usize = 100;

type Answer =
    futures::future::BoxFuture<'static, Result<dirigent_store::Receipt, dirigent_store::CommitError>>;

fn id() -> [u8; 16] {
    *Uuid::now_v7().as_bytes()
}

fn key(prefix: &[u8], words: &[&str], rest: &[u8]) -> Key {
    let mut key = prefix.to_vec();
    for word in words {
        key.extend_from_slice(word.as_bytes());
        key.push(0);
    }
    key.extend_from_slice(rest);
    key.into()
}

fn of_org(prefix: u8) -> Vec<u8> {
    let mut key = vec![prefix];
    key.extend_from_slice(&ORG);
    key
}

/// A document: the names of its fields are always the same, ids and digests never.
fn document(kind: &str, own: [u8; 16], fields: &[&str]) -> Bytes {
    let (own, random) = (Uuid::from_bytes(own), Uuid::new_v4());
    let nonce = &random.simple().to_string()[..8];
    let mut text = format!(
        "\u{1}kind {kind} metadata id {own} name {own} org {} owner {} visibility private revision 2 \
         created_at 2026-11-23T07:12:{nonce}Z updated_at 2026-11-23T07:12:{nonce}Z spec",
        Uuid::from_bytes(ORG),
        Uuid::nil()
    );
    for field in fields {
        text.push(' ');
        text.push_str(field);
    }
    text.push_str(&format!(" digest {random} request {}", Uuid::now_v7()));
    text.into()
}

/// A new document with its member and index rows.
fn put(txn: &mut Txn, kind: &str, id: [u8; 16], fields: &[&str], indexes: &[(&str, &str)]) {
    let row = key(b"d", &[kind], &id);
    txn.guards.push(Guard::Absent(row.clone()));
    txn.puts.push((row, document(kind, id, fields)));
    txn.puts.push((key(&of_org(b'm'), &[kind], &id), Bytes::new()));
    for (field, value) in indexes {
        txn.puts.push((index(kind, field, value, id), Bytes::new()));
    }
}

fn index(kind: &str, field: &str, value: &str, id: [u8; 16]) -> Key {
    key(&of_org(b'i'), &[kind, field, &format!("0{value}")], &id)
}

const EXECUTION: &str = "WorkflowExecution";
const RUN_FIELDS: &[&str] = &[
    "workflow bench/one workflow_version 019aaf00-0000-7000-8000-000000000001",
    "version 0.1.0 input {} status completed step /do/0/s0 progress done 1 total 1 started_by dana",
    "started_at 2026-11-23T07:12:07Z ended_at 2026-11-23T07:12:08Z usage input_tokens 0 output_tokens 0 cost 0",
    "budget {} events 9 output null error null origin null parent null parent_step null labels {}",
];
const AUDIT_FIELDS: &[&str] = &[
    "subject dana action run.start verdict allowed count 1 detail",
    "object WorkflowVersion/one",
];
const ASK_FIELDS: &[&str] = &[
    "workflow bench/ask step /do/0/ask task ask title Go on? action go on risk low payload {} before null agent null",
    "on_deny {} on_expire {} started_by dana deciders [] edit_schema null confirm null status pending decided_by null",
    "decision_reason null edited null stopped_run false questions [] unknown_effect null",
];

fn records(run: [u8; 16], from: u64, events: &[&str]) -> Append {
    let record = |event: &&str| {
        let text = format!(
            "\u{1}run {} time 2026-11-23T07:12:08.{from:09}Z seq body {event}",
            Uuid::from_bytes(run)
        );
        Bytes::from(text)
    };
    Append {
        stream: StreamId(run),
        expected: from,
        records: events.iter().map(record).collect(),
    }
}

fn begin(run: [u8; 16]) -> Txn {
    let mut txn = Txn::default();
    let (audit, request) = (id(), id());
    let status = [
        ("status", "running"),
        ("workflow", "bench/one"),
        ("idempotency_key", ""),
    ];
    put(&mut txn, EXECUTION, run, RUN_FIELDS, &status);
    let about = [
        ("subject", "dana"),
        ("action", "run.start"),
        ("object", "WorkflowVersion/one"),
    ];
    put(&mut txn, "AuditLog", audit, AUDIT_FIELDS, &about);
    let answer = key(b"r", &[], &request);
    let later = Uuid::from_bytes(request)
        .as_u128()
        .wrapping_add((7 * 86_400_000) << 80);
    txn.puts.push((
        key(b"x", &[], &[&later.to_be_bytes()[..8], &answer].concat()),
        Bytes::new(),
    ));
    let digest = Uuid::new_v4().into_bytes();
    txn.puts.push((
        answer,
        Bytes::from(
            [
                &digest[..],
                &digest,
                b"run_started existing false status pending",
                &run,
            ]
            .concat(),
        ),
    ));
    txn.request = Some(RequestKey {
        id: request,
        digest: [digest, digest].concat().try_into().unwrap(),
    });
    txn.puts.push((
        key(b"L", &[], &run),
        Bytes::from([&b"org status running parked false"[..], &ORG].concat()),
    ));
    let events = [
        "workflow_started workflow bench/one input {}",
        "task_started step /do/0/s0 task s0 input ref 1",
        "effect_intended effect 3 key 5f0c1f3a request noop start_before 2026-11-24T07:12:08Z",
    ];
    txn.appends.push(records(run, 1, &events));
    txn
}

fn end(run: [u8; 16]) -> Txn {
    let mut txn = Txn {
        deletes: [b"L", b"S", b"C"].map(|prefix| key(prefix, &[], &run)).into(),
        closes: vec![StreamId(run)],
        ..Txn::default()
    };
    txn.deletes.push(index(EXECUTION, "status", "running", run));
    txn.puts
        .push((index(EXECUTION, "status", "completed", run), Bytes::new()));
    txn.puts.push((
        key(b"d", &[EXECUTION], &run),
        document(EXECUTION, run, RUN_FIELDS),
    ));
    let events = [
        "effect_settled effect 3 outcome completed output null",
        "task_completed step /do/0/s0 output ref 4",
        "workflow_completed output ref 4",
    ];
    txn.appends.push(records(run, 4, &events));
    txn
}

/// The run waits for a person.
fn park(run: [u8; 16]) -> Txn {
    let mut txn = Txn::default();
    let ask = id();
    let indexes = [("status", "pending"), ("run", &Uuid::from_bytes(run).to_string())];
    put(&mut txn, "WorkflowApproval", ask, ASK_FIELDS, &indexes);
    txn.deletes.push(index(EXECUTION, "status", "running", run));
    txn.puts
        .push((index(EXECUTION, "status", "waiting", run), Bytes::new()));
    txn.puts.push((
        key(b"d", &[EXECUTION], &run),
        document(EXECUTION, run, RUN_FIELDS),
    ));
    txn.puts.push((
        key(b"L", &[], &run),
        Bytes::from([&b"org status waiting parked true pending 1"[..], &ORG].concat()),
    ));
    let events = [
        "approval_requested step /do/0/ask title Go on? action go on risk low payload {} on_deny {}",
        "workflow_waiting",
    ];
    txn.appends.push(records(run, 4, &events));
    txn
}

/// Runs that are begun and brought to where `second` leaves them, 100 commits in flight.
fn runs(store: &Arc<dyn Store>, n: u64, second: fn([u8; 16]) -> Txn) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut left = n;
        while left > 0 {
            let some: Vec<_> = (0..left.min(AT_ONCE as u64)).map(|_| id()).collect();
            left -= some.len() as u64;
            for step in [begin, second] {
                let answers: Vec<Answer> = some.iter().map(|run| store.commit(step(*run))).collect();
                for (run, answer) in some.iter().zip(answers) {
                    if answer.await.is_ok() {
                        continue;
                    }
                    // The state is behind: wait for it, as the daemon does.
                    settle(store).await;
                    store.commit(step(*run)).await.unwrap();
                }
            }
            if store.stats().resting > 4_096 {
                archive(store).await;
            }
        }
    });
}

async fn settle(store: &Arc<dyn Store>) {
    let settle = Some(Duration::from_secs(300));
    let budget = MaintainBudget {
        settle,
        sweep: false,
        ..MaintainBudget::default()
    };
    store.maintain(budget).await.unwrap();
}

async fn archive(store: &Arc<dyn Store>) {
    let budget = MaintainBudget {
        sweep: false,
        archive_bytes: 64 << 20,
        ..MaintainBudget::default()
    };
    store.maintain(budget).await.unwrap();
}

fn settled(store: &Arc<dyn Store>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(settle(store));
}

/// Time of this process on processors.
fn cpu() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let nanos = tasks.map(|task| {
        let text = std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap_or_default();
        text.split(' ')
            .next()
            .and_then(|n| n.parse::<u64>().ok())
            .unwrap_or(0)
    });
    Duration::from_nanos(nanos.sum())
}

fn resident_kib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Microseconds of processor and of wall for a run, the median of some rounds.
fn cost(store: &Arc<dyn Store>) -> (f64, f64) {
    let mut figures = Vec::new();
    for _ in 0..ROUNDS {
        settled(store);
        let (before, started) = (cpu(), Instant::now());
        runs(store, ROUND, end);
        settled(store);
        let each = |took: Duration| took.as_secs_f64() * 1e6 / ROUND as f64;
        figures.push((each(cpu().saturating_sub(before)), each(started.elapsed())));
    }
    let median = |mut one: Vec<f64>| {
        one.sort_by(f64::total_cmp);
        one[one.len() / 2]
    };
    (
        median(figures.iter().map(|(cpu, _)| *cpu).collect()),
        median(figures.iter().map(|(_, wall)| *wall).collect()),
    )
}

fn options(dir: &Path) -> Options {
    let mut options = Options::new(dir.join("store"));
    // What the daemon is measured with.
    options.cache_bytes = 16 << 20;
    options
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

fn history(parent: &Path, all: u64) {
    let dir = tempfile::tempdir_in(parent).unwrap();
    let store = open(options(dir.path())).unwrap();
    runs(&store, FEW, end);
    let few = cost(&store);
    let measured = ROUND * ROUNDS as u64;
    let started = Instant::now();
    runs(&store, all.saturating_sub(FEW + measured), end);
    let filled = started.elapsed();
    let many = cost(&store);
    let stats = store.stats();
    println!(
        "{all} finished runs in {:.0} s: state {:.2} KiB each, archive {:.2}, journal {:.2}; {:.0} MB resident",
        filled.as_secs_f64(),
        stats.state_bytes as f64 / 1024.0 / all as f64,
        stats.archive_bytes as f64 / 1024.0 / all as f64,
        stats.journal_bytes as f64 / 1024.0 / all as f64,
        resident_kib() / 1e3,
    );
    println!(
        "us of processor for a run: {:.0} behind {FEW}, {:.0} behind {all}: ratio {:.2}; wall: {:.0}, {:.0}: ratio {:.2}",
        few.0,
        many.0,
        many.0 / few.0,
        few.1,
        many.1,
        many.1 / few.1
    );
    assert_eq!(stats.state_blobs, 0);
}

/// In a process of its own, so that nothing but the start is in its memory.
fn start(dir: &Path) {
    let before = resident_kib();
    let started = Instant::now();
    let store = open(options(dir)).unwrap();
    let opened = started.elapsed();
    let mut waiting = 0_u64;
    let mut range = ScanRange::prefix(b"L").limited(500);
    loop {
        let page = store.scan(range.clone()).unwrap();
        waiting += page.items.len() as u64;
        let Some(next) = page.next else { break };
        range = range.after(next);
    }
    let stats = store.stats();
    println!(
        "opened in {:.0} ms: {waiting} runs wait, {:.0} KiB resident more than before, state {:.1} MB",
        opened.as_secs_f64() * 1e3,
        resident_kib() - before,
        stats.state_bytes as f64 / 1e6,
    );
}

fn waiting(parent: &Path, n: u64) {
    let own = std::env::current_exe().unwrap();
    for n in [0, n] {
        let dir = tempfile::tempdir_in(parent).unwrap();
        let store = open(options(dir.path())).unwrap();
        runs(&store, n, park);
        drop(store);
        let told = std::process::Command::new(&own)
            .arg("--start")
            .arg(dir.path())
            .status();
        assert!(told.unwrap().success());
    }
}

fn main() {
    let mut words = std::env::args().skip_while(|word| word != "--start").skip(1);
    if let Some(dir) = words.next() {
        return start(Path::new(&dir));
    }
    let parent = std::env::var_os("DIRIGENT_BENCH_DIR").map_or_else(std::env::temp_dir, Into::into);
    waiting(&parent, number("DIRIGENT_BENCH_WAIT", 10_000));
    history(&parent, number("DIRIGENT_BENCH_RUNS", 100_000));
}
