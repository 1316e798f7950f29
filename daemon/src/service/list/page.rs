//! Walking the rows.

use std::cmp::Ordering;

use dirigent_protocol::entity::Document;
use dirigent_protocol::hello::Subject;
use dirigent_protocol::id::EntityId;
use dirigent_protocol::query::{ListQuery, MAX_PAGE};
use dirigent_store::ScanRange;
use serde_json::Value;

use super::super::core::Service;
use super::super::error::ServiceError;
use super::super::look::relations;
use super::cursor::{self, Last};
use super::plan::{Plan, plan};
use super::sort::SortKey;
use super::words;
use crate::door::{Action, Object};

/// Rows read between two chances for others to run.
const ROWS: usize = 200;
/// Bytes of documents in a page, roughly; far from the frame limit.
const BYTES: usize = 3 << 20;
/// Items where the query says 0.
const USUAL: u32 = 50;

/// A page of documents and where the next one begins.
type Page = (Vec<Document>, Option<String>);

impl Service {
    /// A page of documents.
    ///
    /// # Errors
    /// A field or relation that does not exist, or a cursor of another list.
    pub async fn list(&self, subject: &Subject, query: &ListQuery) -> Result<Page, ServiceError> {
        self.door
            .authorize(subject, Action::Read, &Object::Kind(query.kind))
            .await?;
        let relations = relations(query.kind, &query.include)?;
        if let Some(filter) = &query.filter {
            words::check_whole(query.kind, filter)?;
        }
        let plan = plan(subject.org, query, &|field| {
            self.records.is_indexed(query.kind, field)
        })?;
        let last = cursor::read(query)?;
        let limit = if query.limit == 0 {
            USUAL
        } else {
            query.limit.min(MAX_PAGE)
        } as usize;
        let (mut items, last) = match plan.sort.clone() {
            None => self.stream(subject, query, &plan, last, limit).await?,
            Some(field) => self.sorted(subject, query, &plan, &field, last, limit).await?,
        };
        for document in &mut items {
            self.include(subject, document, &relations)?;
        }
        Ok((items, last.and_then(|last| cursor::write(query, last))))
    }

    fn fits(
        &self,
        subject: &Subject,
        query: &ListQuery,
        id: EntityId,
    ) -> Result<Option<Document>, ServiceError> {
        let found = self.records.get(query.kind, id)?.map(|stored| stored.document);
        Ok(found.filter(|document| {
            query
                .filter
                .as_ref()
                .is_none_or(|filter| filter.matches(document))
                && self.door.sees(subject, document)
        }))
    }

    /// The rows come in order: read until the page is full.
    async fn stream(
        &self,
        subject: &Subject,
        query: &ListQuery,
        plan: &Plan,
        last: Option<Last>,
        limit: usize,
    ) -> Result<(Vec<Document>, Option<Last>), ServiceError> {
        let mut range = ScanRange::prefix(&plan.prefix).limited(ROWS);
        if plan.descending {
            range = range.reversed();
        }
        match last {
            None => {}
            Some(Last::Row(row)) if row.starts_with(&plan.prefix) => range = range.after(row.into()),
            Some(_) => {
                return Err(ServiceError::BadCursor {
                    why: "it is of another kind, filter or order",
                });
            }
        }
        let (mut items, mut bytes, mut end) = (Vec::new(), 0, Vec::new());
        loop {
            let (rows, next) = self.records.rows(range.clone())?;
            for row in rows {
                let Some(document) = self.fits(subject, query, row.id)? else {
                    continue;
                };
                if items.len() == limit || bytes > BYTES {
                    return Ok((items, Some(Last::Row(end))));
                }
                bytes += words::weight(&document.spec);
                items.push(document);
                end = row.key.to_vec();
            }
            match next {
                Some(next) => range = range.after(next),
                None => return Ok((items, None)),
            }
            tokio::task::yield_now().await;
        }
    }

    /// The rows come in another order: read all, keep the best of a page.
    async fn sorted(
        &self,
        subject: &Subject,
        query: &ListQuery,
        plan: &Plan,
        field: &str,
        last: Option<Last>,
        limit: usize,
    ) -> Result<(Vec<Document>, Option<Last>), ServiceError> {
        let after = match last {
            None => None,
            Some(Last::Value(value, id)) => Some((SortKey::of(field, Some(value)), id)),
            Some(Last::Row(_)) => {
                return Err(ServiceError::BadCursor {
                    why: "it is of another order",
                });
            }
        };
        let order = |a: &(SortKey, EntityId), b: &(SortKey, EntityId)| -> Ordering {
            let order = a.0.order(&b.0).then(a.1.cmp(&b.1));
            if plan.descending { order.reverse() } else { order }
        };
        let mut best: Vec<((SortKey, EntityId), Document)> = Vec::new();
        let mut range = ScanRange::prefix(&plan.prefix).limited(ROWS);
        loop {
            let (rows, next) = self.records.rows(range.clone())?;
            for row in rows {
                let Some(document) = self.fits(subject, query, row.id)? else {
                    continue;
                };
                let place = (SortKey::of(field, document.field(field)), row.id);
                if after
                    .as_ref()
                    .is_none_or(|after| order(&place, after) == Ordering::Greater)
                {
                    best.push((place, document));
                }
            }
            if best.len() > 2 * (limit + 1) || next.is_none() {
                best.sort_by(|a, b| order(&a.0, &b.0));
                best.truncate(limit + 1);
            }
            match next {
                Some(next) => range = range.after(next),
                None => return Ok(cut(best, field, limit)),
            }
            tokio::task::yield_now().await;
        }
    }
}

/// The page of what was found, and its end where there is more.
fn cut(
    best: Vec<((SortKey, EntityId), Document)>,
    field: &str,
    limit: usize,
) -> (Vec<Document>, Option<Last>) {
    let all = best.len();
    let (mut items, mut bytes): (Vec<Document>, usize) = (Vec::new(), 0);
    for (_, document) in best {
        if items.len() == limit || (bytes > BYTES && !items.is_empty()) {
            break;
        }
        bytes += words::weight(&document.spec);
        items.push(document);
    }
    let last = (items.len() < all)
        .then(|| items.last())
        .flatten()
        .map(|document| Last::Value(document.field(field).unwrap_or(Value::Null), document.metadata.id));
    (items, last)
}
