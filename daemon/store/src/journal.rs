//! The writing end of the journal: one group, one write, one sync; then the next.
//!
//! Invariant: a group is written only after the one before it is synced, so at most the last group of the newest segment
//! can be torn. After a failed write or sync nothing is written any more, and no sync is repeated.

use crate::catalog::{Catalog, Entry};
use crate::codec;
use crate::error::IoFault;
use crate::frame::{self, HEADER, Kind, Link, Seed};
use crate::io::{Disk, DiskFile};
use crate::layout::Layout;
use crate::meta::FORMAT;
use crate::segment::{self, START, SegmentHeader};
use crate::spare::{Refused, Spares};
use crate::types::{Commit, Identity, Position};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) struct Journal {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) layout: Layout,
    pub(crate) identity: Identity,
    pub(crate) segment_bytes: u64,
    pub(crate) seed: Seed,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) spares: Arc<Spares>,
    pub(crate) active: Active,
    pub(crate) buffer: Vec<u8>,
    /// Is the newest group confirmed?
    pub(crate) confirmed: bool,
}

pub(crate) struct Active {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) path: PathBuf,
    pub(crate) entry: Arc<Entry>,
    pub(crate) end: u64,
    /// Bytes of zeros it was prepared with; a frame beyond them begins the next segment.
    pub(crate) room: u64,
    pub(crate) link: Link,
}

impl Journal {
    /// Appends one group and returns how long the sync took.
    pub(crate) fn append(
        &mut self,
        group: &[Arc<Commit>],
        may_use_reserve: bool,
    ) -> Result<Duration, Refused> {
        let Some(first) = group.first().map(|c| c.position) else {
            return Ok(Duration::ZERO);
        };
        self.buffer.clear();
        self.buffer.resize(HEADER, 0);
        for commit in group {
            codec::encode(commit, &mut self.buffer);
        }
        if self.active.end + frame::room(self.buffer.len() - HEADER) > self.active.room {
            self.rotate(first, may_use_reserve)?;
        }
        let count = u32::try_from(group.len()).unwrap_or(u32::MAX);
        let (epoch, previous) = (self.identity.epoch, self.active.link);
        let link = frame::seal(
            &mut self.buffer,
            self.seed,
            Kind::Group,
            epoch,
            first,
            count,
            &previous,
        );
        let took = self.write_and_sync()?;
        self.active.end += self.buffer.len() as u64;
        self.active.link = link;
        self.active.entry.publish(self.active.end);
        self.confirmed = false;
        Ok(took)
    }

    fn write_and_sync(&mut self) -> Result<Duration, Refused> {
        let broken = |op, e| Refused::Broken {
            fault: IoFault::new(op, &self.active.path, e),
            written: true,
        };
        self.active
            .file
            .write_at(&self.buffer, self.active.end)
            .map_err(|e| broken("write", e))?;
        let started = Instant::now();
        self.active.file.sync().map_err(|e| broken("sync", e))?;
        Ok(started.elapsed())
    }

    /// Writes the confirmation that the newest group was acknowledged. The next group takes its place.
    pub(crate) fn confirm(&mut self, next: Position) -> Result<(), Refused> {
        if self.confirmed || self.active.end + frame::room(0) > self.active.room {
            return Ok(());
        }
        self.buffer.clear();
        self.buffer.resize(HEADER, 0);
        frame::seal(
            &mut self.buffer,
            self.seed,
            Kind::Confirm,
            self.identity.epoch,
            next,
            0,
            &self.active.link,
        );
        self.write_and_sync()?;
        self.confirmed = true;
        Ok(())
    }

    fn rotate(&mut self, first: Position, may_use_reserve: bool) -> Result<(), Refused> {
        let spare = self.spares.take(may_use_reserve)?;
        let number = self.active.entry.number + 1;
        let header = SegmentHeader {
            format: FORMAT,
            database: self.identity.database,
            incarnation: self.identity.incarnation,
            number,
            epoch: self.identity.epoch,
            first,
            previous_end: self.active.end,
            previous: self.active.link,
        };
        let path = self.layout.segment(number);
        let file =
            segment::activate(&*self.disk, &spare, &path, &header).map_err(|fault| Refused::Broken {
                fault,
                written: false,
            })?;
        self.spares.taken();
        let entry = Arc::new(Entry::new(number, path.clone(), first, START));
        self.catalog.push(entry.clone());
        self.active = Active {
            file,
            path,
            entry,
            end: START,
            room: self.segment_bytes,
            link: self.active.link,
        };
        Ok(())
    }
}
