//! Who may do what, and what is written down of it.

use std::collections::BTreeMap;

use dirigent_protocol::command::Command;
use dirigent_protocol::entity::{Kind, Verdict};
use dirigent_protocol::fault::Code;
use dirigent_protocol::id::RequestId;
use dirigent_protocol::query::{ListQuery, Query};
use dirigent_rpc::CallError;
use serde_json::json;
use tempfile::TempDir;

use crate::bed::*;

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_refused_and_users_stay_within_their_rights() {
    let dir = TempDir::new().unwrap();
    let daemon = Daemon::start(&dir.path().join("d")).await;
    let me = &daemon.connection;
    assert!(me.welcome().subject.administrator);
    let refused = daemon
        .as_uid(4_242)
        .await
        .map(drop)
        .map_err(CallError::into_fault)
        .unwrap_err();
    assert_eq!(refused.code, Code::NotPermitted);
    assert!(refused.help.unwrap().contains("4242"));
    let denied = audits(me, "verdict == denied").await;
    assert!(
        denied
            .iter()
            .any(|audit| audit.subject == "uid 4242" && audit.action == "hello"),
        "{denied:?}"
    );

    let user = Command::Create {
        kind: Kind::User,
        name: "dana".into(),
        labels: BTreeMap::new(),
        spec: json!({"display_name": "Dana", "uid": 4242}),
    };
    let dana = created(me, user.clone()).await;
    let twin = Command::Create {
        kind: Kind::User,
        name: "dana2".into(),
        labels: BTreeMap::new(),
        spec: json!({"uid": 4242}),
    };
    assert_eq!(
        command(me, twin).await.unwrap_err().code,
        Code::Conflict,
        "one user for one uid"
    );
    let theirs = daemon.as_uid(4_242).await.unwrap();
    assert!(!theirs.welcome().subject.administrator);
    let secret = created(me, agent("owners", "")).await;
    created(&theirs, agent("danas", "")).await;
    let take = Command::Delete {
        kind: Kind::Agent,
        id: "owners".into(),
        revision: None,
    };
    assert_eq!(command(&theirs, take).await.unwrap_err().code, Code::NotPermitted);
    assert_eq!(
        command(&theirs, Command::DaemonStop {}).await.unwrap_err().code,
        Code::NotPermitted
    );
    let logs = query(&theirs, Query::List(ListQuery::of(Kind::AuditLog))).await;
    assert_eq!(logs.unwrap_err().code, Code::NotPermitted);
    let request = RequestId::new();
    me.command(request, agent("mine", "")).await.unwrap();
    theirs.command(request, agent("theirs", "")).await.unwrap();

    let off = Command::Update {
        kind: Kind::User,
        id: dana.metadata.id,
        revision: 1,
        patch: json!({"disabled": true}),
        labels: None,
    };
    command(me, off).await.unwrap();
    let gone = query(&theirs, Query::Status {}).await.unwrap_err();
    assert_eq!(gone.code, Code::NotPermitted, "switched off while connected");

    let writes = audits(me, "object == \"Agent/owners\"").await;
    assert!(
        writes
            .iter()
            .any(|a| a.action == "create" && a.verdict == Verdict::Allowed && a.request.is_some())
    );
    assert!(
        writes
            .iter()
            .any(|a| a.action == "delete" && a.verdict == Verdict::Denied && a.subject == "dana")
    );
    assert_eq!(secret.metadata.revision, 1);
    daemon.running.house().service.door().flush_reads().await.unwrap();
    let reads = audits(me, "action == read").await;
    assert!(
        reads
            .iter()
            .any(|audit| audit.object == "AuditLog" && audit.count >= 2),
        "{reads:?}"
    );
    daemon.stop().await;
}
