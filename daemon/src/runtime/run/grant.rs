//! Granting what somebody wants of a run: the wish becomes events and documents, its deed the audit, one commit.

use dirigent_engine::machine::{Refusal, Stimulus};
use dirigent_protocol::command::CommandReply;
use dirigent_protocol::entity::{Document, Kind, Question, WorkflowExecution};
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::run::{Decision, DecisionRecord, Status};

use super::batch::NoDecision;
use super::commit::{Committed, Deed, NotCommitted, started};
use super::driver::Driver;
use super::message::{Change, Decided, Wish};
use super::share::{ATTEMPTS, lost};
use crate::records::Actor;
use crate::runtime::error::RuntimeError;
use crate::runtime::lineage::heirs::Shares;
use crate::runtime::plans::body;
use crate::runtime::rows;

/// What a wish asks of the run.
enum Wanted {
    /// A decision of the engine.
    Decision(Box<Stimulus>),
    /// A note on one of its approvals.
    Note(EntityId, Box<Question>),
}

impl Driver {
    /// Does it, or says why not and whether the driver can go on.
    pub(crate) async fn grant(&mut self, wish: Wish, actor: &Actor) -> Result<(), (RuntimeError, bool)> {
        let run = format!("{}/{}", Kind::WorkflowExecution, self.run);
        self.as_looked_up(&wish, actor).map_err(|error| (error, false))?;
        let mut deed = Deed::new(actor, wish.action(), run);
        let mut waits = None;
        if let Wish::Start {
            document,
            stimulus,
            ask,
            ..
        } = &wish
        {
            let lined_up = self.line_up(document.metadata.org, ask, stimulus);
            waits = lined_up.map_err(|error| (error, false))?;
        }
        let another_way = RuntimeError::Internal("a change of version by another way");
        let wanted = wanted(wish, &mut deed, self.run).ok_or((another_way, false))?;
        if let Some(start) = waits {
            return Box::pin(self.wait_outside(deed, &start)).await;
        }
        let mut attempts = 0;
        loop {
            attempts += 1;
            let own = self.document.as_ref().map(|stored| &stored.document);
            let Some(about) = own.or(deed.document.as_ref()).map(|own| self.about(own)) else {
                return Err((RuntimeError::Internal("a run without its document"), true));
            };
            let mut batch = self.batch(about);
            match &wanted {
                Wanted::Decision(stimulus) => match self.decide(&mut batch, stimulus, None).await {
                    Ok(_) => {}
                    Err(NoDecision::Refused(refusal)) => return Err((self.refused(refusal), false)),
                    Err(NoDecision::Failed(error)) => return Err((error, false)),
                },
                Wanted::Note(approval, question) => batch
                    .papers
                    .question(*approval, (**question).clone())
                    .map_err(|error| (error, false))?,
            }
            if deed.document.is_some() {
                deed.reply = started(self.run, batch.state.status());
            }
            let shares = self.origins(deed.document.as_ref());
            let shares = shares.map_err(|error| (error, false))?;
            let shared = !shares.guards.is_empty();
            batch.guards = shares.guards;
            return match self.commit(batch, Some(&deed), shares.puts).await {
                Ok(Committed::Applied | Committed::Replayed) => Ok(()),
                Err(NotCommitted::TooLarge(_)) if self.slow_down() => continue,
                Err(NotCommitted::Refused(error)) if shared && attempts < ATTEMPTS && lost(&error) => {
                    continue;
                }
                Err(NotCommitted::Refused(error) | NotCommitted::TooLarge(error)) => Err((error, false)),
                Err(NotCommitted::Broken(error)) => Err((error, true)),
            };
        }
    }

    /// What a run that begins writes about those it comes from.
    fn origins(&self, born: Option<&Document>) -> Result<Shares, RuntimeError> {
        let execution = born.map(body::<WorkflowExecution>).transpose()?;
        let Some(origin) = execution.and_then(|execution| execution.origin) else {
            return Ok(Shares::default());
        };
        let mut shares = self.take_over(&origin)?;
        let row = rows::encode(&origin)?;
        shares.puts.push((rows::lineage_key(origin.run, self.run), row));
        shares
            .puts
            .push((rows::lineage_mark(origin.run), bytes::Bytes::new()));
        Ok(shares)
    }

