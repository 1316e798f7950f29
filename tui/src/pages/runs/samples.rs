//! Runs and journals for the tests of this page, made by hand so that every field is known.

use std::sync::Arc;
use std::time::Duration;

use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{Progress, Visibility, WorkflowApproval, WorkflowExecution};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::graph::{Graph, WorkflowEdge, WorkflowNode};
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::{
    AgentCall, ApprovalRequest, Data, EffectId, EffectOutcome, EffectRequest, EventBody, OnUnknown, Pins,
    Risk, RunEvent, ShellCall, Status, StepId, Usage, WorkflowError,
};
use dirigent_protocol::watch::{StreamChunk, StreamSource};
use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::{Value, json};

use crate::keymap::{Keymap, Preset, Remap};
use crate::model::{Approval, Journal, Link, Model, Run, Time};
use crate::options::Prefs;
use crate::pages::{Ctx, Page};
use crate::theme::Theme;
use crate::widgets::drawn::text;

/// The start of every sample.
pub(super) fn start() -> Timestamp {
    "2026-11-22T18:41:00Z".parse().unwrap()
}

/// Seconds after the start.
pub(super) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(start().as_millisecond() + ms).unwrap()
}

/// The sample run's id.
pub(super) fn run_id(n: u128) -> RunId {
    RunId(uuid::Uuid::from_u128(
        0x0199_f3c2_7b1a_7cc1_8f1f_0000_0000_8f00 + n,
    ))
}

/// Builds a journal event by event.
#[derive(Default)]
pub(super) struct Script {
    pub(super) events: Vec<RunEvent>,
}

impl Script {
    pub(super) fn say(&mut self, ms: i64, body: EventBody) -> u64 {
        let seq = self.events.len() as u64 + 1;
        self.events.push(RunEvent {
            seq,
            time: at(ms),
            body,
        });
        seq
    }

    pub(super) fn begin(&mut self) {
        self.say(
            0,
            EventBody::WorkflowStarted {
                workflow: "incident-review".into(),
                version: Digest([7; 32]),
                input: Arc::new(json!({"source": "/var/log/dpkg.log", "lines": 2000})),
                shaped: None,
                pins: Pins::default(),
            },
        );
    }

    pub(super) fn task(&mut self, ms: i64, step: &str, task: &str, kind: &str) {
        self.say(
            ms,
            EventBody::TaskStarted {
                step: step.parse().unwrap(),
                task: task.into(),
                kind: kind.into(),
                input: Data::WorkflowInput,
            },
        );
    }

    pub(super) fn done(&mut self, ms: i64, step: &str, output: Value) {
        self.say(
            ms,
            EventBody::TaskCompleted {
                step: step.parse().unwrap(),
                output: Data::Inline(Arc::new(output)),
                context: None,
                then: None,
                undo: false,
            },
        );
    }

    pub(super) fn agent(&mut self, ms: i64, step: &str, attempt: u32) -> EffectId {
        let call = AgentCall {
            agent: "triage".into(),
            version: Some(Digest([3; 32])),
            input: Arc::new(json!({"lines": 2000})),
            ..AgentCall::default()
        };
        self.intend(ms, step, attempt, EffectRequest::Agent(call))
    }

    pub(super) fn shell(&mut self, ms: i64, step: &str) -> EffectId {
        let call = ShellCall {
            command: "grep -c ' remove ' \"$1\"".into(),
            arguments: vec!["/var/log/dpkg.log".into()],
            returns: "stdout".into(),
            ..ShellCall::default()
        };
        self.intend(ms, step, 1, EffectRequest::Shell(call))
    }

    fn intend(&mut self, ms: i64, step: &str, attempt: u32, request: EffectRequest) -> EffectId {
        let effect = EffectId(self.events.len() as u64 + 1);
        self.say(
            ms,
            EventBody::EffectIntended {
                effect,
                step: step.parse().unwrap(),
                attempt,
                key: format!("8f20-{}-{attempt}", effect.0),
                digest: request.digest(),
                on_unknown: OnUnknown::Retry,
                request: Some(request),
                reserved: None,
            },
        );
        effect
    }

