//! Sixty-four deciders at once, on the same requests, while the daemon is killed: one decision each, and whoever saw
//! something that was changed meanwhile is told so. A hundred requests; a thousand where `DIRIGENT_LONG` is set.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use dirigent_protocol::command::{Command, CommandReply, RunTarget};
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{ApprovalStatus, Kind, WorkflowApproval};
use dirigent_protocol::fault::Code;
use dirigent_protocol::id::{EntityId, RequestId, RunId};
use dirigent_protocol::query::{Query, QueryReply};
use dirigent_protocol::run::{Decision, EventBody};
use dirigent_rpc::CallError;
use dirigent_tests::{Home, LONG, Link, Seed, until};
use serde_json::json;

const DECIDERS: usize = 64;
const LINKS: usize = 8;
const KILLS: usize = 4;

const GATE: &str = "document: { dsl: '1.0.3', namespace: tests, name: many-gates, version: '1.0.0' }
do:
  - gate: { call: approval, with: { title: 'Go?', show: { n: '${ .n }' }, on_deny: continue } }
";

/// One request, as its deciders saw it first.
struct Asked {
    approval: EntityId,
    run: RunId,
    digest: Digest,
    changed: bool,
}

/// Connections that come back after every kill.
struct Desks {
    links: RwLock<Vec<Arc<Link>>>,
}

impl Desks {
    fn open(home: &Home) -> Vec<Arc<Link>> {
        until("connections", LONG, || {
            (0..LINKS)
                .map(|_| Link::open(home).map(Arc::new))
                .collect::<Option<Vec<_>>>()
        })
    }

    fn link(&self, decider: usize) -> Arc<Link> {
        self.links.read().unwrap()[decider % LINKS].clone()
    }

    /// Carries out a command to its answer, over as many deaths as it takes, under one request id.
    fn command(&self, decider: usize, command: &Command) -> Result<CommandReply, Code> {
        let request = RequestId::new();
        until("an answer", LONG * 4, || {
            match self.link(decider).command(request, command.clone()) {
                Ok(reply) => Some(Ok(reply)),
                Err(CallError::Lost(_)) => None,
                Err(CallError::Fault(fault)) if fault.code == Code::Overloaded => None,
                Err(CallError::Fault(fault)) => Some(Err(fault.code)),
            }
        })
    }

    fn shown(&self, decider: usize, approval: EntityId) -> WorkflowApproval {
        until("the approval", LONG * 4, || {
            let query = Query::Get {
                kind: Kind::WorkflowApproval,
                id: approval.to_string(),
                include: Vec::new(),
            };
            match self.link(decider).query(query) {
                Ok(QueryReply::Document(document)) => Some(document.body().unwrap()),
                _ => None,
            }
        })
    }
}

/// What deciders were told: acknowledged reasons by approval, and how many were stale.
#[derive(Default)]
struct Told {
    yes: Mutex<BTreeMap<EntityId, Vec<String>>>,
    stale: AtomicUsize,
    done: AtomicUsize,
}

fn ask_all(link: &Link, count: usize) -> Vec<Asked> {
    for n in 0..count {
        let command = Command::RunStart {
            target: RunTarget::Name("many-gates".into()),
            input: json!({ "n": n }),
            idempotency_key: None,
            budget: None,
            priority: None,
        };
        link.command(RequestId::new(), command).unwrap();
    }
    let waiting = until("every question", LONG * 4, || {
        let all = link.list(Kind::WorkflowApproval).unwrap();
        (all.len() == count).then_some(all)
    });
    waiting
        .into_iter()
        .enumerate()
        .map(|(n, document)| {
            let body: WorkflowApproval = document.body().unwrap();
            Asked {
                approval: document.metadata.id,
                run: body.run.into(),
                digest: body.digest.parse().unwrap(),
                changed: n % 2 == 0,
            }
        })
        .collect()
}

/// Half of the requests ask something else now; nobody has looked since.
fn change_half(link: &Link, all: &[Asked]) {
    for asked in all.iter().filter(|asked| asked.changed) {
        let command = Command::ApprovalAmend {
            approval: asked.approval,
            digest: asked.digest,
            payload: json!({ "n": "changed" }),
        };
        link.command(RequestId::new(), command).unwrap();
    }
}