    /// Whoever may decide an approval is still who it was when somebody looked.
    fn as_looked_up(&self, wish: &Wish, actor: &Actor) -> Result<(), RuntimeError> {
        let Some((approval, looked_up)) = wish.stands_on() else {
            return Ok(());
        };
        let mut open = self.state.approvals();
        let asked = open.find(|pending| pending.id == approval);
        if asked.is_none_or(|pending| pending.request.deciders == *looked_up) {
            return Ok(());
        }
        let (who, why) = (
            actor.subject.name.clone(),
            "who decides it was changed: look again".into(),
        );
        Err(RuntimeError::NotDecider { who, why })
    }

    pub(crate) fn refused(&self, refusal: Refusal) -> RuntimeError {
        let run = self.run;
        match refusal {
            Refusal::Ended(status) => RuntimeError::Ended { run, status },
            Refusal::BadInput { detail } => RuntimeError::BadInput { detail },
            Refusal::Stale { given, wanted } => RuntimeError::Stale { wanted, given },
            other => RuntimeError::WrongState {
                run,
                detail: other.to_string(),
            },
        }
    }
}

/// What a wish asks, with the deed filled in.
fn wanted(wish: Wish, deed: &mut Deed<'_>, run: RunId) -> Option<Wanted> {
    let by = deed.actor.subject.name.clone();
    let stimulus = match wish {
        Wish::Start {
            document,
            stimulus,
            beside,
            ..
        } => {
            deed.beside = beside;
            deed.reply = started(run, Status::Running);
            deed.document = Some(*document);
            *stimulus
        }
        Wish::Cancel { reason } => Stimulus::Cancel { by, reason },
        Wish::Pause => Stimulus::Pause { by },
        Wish::Resume | Wish::Release => Stimulus::Resume { by },
        Wish::Decide(decided) => deciding(*decided, deed, run),
        Wish::Change {
            approval,
            change,
            under,
            ..
        } => {
            deed.under = under;
            changing(approval, change, deed)
        }
        Wish::Question { approval, question } => {
            deed.object = about(approval);
            deed.reply = CommandReply::Asked {
                run: question.run.into(),
            };
            return Some(Wanted::Note(approval, question));
        }
        Wish::Resolve { effect, resolution } => Stimulus::Resolve {
            effect,
            resolution,
            by,
        },
        // Its driver does more than decide.
        Wish::Migrate(_) => return None,
    };
    Some(Wanted::Decision(Box::new(stimulus)))
}

fn about(approval: EntityId) -> String {
    format!("{}/{approval}", Kind::WorkflowApproval)
}

fn deciding(decided: Decided, deed: &mut Deed<'_>, run: RunId) -> Stimulus {
    let Decided {
        approval,
        record,
        rule,
        under,
        unless,
        once,
        reply,
        ..
    } = decided;
    deed.object = about(approval);
    deed.reply = reply;
    deed.detail = words(&record, run);
    if once.is_some() {
        deed.detail.push_str(", by a signed link");
    }
    (deed.rule, deed.under, deed.once) = (rule, under, once);
    deed.unless = unless;
    Stimulus::Decided { approval, record }
}

/// Somebody else decides, or something else is asked.
fn changing(approval: EntityId, change: Change, deed: &mut Deed<'_>) -> Stimulus {
    let by = deed.actor.subject.name.clone();
    deed.object = about(approval);
    match change {
        Change::Content { digest, payload } => Stimulus::Amend {
            approval,
            digest,
            payload,
            by,
        },
        Change::Decider { from, to } => {
            deed.detail = format!("{to} in the place of {from}");
            Stimulus::Delegate {
                approval,
                from,
                to,
                by,
            }
        }
    }
}

/// What a decision did beside deciding, for the audit.
fn words(record: &DecisionRecord, run: RunId) -> String {
    let word = match &record.decision {
        Decision::Approve { edited: None } => "approved",
        Decision::Approve { edited: Some(_) } => "approved as edited",
        Decision::Deny => "denied",
        Decision::Expire => "expired",
    };
    if record.stops_run {
        format!("{word}, and run {} stopped", run.short())
    } else {
        word.to_owned()
    }
}
