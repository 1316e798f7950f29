//! Indexes that came later than the documents they are of: the rows of what an older build wrote are made before the
//! index is used for the first time.
//!
//! Invariant: an index that is said to be there has a row for every document of its kind. The mark that says so is in the
//! commit of the last rows; a stop before it begins anew, which changes nothing.

use bytes::Bytes;
use dirigent_protocol::entity::Kind;
use dirigent_store::Txn;

use super::read::Records;
use super::sweep::SweepError;
use super::{key, write};
use crate::swap::Swap;

/// Kind and field, one row each; new kinds need none.
const LATE: [(Kind, &str); 1] = [(Kind::WorkflowApproval, "workflow")];

/// Documents looked at for one commit.
const AT_ONCE: usize = 500;

/// Indexes that are not whole.
pub(super) type Unmade = Swap<Vec<(Kind, &'static str)>>;

impl Records {
    /// Makes what is missing. Nobody may write documents meanwhile.
    ///
    /// # Errors
    /// The store did not answer or commit. Lists go without what is not made, by looking at more documents.
    pub async fn make_late_indexes(&self) -> Result<(), SweepError> {
        let mut missing = Vec::new();
        for (kind, field) in LATE {
            if self.raw(&key::whole_index(kind, field))?.is_none() {
                missing.push((kind, field));
            }
        }
        self.unmade.set(missing.clone());
        while let Some((kind, field)) = missing.pop() {
            self.make(kind, field).await?;
            self.unmade.set(missing.clone());
        }
        Ok(())
    }

    async fn make(&self, kind: Kind, field: &str) -> Result<(), SweepError> {
        let (mut after, mut made) = (None, 0);
        loop {
            let page = self.all(kind, after, AT_ONCE)?;
            let documents = page.iter().map(|stored| &stored.document);
            let rows = documents.filter_map(|document| write::index_row(document, field));
            let mut txn = Txn {
                puts: rows.map(|row| (row, Bytes::new())).collect(),
                reserve: true,
                ..Txn::default()
            };
            made += txn.puts.len();
            after = page.last().map(|stored| stored.document.metadata.id);
            if after.is_none() {
                txn.puts.push((key::whole_index(kind, field), Bytes::new()));
            }
            self.store().commit(txn).await?;
            if after.is_none() {
                tracing::info!(
                    kind = kind.as_str(),
                    field,
                    rows = made,
                    "an index that is new is made"
                );
                return Ok(());
            }
        }
    }

    /// Whether documents can be found by this field.
    #[must_use]
    pub fn is_indexed(&self, kind: Kind, field: &str) -> bool {
        let known = kind.definition().indexes.iter().any(|index| index.field == field);
        let unmade = self.unmade.get();
        known
            && !unmade
                .iter()
                .any(|(of, missing)| *of == kind && *missing == field)
    }
}
