//! The made-up world's documents: runs, approvals and definitions in the shapes of the protocol.

use dirigent_protocol::entity::{
    ApprovalStatus, Document, Kind, Metadata, Progress, Question, Visibility, WorkflowApproval,
    WorkflowExecution,
};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::hello::{Subject, Welcome};
use dirigent_protocol::id::EntityId;
use dirigent_protocol::query::{DaemonStatus, StoreStatus};
use dirigent_protocol::run::{Consequence, Risk, Status, Usage, digest_of};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::sample_workflows::definitions;

/// The moment every test starts at.
pub(crate) const NOW: &str = "2026-11-22T18:41:00Z";

pub(crate) fn now() -> Timestamp {
    NOW.parse().unwrap()
}

pub(crate) fn id(n: u128) -> EntityId {
    EntityId(uuid::Uuid::from_u128(
        0x0199_f3c2_7b1a_7cc1_8f1f_0000_0000_0000 + n,
    ))
}

/// A time that many seconds ago.
pub(crate) fn ago(seconds: i64) -> Timestamp {
    Timestamp::from_second(now().as_second() - seconds).unwrap()
}

pub(crate) fn document(kind: Kind, n: u128, name: &str, created: Timestamp, spec: Value) -> Document {
    Document {
        kind,
        metadata: Metadata {
            id: id(n),
            name: name.to_owned(),
            org: id(1),
            team: None,
            owner: id(2),
            visibility: Visibility::Organization,
            shared_with: Vec::new(),
            revision: 1,
            labels: Default::default(),
            created_at: created,
            updated_at: created,
        },
        spec,
        included: Default::default(),
    }
}

pub(crate) struct RunSample {
    pub(crate) n: u128,
    pub(crate) workflow: &'static str,
    pub(crate) version: &'static str,
    pub(crate) status: Status,
    pub(crate) step: &'static str,
    pub(crate) progress: (u32, u32),
    pub(crate) tokens: u64,
    pub(crate) cost: u64,
    pub(crate) age: i64,
    pub(crate) owner: &'static str,
}

pub(crate) fn run(sample: &RunSample) -> Document {
    let started = ago(sample.age);
    let ended = sample.status.is_final().then(|| ago(sample.age / 4));
    let error = if sample.status == Status::Faulted {
        json!({ "type": "runtime", "status": 500, "title": "HTTP 402 from stripe" })
    } else {
        Value::Null
    };
    let body = WorkflowExecution {
        workflow: sample.workflow.into(),
        version: sample.version.into(),
        status: sample.status,
        step: sample.step.into(),
        progress: Progress {
            done: sample.progress.0,
            total: sample.progress.1,
        },
        error,
        started_at: Some(started),
        ended_at: ended,
        usage: Usage {
            calls: 3,
            input_tokens: sample.tokens,
            output_tokens: 0,
            cost_micro_usd: sample.cost,
            unpriced_calls: 0,
        },
        started_by: sample.owner.into(),
        ..WorkflowExecution::default()
    };
    let mut document = document(
        Kind::WorkflowExecution,
        sample.n,
        "run",
        started,
        serde_json::to_value(body).unwrap(),
    );
    document.metadata.updated_at = ended.unwrap_or_else(|| ago(30));
    document
}

#[expect(clippy::too_many_lines, reason = "a table of samples")]
pub(crate) fn runs() -> Vec<Document> {
    let row = |n, workflow, version, status, step, progress, tokens, cost, age, owner| {
        run(&RunSample {
            n,
            workflow,
            version,
            status,
            step,
            progress,
            tokens,
            cost,
            age,
            owner,
        })
    };
    vec![
        row(
            0x8f21,
            "checkout-recovery",
            "2.2.0",
            Status::Faulted,
            "charge-card",
            (7, 8),
            41_000,
            380_000,
            720,
            "dana",
        ),
        row(
            0x8f20,
            "nightly-triage",
            "4.1.0",
            Status::Running,
            "classify",
            (4, 8),
            112_000,
            1_020_000,
            552,
            "cron",
        ),
        row(
            0x8f1f,
            "release-train",
            "0.7.0",
            Status::Waiting,
            "approve-deploy",
            (5, 8),
            18_000,
            160_000,
            1_320,
            "sam",
        ),
        row(
            0x8f1e,
            "inbox-zero",
            "1.3.0",
            Status::Waiting,
            "send",
            (2, 8),
            9_000,
            80_000,
            480,
            "mail",
        ),
        row(
            0x8f1d,
            "crm-sync",
            "0.5.0",
            Status::Running,
            "upsert",
            (3, 8),
            2_000,
            10_000,
            1_860,
            "cron",
        ),
        row(
            0x8f1c,
            "research-brief",
            "1.9.0",
            Status::Suspended,
            "fetch-docs",
            (2, 8),
            66_000,
            590_000,
            240,
            "li",
        ),
        row(
            0x8f1b,
            "nightly-triage",
            "4.1.0",
            Status::Completed,
            "",
            (8, 8),
            131_000,
            1_170_000,
            3_480,
            "cron",
        ),
        row(
            0x8f1a,
            "inbox-zero",
            "1.3.0",
            Status::Cancelled,
            "send",
            (1, 8),
            900,
            2_500,
            3_500,
            "mail",
        ),
    ]
}

pub(crate) fn approval(n: u128, body: WorkflowApproval, asked: i64) -> Document {
    let digest = digest_of(&body.action, &body.payload, body.before.as_ref()).to_string();
    let body = WorkflowApproval {
        digest,
        requested_at: Some(ago(asked)),
        ..body
    };
    document(
        Kind::WorkflowApproval,
        n,
        "approval",
        ago(asked),
        serde_json::to_value(body).unwrap(),
    )
}

