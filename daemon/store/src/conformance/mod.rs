//! The contract as a suite that any backend must pass: written against the trait alone.
//!
//! A backend gives a `Harness`; `run` goes through every row of `CHECKS` and stops at the first promise that is broken.

mod commits;
mod durable;
mod feeds;
mod finished;
mod harness;
mod requests;
mod scans;

pub use harness::{Broken, Harness, Wrong};

use futures::future::BoxFuture;
use harness::Outcome;

type Check = for<'a> fn(&'a dyn Harness) -> BoxFuture<'a, Outcome>;

/// Every promise that is examined.
const CHECKS: &[(&str, Check)] = &[
    ("a commit happens whole or not at all", |h| {
        Box::pin(commits::atomic(h))
    }),
    ("guards hold at the moment of the commit", |h| {
        Box::pin(commits::guards(h))
    }),
    ("of many that want the same, one wins", |h| {
        Box::pin(commits::one_winner(h))
    }),
    ("deletes come before puts and revisions are positions", |h| {
        Box::pin(commits::order(h))
    }),
    ("limits are refused by name", |h| Box::pin(commits::limits(h))),
    ("a request is answered once", |h| Box::pin(requests::once(h))),
    ("a request is remembered for seven days", |h| {
        Box::pin(requests::remembered(h))
    }),
    ("a lease fences who lost it", |h| Box::pin(requests::leases(h))),
    ("streams are gapless", |h| Box::pin(feeds::streams(h))),
    ("the feed has no gap and no repetition", |h| {
        Box::pin(feeds::all(h))
    }),
    ("a closed stream stays as it was", |h| {
        Box::pin(finished::closed(h))
    }),
    ("closed streams survive moves, restarts and exports", |h| {
        Box::pin(finished::moved(h))
    }),
    ("a wait is never lost", |h| Box::pin(feeds::wait(h))),
    ("what is acknowledged is readable", |h| {
        Box::pin(scans::readable(h))
    }),
    ("scans merge, page and reverse", |h| Box::pin(scans::pages(h))),
    ("large values survive replacement", |h| Box::pin(scans::large(h))),
    ("everything survives a restart", |h| Box::pin(durable::reopen(h))),
    ("blobs are stored before they are referred to", |h| {
        Box::pin(durable::blobs(h))
    }),
    ("an export restores exactly", |h| Box::pin(durable::export(h))),
];

/// Examines a backend; answers how many promises were kept.
///
/// # Errors
/// The first promise that was broken.
pub async fn run(harness: &dyn Harness) -> Result<usize, Broken> {
    for (name, check) in CHECKS {
        check(harness)
            .await
            .map_err(|wrong| Broken { check: name, wrong })?;
    }
    Ok(CHECKS.len())
}
