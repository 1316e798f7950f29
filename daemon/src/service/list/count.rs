//! Counting documents by facets.
//!
//! Facets of an indexed field that nothing narrows are counted from the index's rows alone, however many there are;
//! the others by looking at documents, newest first and at most [`MAX_COUNTED`].

use std::collections::HashMap;

use dirigent_protocol::count::{
    By, CountQuery, Counts, Facet, FacetCounts, MAX_CASES, MAX_COUNTED, MAX_FACETS, MAX_VALUES,
};
use dirigent_protocol::entity::{Document, Kind};
use dirigent_protocol::hello::Subject;
use dirigent_protocol::query::ListQuery;
use dirigent_store::ScanRange;
use serde_json::Value;

use super::super::core::Service;
use super::super::error::ServiceError;
use super::plan::plan;
use super::words;
use crate::door::{Action, Object};
use crate::records::key;

/// Rows read between two chances for others to run.
const ROWS: usize = 200;
/// Index rows read between two chances for others to run.
const INDEX_ROWS: usize = 2_000;
/// Most index rows of a facet; beyond, its documents are counted like any others.
const MAX_INDEXED: usize = 2_000_000;

/// The counts of one facet while they grow.
#[derive(Default)]
struct Tally {
    values: HashMap<String, (Value, u64)>,
    other: u64,
}

impl Tally {
    fn add(&mut self, value: Value, count: u64) {
        // Texts name themselves; other scalars are told apart by how they are written.
        let name = match &value {
            Value::Array(_) | Value::Object(_) => return self.other += count,
            Value::String(text) => format!("\"{text}"),
            scalar => scalar.to_string(),
        };
        // Memory stays bounded where every document has a value of its own.
        let full = self.values.len() >= 20 * MAX_VALUES;
        match self.values.get_mut(&name) {
            Some((_, known)) => *known += count,
            None if full => self.other += count,
            None => drop(self.values.insert(name, (value, count))),
        }
    }

    fn ended(self) -> FacetCounts {
        let mut all: Vec<(String, (Value, u64))> = self.values.into_iter().collect();
        all.sort_by(|a, b| b.1.1.cmp(&a.1.1).then_with(|| a.0.cmp(&b.0)));
        let rest = all.split_off(all.len().min(MAX_VALUES));
        FacetCounts {
            values: all.into_iter().map(|(_, counted)| counted).collect(),
            other: self.other + rest.iter().map(|(_, (_, count))| count).sum::<u64>(),
        }
    }
}

impl Service {
    /// How many documents there are, by the values of their fields.
    ///
    /// # Errors
    /// A field that does not exist, or too many facets.
    pub async fn count(&self, subject: &Subject, query: &CountQuery) -> Result<Counts, ServiceError> {
        self.door
            .authorize(subject, Action::Read, &Object::Kind(query.kind))
            .await?;
        check(query)?;
        let mut facets: Vec<Option<FacetCounts>> = Vec::new();
        for at in 0..query.facets.len() {
            facets.push(self.indexed(subject, query, at).await?);
        }
        let (mut total, mut tallies, complete) = self.walk(subject, query, &facets).await?;
        let chosen = query.facets.iter().any(|facet| facet.chosen.is_some());
        if let Some(known) = facets.iter().flatten().next().filter(|_| !chosen) {
            total = known.other + known.values.iter().map(|(_, count)| count).sum::<u64>();
        }
        let facets = facets.into_iter().zip(&query.facets).zip(&mut tallies);
        let facets = facets
            .map(|((known, facet), tally)| known.unwrap_or_else(|| ended(facet, std::mem::take(tally))))
            .collect();
        Ok(Counts {
            total,
            facets,
            complete,
        })
    }

    /// A facet's counts from its index, where nothing narrows it and the subject sees everything there is.
    async fn indexed(
        &self,
        subject: &Subject,
        query: &CountQuery,
        at: usize,
    ) -> Result<Option<FacetCounts>, ServiceError> {
        let By::Field(field) = &query.facets[at].by else {
            return Ok(None);
        };
        let mut others = query.facets.iter().enumerate().filter(|(other, _)| *other != at);
        let narrowed = query.filter.is_some() || others.any(|(_, facet)| facet.chosen.is_some());
        if narrowed || !subject.administrator || !self.records.is_indexed(query.kind, field) {
            return Ok(None);
        }
        let prefix = key::index_field(subject.org, query.kind, field);
        let mut range = ScanRange::prefix(&prefix).limited(INDEX_ROWS);
        let mut groups: Vec<(Vec<u8>, dirigent_protocol::id::EntityId, u64)> = Vec::new();
        let mut read = 0;
        loop {
            let (rows, next) = self.records.rows(range.clone())?;
            read += rows.len();
            for row in rows {
                let value = &row.key[prefix.len()..row.key.len() - 16];
                let full = groups.len() >= 20 * MAX_VALUES;
                match groups.last_mut() {
                    Some((last, _, count)) if last == value => *count += 1,
                    _ if full => return Ok(None),
                    _ => groups.push((value.to_vec(), row.id, 1)),
                }
            }
            match next {
                Some(_) if read >= MAX_INDEXED => return Ok(None),
                Some(next) => range = range.after(next),
                None => break,
            }
            tokio::task::yield_now().await;
        }
        let mut tally = Tally::default();
        for (_, id, count) in groups {
            // The rows hold no values: one document of each says which.
            let found = self.records.get(query.kind, id)?;
            let value = found.and_then(|stored| stored.document.field(field));
            tally.add(value.unwrap_or(Value::Null), count);
        }
        Ok(Some(tally.ended()))
    }

