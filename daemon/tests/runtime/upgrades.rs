//! Versions in flight: two hundred runs that wait in every way there is, held against a draft, and some of them migrated
//! over a crash.

use std::collections::BTreeMap;
use std::time::Duration;

use dirigent_daemon::records::DEFAULT_ORG;
use dirigent_daemon::runtime::{From, RuntimeError, Which};
use dirigent_engine::machine::Workflow;
use dirigent_protocol::entity::{ApprovalStatus, Document, Kind, WorkflowApproval};
use dirigent_protocol::id::RunId;

use dirigent_protocol::run::{Decision, EventBody, Status};
use dirigent_protocol::upgrade::{Reason, RunCheck};
use serde_json::{Value, json};

use crate::bed::{Bed, dana};

const RUNS: usize = 200;
const AT: [&str; 5] = ["ask", "rest", "hear", "each", "side"];

/// Every run waits in one of its steps, as its input says.
fn tasks() -> String {
    let only = |at: &str| format!("if: '${{ $workflow.input.at == \"{at}\" }}'");
    format!(
        "do:
  - prepare: {{ call: noop, with: {{ n: '${{ .n }}' }} }}
  - ask: {{ {}, call: approval, with: {{ title: Go?, show: {{ n: 1 }} }} }}
  - rest: {{ {}, wait: PT8H }}
  - hear: {{ {}, listen: {{ to: {{ one: {{ with: {{ type: go }} }} }} }} }}
  - each:
      {}
      for: {{ each: x, in: '${{ [1, 2] }}' }}
      do: [ {{ look: {{ call: approval, with: {{ title: Item?, show: {{ x: '${{ $x }}' }} }} }} }} ]
  - side:
      {}
      fork: {{ branches: [ {{ left: {{ call: approval, with: {{ title: Left? }} }} }}, {{ right: {{ wait: PT8H }} }} ] }}
  - end: {{ set: {{ version: 1, n: '${{ $workflow.input.n }}' }} }}
",
        only("ask"),
        only("rest"),
        only("hear"),
        only("each"),
        only("side"),
    )
}

/// A step is new, one has another name, one is gone.
fn changed() -> String {
    let hear = tasks();
    let hear = hear
        .lines()
        .find(|line| line.contains("- hear:"))
        .unwrap()
        .to_owned();
    tasks()
        .replace(&format!("{hear}\n"), "")
        .replace("- rest:", "- pause:")
        .replace(
            "  - each:\n",
            "  - audit: { set: { audited: true } }\n  - each:\n",
        )
        .replace("version: 1", "version: 2")
}

const DECLARED: &str = "migrate: { rename: { rest: pause }, pass: [audit] }";

fn draft(settings: &str) -> Workflow {
    let text = format!(
        "document: {{ dsl: '1.0.3', namespace: tests, name: sample, version: '0.2.0', metadata: {{ dirigent: {{ {settings} }} }} }}\n{}",
        changed()
    );
    dirigent_engine::load("draft.yaml", &text).unwrap_or_else(|found| panic!("{found:#?}"))
}

