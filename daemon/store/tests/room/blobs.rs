//! Addresses of blobs: keyed, the same after every restart and restore, and never made up anew.

use crate::common::{SPACE, block_on, options};
use bytes::Bytes;
use dirigent_store::{BlobId, BlobSpace, OpenError, Store, Txn, check, import, open};
use sha2::{Digest, Sha256};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn put(store: &dyn Store, payload: &'static [u8]) -> BlobId {
    let id = block_on(store.blob_put(SPACE, Bytes::from_static(payload))).unwrap();
    block_on(store.commit(Txn {
        blobs: vec![id],
        ..Txn::default()
    }))
    .unwrap();
    id
}

fn file_of(dir: &Path, id: BlobId) -> std::path::PathBuf {
    let name = id.to_string();
    dir.join("blobs").join(&name[..2]).join(&name)
}

#[test]
fn an_address_tells_nothing_without_the_key() {
    let root = tempfile::tempdir().unwrap();
    let (a, b) = (root.path().join("a"), root.path().join("b"));
    let (store, other) = (open(options(&a)).unwrap(), open(options(&b)).unwrap());
    let id = put(&*store, b"payload");
    assert_ne!(id, put(&*other, b"payload"), "another database has another key");
    let elsewhere = block_on(store.blob_put(BlobSpace([8; 16]), Bytes::from_static(b"payload"))).unwrap();
    assert_ne!(id, elsewhere);
    assert_ne!(id.0, <[u8; 32]>::from(Sha256::digest(b"payload")));
    let mode = std::fs::metadata(a.join("blob.key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    drop(store);
    let store = open(options(&a)).unwrap();
    assert_eq!(put(&*store, b"payload"), id);
}

#[test]
fn a_lost_key_comes_back_from_an_export_or_is_missed_by_name() {
    for damaged in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("blob.key");
        let store = open(options(dir.path())).unwrap();
        let id = put(&*store, b"payload");
        drop(store);
        let good = std::fs::read(&key).unwrap();
        let lose = || {
            if damaged {
                let mut bad = good.clone();
                bad[5] ^= 1;
                std::fs::write(&key, bad).unwrap();
            } else {
                std::fs::remove_file(&key).unwrap();
            }
        };
        lose();
        assert!(!check(dir.path()).unwrap().is_sound());
        match open(options(dir.path())) {
            Err(OpenError::Damaged(damage)) => assert_eq!(damage.file, key),
            other => panic!("{:?}", other.map(|_| ())),
        }
        std::fs::write(&key, &good).unwrap();
        let store = open(options(dir.path())).unwrap();
        block_on(store.export(None, false)).unwrap();
        drop(store);
        lose();
        let store = open(options(dir.path())).unwrap();
        assert_eq!(put(&*store, b"payload"), id);
        assert_eq!(std::fs::read(&key).unwrap(), good);
    }
}

#[test]
fn a_restored_store_has_the_same_addresses() {
    let root = tempfile::tempdir().unwrap();
    let store = open(options(&root.path().join("a"))).unwrap();
    let id = put(&*store, b"payload");
    let file = root.path().join("export");
    block_on(store.export(Some(file.clone()), true)).unwrap();
    let target = root.path().join("b");
    import(&options(&target), &file).unwrap();
    let restored = open(options(&target)).unwrap();
    assert_eq!(block_on(restored.blob_get(id)).unwrap(), "payload");
    assert_eq!(put(&*restored, b"payload"), id);
    drop(restored);
    assert!(check(&target).unwrap().is_sound());
}

#[test]
fn blobs_from_before_there_were_keys_are_still_read() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(options(dir.path())).unwrap());
    let old = BlobId(Sha256::digest(b"payload").into());
    let path = file_of(dir.path(), old);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, b"payload").unwrap();
    let store = open(options(dir.path())).unwrap();
    assert_eq!(block_on(store.blob_get(old)).unwrap(), "payload");
    let new = put(&*store, b"payload");
    assert_ne!(new, old);
    drop(store);
    assert!(check(dir.path()).unwrap().is_sound());
    // A file under another's name is never handed out.
    std::fs::copy(&path, file_of(dir.path(), new)).unwrap();
    let store = open(options(dir.path())).unwrap();
    assert!(block_on(store.blob_get(new)).is_err());
}
