//! News folded into the mirror.

use dirigent_protocol::entity::{ApprovalStatus, Document, Kind};
use dirigent_protocol::fault::Fault;
use dirigent_protocol::id::EntityId;
use dirigent_protocol::query::{Query, QueryReply};
use dirigent_protocol::run::Status;

use super::mirror::{MAX_DECIDED, MAX_ENDED};
use super::outbox::Progress;
use super::{Approval, Cmd, Link, LinkCmd, Model, Named, News, Note, Run, Time, Wish};

impl Model {
    /// Folds one piece of news in; what follows from it comes back.
    pub fn apply(&mut self, news: News, time: Time) -> Vec<Cmd> {
        match news {
            News::Connecting { attempt } => self.connection.attempt = attempt,
            News::Connected(welcome) => {
                self.connection.welcome = Some(*welcome);
                self.connection.link = Link::Stale;
                self.connection.attempt = 0;
            }
            News::Disconnected { fault, retry_at } => {
                self.looks.cut();
                self.connection.lost(*fault, retry_at, time.wall);
            }
            News::Snapshot(documents) => {
                self.looks.changed();
                return self.replace(&documents);
            }
            News::Changed(documents) => {
                self.looks.changed();
                documents.iter().for_each(|document| self.put(document));
                self.trim();
                return self.void_stale();
            }
            News::Gone(gone) => {
                self.looks.changed();
                gone.into_iter().for_each(|(kind, id)| self.remove(kind, id));
                return self.void_stale();
            }
            News::Health(health) => self.health = Some(*health),
            News::RunEvents { run, restart, events } => {
                self.journals.entry(run).or_default().extend(restart, events);
            }
            News::Graph { run, graph } => self.journals.entry(run).or_default().graph = Some(*graph),
            News::Stream { run, chunks, lost } => {
                let journal = self.journals.entry(run).or_default();
                journal.lost = journal.lost.saturating_add(lost);
                chunks.iter().for_each(|chunk| journal.append(chunk, time.mono));
            }
            News::Looked { topic, query, result } => self.looked(topic, &query, result),
            News::Decided { approval, result } => return self.decided(approval, result),
            News::Linked { approval, link } => return self.linked(approval, link),
            News::Granted { wish, result } => {
                let refused = result
                    .as_ref()
                    .err()
                    .map(|fault| Cmd::Note(Note::error(fault.to_string())));
                self.granted.insert(wish, result.map_err(|fault| *fault));
                return refused.into_iter().collect();
            }
            News::Done { what, result } => {
                return vec![Cmd::Note(match result {
                    Ok(()) => Note::info(format!("done: {what}")),
                    Err(fault) => Note::error(format!("{what}: {fault}")),
                })];
            }
        }
        Vec::new()
    }

    /// A wish goes to the link: what is known of an earlier one of its sort is no answer to it.
    pub fn sends(&mut self, command: &LinkCmd, time: Time) {
        let wish = match command {
            LinkCmd::Look { topic, query } => return self.looks.asked(topic, query, time.mono),
            // Its live text comes anew as well, and may come before its events.
            LinkCmd::Follow(run) => {
                if let Some(journal) = self.journals.get_mut(run) {
                    journal.live.clear();
                }
                return;
            }
            LinkCmd::TryOut { agent, .. } => Wish::Try(agent.clone()),
            LinkCmd::Talk { agent } => Wish::Talk(agent.clone()),
            LinkCmd::Tell { run, .. } => Wish::Tell(*run),
            _ => return,
        };
        self.granted.remove(&wish);
    }

    /// Decisions whose grace time is over go to the link. While the line is down they are kept back.
    pub fn tick(&mut self, time: Time) -> Vec<Cmd> {
        if !self.connection.is_live() {
            return Vec::new();
        }
        self.outbox
            .due(time.mono)
            .into_iter()
            .map(|verdict| Cmd::Link(LinkCmd::Decide(verdict)))
            .collect()
    }

    fn replace(&mut self, documents: &[Document]) -> Vec<Cmd> {
        self.runs.clear();
        self.approvals.clear();
        self.named.clear();
        self.counters = super::counters::Counters::default();
        documents.iter().for_each(|document| self.put(document));
        self.trim();
        self.loaded = true;
        self.connection.link = Link::Live;
        self.void_stale()
    }

    fn put(&mut self, document: &Document) {
        match document.kind {
            Kind::WorkflowExecution => {
                if let Some(run) = Run::read(document) {
                    self.put_run(run);
                }
            }
            Kind::WorkflowApproval => {
                if let Some(approval) = Approval::read(document) {
                    let newer = self
                        .approvals
                        .get(&approval.id)
                        .is_none_or(|old| old.revision <= approval.revision);
                    if newer {
                        self.approvals.insert(approval.id, approval);
                    }
                }
            }
            kind => {
                self.named
                    .insert((kind, document.metadata.id), Named::read(document));
            }
        }
    }