    /// Counts by looking at documents.
    async fn walk(
        &self,
        subject: &Subject,
        query: &CountQuery,
        known: &[Option<FacetCounts>],
    ) -> Result<(u64, Vec<Tally>, bool), ServiceError> {
        let list = ListQuery {
            filter: query.filter.clone(),
            ..ListQuery::of(query.kind)
        };
        let plan = plan(subject.org, &list, &|field| {
            self.records.is_indexed(query.kind, field)
        })?;
        let mut tallies: Vec<Tally> = query.facets.iter().map(|_| Tally::default()).collect();
        let mut range = ScanRange::prefix(&plan.prefix).limited(ROWS).reversed();
        let (mut total, mut looked) = (0, 0);
        loop {
            let (rows, next) = self.records.rows(range.clone())?;
            for row in rows {
                looked += 1;
                let found = self.records.get(query.kind, row.id)?;
                let Some(document) = found.map(|stored| stored.document) else {
                    continue;
                };
                if !self.door.sees(subject, &document) {
                    continue;
                }
                total += u64::from(take(query, known, &document, &mut tallies));
            }
            match next {
                Some(_) if looked >= MAX_COUNTED => return Ok((total, tallies, false)),
                Some(next) => range = range.after(next),
                None => return Ok((total, tallies, true)),
            }
            tokio::task::yield_now().await;
        }
    }
}

/// One document; says whether it meets everything.
fn take(
    query: &CountQuery,
    known: &[Option<FacetCounts>],
    document: &Document,
    tallies: &mut [Tally],
) -> bool {
    if query
        .filter
        .as_ref()
        .is_some_and(|filter| !filter.matches(document))
    {
        return false;
    }
    let misses = |facet: &Facet| {
        facet
            .chosen
            .as_ref()
            .is_some_and(|chosen| !chosen.matches(document))
    };
    let missed: Vec<usize> = (0..query.facets.len())
        .filter(|at| misses(&query.facets[*at]))
        .collect();
    for (at, facet) in query.facets.iter().enumerate() {
        let others_agree = missed.iter().all(|other| *other == at);
        if !others_agree || known[at].is_some() {
            continue;
        }
        match &facet.by {
            By::Field(field) => tallies[at].add(document.field(field).unwrap_or(Value::Null), 1),
            By::Cases(cases) => {
                for (number, _) in cases
                    .iter()
                    .enumerate()
                    .filter(|(_, case)| case.matches(document))
                {
                    tallies[at].add(Value::from(number), 1);
                }
            }
        }
    }
    missed.is_empty()
}

/// Cases stand in the order they were asked in, with zeros.
fn ended(facet: &Facet, tally: Tally) -> FacetCounts {
    let By::Cases(cases) = &facet.by else {
        return tally.ended();
    };
    let count = |number: usize| {
        tally
            .values
            .get(&number.to_string())
            .map_or(0, |(_, count)| *count)
    };
    FacetCounts {
        values: (0..cases.len())
            .map(|number| (Value::from(number), count(number)))
            .collect(),
        other: 0,
    }
}

fn check(query: &CountQuery) -> Result<(), ServiceError> {
    let kind = query.kind;
    if query.facets.len() > MAX_FACETS {
        return Err(too_many(kind, "facets", MAX_FACETS));
    }
    if let Some(filter) = &query.filter {
        words::check_whole(kind, filter)?;
    }
    for facet in &query.facets {
        if let Some(chosen) = &facet.chosen {
            words::check_whole(kind, chosen)?;
        }
        match &facet.by {
            By::Field(field) => words::check_field(kind, field)?,
            By::Cases(cases) if cases.len() > MAX_CASES => return Err(too_many(kind, "cases", MAX_CASES)),
            By::Cases(cases) => cases.iter().try_for_each(|case| words::check_whole(kind, case))?,
        }
    }
    Ok(())
}

fn too_many(kind: Kind, what: &'static str, most: usize) -> ServiceError {
    ServiceError::UnknownWord {
        kind,
        what: "count of that size",
        word: what.to_owned(),
        help: format!("ask for at most {most} {what}"),
    }
}
