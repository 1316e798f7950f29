//! What the link makes of each answer: news for the client, the next question for the daemon.

use dirigent_protocol::command::CommandReply;
use dirigent_protocol::entity::{Document, Kind};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::id::{EntityId, RequestId, RunId};
use dirigent_protocol::query::DaemonStatus;
use dirigent_protocol::run::RunEvent;
use dirigent_protocol::watch::{Change, Cursor, StreamPage, WatchPage};
use dirigent_rpc::CallError;

use super::follow::Step;
use super::session::{Heard, Session};
use super::worker::{Closed, Over, Worker};
use crate::model::News;

impl Worker {
    /// Takes one answer in; with a snapshot comes the cursor to watch from.
    pub(super) fn heard(&mut self, heard: Heard, session: &Session) -> Result<Option<Cursor>, Over> {
        match heard {
            Heard::Snapshot(result) => {
                let (cursor, documents) = result.map_err(broken)?;
                self.tell(News::Snapshot(documents))?;
                return Ok(Some(cursor));
            }
            Heard::Health(result) => self.health(result.map_err(broken)?, session)?,
            Heard::Silent(silence) => {
                let what = format!("nothing has come from the daemon for {} s", silence.as_secs());
                let fault = Fault::new(Code::Unreachable, what)
                    .help("the link or the daemon hangs; it is tried anew");
                return Err(Over::Broken(fault));
            }
            Heard::Graph(run, result) => match result {
                Ok(graph) if self.follows.contains_key(&run) => self.tell(News::Graph { run, graph })?,
                Ok(_) | Err(CallError::Fault(_)) => {}
                Err(error @ CallError::Lost(_)) => return Err(broken(error)),
            },
            Heard::Looked(topic, query, result) => {
                let result = match result {
                    Ok(reply) => Ok(reply),
                    Err(CallError::Fault(fault)) => Err(Box::new(fault)),
                    Err(error @ CallError::Lost(_)) => return Err(broken(error)),
                };
                self.tell(News::Looked { topic, query, result })?;
            }
            Heard::Events(run, result) => self.events(run, result, session)?,
            Heard::Stream((run, wish), result) => self.streamed(run, wish, result, session)?,
            Heard::Answer(request, result) => self.answer(request, result, session)?,
        }
        Ok(None)
    }

    fn health(&mut self, health: Box<DaemonStatus>, session: &Session) -> Result<(), Closed> {
        let pid = health.pid;
        self.tell(News::Health(health))?;
        session.health(false);
        if self.daemon.replace(pid) != Some(pid) {
            self.follows
                .values_mut()
                .for_each(|follow| follow.stream_after = 0);
        }
        if std::mem::take(&mut self.resuming) {
            self.follows
                .iter_mut()
                .for_each(|(run, follow)| session.begin(*run, follow));
        }
        Ok(())
    }

    fn events(
        &mut self,
        run: RunId,
        result: Result<(Vec<RunEvent>, u64), CallError>,
        session: &Session,
    ) -> Result<(), Over> {
        match result {
            Ok((events, last)) => {
                if let Some(follow) = self.follows.get_mut(&run) {
                    let step = follow.page(events, last);
                    self.step(run, step, session)?;
                }
            }
            Err(CallError::Fault(fault)) => {
                let what = format!("events of run {}", run.short());
                self.tell(News::Done {
                    what,
                    result: Err(Box::new(fault)),
                })?;
            }
            Err(error @ CallError::Lost(_)) => return Err(broken(error)),
        }
        Ok(())
    }

    fn streamed(
        &mut self,
        run: RunId,
        wish: u64,
        result: Result<StreamPage, CallError>,
        session: &Session,
    ) -> Result<(), Over> {
        let page = match result {
            Ok(page) => page,
            // A run without live text is nothing to speak of.
            Err(CallError::Fault(_)) => return Ok(()),
            Err(error @ CallError::Lost(_)) => return Err(broken(error)),
        };
        let Some(follow) = self.follows.get_mut(&run).filter(|follow| follow.wish == wish) else {
            return Ok(());
        };
        follow.stream_after = follow.stream_after.max(page.last);
        if !(page.chunks.is_empty() && follow.over) {
            session.stream(run, follow);
        }
        if !page.chunks.is_empty() || page.lost > 0 {
            self.tell(News::Stream {
                run,
                chunks: page.chunks,
                lost: page.lost,
            })?;
        }
        Ok(())
    }

    fn answer(
        &mut self,
        request: RequestId,
        result: Result<CommandReply, CallError>,
        session: &Session,
    ) -> Result<(), Over> {
        let result = match result {
            Ok(reply) => Ok(reply),
            Err(CallError::Fault(fault)) if fault.code == Code::Overloaded => {
                let sent = self.queue.waiting().find(|outgoing| outgoing.request == request);
                sent.into_iter()
                    .for_each(|outgoing| session.send(outgoing, Some(&fault)));
                return Ok(());
            }
            Err(CallError::Fault(fault)) => Err(fault),
            Err(error @ CallError::Lost(_)) => return Err(broken(error)),
        };
        if let Some(news) = self.queue.answered(request, result) {
            self.tell(news)?;
        }
        Ok(())
    }

    /// Takes a page of the watch in; the cursor to go on from, none while a new snapshot is read.
    pub(super) fn watched(
        &mut self,
        page: Result<WatchPage, CallError>,
        session: &Session,
    ) -> Result<Option<Cursor>, Over> {
        let page = match page {
            Ok(page) => page,
            Err(CallError::Fault(fault)) if fault.code == Code::BadCursor => {
                session.snapshot();
                return Ok(None);
            }
            Err(error) => return Err(broken(error)),
        };
        if page.resync.is_some() {
            session.snapshot();
            for (run, follow) in &mut self.follows {
                session.events(*run, follow.resume());
            }
            return Ok(None);
        }
        self.changes(page.changes, session)?;
        Ok(Some(page.next))
    }

    /// Hands changes on in their order, neighbours of one sort together.
    fn changes(&mut self, changes: Vec<Change>, session: &Session) -> Result<(), Closed> {
        let mut put = Vec::new();
        let mut gone = Vec::new();
        for change in changes {
            match change {
                Change::Put(document) => {
                    self.flush_gone(&mut gone)?;
                    put.push(*document);
                }
                Change::Gone { kind, id } => {
                    self.flush_put(&mut put)?;
                    gone.push((kind, id));
                }
                Change::Event(_) => {}
                Change::Run { run, event } => {
                    let Some(follow) = self.follows.get_mut(&run) else {
                        continue;
                    };
                    let step = follow.watched(*event);
                    self.step(run, step, session)?;
                }
            }
        }
        self.flush_put(&mut put)?;
        self.flush_gone(&mut gone)
    }

    fn flush_put(&mut self, put: &mut Vec<Document>) -> Result<(), Closed> {
        if put.is_empty() {
            Ok(())
        } else {
            self.tell(News::Changed(std::mem::take(put)))
        }
    }

    fn flush_gone(&mut self, gone: &mut Vec<(Kind, EntityId)>) -> Result<(), Closed> {
        if gone.is_empty() {
            Ok(())
        } else {
            self.tell(News::Gone(std::mem::take(gone)))
        }
    }

    fn step(&mut self, run: RunId, step: Step, session: &Session) -> Result<(), Closed> {
        if let Some(after) = step.page_after {
            session.events(run, after);
        }
        if step.events.is_empty() {
            return Ok(());
        }
        self.tell(News::RunEvents {
            run,
            restart: step.restart,
            events: step.events,
        })
    }
}

fn broken(error: CallError) -> Over {
    Over::Broken(error.into_fault())
}
