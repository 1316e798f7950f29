//! Small stores, futures without a runtime of their own, a seeded generator.

use bytes::Bytes;
use dirigent_store::{
    Append, Budget, Feed, FeedItem, Key, Options, Position, ReadError, ScanRange, Store, StreamId, Txn,
    Versioned,
};
use std::collections::BTreeMap;
use std::path::Path;

pub(crate) fn options(dir: &Path) -> Options {
    let mut options = Options::new(dir);
    options.segment_bytes = 256 << 10;
    options.cache_bytes = 4 << 20;
    options
}

/// The seed of a random test, printed: 1, or what `DIRIGENT_SEED` says.
pub(crate) fn seed(test: &str) -> u64 {
    let seed = std::env::var("DIRIGENT_SEED").map_or(1, |text| text.parse().unwrap());
    println!("{test}: seed {seed} (DIRIGENT_SEED={seed} repeats it)");
    seed
}

/// How many rounds: `short`, `long` where `DIRIGENT_LONG` is set, or as many as `DIRIGENT_ROUNDS` says.
pub(crate) fn rounds(short: u64, long: u64) -> u64 {
    match std::env::var("DIRIGENT_ROUNDS") {
        Ok(text) => text.parse().unwrap(),
        Err(_) if std::env::var_os("DIRIGENT_LONG").is_some() => long,
        Err(_) => short,
    }
}

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

pub(crate) const SPACE: dirigent_store::BlobSpace = dirigent_store::BlobSpace([7; 16]);
pub(crate) const STREAM: StreamId = StreamId([1; 16]);

/// A transaction whose contents follow from its number: one record, one fresh key, one shared key, one delete.
pub(crate) fn numbered(n: u64) -> Txn {
    let len = usize::try_from(n * 2_654_435_761 % 6_000).unwrap();
    Txn {
        puts: vec![
            (Key::from(format!("own/{n:08}")), Bytes::from(n.to_string())),
            (
                Key::from(format!("shared/{}", n % 11)),
                Bytes::from(vec![u8::try_from(n % 251).unwrap(); len]),
            ),
        ],
        deletes: vec![Key::from(format!("shared/{}", (n + 5) % 11))],
        appends: vec![Append {
            stream: STREAM,
            expected: n,
            records: vec![Bytes::from(format!("record {n}"))],
        }],
        ..Txn::default()
    }
}

pub(crate) fn fill(store: &dyn Store, from: u64, to: u64) {
    let answers: Vec<_> = (from..=to).map(|n| store.commit(numbered(n))).collect();
    for (n, answer) in (from..=to).zip(answers) {
        assert_eq!(block_on(answer).unwrap().position, Position(n));
    }
}

pub(crate) type Contents = (Vec<(Key, Versioned)>, u64, Position);

/// All keys, the stream's end, the head.
pub(crate) fn contents(store: &dyn Store) -> Contents {
    try_contents(store).unwrap()
}

fn try_contents(store: &dyn Store) -> Result<Contents, ReadError> {
    let mut all = Vec::new();
    let mut range = ScanRange::prefix(b"");
    loop {
        let page = store.scan(range.clone())?;
        all.extend(page.items);
        match page.next {
            Some(next) => range = range.after(next),
            None => return Ok((all, store.stream_end(STREAM)?, store.head())),
        }
    }
}

/// A small generator: the same seed gives the same test.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }
}

pub(crate) fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The store must hold exactly the first `head` numbered transactions.
pub(crate) fn verify(store: &dyn Store, at_least: u64, what: &str) {
    try_verify(store, at_least, what).unwrap_or_else(|e| panic!("{what}: {e}"));
}

/// The same where a read may fail.
pub(crate) fn try_verify(store: &dyn Store, at_least: u64, what: &str) -> Result<(), ReadError> {
    let head = store.head().0;
    assert!(
        head >= at_least,
        "{what}: commit {at_least} was acknowledged, but the head is {head}"
    );
    let mut model: BTreeMap<Key, (u64, Vec<u8>)> = BTreeMap::new();
    for n in 1..=head {
        let txn = numbered(n);
        txn.deletes.iter().for_each(|key| drop(model.remove(key)));
        model.extend(
            txn.puts
                .into_iter()
                .map(|(key, value)| (key, (n, value.to_vec()))),
        );
    }
    let (found, end, _) = try_contents(store)?;
    let found: BTreeMap<_, _> = found
        .into_iter()
        .map(|(key, v)| (key, (v.revision, v.value.to_vec())))
        .collect();
    assert!(found == model, "{what}: the state is not that of commit {head}");
    assert_eq!(end, head, "{what}: the stream's end");
    follow(store, Feed::All, what)?;
    follow(store, Feed::Stream(STREAM), what)
}

/// The feed must show every numbered transaction from its oldest to the head; the stream every record.
fn follow(store: &dyn Store, of: Feed, what: &str) -> Result<(), ReadError> {
    let mut cursor = Position(0);
    while cursor < store.head() {
        let page = match store.read(of, cursor, Budget::default()) {
            Ok(page) => page,
            Err(ReadError::Compacted { oldest }) if of == Feed::All && oldest > cursor.next() => {
                cursor = Position(oldest.0 - 1);
                continue;
            }
            Err(e) => return Err(e),
        };
        assert!(!page.items.is_empty(), "{what}: the feed ends at {cursor}");
        for item in &page.items {
            cursor = cursor.next();
            let txn = numbered(cursor.0);
            match item {
                FeedItem::Commit(commit) => {
                    assert!(commit.position == cursor && commit.puts == txn.puts, "{what}");
                }
                FeedItem::Record { seq, data, .. } => {
                    assert!(
                        Position(*seq) == cursor && *data == txn.appends[0].records[0],
                        "{what}"
                    );
                }
            }
        }
    }
    Ok(())
}
