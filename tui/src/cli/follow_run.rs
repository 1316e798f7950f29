//! Waiting for a run: its events as they come, its approvals, its end.
//!
//! The watch only rings; events are read page by page by their numbers. Invariant: every event is handed on once, in
//! order, also over broken connections and restarts of the daemon.

use std::collections::BTreeSet;

use dirigent_protocol::entity::{Document, Kind, WorkflowApproval};
use dirigent_protocol::fault::Fault;
use dirigent_protocol::filter::Filter;
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::query::{ListQuery, Query, QueryReply};
use dirigent_protocol::run::{RunEvent, Status};
use dirigent_protocol::watch::{
    Change, Cursor, StreamChunk, StreamRequest, WatchFilter, WatchPage, WatchRequest,
};

use super::cx::Cx;
use super::resolve;
use super::run_text::Run;
use crate::link::Caller;
use crate::link::snapshot::unexpected;

/// Events of one page.
const PAGE: u32 = 500;
/// How long a poll waits, milliseconds.
const WAIT_MS: u32 = 25_000;

/// Something to show.
pub enum Seen<'a> {
    /// The next event.
    Event(&'a RunEvent),
    /// The next live text.
    Live(Vec<StreamChunk>),
    /// A person is asked.
    Asks(EntityId, &'a WorkflowApproval),
}

/// What is wanted of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted {
    /// Its events.
    pub events: bool,
    /// Its live text.
    pub live: bool,
    /// Stop when it waits for a person and for nothing else.
    pub stop_for_person: bool,
}

/// How the waiting ended.
pub enum Ending {
    /// The run ended.
    Over(Box<Run>),
    /// It waits for a person.
    NeedsPerson(Box<Run>, Box<(EntityId, WorkflowApproval)>),
    /// Nobody reads any more.
    Unread,
}

/// Where the feed of changes stands now.
///
/// # Errors
/// The daemon's fault, or it cannot be reached.
pub async fn cursor_now(cx: &mut Cx) -> Result<Cursor, Fault> {
    let request = WatchRequest {
        cursor: None,
        filter: WatchFilter::default(),
        max: 1,
        wait_ms: 0,
    };
    Ok(cx.caller()?.watch(request).await?.next)
}

/// Reads events page by page as long as somebody reads them.
///
/// # Errors
/// No such run, or the daemon stays away.
pub async fn read_all(
    cx: &mut Cx,
    run: RunId,
    mut after: u64,
    most: u64,
    show: &mut dyn FnMut(&mut Cx, &RunEvent),
) -> Result<(), Fault> {
    let mut left = most;
    while left > 0 && cx.out.is_open() {
        let limit = PAGE.min(u32::try_from(left).unwrap_or(PAGE));
        let QueryReply::Events { events, last } = cx.query(Query::RunEvents { run, after, limit }).await?
        else {
            return Err(unexpected("events"));
        };
        for event in &events {
            after = event.seq;
            show(cx, event);
        }
        left = left.saturating_sub(events.len() as u64);
        if events.is_empty() || after >= last {
            break;
        }
    }
    Ok(())
}

