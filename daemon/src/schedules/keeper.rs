//! The keeper: one task that knows every schedule, sleeps until the next due time and starts what is due.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use dirigent_protocol::entity::{Kind, WorkflowExecution};
use dirigent_protocol::id::{EntityId, RunId};
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::book::{Book, BookError, Kept};
use super::dues::due;
use super::start::start;
use super::wish::{Schedules, Wish};
use crate::clock::Clock;
use crate::records::{RecordError, Records};
use crate::runtime::{BusNews, RuntimeHandle};
use crate::spawn::Supervisor;

/// Longest single wait, so that a clock that jumps is noticed.
const PIECE: Duration = Duration::from_secs(1);
/// After something that did not work.
const AGAIN: Duration = Duration::from_secs(1);

/// See the module header.
pub(super) struct Keeper {
    pub(super) book: Book,
    pub(super) kept: HashMap<EntityId, Kept>,
    /// By due time.
    planned: BTreeSet<(Timestamp, EntityId)>,
    /// Schedules that wait for the end of a run.
    after: BTreeSet<EntityId>,
}

/// Reads the schedules and keeps them until the supervisor stops. None where the runtime has given its news away.
///
/// # Errors
/// The store did not answer.
pub async fn open(
    records: Records,
    runtime: RuntimeHandle,
    clock: Clock,
    tasks: &Supervisor,
) -> Result<Option<Schedules>, RecordError> {
    let Some(news) = runtime.bus_news() else {
        return Ok(None);
    };
    let (wishes, asked) = unbounded_channel();
    let mut keeper = Keeper {
        book: Book {
            records,
            runtime,
            clock,
        },
        kept: HashMap::new(),
        planned: BTreeSet::new(),
        after: BTreeSet::new(),
    };
    for id in keeper.book.candidates()? {
        keeper.sync(id).await;
    }
    tasks.spawn_until_stop("schedules", keeper.serve(news, asked));
    Ok(Some(Schedules { wishes }))
}

impl Keeper {
    async fn serve(mut self, mut news: UnboundedReceiver<BusNews>, mut asked: UnboundedReceiver<Wish>) {
        loop {
            Box::pin(self.start_due()).await;
            for id in self.behind() {
                Box::pin(self.catch_up(id)).await;
            }
            let rest = self.rest();
            tokio::select! {
                biased;
                Some(wish) = asked.recv() => Box::pin(self.grant(wish)).await,
                Some(told) = news.recv() => Box::pin(self.told(told)).await,
                () = tokio::time::sleep(rest) => {}
            }
        }
    }

    async fn told(&mut self, news: BusNews) {
        match news {
            BusNews::Workflow(id) => Box::pin(self.sync(id)).await,
            BusNews::Heard(heard) => Box::pin(self.heard(heard)).await,
        }
    }

    /// Takes a workflow's newest version over.
    async fn sync(&mut self, id: EntityId) {
        match Box::pin(self.book.sync(id)).await {
            Ok(Some(kept)) => drop(self.kept.insert(id, kept)),
            Ok(None) => drop(self.kept.remove(&id)),
            Err(error) => {
                tracing::warn!(workflow = %id, %error, "the schedule of a workflow could not be taken over");
            }
        }
        self.plan(id);
    }

    /// Notes when a schedule is due next.
    pub(super) fn plan(&mut self, id: EntityId) {
        self.planned.retain(|(_, of)| *of != id);
        self.after.remove(&id);
        let Some(kept) = self.kept.get(&id).filter(|kept| !kept.body.paused) else {
            return;
        };
        let Some(schedule) = kept.workflow.schedule() else {
            return;
        };
        let (done, since) = marks(kept);
        if let Some(next) = schedule.next(done, since) {
            self.planned.insert((next, id));
        }
        if schedule.after().is_some() {
            self.after.insert(id);
        }
    }

    /// Schedules whose events wait.
    fn behind(&self) -> Vec<EntityId> {
        let waits = self.kept.iter().filter(|(_, kept)| !kept.backlog.is_empty());
        let mut behind: Vec<EntityId> = waits.map(|(id, _)| *id).collect();
        behind.sort_unstable();
        behind
    }

    fn rest(&self) -> Duration {
        let now = (self.book.clock)();
        let idle = if self.after.is_empty() && self.planned.is_empty() && self.behind().is_empty() {
            Duration::from_secs(3_600)
        } else {
            PIECE
        };
        match self.planned.first() {
            Some((due, _)) => Duration::try_from(due.duration_since(now))
                .unwrap_or_default()
                .clamp(Duration::from_millis(1), idle),
            None => idle,
        }
    }