    pub(super) fn settle(&mut self, ms: i64, effect: EffectId, output: Value, tokens: u64) {
        let usage = Usage {
            calls: u64::from(tokens > 0),
            input_tokens: tokens * 5,
            output_tokens: tokens,
            cost_micro_usd: tokens * 120,
            unpriced_calls: 0,
        };
        let facts = if tokens > 0 {
            [("model".to_owned(), json!("rehearsal"))].into()
        } else {
            [("code".to_owned(), json!(0))].into()
        };
        self.say(
            ms,
            EventBody::EffectSettled {
                effect,
                outcome: EffectOutcome::Done {
                    output: Arc::new(output),
                    usage,
                    facts,
                },
            },
        );
    }

    pub(super) fn fail(&mut self, ms: i64, effect: EffectId) -> WorkflowError {
        let error = WorkflowError::standard("communication", 503, "Service unavailable")
            .detail("the model is overloaded");
        let outcome = EffectOutcome::Failed {
            error: error.clone(),
            retryable: true,
            retry_after_ms: None,
            retry: None,
            usage: Usage::default(),
        };
        self.say(ms, EventBody::EffectSettled { effect, outcome });
        error
    }

    pub(super) fn ask(&mut self, ms: i64, step: &str) {
        let request = ApprovalRequest {
            title: "Write the report?".into(),
            action: "write report.md".into(),
            risk: Risk::Low,
            payload: Arc::new(
                json!({"file": "report.md", "text": "# Incident review\n\nTwo removals stand out."}),
            ),
            ..ApprovalRequest::default()
        };
        let digest = request.digest();
        self.say(
            ms,
            EventBody::ApprovalRequested {
                approval: EntityId::nil(),
                step: step.parse().unwrap(),
                digest,
                request,
            },
        );
    }
}

/// The graph of the sample: read, a fork of three, draft, approval, write; a catch on the side.
pub(super) fn graph() -> Graph {
    let node = |id: &str, kind: &str, parent: Option<&str>| WorkflowNode {
        id: id.into(),
        name: id.rsplit('/').next().unwrap().into(),
        kind: kind.into(),
        parent: parent.map(str::to_owned),
    };
    let edge = |from: &str, to: &str, label: &str| WorkflowEdge {
        from: from.into(),
        to: to.into(),
        label: label.into(),
        conditional: !label.is_empty(),
    };
    let look = "/do/1/look";
    let branch = |n: usize, name: &str| format!("{look}/fork/branches/{n}/{name}");
    let branches = [branch(0, "errors"), branch(1, "changes"), branch(2, "count")];
    Graph {
        nodes: vec![
            node("/do/0/read", "run:shell", None),
            node(look, "fork", None),
            node(&branches[0], "call:agent", Some(look)),
            node(&branches[1], "call:agent", Some(look)),
            node(&branches[2], "run:shell", Some(look)),
            node("/do/2/draft", "call:agent", None),
            node("/do/3/review", "call:approval", None),
            node("/do/4/write", "run:shell", None),
            node("/do/5/archive", "set", None),
        ],
        edges: vec![
            edge("start", "/do/0/read", ""),
            edge("/do/0/read", look, ""),
            edge(look, &branches[0], ""),
            edge(look, &branches[1], ""),
            edge(look, &branches[2], ""),
            edge(look, "/do/2/draft", ""),
            edge("/do/2/draft", "/do/3/review", ""),
            edge("/do/3/review", "/do/4/write", "approved"),
            edge("/do/3/review", "/do/5/archive", "denied"),
            edge("/do/4/write", "end", ""),
        ],
    }
}

/// How far the sample run is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Far {
    /// In the fork, one branch retrying.
    Live,
    /// Waiting for a person.
    Asking,
    /// Faulted in the draft.
    Faulted,
}

