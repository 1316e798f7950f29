//! Looking up what is there and writing what is new, as one commit.

use dirigent_engine::Workflow;
use dirigent_protocol::command::{Applied, ApplyOutcome, CommandReply};
use dirigent_protocol::entity::{Document, Kind};
use dirigent_protocol::graph::Graph;
use dirigent_protocol::hello::Subject;
use dirigent_protocol::source::{Diagnostic, Place};
use dirigent_store::Txn;

use super::super::change::exists;
use super::super::commit::persist;
use super::super::core::Service;
use super::super::definitions;
use super::super::error::ServiceError;
use super::read::{Item, Reading, read};
use crate::door::{Action, Object};
use crate::records::{Actor, Audit, Draft, audit, put};

/// What a file would do.
struct Work {
    txn: Txn,
    applied: Vec<Applied>,
    warnings: Vec<Diagnostic>,
    /// Version numbers that are published with other content. Publishing refuses; trying a file out does not.
    conflicts: Vec<Diagnostic>,
}

impl Service {
    /// Applies a file: all definitions or none.
    ///
    /// # Errors
    /// Every mistake of every document, or a refusal.
    pub async fn apply(
        &self,
        actor: &Actor,
        file: &str,
        source: &str,
        dry_run: bool,
    ) -> Result<CommandReply, ServiceError> {
        let reading = self.readable(&actor.subject, file, source)?;
        persist(|| async {
            let work = self.prepare(actor, &reading).await?;
            if !work.conflicts.is_empty() {
                return Err(ServiceError::Invalid {
                    what: shown(file),
                    details: work.conflicts,
                });
            }
            let reply = CommandReply::Applied {
                items: work.applied,
                warnings: work.warnings,
            };
            if dry_run {
                return Ok(reply);
            }
            Ok(self
                .finish_as(actor, work.txn, Action::Apply, &shown(file), reply)
                .await?
                .0)
        })
        .await
    }

    /// Applies a file as part of another call, which is remembered in its own commit.
    pub(in crate::service) async fn apply_unremembered(
        &self,
        actor: &Actor,
        file: &str,
        source: &str,
    ) -> Result<Vec<Applied>, ServiceError> {
        let reading = self.readable(&actor.subject, file, source)?;
        persist(|| async {
            let mut work = self.prepare(actor, &reading).await?;
            if !work.txn.puts.is_empty() {
                let request = actor.request.to_string();
                let (file, action) = (shown(file), Action::Apply.as_str());
                let record = Audit {
                    request: Some(&request),
                    ..Audit::allowed(&actor.subject, action, &file)
                };
                audit(&mut work.txn, self.now(), &record)?;
                self.records.store().commit(work.txn).await?;
            }
            Ok(work.applied)
        })
        .await
    }

