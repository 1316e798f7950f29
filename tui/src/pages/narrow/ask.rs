//! What the daemon is asked about a narrowed list: the counts of every facet, and the newest rows that fit.

use std::time::Duration;

use dirigent_protocol::count::{By, CountQuery, Counts, Facet as Asked};
use dirigent_protocol::filter::{Filter, Op};
use dirigent_protocol::query::{ListQuery, Query, QueryReply};
use jiff::Timestamp;
use serde_json::Value;

use super::facet::{AGES, Facet, Of};
use super::state::{Narrow, Row};
use crate::model::{Cmd, Looks};
use crate::pages::Ctx;

/// Rows that are fetched beyond the mirror.
pub(super) const ROWS: u32 = 200;
/// After this time counts that changes may have made untrue are asked for anew.
const REFRESH: Duration = Duration::from_secs(2);

impl Narrow {
    /// The questions to put now: nothing while nothing is narrowed and no panel is open.
    #[must_use]
    pub fn wants(&self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        if !ctx.model.connection.is_live() || self.typing || !(self.counting() || self.within.is_some()) {
            return Vec::new();
        }
        let (looks, mono) = (&ctx.model.looks, ctx.time.mono);
        let counts = self
            .counting()
            .then(|| looks.want(self.topics[0], &self.count(ctx.time.wall), Some(REFRESH), mono))
            .flatten();
        let rows = self.rows_query(ctx.time.wall);
        let rows = rows.and_then(|rows| looks.want(self.topics[1], &rows, Some(REFRESH), mono));
        counts.into_iter().chain(rows).collect()
    }

    /// Anything is counted: the panel is open, or something is chosen.
    fn counting(&self) -> bool {
        self.open || self.is_narrowed()
    }

    /// The daemon has more rows than were asked for.
    #[must_use]
    pub fn has_more(&self, ctx: &Ctx<'_>) -> bool {
        let newest = ctx.model.looks.newest(self.topics[1]);
        matches!(newest, Some(QueryReply::Page { next: Some(_), .. }))
    }

    /// An answer the panel or the list needs is on its way.
    #[must_use]
    pub fn waits(&self, ctx: &Ctx<'_>) -> bool {
        let looks = &ctx.model.looks;
        (self.counting() || self.within.is_some()) && self.topics.iter().any(|topic| looks.waits(topic))
    }

    /// After how long the counts are asked for anew.
    #[must_use]
    pub fn due(&self, ctx: &Ctx<'_>) -> Option<Duration> {
        let looks = &ctx.model.looks;
        let topic = match (self.counting(), self.within) {
            (true, _) => self.topics[0],
            (false, Some(_)) => self.topics[1],
            (false, None) => return None,
        };
        let live = ctx.model.connection.is_live();
        live.then(|| looks.due(topic, REFRESH, ctx.time.mono)).flatten()
    }

    /// The counts as the daemon said them last.
    #[must_use]
    pub fn counts<'a>(&self, looks: &'a Looks) -> Option<&'a Counts> {
        match looks.newest(self.topics[0]) {
            Some(QueryReply::Counts(counts)) => Some(counts),
            _ => None,
        }
    }

    fn count(&self, now: Timestamp) -> Query {
        let now = minute(now);
        let facets = self.facets.iter().map(|facet| Asked {
            by: match facet.of {
                Of::Field(field) => By::Field(field.to_owned()),
                Of::Age(_) => By::Cases(AGES.iter().map(|(name, ..)| facet.condition(name, now)).collect()),
            },
            chosen: self.condition(facet, now),
        });
        Query::Count(CountQuery {
            kind: self.kind,
            filter: all_of(
                self.text_filter()
                    .into_iter()
                    .chain(self.within.map(|of| of()))
                    .collect(),
            ),
            facets: facets.collect(),
        })
    }

    fn rows_query(&self, now: Timestamp) -> Option<Query> {
        let now = minute(now);
        let chosen = self.facets.iter().filter_map(|facet| self.condition(facet, now));
        let all: Vec<Filter> = chosen.chain(self.text_filter()).collect();
        let all: Vec<Filter> = self.within.map(|of| of()).into_iter().chain(all).collect();
        (!all.is_empty()).then(|| {
            Query::List(ListQuery {
                filter: Some(Filter::And(all)),
                limit: self.rows,
                ..ListQuery::of(self.kind)
            })
        })
    }

    fn condition(&self, facet: &Facet, now: Timestamp) -> Option<Filter> {
        let chosen = self.chosen.get(facet.name)?;
        let mut any: Vec<Filter> = chosen.iter().map(|value| facet.condition(value, now)).collect();
        match any.len() {
            1 => any.pop(),
            _ => Some(Filter::Or(any)),
        }
    }

    fn text_filter(&self) -> Option<Filter> {
        let word = |word: &String| {
            let field = |field: &&str| Filter::Is {
                field: (*field).to_owned(),
                op: Op::Contains,
                value: word.as_str().into(),
            };
            Filter::Or(self.texts.iter().map(field).collect())
        };
        let words: Vec<Filter> = self.words().iter().map(word).collect();
        (!words.is_empty()).then_some(Filter::And(words))
    }

    /// The rows of the panel, values with their counts in the daemon's order.
    pub(super) fn counted(&self, looks: &Looks) -> Vec<(Row, Option<u64>)> {
        let counts = self.counts(looks);
        let mut out = vec![(Row::Everything, None)];
        for (at, facet) in self.facets.iter().enumerate() {
            let known = counts.and_then(|counts| counts.facets.get(at));
            let mut seen: Vec<String> = Vec::new();
            for (value, count) in known.map(|known| known.values.as_slice()).unwrap_or_default() {
                let name = match (facet.of, value) {
                    (Of::Field(_), Value::String(text)) => text.clone(),
                    (Of::Field(_), Value::Null) => String::new(),
                    (Of::Field(_), other) => other.to_string(),
                    (Of::Age(_), number) => {
                        let number = number.as_u64().and_then(|number| usize::try_from(number).ok());
                        let Some((name, ..)) = number.and_then(|number| AGES.get(number)) else {
                            continue;
                        };
                        (*name).to_owned()
                    }
                };
                if seen.contains(&name) {
                    continue;
                }
                out.push((Row::Value(at, name.clone()), Some(*count)));
                seen.push(name);
            }
            let chosen = self.chosen.get(facet.name).into_iter().flatten();
            for value in chosen.filter(|value| !seen.contains(value)) {
                out.push((Row::Value(at, value.clone()), known.map(|_| 0)));
            }
        }
        out
    }

    pub(super) fn rows(&self, looks: &Looks) -> Vec<Row> {
        self.counted(looks).into_iter().map(|(row, _)| row).collect()
    }
}

fn all_of(mut all: Vec<Filter>) -> Option<Filter> {
    match all.len() {
        0 | 1 => all.pop(),
        _ => Some(Filter::And(all)),
    }
}

/// Whole minutes, so that the same question stays the same for a while.
fn minute(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second().div_euclid(60) * 60).unwrap_or(now)
}