/// The fork up to the failed try: the first branch's effect, the retrying branch, the first branch.
fn fork(s: &mut Script) -> (EffectId, String, String) {
    let look = "/do/1/look";
    s.task(1_220, look, "look", "fork");
    let [errors, changes, count] = [(0, "errors"), (1, "changes"), (2, "count")]
        .map(|(n, name)| format!("{look}/fork/branches/{n}/{name}"));
    s.task(1_230, &errors, "errors", "call:agent");
    let first = s.agent(1_240, &errors, 1);
    s.task(1_250, &changes, "changes", "call:agent");
    let second = s.agent(1_260, &changes, 1);
    s.task(1_270, &count, "count", "run:shell");
    let third = s.shell(1_280, &count);
    s.settle(2_400, third, json!("17\n"), 0);
    s.done(2_410, &count, json!(17));
    let error = s.fail(4_000, second);
    let step: StepId = changes.parse().unwrap();
    s.say(
        4_010,
        EventBody::TaskRetried {
            step,
            attempt: 2,
            delay_ms: 20_000,
            error,
            waits_for: None,
        },
    );
    (first, changes, errors)
}

/// Events of the sample run.
pub(super) fn script(far: Far) -> Vec<RunEvent> {
    let mut s = Script::default();
    s.begin();
    s.task(5, "/do/0/read", "read", "run:shell");
    let read = s.shell(10, "/do/0/read");
    s.settle(1_200, read, json!("2000 lines"), 0);
    s.done(
        1_210,
        "/do/0/read",
        json!({"lines": 2000, "first": "2026-11-01 06:11:02 startup archives unpack"}),
    );
    let (first, changes, errors) = fork(&mut s);
    if far == Far::Live {
        return s.events;
    }
    s.settle(9_000, first, json!({"findings": 3}), 410);
    s.done(
        9_010,
        &errors,
        json!({"findings": ["two removals", "one half-configured package", "a gap of 9 h"]}),
    );
    let again = s.agent(24_010, &changes, 2);
    s.settle(31_000, again, json!({"findings": 1}), 380);
    s.done(31_010, &changes, json!({"findings": ["libc6 upgraded"]}));
    s.done(31_020, "/do/1/look", json!(null));
    s.task(31_030, "/do/2/draft", "draft", "call:agent");
    let draft = s.agent(31_040, "/do/2/draft", 1);
    if far == Far::Faulted {
        let error = s.fail(35_000, draft);
        s.say(
            35_010,
            EventBody::TaskFaulted {
                step: "/do/2/draft".parse().unwrap(),
                error: error.clone(),
            },
        );
        s.say(35_020, EventBody::WorkflowFaulted { error });
        return s.events;
    }
    s.settle(42_000, draft, json!({"report": "# Incident review"}), 900);
    s.done(
        42_010,
        "/do/2/draft",
        json!({"report": "# Incident review\n\nTwo removals stand out."}),
    );
    s.task(42_020, "/do/3/review", "review", "call:approval");
    s.ask(42_030, "/do/3/review");
    s.say(42_040, EventBody::WorkflowWaiting {});
    s.events
}

/// A run as lists show it.
pub(super) fn run(n: u128, workflow: &str, status: Status, done: u32, minutes: i64) -> Run {
    let began = at(-60_000 * minutes);
    Run {
        id: run_id(n),
        created_at: began,
        updated_at: began,
        revision: 1,
        talks_with: None,
        body: WorkflowExecution {
            workflow: workflow.into(),
            version: "1.4.0".into(),
            status,
            step: if done == 0 {
                String::new()
            } else {
                format!("step-{done}")
            },
            progress: Progress { done, total: 8 },
            started_at: Some(began),
            usage: Usage {
                calls: 3,
                input_tokens: 9_000 * u64::from(done),
                output_tokens: 1_200,
                cost_micro_usd: 127_000 * u64::from(done),
                unpriced_calls: 0,
            },
            started_by: "dana".into(),
            ..WorkflowExecution::default()
        },
    }
}

