//! The shortest way through the public door.

use bytes::Bytes;
use dirigent_store::{Append, Budget, Feed, Guard, Options, Position, ScanRange, StreamId, Txn, open};

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

#[test]
fn what_is_committed_is_read_and_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = Options::new(dir.path().join("store"));
    options.segment_bytes = 256 << 10;
    let key = Bytes::from_static(b"k");
    let stream = StreamId([1; 16]);
    for round in 0..3u64 {
        let store = open(options.clone()).unwrap();
        let guards = if round == 0 {
            vec![Guard::Absent(key.clone())]
        } else {
            vec![Guard::Exists(key.clone())]
        };
        let append = Append {
            stream,
            expected: round + 1,
            records: vec![Bytes::from(vec![7; 9000])],
        };
        let txn = Txn {
            guards,
            puts: vec![(key.clone(), Bytes::from(vec![b'v'; 10_000]))],
            appends: vec![append],
            ..Txn::default()
        };
        let receipt = block_on(store.commit(txn)).unwrap();
        assert_eq!(receipt.position, Position(round + 1));
        assert_eq!(store.get(b"k").unwrap().unwrap().revision, round + 1);
        assert_eq!(store.scan(ScanRange::prefix(b"")).unwrap().items.len(), 1);
        let page = store
            .read(Feed::Stream(stream), Position(0), Budget::default())
            .unwrap();
        assert_eq!(page.next, Position(round + 1));
        assert_eq!(
            store
                .read(Feed::All, Position(0), Budget::default())
                .unwrap()
                .items
                .len() as u64,
            round + 1
        );
    }
}
