//! Files of what authorities gave, below `secrets/.granted`: readable by their owner alone, written whole or not at all,
//! and durable once written. No document can name one.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use dirigent_protocol::digest::Digest;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The file of what these names led to.
pub(super) fn path(data_dir: &Path, names: &serde_json::Value) -> PathBuf {
    let name = Digest::of(names).to_string().replace(':', "-");
    data_dir.join("secrets").join(".granted").join(name)
}

/// What is kept; nothing where there is no such file.
///
/// # Errors
/// It cannot be read.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes).map_err(io::Error::other)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Keeps it.
///
/// # Errors
/// It cannot be made durable.
pub(super) fn write<T: Serialize>(path: &Path, kept: &T) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let fresh = path.with_extension("new");
    let mut how = fs::OpenOptions::new();
    how.create(true).write(true).truncate(true).mode(0o600);
    let mut file = how.open(&fresh)?;
    file.write_all(&serde_json::to_vec(kept).map_err(io::Error::other)?)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    fs::File::open(folder)?.sync_all()
}
