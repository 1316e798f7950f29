//! What crosses the store's door: positions, transactions, pages. Plain data, no behaviour beyond construction.

mod feed;
mod ids;
mod lease;
mod scan;
mod txn;
mod upkeep;

pub use feed::{Budget, Feed, FeedItem, FeedPage};
pub use ids::{BlobId, BlobSpace, Identity, Key, Position, StreamId, Versioned};
pub(crate) use lease::LeaseRow;
pub use lease::{Fence, Lease, LeaseRequest};
pub use scan::{ScanPage, ScanRange};
pub(crate) use txn::Upkeep;
pub use txn::{Append, Commit, Guard, Receipt, RequestKey, Txn};
pub use upkeep::{Discarded, ExportReport, MaintainBudget, MaintainReport, Progress, Stats};