/// One decider goes over all requests, each from another place on.
fn decide_all(decider: usize, desks: &Desks, all: &[Asked], told: &Told) {
    for at in 0..all.len() {
        let asked = &all[(at + decider * 13) % all.len()];
        let mut digest = asked.digest;
        let reason = format!("decider {decider} on {}", asked.approval);
        for _ in 0..3 {
            let command = Command::ApprovalDecide {
                approval: asked.approval,
                digest,
                decision: if decider.is_multiple_of(2) {
                    Decision::Deny
                } else {
                    Decision::Approve { edited: None }
                },
                reason: Some(reason.clone()),
                also: None,
            };
            match desks.command(decider, &command) {
                Ok(_) => {
                    assert!(
                        !asked.changed || digest != asked.digest,
                        "what was changed is decided as it was"
                    );
                    let mut yes = told.yes.lock().unwrap();
                    yes.entry(asked.approval).or_default().push(reason);
                    told.done.fetch_add(1, Ordering::SeqCst);
                    break;
                }
                Err(Code::Stale) => {
                    told.stale.fetch_add(1, Ordering::SeqCst);
                    digest = desks.shown(decider, asked.approval).digest.parse().unwrap();
                }
                Err(Code::AlreadyDecided | Code::WrongState) => break,
                Err(other) => panic!("{other:?}"),
            }
        }
    }
}

fn check(link: &Link, all: &[Asked], told: &Told) {
    let yes = told.yes.lock().unwrap();
    for asked in all {
        let events = link.events(asked.run).unwrap();
        let decided: Vec<_> = events
            .iter()
            .filter_map(|event| match &event.body {
                EventBody::ApprovalDecided { record, .. } => Some(record),
                _ => None,
            })
            .collect();
        assert_eq!(decided.len(), 1, "{}: one decision", asked.approval);
        let acknowledged = &yes[&asked.approval];
        assert_eq!(acknowledged.len(), 1, "{}: one was told so", asked.approval);
        assert_eq!(
            decided[0].reason.as_ref(),
            acknowledged.first(),
            "and it was theirs"
        );
        assert_eq!(decided[0].digest != asked.digest, asked.changed);
    }
    let open = link.list(Kind::WorkflowApproval).unwrap().into_iter();
    let pending = open
        .filter(|document| document.body::<WorkflowApproval>().unwrap().status == ApprovalStatus::Pending);
    assert_eq!(pending.count(), 0);
}

#[test]
fn sixty_four_deciders_and_kills_leave_one_decision_each() {
    let count = if std::env::var_os("DIRIGENT_LONG").is_some() {
        1_000
    } else {
        100
    };
    let mut seed = Seed::announced("decisions");
    let home = Home::new(&[]);
    let file = home.write("gate.yaml", GATE);
    let mut daemon = Some(home.start());
    let _applied = home
        .client(&["apply", "-f", file.to_str().unwrap()])
        .expect_code(0);
    let first = Desks::open(&home);
    let all = ask_all(&first[0], count);
    change_half(&first[0], &all);
    let desks = Desks {
        links: RwLock::new(first),
    };
    let told = Told::default();
    std::thread::scope(|scope| {
        let deciders: Vec<_> = (0..DECIDERS)
            .map(|decider| {
                let (desks, all, told) = (&desks, &all, &told);
                scope.spawn(move || decide_all(decider, desks, all, told))
            })
            .collect();
        for kill in 1..=KILLS {
            let part = count * kill / (KILLS + 1);
            let wanted = part.saturating_sub(usize::try_from(seed.below(10)).unwrap());
            until("decisions", LONG * 4, || {
                (told.done.load(Ordering::SeqCst) >= wanted).then_some(())
            });
            if let Some(living) = daemon.take() {
                living.kill();
            }
            daemon = Some(home.start());
            *desks.links.write().unwrap() = Desks::open(&home);
        }
        for decider in deciders {
            decider.join().unwrap();
        }
    });
    let link = Link::open(&home).unwrap();
    check(&link, &all, &told);
    let stale = told.stale.load(Ordering::SeqCst);
    assert!(
        stale >= count / 2,
        "every changed request was stale to whoever came first: {stale}"
    );
    println!("{count} requests, {DECIDERS} deciders, {KILLS} kills: one decision each, {stale} were stale");
}
