//! A block: neighbouring rows as one value of sled, each key written as what it adds to the one before it, all of it
//! compressed.
//!
//! Sled keeps some 300 bytes in memory for a page of at most 16 keys, read or not, and our rows are short and alike: in
//! blocks they cost a tenth of that, and a third on the disk. A block is named by its fence: every row of it is at or above the
//! fence and below the next block's. Pure: who reads and writes blocks is in `find`
//! and `tree`.
//!
//! Invariants: the checksum covers the fence, so a block under another name does not open; a block of more than one row
//! stays within `LIMIT`, and one of a single row below 4 KiB as long as the row is.

use crate::error::StateFault;
use bytes::Bytes;
use std::cmp::Ordering;
use std::ops::Range;

/// Bytes the rows of a block may have together, uncompressed, if they are several.
const LIMIT: usize = 4000;
/// How full the parts of a block are that was cut in the middle.
const CUT: usize = LIMIT * 3 / 4;
/// Most bytes that are believed to come out of a compressed block.
const MOST: usize = 8 << 10;
const PLAIN: u8 = 1;
/// Behind the length of the plain rows, two bytes.
const LZ4: u8 = 2;
const ENVELOPE: usize = 5;

/// A row on its way into a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) key: Bytes,
    pub(crate) row: Bytes,
    /// It was not there before.
    pub(crate) new: bool,
}

/// A verified block.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    body: Bytes,
}

/// A block as it is written: its fence and its bytes.
pub(crate) type Sealed = (Vec<u8>, Vec<u8>);

impl Block {
    /// The block that is written under this fence.
    pub(crate) fn open(fence: &[u8], value: &Bytes) -> Result<Self, StateFault> {
        let (envelope, body) = value.split_first_chunk::<ENVELOPE>().ok_or(StateFault::Row)?;
        if sum(fence, envelope[0], body) != envelope[1..] {
            return Err(StateFault::Row);
        }
        let body = match envelope[0] {
            PLAIN => value.slice(ENVELOPE..),
            LZ4 => expand(body).ok_or(StateFault::Row)?.into(),
            _ => return Err(StateFault::Row),
        };
        Ok(Self { body })
    }

    fn cursor(&self, fence: &[u8]) -> Cursor<'_> {
        Cursor {
            body: &self.body,
            at: 0,
            key: fence.to_vec(),
        }
    }

    /// The row of a key; it shares no memory with the block.
    pub(crate) fn get(&self, fence: &[u8], key: &[u8]) -> Result<Option<Bytes>, StateFault> {
        let mut cursor = self.cursor(fence);
        while let Some(row) = cursor.step()? {
            match cursor.key.as_slice().cmp(key) {
                Ordering::Less => {}
                Ordering::Equal => return Ok(Some(Bytes::copy_from_slice(&self.body[row]))),
                Ordering::Greater => break,
            }
        }
        Ok(None)
    }

    /// All rows, in the order of their keys.
    pub(crate) fn rows(&self, fence: &[u8]) -> Result<Vec<Row>, StateFault> {
        let mut cursor = self.cursor(fence);
        // All keys lie in one piece of memory: a block has some hundred, and is read for every change made to it.
        let mut keys = Vec::with_capacity(2 * LIMIT);
        let mut places = Vec::new();
        while let Some(row) = cursor.step()? {
            let from = keys.len();
            keys.extend_from_slice(&cursor.key);
            places.push((from..keys.len(), row));
        }
        let keys = Bytes::from(keys);
        let rows = places.into_iter().map(|(key, row)| Row {
            key: keys.slice(key),
            row: self.body.slice(row),
            new: false,
        });
        Ok(rows.collect())
    }
}

struct Cursor<'a> {
    body: &'a [u8],
    at: usize,
    key: Vec<u8>,
}

