//! Leaves out of replayed commits what volumes hold already.
//!
//! The marks of closed streams stay: whatever an older state still has of such a stream leaves it by its mark.

use super::shelf::Archive;
use crate::error::ReadError;
use crate::types::{Commit, StreamId};
use std::collections::HashMap;

/// Answers remembered before it begins anew.
const REMEMBERED: usize = 65_536;

pub(crate) struct Filter<'a> {
    archive: &'a Archive,
    known: HashMap<StreamId, bool>,
}

impl<'a> Filter<'a> {
    pub(crate) fn new(archive: &'a Archive) -> Self {
        Self {
            archive,
            known: HashMap::new(),
        }
    }

    pub(crate) fn holds(&mut self, stream: StreamId) -> Result<bool, ReadError> {
        if let Some(held) = self.known.get(&stream) {
            return Ok(*held);
        }
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        let held = self.archive.holds(stream)?;
        self.known.insert(stream, held);
        Ok(held)
    }

    pub(crate) fn commit(&mut self, mut commit: Commit) -> Result<Commit, ReadError> {
        let mut kept = Vec::with_capacity(commit.appends.len());
        for append in commit.appends {
            if !self.holds(append.stream)? {
                kept.push(append);
            }
        }
        commit.appends = kept;
        Ok(commit)
    }
}
