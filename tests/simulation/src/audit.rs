//! What must hold of the commits in their order: read from the feed whenever the store was opened, each commit once.

use std::sync::Arc;

use dirigent_daemon::records::decode_event;
use dirigent_protocol::id::RunId;
use dirigent_protocol::run::RunEvent;
use dirigent_store::Commit;
use uuid::Uuid;

use crate::bus::Bus;
use crate::children::Children;
use crate::dues::Dues;
use crate::library::Library;
use crate::must;
use crate::standing::Standing;
use crate::turns::Turns;
use crate::undone::Undone;

pub(crate) struct Audit {
    seen: u64,
    bus: Bus,
    standing: Standing,
    dues: Dues,
    undone: Undone,
    children: Children,
    turns: Turns,
}

impl Audit {
    pub(crate) fn new(library: &Library) -> Self {
        Self {
            seen: 0,
            bus: Bus::new(&library.definitions()),
            standing: Standing::default(),
            dues: Dues::new(library),
            undone: Undone::default(),
            children: Children::default(),
            turns: Turns::new(&library.definitions()),
        }
    }

    /// The next commit; one that was seen before changes nothing.
    pub(crate) fn commit(&mut self, commit: &Commit) -> Result<(), String> {
        let position = commit.position.0;
        if position <= self.seen {
            return Ok(());
        }
        must(position == self.seen + 1, || {
            format!("{position} follows {}", self.seen)
        })?;
        self.seen = position;
        let mut events = Vec::new();
        for append in &commit.appends {
            let run = RunId(Uuid::from_bytes(append.stream.0));
            for record in &append.records {
                let event = decode_event(record).map_err(|e| e.to_string())?;
                events.push((run, Arc::new(event)));
            }
        }
        let checked = self.look(commit, &events);
        checked.map_err(|what| format!("commit {position}: {what}"))
    }

    /// What must be so once every run is over.
    pub(crate) fn end(&self) -> Result<(), String> {
        self.undone.all_undone()
    }

    fn look(&mut self, commit: &Commit, events: &[(RunId, Arc<RunEvent>)]) -> Result<(), String> {
        self.bus.commit(commit, events)?;
        self.standing.commit(commit, events)?;
        self.dues.commit(commit, &self.bus)?;
        self.undone.commit(events)?;
        self.turns.commit(commit, events)?;
        self.children.commit(commit, events)
    }
}
