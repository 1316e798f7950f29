//! The suite of the contract, run on the real store.

use crate::common::{block_on, options};
use dirigent_store::conformance::{Harness, run};
use dirigent_store::{ExportError, OpenError, Store, import, open};
use std::path::{Path, PathBuf};
use std::sync::Arc;

struct Local(tempfile::TempDir);

impl Local {
    fn options(&self, name: &str) -> dirigent_store::Options {
        let mut options = options(&self.0.path().join(name));
        options.segment_bytes = 4 << 20;
        options.archive_streams = 1;
        options
    }
}

impl Harness for Local {
    fn open(&self, name: &str) -> Result<Arc<dyn Store>, OpenError> {
        open(self.options(name))
    }

    fn import(&self, name: &str, from: &Path) -> Result<(), ExportError> {
        import(&self.options(name), from).map(drop)
    }

    fn scratch(&self, name: &str) -> PathBuf {
        self.0.path().join(format!("scratch-{name}"))
    }
}

#[test]
fn the_local_store_keeps_every_promise() {
    let harness = Local(tempfile::tempdir().unwrap());
    match block_on(run(&harness)) {
        Ok(kept) => assert!(kept >= 19, "{kept}"),
        Err(broken) => panic!("{broken}"),
    }
}