/// Waits for a run from a cursor taken before it was looked at.
///
/// # Errors
/// The daemon's fault, or it stayed away.
pub async fn follow(
    cx: &mut Cx,
    run: RunId,
    cursor: Cursor,
    wanted: Wanted,
    show: &mut dyn FnMut(&mut Cx, Seen<'_>),
) -> Result<Ending, Fault> {
    let mut live = match wanted.live {
        true => Some(Live {
            caller: cx.another_caller()?,
            after: 0,
        }),
        false => None,
    };
    let mut following = Following {
        run,
        after: 0,
        asked: BTreeSet::new(),
        cursor,
    };
    let mut rung = false;
    loop {
        // The document first: events behind its end do not exist.
        let document = resolve::document(cx, Kind::WorkflowExecution, &run.to_string()).await?;
        let now = Run::read(&document)?;
        let over = now.body.status.is_final();
        // What was written last comes before the events that end it. A run that was over before has all in its events.
        if over
            && rung
            && let Some(live) = &mut live
        {
            live.rest(cx, run, show).await;
        }
        if wanted.events {
            following.events(cx, show).await?;
        }
        let pending = if over {
            Vec::new()
        } else {
            following.approvals(cx).await?
        };
        for (id, approval) in &pending {
            if following.asked.insert(*id) {
                show(cx, Seen::Asks(*id, approval));
            }
        }
        if over {
            return Ok(Ending::Over(Box::new(now)));
        }
        if !cx.out.is_open() && wanted.events {
            return Ok(Ending::Unread);
        }
        if wanted.stop_for_person
            && now.body.status == Status::Waiting
            && let Some(first) = pending.into_iter().next()
        {
            return Ok(Ending::NeedsPerson(Box::new(now), Box::new(first)));
        }
        following.ring(cx, live.as_mut(), show).await?;
        rung = true;
    }
}

struct Following {
    run: RunId,
    after: u64,
    asked: BTreeSet<EntityId>,
    cursor: Cursor,
}

impl Following {
    async fn events(&mut self, cx: &mut Cx, show: &mut dyn FnMut(&mut Cx, Seen<'_>)) -> Result<(), Fault> {
        loop {
            let query = Query::RunEvents {
                run: self.run,
                after: self.after,
                limit: PAGE,
            };
            let QueryReply::Events { events, last } = cx.query(query).await? else {
                return Err(unexpected("events"));
            };
            let empty = events.is_empty();
            for event in &events {
                self.after = event.seq;
                show(cx, Seen::Event(event));
            }
            if empty || self.after >= last {
                return Ok(());
            }
        }
    }

    async fn approvals(&self, cx: &mut Cx) -> Result<Vec<(EntityId, WorkflowApproval)>, Fault> {
        let mine = Filter::eq("run", self.run.to_string());
        let filter = Filter::And(vec![mine, Filter::eq("status", "pending")]);
        let list = ListQuery {
            filter: Some(filter),
            limit: 100,
            ..ListQuery::of(Kind::WorkflowApproval)
        };
        let QueryReply::Page { items, .. } = cx.query(Query::List(list)).await? else {
            return Err(unexpected("a list"));
        };
        let read = |item: &Document| Some((item.metadata.id, item.body().ok()?));
        Ok(items.iter().filter_map(read).collect())
    }

    /// Waits until something about the run changed; live text meanwhile is handed on.
    async fn ring(
        &mut self,
        cx: &mut Cx,
        mut live: Option<&mut Live>,
        show: &mut dyn FnMut(&mut Cx, Seen<'_>),
    ) -> Result<(), Fault> {
        loop {
            let request = WatchRequest {
                cursor: Some(self.cursor.clone()),
                filter: WatchFilter {
                    kinds: vec![Kind::WorkflowExecution, Kind::WorkflowApproval],
                    runs: vec![self.run],
                    ..WatchFilter::default()
                },
                max: PAGE,
                wait_ms: WAIT_MS,
            };
            let rung = {
                let watch = cx.caller()?.watch(request);
                match live.as_deref_mut() {
                    None => Rung::Page(watch.await?),
                    Some(live) => tokio::select! {
                        biased;
                        page = watch => Rung::Page(page?),
                        chunks = live.next(self.run) => Rung::Text(chunks),
                    },
                }
            };
            match rung {
                Rung::Page(page) => {
                    self.cursor = page.next;
                    if page.resync.is_some() || page.changes.iter().any(|change| self.concerns(change)) {
                        return Ok(());
                    }
                }
                Rung::Text(texts) if texts.is_empty() => {}
                Rung::Text(texts) => show(cx, Seen::Live(texts)),
            }
        }
    }

    fn concerns(&self, change: &Change) -> bool {
        match change {
            Change::Run { run, .. } => *run == self.run,
            Change::Put(document) => {
                RunId::from(document.metadata.id) == self.run
                    || document.field("run").and_then(|v| v.as_str()?.parse().ok()) == Some(self.run)
            }
            Change::Gone { id, .. } => RunId::from(*id) == self.run,
            Change::Event(_) => false,
        }
    }
}

/// What came first.
enum Rung {
    Page(WatchPage),
    Text(Vec<StreamChunk>),
}

struct Live {
    caller: Caller,
    after: u64,
}

impl Live {
    async fn next(&mut self, run: RunId) -> Vec<StreamChunk> {
        let request = StreamRequest {
            run,
            after: self.after,
            wait_ms: WAIT_MS,
        };
        match self.caller.stream(request).await {
            Ok(page) => {
                self.after = page.last;
                page.chunks
            }
            // Live text is a courtesy: without it the events still tell everything.
            Err(_) => std::future::pending().await,
        }
    }

    async fn rest(&mut self, cx: &mut Cx, run: RunId, show: &mut dyn FnMut(&mut Cx, Seen<'_>)) {
        let request = StreamRequest {
            run,
            after: self.after,
            wait_ms: 0,
        };
        if let Ok(page) = self.caller.stream(request).await
            && !page.chunks.is_empty()
        {
            show(cx, Seen::Live(page.chunks));
        }
    }
}
