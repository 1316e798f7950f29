//! Commits as bytes. Lengths are little-endian u32; decoding shares the frame's buffer and never panics.
//!
//! The layout is part of the format: change it only together with `meta::FORMAT`.

use crate::types::{Append, BlobId, Commit, Key, LeaseRow, Position, RequestKey, StreamId, Txn, Upkeep};
use bytes::Bytes;

/// Writes a commit behind its length.
pub(crate) fn encode(commit: &Commit, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&commit.at_ms.to_le_bytes());
    out.push(u8::from(commit.request.is_some()));
    if let Some(request) = &commit.request {
        out.extend_from_slice(&request.id);
        out.extend_from_slice(&request.digest);
    }
    count(out, commit.deletes.len());
    for key in &commit.deletes {
        bytes(out, key);
    }
    count(out, commit.puts.len());
    for (key, value) in &commit.puts {
        bytes(out, key);
        bytes(out, value);
    }
    count(out, commit.appends.len());
    for append in &commit.appends {
        out.extend_from_slice(&append.stream.0);
        out.extend_from_slice(&append.expected.to_le_bytes());
        records(out, &append.records);
    }
    count(out, commit.blobs.len());
    for blob in &commit.blobs {
        out.extend_from_slice(&blob.0);
    }
    count(out, commit.upkeep.len());
    for upkeep in &commit.upkeep {
        encode_upkeep(upkeep, out);
    }
    let length = u32::try_from(out.len() - start - 4).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

fn encode_upkeep(upkeep: &Upkeep, out: &mut Vec<u8>) {
    match upkeep {
        Upkeep::Lease(row) => {
            out.push(1);
            bytes(out, &encode_lease(row));
        }
        Upkeep::Forget { before_ms } => {
            out.push(2);
            out.extend_from_slice(&before_ms.to_le_bytes());
        }
        Upkeep::Close(stream) => {
            out.push(3);
            out.extend_from_slice(&stream.0);
        }
    }
}

/// Roughly what a transaction takes in the journal.
pub(crate) fn size(txn: &Txn) -> u64 {
    let puts: usize = txn.puts.iter().map(|(k, v)| k.len() + v.len() + 8).sum();
    let deletes: usize = txn.deletes.iter().map(|k| k.len() + 4).sum();
    let appends: usize = txn
        .appends
        .iter()
        .map(|a| 28 + a.records.iter().map(|r| r.len() + 4).sum::<usize>())
        .sum();
    (puts + deletes + appends + txn.blobs.len() * 32 + txn.closes.len() * 17 + 96) as u64
}

/// The same for a commit already made.
pub(crate) fn weight(commit: &Commit) -> u64 {
    let puts: usize = commit.puts.iter().map(|(k, v)| k.len() + v.len() + 8).sum();
    let deletes: usize = commit.deletes.iter().map(|k| k.len() + 4).sum();
    let appends: usize = commit
        .appends
        .iter()
        .map(|a| 28 + a.records.iter().map(|r| r.len() + 4).sum::<usize>())
        .sum();
    (puts + deletes + appends + commit.blobs.len() * 32 + commit.upkeep.len() * 17 + 96) as u64
}

pub(crate) fn encode_lease(row: &LeaseRow) -> Vec<u8> {
    let mut out = Vec::with_capacity(row.name.len() + row.owner.len() + 32);
    bytes(&mut out, &row.name);
    bytes(&mut out, &row.owner);
    for number in [row.number, row.until_ms, row.epoch] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out
}

pub(crate) fn decode_lease(from: Bytes) -> Option<LeaseRow> {
    let mut cursor = Cursor { from, at: 0 };
    let name = cursor.bytes()?;
    let owner = cursor.bytes()?;
    Some(LeaseRow {
        name,
        owner,
        number: cursor.u64()?,
        until_ms: cursor.u64()?,
        epoch: cursor.u64()?,
    })
}

pub(crate) fn records(out: &mut Vec<u8>, records: &[Bytes]) {
    count(out, records.len());
    for record in records {
        bytes(out, record);
    }
}

fn count(out: &mut Vec<u8>, n: usize) {
    out.extend_from_slice(&u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes());
}