/// A live mirror with these runs.
pub(super) fn model(runs: Vec<Run>) -> Model {
    let mut model = Model {
        loaded: true,
        ..Model::default()
    };
    model.connection.link = Link::Live;
    model.runs = runs.into_iter().map(|run| (run.id, run)).collect();
    model
}

/// Runs in every state.
pub(super) fn some_runs() -> Vec<Run> {
    let all = [
        ("incident-review", Status::Waiting, 5),
        ("nightly-triage", Status::Running, 4),
        ("release-train", Status::Waiting, 3),
        ("checkout-recovery", Status::Faulted, 7),
        ("crm-sync", Status::Suspended, 2),
        ("inbox-zero", Status::Cancelled, 1),
        ("nightly-triage", Status::Completed, 8),
        ("a-workflow-with-a-very-long-name-that-is-cut", Status::Pending, 0),
    ];
    let number = |at: usize| i64::try_from(at).unwrap();
    all.into_iter()
        .enumerate()
        .map(|(at, (name, status, done))| run(at as u128, name, status, done, number(at * at) * 7))
        .collect()
}

/// A pending approval of run `n`.
pub(super) fn approval(n: u128) -> Approval {
    Approval {
        id: EntityId::nil(),
        asked_at: start(),
        revision: 1,
        picture: Digest([0; 32]),
        visibility: Visibility::Organization,
        shared: 0,
        body: WorkflowApproval {
            run: run_id(n).into(),
            title: "Write the report?".into(),
            ..WorkflowApproval::default()
        },
    }
}

/// A mirror whose run 0 is the sample, that far.
pub(super) fn followed(far: Far, documented: bool) -> Model {
    let status = match far {
        Far::Live => Status::Running,
        Far::Asking => Status::Waiting,
        Far::Faulted => Status::Faulted,
    };
    let mut model = model(vec![run(0, "incident-review", status, 4, 0)]);
    let mut journal = Journal {
        graph: documented.then(graph),
        ..Journal::default()
    };
    journal.extend(true, script(far));
    for (seq, text) in [
        "Reading 2000 lines. ",
        "Two packages were removed at 06:11",
        ", both by hand.\nOne is half-confi",
    ]
    .into_iter()
    .enumerate()
    {
        journal.append(
            &StreamChunk {
                seq: seq as u64 + 1,
                step: "/do/1/look/fork/branches/0/errors".parse().unwrap(),
                attempt: 1,
                source: StreamSource::Model,
                text: text.into(),
                withdraws: false,
            },
            std::time::Duration::ZERO,
        );
    }
    if far == Far::Asking {
        let approval = approval(0);
        model.approvals.insert(approval.id, approval);
    }
    model.journals.insert(run_id(0), journal);
    model
}

/// Takes the line down.
pub(super) fn disconnect(model: &mut Model, ms: i64) {
    model.connection.link = Link::Down {
        since: at(ms),
        fault: Fault::new(Code::Unreachable, "the socket is gone"),
        retry_at: None,
    };
}

/// The context at a time.
pub(super) fn ctx<'a>(model: &'a Model, theme: &'a Theme, ms: i64) -> Ctx<'a> {
    static PREFS: std::sync::LazyLock<Prefs> = std::sync::LazyLock::new(Prefs::default);
    static KEYMAP: std::sync::LazyLock<Keymap> =
        std::sync::LazyLock::new(|| Keymap::new(Preset::Standard, &Remap::new(), &[]).unwrap());
    Ctx {
        model,
        theme,
        prefs: &PREFS,
        keymap: &KEYMAP,
        time: Time {
            wall: at(ms),
            mono: Duration::from_millis(u64::try_from(ms).unwrap_or(0)),
        },
    }
}

/// A page as text.
pub(super) fn draw(page: &dyn Page, ctx: &Ctx<'_>, width: u16, height: u16) -> String {
    let area = Rect::new(0, 0, width, height);
    let mut buf = Buffer::empty(area);
    page.view(ctx, area, &mut buf);
    text(&buf)
}
