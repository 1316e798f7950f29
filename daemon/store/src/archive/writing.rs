//! Writing a volume: streams in the order of their ids, then the index; durable, name and all, when `finish` returns.

use super::format::{BLOCK, ENTRY, Entry, Footer, PageHead, crc, header};
use crate::error::IoFault;
use crate::io::{Disk, DiskFile, Mode};
use crate::types::{Position, StreamId};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;

/// A page is closed beyond this.
const PAGE_BYTES: usize = 64 << 10;
/// Bytes collected before they are written.
const WRITE_BYTES: usize = 1 << 20;

pub(crate) struct Writer {
    file: Arc<dyn DiskFile>,
    temporary: PathBuf,
    database: Uuid,
    digest: Sha256,
    /// Written and in the buffer.
    pub(crate) bytes: u64,
    buffer: Vec<u8>,
    page: Vec<u8>,
    page_first: u64,
    /// Last `seq` of the stream so far.
    end: u64,
    index: Vec<Entry>,
}

impl Writer {
    /// Begins a volume under a temporary name; an older one of that name is overwritten.
    pub(crate) fn create(disk: &dyn Disk, path: &Path, database: Uuid, number: u64) -> Result<Self, IoFault> {
        let temporary = path.with_extension("new");
        let file = disk
            .open(&temporary, Mode::Create)
            .map_err(|e| IoFault::new("create", &temporary, e))?;
        let mut writer = Self {
            file,
            temporary,
            database,
            digest: Sha256::new(),
            bytes: 0,
            buffer: Vec::new(),
            page: Vec::new(),
            page_first: 0,
            end: 0,
            index: Vec::new(),
        };
        writer.put(&header(database, number))?;
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), IoFault> {
        self.digest.update(bytes);
        self.buffer.extend_from_slice(bytes);
        self.bytes += bytes.len() as u64;
        if self.buffer.len() >= WRITE_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), IoFault> {
        let from = self.bytes - self.buffer.len() as u64;
        self.file
            .write_at(&self.buffer, from)
            .map_err(|e| IoFault::new("write", &self.temporary, e))?;
        self.buffer.clear();
        Ok(())
    }

    /// Begins a stream; its id is higher than the one before.
    pub(crate) fn begin(&mut self, stream: StreamId, closed: Position) {
        self.end = 0;
        self.index.push(Entry {
            stream,
            offset: self.bytes,
            bytes: 0,
            end: 0,
            closed,
        });
    }

    /// The next records of the stream, as the state keeps them: their count, then each behind its length.
    pub(crate) fn run(&mut self, at: Position, payload: &[u8]) -> Result<(), IoFault> {
        let records = payload
            .first_chunk()
            .map_or(0, |n| u64::from(u32::from_le_bytes(*n)));
        if self.page.is_empty() {
            self.page_first = self.end + 1;
        }
        self.page.extend_from_slice(&at.0.to_le_bytes());
        self.page.extend_from_slice(payload);
        self.end += records;
        if self.page.len() >= PAGE_BYTES {
            self.close_page()?;
        }
        Ok(())
    }

    fn close_page(&mut self) -> Result<(), IoFault> {
        let page = std::mem::take(&mut self.page);
        let Some(entry) = self.index.last().filter(|_| !page.is_empty()) else {
            return Ok(());
        };
        let head = PageHead::encode(entry.stream, self.page_first, self.end, &page, self.database);
        self.put(&head)?;
        self.put(&page)
    }

    /// Ends the stream; answers its last `seq`.
    pub(crate) fn end(&mut self) -> Result<u64, IoFault> {
        self.close_page()?;
        let (bytes, end) = (self.bytes, self.end);
        if let Some(entry) = self.index.last_mut() {
            (entry.bytes, entry.end) = (bytes - entry.offset, end);
        }
        Ok(end)
    }

    /// Takes back the stream that was begun last and has no records.
    pub(crate) fn forget(&mut self) {
        self.index.pop();
    }

    /// Has it no streams?
    pub(crate) fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Writes the index, makes the file durable and gives it its name.
    pub(crate) fn finish(mut self, disk: &dyn Disk, path: &Path) -> Result<(), IoFault> {
        let index_at = self.bytes;
        let index = std::mem::take(&mut self.index);
        let mut fences = Vec::new();
        for block in index.chunks(BLOCK) {
            let mut out = Vec::with_capacity(BLOCK * ENTRY);
            block.iter().for_each(|entry| entry.encode(&mut out));
            out.extend_from_slice(&crc(self.database, &[&out]));
            fences.extend_from_slice(&block[0].stream.0);
            self.put(&out)?;
        }
        let fences_at = self.bytes;
        fences.extend_from_slice(&crc(self.database, &[&fences]));
        self.put(&fences)?;
        let none = StreamId([0; 16]);
        let footer = Footer {
            index_at,
            entries: index.len() as u64,
            fences_at,
            first: index.first().map_or(none, |entry| entry.stream),
            last: index.last().map_or(none, |entry| entry.stream),
            digest: self.digest.clone().finalize().into(),
        };
        self.put(&footer.encode(self.database))?;
        self.flush()?;
        let temporary = &self.temporary;
        self.file.sync().map_err(|e| IoFault::new("sync", temporary, e))?;
        disk.rename(temporary, path)
            .map_err(|e| IoFault::new("rename", path, e))?;
        let dir = path.parent().unwrap_or(Path::new("."));
        disk.sync_dir(dir).map_err(|e| IoFault::new("sync", dir, e))
    }
}