    async fn start_due(&mut self) {
        let now = (self.book.clock)();
        while let Some((due, id)) = self.planned.first().copied()
            && due <= now
        {
            self.planned.pop_first();
            if let Err(error) = Box::pin(self.due(id, now)).await {
                tracing::warn!(schedule = %id, %error, "what was due could not be noted; it is tried again");
                let again = now.checked_add(AGAIN).unwrap_or(Timestamp::MAX);
                self.planned.insert((again, id));
            }
        }
        for id in self.after.clone() {
            if let Err(error) = Box::pin(self.follow(id, now)).await {
                tracing::warn!(schedule = %id, %error, "what was due could not be noted; it is tried again");
            }
        }
    }

    /// Starts what is due of a schedule.
    async fn due(&mut self, id: EntityId, now: Timestamp) -> Result<(), BookError> {
        let Some(mut kept) = self.kept.remove(&id) else {
            return Ok(());
        };
        let done = Box::pin(self.start_all(&mut kept, now)).await;
        self.kept.insert(id, kept);
        match done {
            Ok(true) => self.plan(id),
            Ok(false) => {
                let again = now.checked_add(AGAIN).unwrap_or(Timestamp::MAX);
                self.planned.insert((again, id));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Whether all of it was dealt with.
    async fn start_all(&self, kept: &mut Kept, now: Timestamp) -> Result<bool, BookError> {
        let workflow = Arc::clone(&kept.workflow);
        let Some(schedule) = workflow.schedule() else {
            return Ok(true);
        };
        let (done, since) = marks(kept);
        let dues = due(schedule, done, since, now);
        let input = schedule.rules.input.clone().unwrap_or_else(|| json!({}));
        // Counted with the write that deals with them: what has to be tried again is not counted twice.
        let mut left_out = dues.left_out;
        for at in dues.start {
            let so = |kept: &mut Kept| {
                kept.body.left_out += left_out;
                kept.body.last_due = Some(at);
            };
            if !Box::pin(start(&self.book, kept, &at.to_string(), input.clone(), so)).await? {
                return Ok(false);
            }
            left_out = 0;
        }
        if kept.body.last_due < dues.last {
            let so = |kept: &mut Kept| {
                kept.body.left_out += left_out;
                kept.body.last_due = dues.last;
            };
            self.book.change(kept, so).await?;
        }
        Ok(true)
    }

    /// `after`: the next run once the one before is over and the pause has passed.
    async fn follow(&mut self, id: EntityId, now: Timestamp) -> Result<(), BookError> {
        let Some(mut kept) = self.kept.remove(&id) else {
            return Ok(());
        };
        let done = Box::pin(self.start_next(&mut kept, now)).await;
        self.kept.insert(id, kept);
        done
    }

    async fn start_next(&self, kept: &mut Kept, now: Timestamp) -> Result<(), BookError> {
        let workflow = Arc::clone(&kept.workflow);
        let Some(schedule) = workflow.schedule() else {
            return Ok(());
        };
        let Some(after) = schedule.after() else {
            return Ok(());
        };
        let (_, since) = marks(kept);
        let from = match kept.body.last_run {
            None => since,
            Some(run) => match self.ended(run)? {
                Some(ended) => ended.max(since),
                None => return Ok(()),
            },
        };
        let from = kept.body.last_due.map_or(from, |last| from.max(last));
        let Ok(due) = from.checked_add(after) else {
            return Ok(());
        };
        if due > now {
            if kept.body.next_due != Some(due) && schedule.next(now, since).is_none() {
                kept.body.next_due = Some(due);
            }
            return Ok(());
        }
        let input = schedule.rules.input.clone().unwrap_or_else(|| json!({}));
        let so = |kept: &mut Kept| kept.body.last_due = Some(due);
        Box::pin(start(&self.book, kept, &format!("after:{due}"), input, so)).await?;
        Ok(())
    }

    /// When a run ended; none while it is not over.
    fn ended(&self, run: EntityId) -> Result<Option<Timestamp>, BookError> {
        if self.book.runtime.is_unfinished(RunId::from(run)) {
            return Ok(None);
        }
        let found = self.book.records.get(Kind::WorkflowExecution, run)?;
        let execution = found.and_then(|stored| stored.document.body::<WorkflowExecution>().ok());
        Ok(Some(
            execution
                .and_then(|execution| execution.ended_at)
                .unwrap_or(Timestamp::UNIX_EPOCH),
        ))
    }
}

/// The newest due time that was dealt with, and when the schedule began.
fn marks(kept: &Kept) -> (Timestamp, Timestamp) {
    let since = kept.body.since.unwrap_or(Timestamp::UNIX_EPOCH);
    (kept.body.last_due.map_or(since, |last| last.max(since)), since)
}
