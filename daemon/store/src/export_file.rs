//! Blocks of an export file: kind, length, CRC32C, payload; the last one carries the SHA-256 of all before it.

use crate::error::{DamageKind, ExportError, IoFault};
use crate::io::{Disk, DiskFile, Mode};
use crate::segment::damage;
use crate::types::Position;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const MAGIC: &[u8; 8] = b"DIREXPT1";
const LARGEST: u32 = 80 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    Header,
    Rows,
    Commits,
    Blob,
    /// Which volumes of the archive belong to the rows.
    Volumes,
    /// A part of a volume.
    Volume,
    /// What the addresses of blobs are made with.
    Key,
    Trailer,
}

const KINDS: [(u8, Block); 8] = [
    (b'H', Block::Header),
    (b'R', Block::Rows),
    (b'C', Block::Commits),
    (b'B', Block::Blob),
    (b'V', Block::Volumes),
    (b'A', Block::Volume),
    (b'K', Block::Key),
    (b'T', Block::Trailer),
];

/// A file that grows at its end.
struct Growing {
    file: Arc<dyn DiskFile>,
    end: u64,
}

impl Write for Growing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write_at(bytes, self.end)?;
        self.end += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Bytes of one write.
const BUFFER: usize = 256 << 10;

pub(crate) struct Writer {
    out: BufWriter<Growing>,
    path: PathBuf,
    digest: Sha256,
}

impl Writer {
    pub(crate) fn create(disk: &dyn Disk, path: &Path) -> Result<Self, ExportError> {
        let opened = disk.open(path, Mode::Create);
        let file = opened.map_err(|e| IoFault::new("create", path, e))?;
        let mut writer = Self {
            out: BufWriter::with_capacity(BUFFER, Growing { file, end: 0 }),
            path: path.to_owned(),
            digest: Sha256::new(),
        };
        writer.write(MAGIC)?;
        Ok(writer)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        self.digest.update(bytes);
        self.out
            .write_all(bytes)
            .map_err(|e| IoFault::new("write", &self.path, e).into())
    }

    pub(crate) fn block(&mut self, kind: Block, payload: &[u8]) -> Result<(), ExportError> {
        let letter = KINDS
            .iter()
            .find(|(_, k)| *k == kind)
            .map_or(0, |(letter, _)| *letter);
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes();
        let crc = crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(&[letter]), &length), payload);
        self.write(&[letter])?;
        self.write(&length)?;
        self.write(&crc.to_le_bytes())?;
        self.write(payload)
    }

    /// Writes the trailer and makes the file durable.
    pub(crate) fn finish(mut self, position: Position, rows: u64) -> Result<(), ExportError> {
        let digest: [u8; 32] = self.digest.clone().finalize().into();
        let mut trailer = position.0.to_le_bytes().to_vec();
        trailer.extend_from_slice(&rows.to_le_bytes());
        trailer.extend_from_slice(&digest);
        self.block(Block::Trailer, &trailer)?;
        let synced = self.out.flush().and_then(|()| self.out.get_ref().file.sync());
        synced.map_err(|e| IoFault::new("sync", &self.path, e).into())
    }
}

pub(crate) struct Reader {
    from: BufReader<File>,
    path: PathBuf,
    digest: Sha256,
    /// Offset of the next block.
    pub(crate) at: u64,
}

impl Reader {
    pub(crate) fn open(path: &Path) -> Result<Self, ExportError> {
        let file = File::open(path).map_err(|e| IoFault::new("open", path, e))?;
        let mut reader = Self {
            from: BufReader::new(file),
            path: path.to_owned(),
            digest: Sha256::new(),
            at: 0,
        };
        if reader.take(MAGIC.len())? != MAGIC[..] {
            return Err(damage(path, 0, DamageKind::Header).into());
        }
        Ok(reader)
    }

    fn take(&mut self, n: usize) -> Result<Bytes, ExportError> {
        let mut bytes = vec![0; n];
        self.from.read_exact(&mut bytes).map_err(|e| match e.kind() {
            std::io::ErrorKind::UnexpectedEof => {
                ExportError::Damaged(damage(&self.path, self.at, DamageKind::Short))
            }
            _ => IoFault::new("read", &self.path, e).into(),
        })?;
        self.at += n as u64;
        self.digest.update(&bytes);
        Ok(bytes.into())
    }

    /// The next block; after the trailer there is nothing.
    pub(crate) fn block(&mut self) -> Result<(Block, Bytes), ExportError> {
        let (start, before) = (self.at, self.digest.clone());
        let bad = |what| ExportError::Damaged(damage(&self.path, start, what));
        let (short, contents, frame) = (
            bad(DamageKind::Short),
            bad(DamageKind::Contents),
            bad(DamageKind::Frame),
        );
        let digest_wrong = bad(DamageKind::Digest);
        let head = self.take(9)?;
        let length = head[1..5].first_chunk().map_or(0, |b| u32::from_le_bytes(*b));
        let Some((_, kind)) = KINDS.iter().find(|(letter, _)| *letter == head[0]) else {
            return Err(contents);
        };
        if length > LARGEST {
            return Err(contents);
        }
        let payload = self.take(length as usize)?;
        if crc32c::crc32c_append(crc32c::crc32c(&head[..5]), &payload).to_le_bytes() != head[5..] {
            return Err(frame);
        }
        if *kind == Block::Trailer {
            let digest: [u8; 32] = before.finalize().into();
            if payload.len() != 48 || payload[16..] != digest {
                return Err(digest_wrong);
            }
            let mut more = [0];
            if self
                .from
                .read(&mut more)
                .map_err(|e| IoFault::new("read", &self.path, e))?
                != 0
            {
                return Err(short);
            }
        }
        Ok((*kind, payload))
    }
}