    fn put_run(&mut self, run: Run) {
        let before = self.runs.get(&run.id);
        if before.is_some_and(|old| old.revision > run.revision) {
            return;
        }
        let used = |run: &Run| {
            run.body
                .usage
                .input_tokens
                .saturating_add(run.body.usage.output_tokens)
        };
        let (tokens, cost) = before.map_or((0, 0), |old| (used(old), old.body.usage.cost_micro_usd));
        if before.is_none() {
            self.counters
                .runs
                .add(run.body.started_at.unwrap_or(run.created_at), 1);
        }
        let faulted_before = before.is_some_and(|old| old.status() == Status::Faulted);
        if run.status() == Status::Faulted && !faulted_before {
            self.counters
                .errors
                .add(run.body.ended_at.unwrap_or(run.updated_at), 1);
        }
        self.counters
            .tokens
            .add(run.updated_at, used(&run).saturating_sub(tokens));
        self.counters
            .cost
            .add(run.updated_at, run.body.usage.cost_micro_usd.saturating_sub(cost));
        self.runs.insert(run.id, run);
    }

    /// What a page asked for; runs and requests among it join the mirror.
    fn looked(&mut self, topic: &'static str, query: &Query, result: Result<Box<QueryReply>, Box<Fault>>) {
        let result = result.map(|reply| *reply).map_err(|fault| *fault);
        let documents = match &result {
            Ok(QueryReply::Page { items, .. }) if joins(query) => items.clone(),
            _ => Vec::new(),
        };
        if self.looks.answered(topic, query, result) && joins(query) {
            let ids = documents.iter().map(|document| document.metadata.id).collect();
            self.found.insert(topic, ids);
            documents.iter().for_each(|document| self.put(document));
            self.trim();
        }
    }

    fn remove(&mut self, kind: Kind, id: EntityId) {
        match kind {
            Kind::WorkflowExecution => drop(self.runs.remove(&id.into())),
            Kind::WorkflowApproval => drop(self.approvals.remove(&id)),
            kind => drop(self.named.remove(&(kind, id))),
        }
    }

    /// Forgets the oldest of what is over, so that the mirror stays bounded.
    fn trim(&mut self) {
        let found = &self.found;
        let wanted = |id: EntityId| found.values().any(|ids| ids.contains(&id));
        let mut ended: Vec<_> = self
            .runs
            .values()
            .filter(|r| r.status().is_final() && !wanted(r.id.into()))
            .map(|r| (r.updated_at, r.id))
            .collect();
        if ended.len() > MAX_ENDED {
            ended.sort_unstable();
            for (_, id) in &ended[..ended.len() - MAX_ENDED] {
                self.runs.remove(id);
            }
        }
        let mut decided: Vec<_> = self
            .approvals
            .values()
            .filter(|a| !a.is_pending() && !wanted(a.id))
            .map(|a| (a.body.decided_at, a.id))
            .collect();
        if decided.len() > MAX_DECIDED {
            decided.sort_unstable();
            for (_, id) in &decided[..decided.len() - MAX_DECIDED] {
                self.approvals.remove(id);
            }
        }
    }

    /// A held decision about something that changed or is decided is never sent.
    fn void_stale(&mut self) -> Vec<Cmd> {
        let approvals = &self.approvals;
        let void = self.outbox.drop_if(|verdict| {
            approvals
                .get(&verdict.approval)
                .is_none_or(|a| !a.is_pending() || a.body.digest != verdict.digest)
        });
        void.into_iter()
            .map(|verdict| {
                let why = match self.approvals.get(&verdict.approval).map(|a| a.body.status) {
                    Some(ApprovalStatus::Pending) => "the request changed, look again",
                    Some(_) => "it was decided meanwhile",
                    None => "it is gone",
                };
                Cmd::Note(Note::refused(format!("not sent: {}: {why}", verdict.title)))
            })
            .collect()
    }

    /// The link stands below the request; it also goes to the terminal's clipboard, where there is one.
    fn linked(&mut self, approval: EntityId, link: String) -> Vec<Cmd> {
        self.signed = Some((approval, link.clone()));
        let words = "the signed link is made and stands below; also sent to the terminal";
        vec![Cmd::Copy(link), Cmd::Note(Note::info(words))]
    }

    fn decided(&mut self, approval: EntityId, result: Result<(), Box<Fault>>) -> Vec<Cmd> {
        self.outbox.answered(approval);
        let progress = match &result {
            Ok(()) => Progress::Done,
            Err(fault) => Progress::Failed(fault.to_string()),
        };
        self.outbox.report(approval, progress);
        let title = self
            .approvals
            .get(&approval)
            .map_or_else(|| approval.short(), |a| a.body.title.clone());
        vec![Cmd::Note(match result {
            Ok(()) => Note::info(format!("decided: {title}")),
            Err(fault) => Note::error(format!("{title}: {fault}")),
        })]
    }
}

/// A page of documents that the mirror holds as well.
fn joins(query: &Query) -> bool {
    matches!(query, Query::List(list) if matches!(list.kind, Kind::WorkflowExecution | Kind::WorkflowApproval))
}