    /// Every error and warning of a file, with what is stored in view; nothing is changed.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn validate(&self, subject: &Subject, source: &str) -> Result<Vec<Diagnostic>, ServiceError> {
        self.door
            .authorize(subject, Action::Read, &Object::Kind(Kind::Workflow))
            .await?;
        let reading = read(&self.schemas, source.as_bytes());
        let mut found = reading.found.clone();
        found.extend(self.unknown_names(subject, &reading)?);
        found.sort_by_key(|finding| (finding.at.line, finding.at.column));
        Ok(found)
    }

    /// What is wrong with a draft, and its graph where it can be read; nothing is changed.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn draft(
        &self,
        subject: &Subject,
        source: &str,
    ) -> Result<(Vec<Diagnostic>, Option<Graph>), ServiceError> {
        let found = self.validate(subject, source).await?;
        let parsed = dirigent_protocol::source::parse(source.as_bytes());
        // Agents may stand beside the workflow.
        let mut workflows = parsed.documents.iter().filter(|node| node.get("do").is_some());
        let machine = match (workflows.next(), workflows.next()) {
            (Some(node), None) => dirigent_engine::parse_workflow(node).0,
            (None, _) => self.compiled_draft(source),
            (Some(_), Some(_)) => None,
        };
        Ok((found, machine.as_ref().map(dirigent_engine::graph)))
    }

    /// What the one definition of a text compiles to, where it is of a kind that does.
    fn compiled_draft(&self, source: &str) -> Option<Workflow> {
        let reading = read(&self.schemas, source.as_bytes());
        let mut all = reading.items.iter().filter_map(|item| {
            let definition = definitions::of(item.kind)?;
            definition.machine(&item.name, &item.spec)
        });
        let only = all.next();
        only.filter(|_| all.next().is_none())
    }

    fn readable(&self, subject: &Subject, file: &str, source: &str) -> Result<Reading, ServiceError> {
        let mut reading = read(&self.schemas, source.as_bytes());
        let unknown = self.unknown_names(subject, &reading)?;
        reading.found.extend(unknown);
        if reading.found.iter().any(Diagnostic::is_error) {
            return Err(ServiceError::Invalid {
                what: shown(file),
                details: reading.found,
            });
        }
        Ok(reading)
    }

    async fn prepare(&self, actor: &Actor, reading: &Reading) -> Result<Work, ServiceError> {
        let mut work = Work {
            txn: Txn::default(),
            applied: Vec::new(),
            warnings: reading.found.clone(),
            conflicts: Vec::new(),
        };
        for item in &reading.items {
            self.prepare_item(actor, item, &mut work).await?;
        }
        Ok(work)
    }

    async fn prepare_item(&self, actor: &Actor, item: &Item, work: &mut Work) -> Result<(), ServiceError> {
        let subject = &actor.subject;
        let stored = self
            .records
            .find_by_name_any_case(subject.org, item.kind, &item.name)?;
        let (document, outcome) = match &stored {
            None => {
                self.door
                    .authorize(subject, Action::Create, &Object::Kind(item.kind))
                    .await?;
                self.check_run_name(subject.org, item.kind, &item.name)?;
                (self.fresh(subject, item), ApplyOutcome::Created)
            }
            Some(stored) => {
                let before = &stored.document;
                if before.metadata.name != item.name {
                    return Err(exists(item.kind, "name", &before.metadata.name));
                }
                let labels = item.labels.as_ref().unwrap_or(&before.metadata.labels);
                if before.spec == item.spec && *labels == before.metadata.labels {
                    (before.clone(), ApplyOutcome::Unchanged)
                } else {
                    self.door
                        .authorize(subject, Action::Update, &Object::Document(before))
                        .await?;
                    let mut next = stored.next(item.spec.clone(), self.now());
                    next.metadata.labels = labels.clone();
                    (next, ApplyOutcome::Updated)
                }
            }
        };
        let mut digest = None;
        if outcome != ApplyOutcome::Unchanged {
            self.check_unique(&document)?;
            put(&mut work.txn, stored.as_ref(), &document)?;
        }
        // Also where nothing changed: it says which version is current, and makes up for one that is missing.
        if let Some(published) = self.publish_version(&mut work.txn, subject, &document)? {
            digest = Some(published.digest);
            if let Some(version) = published.same_number {
                work.conflicts.push(same_number(item, &version));
            }
        }
        work.applied.push(Applied {
            kind: item.kind,
            name: item.name.clone(),
            id: document.metadata.id,
            outcome,
            revision: document.metadata.revision,
            digest,
        });
        Ok(())
    }

    fn fresh(&self, subject: &Subject, item: &Item) -> Document {
        Draft::of(item.kind, &item.name, item.spec.clone())
            .org(subject.org)
            .owner(subject.user)
            .labels(item.labels.clone().unwrap_or_default())
            .document(self.now())
    }
}

fn shown(file: &str) -> String {
    let plain: String = file.chars().take(200).flat_map(char::escape_debug).collect();
    format!("the file {plain}")
}

fn same_number(item: &Item, version: &str) -> Diagnostic {
    let message = format!(
        "version {version} of `{}` is published with other content",
        item.name
    );
    Diagnostic::error(
        "version_conflict",
        message,
        Place::new(item.at, "/document/version"),
    )
    .help("raise `document.version`; to try a change out first, `dirigent run -f` it")
}
