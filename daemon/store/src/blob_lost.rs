//! The key of the blobs at the opening: the one that is there, or the one an export carries.
//!
//! Invariant: no new key takes the place of one that blobs need.

use crate::blob;
use crate::blob_key::{BlobKey, is_keyed};
use crate::error::{DamageKind, IoFault, OpenError};
use crate::export;
use crate::io::{self, Disk};
use crate::layout::Layout;
use crate::segment::damage;

/// `None` if no blob has needed a key yet.
pub(crate) fn find(disk: &dyn Disk, layout: &Layout) -> Result<Option<BlobKey>, OpenError> {
    if let Some(key) = BlobKey::load(disk, layout)? {
        return Ok(Some(key));
    }
    let (blobs, _) = blob::files(layout)?;
    let mut needed = false;
    for (_, path) in blobs {
        needed |= is_keyed(&io::read_all(disk, &path)?);
    }
    if !needed {
        return Ok(None);
    }
    let exports = layout
        .all_exports()
        .map_err(|e| IoFault::new("list", &layout.exports(), e))?;
    let found = exports
        .iter()
        .find_map(|path| export::verify(path).ok().and_then(|seen| seen.blob_key));
    let key = found.ok_or_else(|| damage(&layout.blob_key(), 0, DamageKind::Missing))?;
    key.save(disk, layout)?;
    tracing::warn!("the key of the blobs was lost and came back from an export");
    Ok(Some(key))
}