pub(crate) fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    count(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// Decodes the commits of one group; `first` is the position of the first.
pub(crate) fn decode_group(payload: Bytes, first: Position, n: u32) -> Option<Vec<Commit>> {
    let mut cursor = Cursor { from: payload, at: 0 };
    let mut commits = Vec::with_capacity(usize::try_from(n).ok()?.min(65_536));
    for i in 0..u64::from(n) {
        let body = cursor.bytes()?;
        commits.push(decode(body, Position(first.0 + i))?);
    }
    cursor.is_done().then_some(commits)
}

pub(crate) fn decode(body: Bytes, position: Position) -> Option<Commit> {
    let mut c = Cursor { from: body, at: 0 };
    let at_ms = c.u64()?;
    let request = match c.u8()? {
        0 => None,
        1 => Some(RequestKey {
            id: c.array()?,
            digest: c.array()?,
        }),
        _ => return None,
    };
    let deletes = c.many(Cursor::bytes)?;
    let puts: Vec<(Key, Bytes)> = c.many(|c| Some((c.bytes()?, c.bytes()?)))?;
    let appends = c.many(|c| {
        Some(Append {
            stream: StreamId(c.array()?),
            expected: c.u64()?,
            records: c.many(Cursor::bytes)?,
        })
    })?;
    let blobs = c.many(|c| Some(BlobId(c.array()?)))?;
    let upkeep = c.many(|c| match c.u8()? {
        1 => decode_lease(c.bytes()?).map(Upkeep::Lease),
        2 => Some(Upkeep::Forget { before_ms: c.u64()? }),
        3 => Some(Upkeep::Close(StreamId(c.array()?))),
        _ => None,
    })?;
    c.is_done().then_some(Commit {
        position,
        at_ms,
        request,
        puts,
        deletes,
        appends,
        blobs,
        upkeep,
    })
}

/// Reads little-endian values out of shared bytes.
pub(crate) struct Cursor {
    pub(crate) from: Bytes,
    pub(crate) at: usize,
}

impl Cursor {
    pub(crate) fn take(&mut self, n: usize) -> Option<Bytes> {
        let end = self.at.checked_add(n).filter(|end| *end <= self.from.len())?;
        let part = self.from.slice(self.at..end);
        self.at = end;
        Some(part)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let array = *self.from.get(self.at..)?.first_chunk::<N>()?;
        self.at += N;
        Some(array)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[b]| b)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn bytes(&mut self) -> Option<Bytes> {
        let n = self.u32()?;
        self.take(usize::try_from(n).ok()?)
    }

    pub(crate) fn many<T>(&mut self, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let n = usize::try_from(self.u32()?).ok()?;
        if n > self.from.len() {
            return None;
        }
        (0..n).map(|_| one(self)).collect()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.at == self.from.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Commit {
        Commit {
            position: Position(7),
            at_ms: 5,
            request: Some(RequestKey {
                id: [1; 16],
                digest: [2; 32],
            }),
            puts: vec![(Bytes::from_static(b"k"), Bytes::from_static(b"value"))],
            deletes: vec![Bytes::from_static(b"gone")],
            appends: vec![Append {
                stream: StreamId([3; 16]),
                expected: 4,
                records: vec![Bytes::from_static(b"r")],
            }],
            blobs: vec![BlobId([9; 32])],
            upkeep: vec![Upkeep::Forget { before_ms: 3 }, Upkeep::Close(StreamId([3; 16]))],
        }
    }

    #[test]
    fn a_group_survives_the_way_there_and_back() {
        let mut out = Vec::new();
        encode(&sample(), &mut out);
        encode(
            &Commit {
                position: Position(8),
                ..sample()
            },
            &mut out,
        );
        let back = decode_group(out.into(), Position(7), 2).unwrap();
        assert_eq!(
            back,
            vec![
                sample(),
                Commit {
                    position: Position(8),
                    ..sample()
                }
            ]
        );
    }

    #[test]
    fn every_shortened_group_is_refused() {
        let mut out = Vec::new();
        encode(&sample(), &mut out);
        for len in 0..out.len() {
            assert!(
                decode_group(Bytes::copy_from_slice(&out[..len]), Position(7), 1).is_none(),
                "length {len}"
            );
        }
    }
}