impl Cursor<'_> {
    /// Makes `key` the next row's; answers where the row is.
    fn step(&mut self) -> Result<Option<Range<usize>>, StateFault> {
        if self.at == self.body.len() {
            return Ok(None);
        }
        self.parse().ok_or(StateFault::Row).map(Some)
    }

    fn parse(&mut self) -> Option<Range<usize>> {
        let (shared, added, row) = (self.number()?, self.number()?, self.number()?);
        let added = self.body.get(self.at..self.at.checked_add(added)?)?;
        if shared > self.key.len() {
            return None;
        }
        self.key.truncate(shared);
        self.key.extend_from_slice(added);
        let from = self.at + added.len();
        let to = from.checked_add(row).filter(|to| *to <= self.body.len())?;
        self.at = to;
        Some(from..to)
    }

    /// Seven bits a byte, lowest first; the high bit says that more follow.
    fn number(&mut self) -> Option<usize> {
        let mut number = 0;
        for shift in [0, 7, 14] {
            let byte = *self.body.get(self.at)?;
            self.at += 1;
            number |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

fn put_number(out: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        out.push(0x80 | (number & 0x7f) as u8);
        number >>= 7;
    }
    out.push(number as u8);
}

fn sum(fence: &[u8], version: u8, body: &[u8]) -> [u8; 4] {
    let named = crc32c::crc32c_append(crc32c::crc32c(fence), &[version]);
    crc32c::crc32c_append(named, body).to_le_bytes()
}

fn expand(body: &[u8]) -> Option<Vec<u8>> {
    let (len, packed) = body.split_first_chunk()?;
    let len = usize::from(u16::from_le_bytes(*len));
    let mut rows = vec![0; Some(len).filter(|len| *len <= MOST)?];
    (lz4_flex::block::decompress_into(packed, &mut rows).ok()? == len).then_some(rows)
}

/// How many bytes two keys begin with alike.
fn shared(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

fn seal(fence: &[u8], rows: &[Row]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(LIMIT);
    let mut before = fence;
    for Row { key, row, .. } in rows {
        let shared = shared(before, key);
        put_number(&mut plain, shared);
        put_number(&mut plain, key.len() - shared);
        put_number(&mut plain, row.len());
        plain.extend_from_slice(&key[shared..]);
        plain.extend_from_slice(row);
        before = key;
    }
    let packed = lz4_flex::block::compress(&plain);
    match u16::try_from(plain.len()) {
        Ok(len) if packed.len() + 2 < plain.len() => enclose(fence, LZ4, &[&len.to_le_bytes(), &packed]),
        _ => enclose(fence, PLAIN, &[&plain]),
    }
}

fn enclose(fence: &[u8], version: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut out = vec![0; ENVELOPE];
    parts.iter().for_each(|part| out.extend_from_slice(part));
    let sum = sum(fence, version, &out[ENVELOPE..]);
    out[0] = version;
    out[1..ENVELOPE].copy_from_slice(&sum);
    out
}

/// Puts rows into as many blocks as they need; the first keeps the fence.
pub(crate) fn pack(fence: &[u8], rows: &[Row]) -> Vec<Sealed> {
    let mut sealed = Vec::new();
    let (mut from, mut fence) = (0, fence.to_vec());
    for to in cuts(&fence, rows).into_iter().chain([rows.len()]) {
        let Some(part) = rows.get(from..to).filter(|part| !part.is_empty()) else {
            continue;
        };
        let block = seal(&fence, part);
        let next = rows
            .get(to)
            .map(|row| between(&part[part.len() - 1].key, &row.key));
        sealed.push((fence, block));
        (from, fence) = (to, next.unwrap_or_default());
    }
    sealed
}

/// The shortest key above `below` that is not above `above`.
fn between(below: &[u8], above: &[u8]) -> Vec<u8> {
    above[..above.len().min(shared(below, above) + 1)].to_vec()
}

/// Where blocks end, but for the last.
fn cuts(fence: &[u8], rows: &[Row]) -> Vec<usize> {
    let mut before = fence;
    let mut costs = Vec::with_capacity(rows.len());
    for Row { key, row, .. } in rows {
        costs.push(4 + key.len() - shared(before, key) + row.len());
        before = key;
    }
    let total: usize = costs.iter().sum();
    if total <= LIMIT {
        return Vec::new();
    }
    match growing(rows) {
        // What was there in front of the new rows will not grow: it is left full, and they go on in a block of their own.
        Some(end) => {
            let mut ends = fill(&costs[..end], LIMIT);
            let last = ends.last().copied().unwrap_or(0);
            if end < rows.len() && costs[last..].iter().sum::<usize>() > LIMIT {
                ends.push(end);
                let behind = fill(&costs[end..], LIMIT);
                ends.extend(behind.into_iter().map(|at| end + at));
            }
            ends
        }
        None => fill(&costs, total.div_ceil(total.div_ceil(CUT))),
    }
}

/// Where the newest row stands, if rows seem to come in the order of their keys: it is the last, or belongs more to the
/// one before it than to the one behind it.
fn growing(rows: &[Row]) -> Option<usize> {
    let newest = rows.iter().rposition(|row| row.new)?;
    let Some(behind) = rows.get(newest + 1) else {
        return Some(rows.len());
    };
    let before = &rows.get(newest.checked_sub(1)?)?.key;
    let key = &rows[newest].key;
    (shared(before, key) > shared(key, &behind.key)).then_some(newest + 1)
}

fn fill(costs: &[usize], most: usize) -> Vec<usize> {
    let (mut ends, mut sum) = (Vec::new(), 0);
    for (at, cost) in costs.iter().enumerate() {
        if sum > 0 && sum + cost > most {
            ends.push(at);
            sum = 0;
        }
        sum += cost;
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: &str, row: &str) -> Row {
        Row {
            key: Bytes::copy_from_slice(key.as_bytes()),
            row: Bytes::copy_from_slice(row.as_bytes()),
            new: true,
        }
    }

    fn unpack(sealed: &[Sealed]) -> Vec<Row> {
        let open = |(fence, value): &Sealed| {
            let value = Bytes::copy_from_slice(value);
            Block::open(fence, &value).unwrap().rows(fence).unwrap()
        };
        let rows = sealed.iter().flat_map(open);
        rows.map(|row| Row { new: true, ..row }).collect()
    }

    fn size(sealed: &Sealed) -> usize {
        let value = Bytes::copy_from_slice(&sealed.1);
        Block::open(&sealed.0, &value).unwrap().body.len()
    }

    fn many(n: usize, name: impl Fn(usize) -> String) -> Vec<Row> {
        let mut rows: Vec<Row> = (0..n).map(|n| row(&name(n), &"r".repeat(n % 97))).collect();
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        rows
    }

    #[test]
    fn rows_survive_the_way_there_and_back_and_keys_stand_behind_their_fence() {
        for n in [1, 2, 7, 500] {
            let rows = many(n, |n| {
                format!("organisation/kind/field/{:05}", n * 7919 % 100_000)
            });
            let sealed = pack(b"org", &rows);
            assert_eq!(unpack(&sealed), rows);
            assert_eq!(sealed[0].0, b"org");
            for pair in sealed.windows(2) {
                assert!(pair[0].0 < pair[1].0);
                assert!(unpack(&pair[..1]).last().unwrap().key < pair[1].0);
                assert!(unpack(&pair[1..]).first().unwrap().key >= pair[1].0);
            }
            assert!(sealed.iter().all(|(_, value)| value.len() <= LIMIT + ENVELOPE));
        }
    }

    #[test]
    fn a_row_is_found_by_its_key_and_nothing_else_is() {
        let rows = many(20, |n| format!("k{:03}", n * 10));
        let (fence, value) = pack(b"", &rows).remove(0);
        let block = Block::open(&fence, &value.into()).unwrap();
        for n in 0..200 {
            let key = format!("k{n:03}");
            let wanted = rows.iter().find(|row| row.key == key.as_bytes());
            let found = block.get(&fence, key.as_bytes()).unwrap();
            assert_eq!(found, wanted.map(|row| row.row.clone()), "{key}");
        }
    }

    #[test]
    fn keys_that_come_in_order_leave_full_blocks_behind() {
        let mut sealed = vec![(b"a".to_vec(), seal(b"a", &[]))];
        for n in 0..1_000 {
            let (fence, value) = sealed.pop().unwrap();
            let mut rows = unpack(&[(fence.clone(), value)]);
            rows.iter_mut().for_each(|row| row.new = false);
            rows.push(row(&format!("a/{n:08}"), &"r".repeat(60)));
            // Of another range: it must not keep the blocks before it half full.
            if n == 0 {
                rows.push(row("b/the next range", ""));
            }
            rows.sort_by(|a, b| a.key.cmp(&b.key));
            let mut packed = pack(&fence, &rows);
            // The one that goes on is the one with the newest of the growing range.
            let next = packed
                .iter()
                .rposition(|(fence, _)| fence.starts_with(b"a"))
                .unwrap();
            let goes_on = packed.remove(next);
            sealed.extend(packed);
            sealed.push(goes_on);
        }
        let full = sealed.iter().filter(|sealed| size(sealed) > LIMIT * 9 / 10);
        assert!(full.count() + 3 >= sealed.len(), "{}", sealed.len());
        assert!(
            sealed.iter().all(|sealed| sealed.1.len() < size(sealed)),
            "nothing was compressed"
        );
    }

    #[test]
    fn a_large_row_stands_alone_below_four_kib() {
        let mut large = row(&"k".repeat(1039), "");
        // What cannot be compressed.
        large.row = (0..crate::entry::PIECE as u32 + 17)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        let rows = vec![row("a", "small"), large, row("z", "small")];
        let sealed = pack(b"", &rows);
        assert_eq!(unpack(&sealed), rows);
        assert!(sealed.iter().all(|(_, value)| value.len() <= 4096));
    }

    #[test]
    fn every_flipped_bit_is_noticed_and_so_is_another_fence() {
        let (fence, value) = pack(b"f", &many(5, |n| format!("f{n}"))).remove(0);
        for bit in 0..value.len() * 8 {
            let mut bad = value.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Block::open(&fence, &bad.into()).is_err(), "bit {bit}");
        }
        assert!(Block::open(b"e", &value.into()).is_err());
    }
}
