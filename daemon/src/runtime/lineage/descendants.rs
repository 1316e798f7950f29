//! Which runs come from which.

use dirigent_protocol::id::RunId;
use dirigent_protocol::run::Origin;
use dirigent_store::ScanRange;

use crate::runtime::error::RuntimeError;
use crate::runtime::handle::RuntimeHandle;
use crate::runtime::rows;

/// Most runs named that come from one.
const MOST: usize = 200;

impl RuntimeHandle {
    /// The runs that come from this one, oldest first, and how; the first 200.
    ///
    /// # Errors
    /// The store did not answer.
    pub fn offspring(&self, run: RunId) -> Result<Vec<(RunId, Origin)>, RuntimeError> {
        let range = ScanRange::prefix(&rows::lineage_of(run)).limited(MOST);
        let page = self.core.store.scan(range)?;
        let mut found = Vec::with_capacity(page.items.len());
        for (key, row) in page.items {
            if let Some(child) = rows::child_of(&key) {
                found.push((child, rows::decode(&row.value, "a lineage row")?));
            }
        }
        Ok(found)
    }
}