/// The payload of the high risk.
pub(crate) fn deploy() -> Value {
    json!({
        "cwd": "/srv/release",
        "env": { "KUBECONFIG": "‹secret:prod-kube›" },
        "command": "kubectl apply -n prod -f out/v8.yaml \\\n    --server-side --field-manager=orchestrator"
    })
}

#[expect(clippy::too_many_lines, reason = "a table of samples")]
pub(crate) fn approvals() -> Vec<Document> {
    let expires = |seconds: i64| Some(ago(-seconds));
    vec![
        approval(
            0xa1,
            WorkflowApproval {
                run: id(0x8f1f),
                workflow: "release-train".into(),
                step: "/do/4/approve-deploy".into(),
                task: "approve-deploy".into(),
                started_by: "sam".into(),
                before: Some(json!({
                    "cwd": "/srv/release",
                    "env": { "KUBECONFIG": "‹secret:prod-kube›" },
                    "command": "kubectl apply -n prod -f out/v7.yaml \\\n    --server-side --field-manager=orchestrator"
                })),
                on_deny: Consequence::Caught {
                    by: "/do/4/rollback-notes".into(),
                    maybe: false,
                },
                title: "Roll out v8?".into(),
                action: "kubectl apply -n prod".into(),
                risk: Risk::High,
                reason: Some("Tests are green on v8 (412/412); roll out as ticket REL-88 asks.".into()),
                payload: deploy(),
                confirm: Some("prod".into()),
                expires_at: expires(745),
                ..WorkflowApproval::default()
            },
            120,
        ),
        approval(
            0xa2,
            WorkflowApproval {
                run: id(0x8f1e),
                workflow: "inbox-zero".into(),
                step: "/do/1/send".into(),
                task: "send".into(),
                title: "Send 214 e-mails?".into(),
                action: "send 214 e-mails".into(),
                on_deny: Consequence::GoesOn,
                started_by: "mail".into(),
                questions: vec![Question {
                    by: "sam".into(),
                    at: Some(ago(60)),
                    text: "Who gets them?".into(),
                    agent: "mail-agent".into(),
                    answer: Some("Everybody with an open ticket older than a week.\nNobody twice.".into()),
                    ..Question::default()
                }],
                risk: Risk::Medium,
                payload: json!({ "template": "reply-v3", "subject": "Your open ticket", "count": 214 }),
                expires_at: expires(3_270),
                ..WorkflowApproval::default()
            },
            100,
        ),
        approval(
            0xa3,
            WorkflowApproval {
                run: id(0x8f20),
                workflow: "nightly-triage".into(),
                step: "/do/6/review".into(),
                task: "review".into(),
                title: "Write the report?".into(),
                action: "write report.md".into(),
                risk: Risk::Low,
                payload: json!("# Report\n\nTwo invoices are late.\n"),
                ..WorkflowApproval::default()
            },
            90,
        ),
        approval(
            0xa0,
            WorkflowApproval {
                run: id(0x8f1b),
                workflow: "nightly-triage".into(),
                task: "review".into(),
                title: "Clean?".into(),
                action: "rm -rf build".into(),
                status: ApprovalStatus::Denied,
                decided_by: Some("dana".into()),
                decided_at: Some(ago(36_600)),
                decision_reason: Some("use make clean".into()),
                payload: json!({ "command": "rm -rf build" }),
                ..WorkflowApproval::default()
            },
            37_000,
        ),
        approval(
            0x9f,
            WorkflowApproval {
                run: id(0x8f1b),
                workflow: "nightly-triage".into(),
                task: "limit".into(),
                title: "Limit?".into(),
                action: "POST crm/limits".into(),
                status: ApprovalStatus::Approved,
                decided_by: Some("sam".into()),
                decided_at: Some(ago(36_100)),
                edited: Some(json!({ "limit": 50 })),
                payload: json!({ "limit": 500 }),
                ..WorkflowApproval::default()
            },
            37_100,
        ),
    ]
}

pub(crate) fn everything() -> Vec<Document> {
    definitions()
        .into_iter()
        .chain(runs())
        .chain(approvals())
        .collect()
}

pub(crate) fn health(trouble: &str) -> DaemonStatus {
    DaemonStatus {
        version: "0.1.0".into(),
        waits: Vec::new(),
        pid: 4_711,
        started_at: ago(3_542_400),
        data_dir: "/home/dana/.local/share/dirigent".into(),
        socket: "/run/user/1000/dirigent.sock".into(),
        private: true,
        shell: "allow (as dana, not sandboxed)".into(),
        runs: Default::default(),
        approvals_pending: 3,
        effects_in_flight: 6,
        providers: vec!["rehearsal".into(), "openai".into()],
        default_model: "openai/gpt".into(),
        emergency: None,
        serve: String::new(),
        walls: Vec::new(),
        store: StoreStatus {
            commits: 90_412,
            lag: 3,
            lag_ms: 40,
            journal_bytes: 12_000_000,
            state_bytes: 4_000_000,
            disk_free: 69_000_000_000,
            trouble: trouble.into(),
        },
    }
}

pub(crate) fn welcome() -> Welcome {
    Welcome {
        daemon: "dirigentd 0.1.0".into(),
        version: 1,
        features: Vec::new(),
        subject: Subject {
            user: id(2),
            name: "dana".into(),
            org: id(1),
            administrator: true,
        },
        store: "store-1".into(),
        private: true,
    }
}

pub(crate) fn gone() -> Fault {
    Fault::new(
        Code::Unreachable,
        "nothing listens on /run/user/1000/dirigent.sock",
    )
    .help("dirigent daemon start")
}
