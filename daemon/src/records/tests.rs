use dirigent_protocol::entity::Kind;
use dirigent_store::{Guard, Txn};
use jiff::Timestamp;
use serde_json::json;

use super::*;

fn now() -> Timestamp {
    "2026-11-22T18:00:00Z".parse().unwrap()
}

#[test]
fn a_document_reads_back_and_a_later_format_is_named() {
    let document = Draft::of(
        Kind::Agent,
        "summary",
        json!({"prompt": "é", "n": [1, 2.5, null]}),
    )
    .document(now());
    let bytes = encode_document(&document).unwrap();
    assert_eq!(decode_document(&bytes).unwrap(), document);
    assert!(matches!(
        decode_document(&[9, 1]),
        Err(RecordError::Format { found: 9, .. })
    ));
}

#[test]
fn keys_read_back() {
    for kind in Kind::ALL {
        let id = dirigent_protocol::id::EntityId::new();
        assert_eq!(key::parse_document(&key::document(*kind, id)), Some((*kind, id)));
        assert_eq!(key::parse_trace(&key::trace(*kind, id)), Some((*kind, id)));
        assert_eq!(key::parse_history(&key::history(*kind, id, 7)), Some((*kind, id)));
        assert_eq!(key::parse_document(&key::trace(*kind, id)), None);
    }
    assert_eq!(key::parse_document(b"dAgent"), None);
}

#[test]
fn a_new_document_is_guarded_and_a_changed_one_moves_only_what_changed() {
    let user = Draft::of(Kind::User, "dana", json!({"uid": 1000})).document(now());
    let mut txn = Txn::default();
    put(&mut txn, None, &user).unwrap();
    let absent = |txn: &Txn| {
        txn.guards
            .iter()
            .filter(|guard| matches!(guard, Guard::Absent(_)))
            .count()
    };
    assert_eq!(absent(&txn), 3, "document, name and unique value");
    assert_eq!(txn.puts.len(), 5, "member, name, index, unique, document");

    let stored = Stored::at(user, 4);
    let mut txn = Txn::default();
    put(
        &mut txn,
        Some(&stored),
        &stored.next(json!({"uid": 1000, "disabled": true}), now()),
    )
    .unwrap();
    assert_eq!(txn.puts.len(), 2, "history and document");
    assert_eq!(absent(&txn), 0);
    assert!(matches!(txn.guards[..], [Guard::Revision { revision: 4, .. }]));

    let mut txn = Txn::default();
    put(&mut txn, Some(&stored), &stored.next(json!({"uid": 1001}), now())).unwrap();
    assert_eq!(txn.deletes.len(), 2, "the old index row and the old unique row");
    assert_eq!(absent(&txn), 1, "the new unique value");
}

#[test]
fn deleting_takes_every_row_along() {
    let user = Draft::of(Kind::User, "dana", json!({"uid": 1000})).document(now());
    let mut written = Txn::default();
    put(&mut written, None, &user).unwrap();
    let mut gone = Txn::default();
    delete(&mut gone, &Stored::at(user, 4), now()).unwrap();
    for (key, _) in &written.puts {
        assert!(gone.deletes.contains(key), "{key:?} stays");
    }
}

#[test]
fn a_document_cannot_become_another() {
    let user = Draft::of(Kind::User, "dana", json!({})).document(now());
    let other = Draft::of(Kind::User, "dana", json!({})).document(now());
    let wrong = put(&mut Txn::default(), Some(&Stored::at(user, 1)), &other);
    assert!(matches!(wrong, Err(RecordError::Identity { .. })));
}
