//! An index that came later than the documents: what an older build wrote is found by it too.

use bytes::Bytes;
use dirigent_daemon::records::{DEFAULT_ORG, Draft, Records, encode_value, key, put};
use dirigent_protocol::entity::Kind;
use dirigent_protocol::query::ListQuery;
use dirigent_store::{Options, ScanRange, Store, Txn};
use jiff::Timestamp;
use serde_json::json;

use crate::bed::{Daemon, page};

const MANY: usize = 1_200;

fn value(workflow: &str) -> Bytes {
    let prefix = encode_value(&json!(workflow)).unwrap();
    key::index_value(DEFAULT_ORG, Kind::WorkflowApproval, "workflow", &prefix)
}

fn rows(store: &dyn Store, workflow: &str) -> usize {
    let range = ScanRange::prefix(&value(workflow)).limited(MANY);
    store.scan(range).unwrap().items.len()
}

fn options(dir: &std::path::Path) -> Options {
    let mut options = Options::new(dir.join("store"));
    options.segment_bytes = 1 << 20;
    options
}

/// Requests as an older build wrote them: without the index's rows, and without its mark.
async fn written_before(dir: &std::path::Path) {
    let store = dirigent_store::open(options(dir)).unwrap();
    for some in (0..MANY).collect::<Vec<_>>().chunks(100) {
        let mut txn = Txn::default();
        for n in some {
            let workflow = if n % 3 == 0 { "mine" } else { "theirs" };
            let body = json!({ "workflow": workflow, "title": format!("{n}"), "status": "approved" });
            let document = Draft::of(Kind::WorkflowApproval, "", body).document(Timestamp::UNIX_EPOCH);
            put(&mut txn, None, &document).unwrap();
        }
        let index = key::index_field(DEFAULT_ORG, Kind::WorkflowApproval, "workflow");
        txn.puts.retain(|(row, _)| !row.starts_with(&index));
        store.commit(txn).await.unwrap();
    }
    let mark = key::whole_index(Kind::WorkflowApproval, "workflow");
    let txn = Txn {
        deletes: vec![mark],
        ..Txn::default()
    };
    store.commit(txn).await.unwrap();
    assert_eq!(rows(&*store, "mine"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_an_older_build_are_found_by_their_workflow() {
    let dir = tempfile::tempdir().unwrap();
    Daemon::start(dir.path()).await.stop().await;
    written_before(dir.path()).await;

    let daemon = Daemon::start(dir.path()).await;
    let list = ListQuery {
        filter: Some("workflow == mine".parse().unwrap()),
        limit: 500,
        ..ListQuery::of(Kind::WorkflowApproval)
    };
    let (found, _) = page(&daemon.connection, list).await;
    assert_eq!(found.len(), MANY / 3);
    assert!(found.iter().all(|one| one.spec["workflow"] == "mine"));
    daemon.stop().await;

    let store = dirigent_store::open(options(dir.path())).unwrap();
    assert_eq!((rows(&*store, "mine"), rows(&*store, "theirs")), (400, 800));
    let records = Records::new(store);
    records.make_late_indexes().await.unwrap();
    assert!(records.is_indexed(Kind::WorkflowApproval, "workflow"));
}