async fn check(bed: &Bed, draft: &Workflow) -> Vec<RunCheck> {
    let mut all: Vec<RunCheck> = Vec::new();
    let mut after = None;
    loop {
        let which = Which {
            org: DEFAULT_ORG,
            run: None,
            after,
            limit: 33,
        };
        let page = bed.runtime.check_upgrade(draft, which, &|_| true).await.unwrap();
        assert!(page.items.len() <= 33);
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

/// How often each step breaks for each reason.
fn tally(checks: &[RunCheck]) -> BTreeMap<(String, &'static str), usize> {
    let mut tally = BTreeMap::new();
    for looked in checks {
        for finding in looked.findings.iter().filter(|finding| finding.breaks) {
            assert!(finding.event > 0 && finding.event <= looked.event, "{finding:?}");
            *tally
                .entry((finding.step.to_string(), finding.reason.as_str()))
                .or_default() += 1;
        }
    }
    tally
}

/// Two hundred runs, each waiting where its input says.
async fn waiting(bed: &Bed, version: &Document) -> Vec<(RunId, &'static str)> {
    let mut runs = Vec::new();
    for n in 0..RUNS {
        let at = AT[n % AT.len()];
        let started = bed
            .begin(version.clone(), json!({ "at": at, "n": n }), None)
            .await;
        runs.push((started.unwrap().run, at));
    }
    for (run, _) in &runs {
        bed.until("a run to wait", |bed| {
            (bed.execution(*run).status == Status::Waiting).then_some(())
        })
        .await;
    }
    runs
}

async fn answer_everything(bed: &Bed) {
    loop {
        let found = bed.records().all(Kind::WorkflowApproval, None, 2_000).unwrap();
        let mut answered = 0;
        for stored in found {
            let approval: WorkflowApproval = stored.document.body().unwrap();
            if approval.status == ApprovalStatus::Pending {
                let id = stored.document.metadata.id;
                let decision = Decision::Approve { edited: None };
                bed.decide(id, &approval, decision).await.unwrap();
                answered += 1;
            }
        }
        if answered == 0 {
            return;
        }
    }
}

/// The version a run's journal says, and how often it was migrated.
fn told(bed: &Bed, run: RunId) -> (String, usize) {
    let (mut version, mut migrated) = (String::new(), 0);
    for event in bed.events(run) {
        match event.body {
            EventBody::WorkflowStarted { version: began, .. } => version = began.to_string(),
            EventBody::WorkflowMigrated { to, .. } => {
                version = to.to_string();
                migrated += 1;
            }
            _ => {}
        }
    }
    (version, migrated)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_runs_end_on_their_version_and_those_that_fit_go_on_under_the_next() {
    let bed = Bed::new().await;
    let first = bed.publish(&tasks()).await;
    let runs = waiting(&bed, &first).await;
    let each = RUNS / AT.len();

    let plain = check(&bed, &draft("")).await;
    assert_eq!(plain.len(), RUNS);
    let inserted = |step: &str| (step.to_owned(), Reason::Inserted.as_str());
    let expected = BTreeMap::from([
        (("/do/2/rest".to_owned(), Reason::Renamed.as_str()), each),
        (("/do/3/hear".to_owned(), Reason::Removed.as_str()), each),
        (inserted("/do/2/pause"), 2 * each),
        (inserted("/do/3/audit"), 2 * each),
    ]);
    assert_eq!(tally(&plain), expected);
    let declared = draft(DECLARED);
    let gone = BTreeMap::from([(("/do/3/hear".to_owned(), Reason::Removed.as_str()), each)]);
    assert_eq!(tally(&check(&bed, &declared).await), gone);

    let refused = bed.runtime.migrate(runs[0].0, declared.digest(), dana()).await;
    assert!(
        matches!(refused, Err(RuntimeError::NotPublished { .. })),
        "{refused:?}"
    );
    let second = bed.publish_with(DECLARED, &changed()).await;
    let to = bed.runtime.compiled(&second).unwrap().digest();
    let subset: Vec<RunId> = runs.iter().step_by(2).map(|(run, _)| *run).collect();
    let bed = migrate_over_a_crash(bed, &subset, &runs, to).await;

    // Left alone, or migrated: every run ends, on the version it is on.
    answer_everything(&bed).await;
    let event = json!({ "type": "go", "source": "https://tests", "data": {} });
    bed.runtime.publish(event, dana()).await.unwrap();
    bed.forward(Duration::from_secs(9 * 3_600));
    let mut on = BTreeMap::new();
    for (n, (run, at)) in runs.iter().enumerate() {
        let output = bed.completed(*run).await;
        let moved = n % 2 == 0 && *at != "hear";
        assert_eq!(
            output,
            json!({ "version": if moved { 2 } else { 1 }, "n": n }),
            "{at}"
        );
        assert_eq!(told(&bed, *run).1, usize::from(moved), "{at}");
        assert_eq!(bed.count(*run, "effect.intended"), 1, "nothing was repeated");
        *on.entry(moved).or_insert(0) += 1;
    }
    assert_eq!(
        on,
        BTreeMap::from([(true, RUNS / 2 - each / 2), (false, RUNS / 2 + each / 2)])
    );
    forks(&bed, runs[0].0, &first, &second).await;
}

/// Migrates the subset, with everything dropped in the middle of it; what breaks is refused.
async fn migrate_over_a_crash(
    bed: Bed,
    subset: &[RunId],
    runs: &[(RunId, &str)],
    to: dirigent_protocol::digest::Digest,
) -> Bed {
    let mut all = Vec::new();
    for run in subset.iter().copied() {
        let runtime = bed.runtime.clone();
        all.push(async move { runtime.migrate(run, to, dana()).await });
    }
    let third = all.split_off(subset.len() / 3);
    for migrating in all {
        drop(migrating.await);
    }
    // These are on their way when everything is dropped.
    let mut flying: tokio::task::JoinSet<_> = third.into_iter().collect();
    let mut acknowledged = 0;
    // Some of them arrive before.
    for _ in 0..5 {
        if let Some(Ok(Ok(()))) = flying.join_next().await {
            acknowledged += 1;
        }
    }
    let bed = bed.crash().await;
    while let Some(done) = flying.join_next().await {
        acknowledged += usize::from(matches!(done, Ok(Ok(()))));
    }
    let mut whole = 0;
    for (run, at) in runs {
        let (version, migrated) = told(&bed, *run);
        assert_eq!(
            bed.execution(*run).digest,
            version,
            "document and journal say the same"
        );
        assert!(migrated == 0 || *at != "hear");
        whole += migrated;
    }
    assert!(
        whole >= acknowledged,
        "{acknowledged} were acknowledged, {whole} are there"
    );
    for run in subset {
        let (_, at) = runs.iter().find(|(other, _)| other == run).unwrap();
        let migrated = bed.runtime.migrate(*run, to, dana()).await;
        match *at {
            "hear" => assert!(matches!(migrated, Err(RuntimeError::Breaks(_))), "{migrated:?}"),
            _ => migrated.unwrap(),
        }
        if *at == "rest" {
            assert_eq!(bed.execution(*run).step, "pause", "its step has another name now");
        }
    }
    bed
}

/// A run that was migrated can be forked from before and from after that.
async fn forks(bed: &Bed, run: RunId, first: &Document, second: &Document) {
    let migrated = bed
        .events(run)
        .into_iter()
        .find(|event| event.body.name() == "workflow.migrated");
    let at = migrated.unwrap().seq;
    for (at, version, number) in [(at - 1, first, 1), (at, second, 2)] {
        let from = From::Event { at, input: None };
        let fork = bed.runtime.again(run, from, dana()).await.unwrap().run;
        bed.asked(fork).await;
        answer_everything(bed).await;
        assert_eq!(bed.completed(fork).await["version"], number);
        let version: Value = version.spec["digest"].clone();
        assert_eq!(Value::from(bed.execution(fork).digest), version);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_follows_its_step_and_is_asked_anew_where_it_shows_something_else() {
    let bed = Bed::new().await;
    let text = |show: u32, before: &str| {
        format!("do:\n{before}  - ask: {{ call: approval, with: {{ title: Go?, show: {{ n: {show} }} }} }}\n")
    };
    let run = bed.start(&text(1, "")).await;
    let (id, asked) = bed.asked(run).await;
    let pass = "migrate: { pass: [fresh] }";
    let fresh = "  - fresh: { set: { f: 1 } }\n";
    let second = bed.publish_with(pass, &text(1, fresh)).await;
    let to = bed.runtime.compiled(&second).unwrap().digest();
    bed.runtime.migrate(run, to, dana()).await.unwrap();
    let (same, moved) = bed.asked(run).await;
    assert_eq!((same, &moved.digest), (id, &asked.digest));
    assert_eq!(moved.step, "/do/1/ask");

    let third = bed.publish_with(pass, &text(2, fresh)).await;
    let to = bed.runtime.compiled(&third).unwrap().digest();
    bed.runtime.migrate(run, to, dana()).await.unwrap();
    let old: WorkflowApproval = bed.find(Kind::WorkflowApproval, id);
    assert_eq!(old.status, ApprovalStatus::Withdrawn);
    let (anew, shown) = bed.asked(run).await;
    assert_ne!((anew, &shown.digest), (id, &asked.digest));
    let bed = bed.crash().await;
    let late = bed.decide(id, &asked, Decision::Approve { edited: None }).await;
    assert!(
        matches!(late, Err(RuntimeError::AlreadyDecided { .. })),
        "{late:?}"
    );
    bed.decide(anew, &shown, Decision::Approve { edited: None })
        .await
        .unwrap();
    assert_eq!(bed.completed(run).await["payload"], json!({ "n": 2 }));
}
