//! The reference: as many appends as the journal made, of as many bytes each, to a file of zeros, each with its sync.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

use crate::bed::Took;

const MIB: usize = 1 << 20;

/// Appends per second of one thread, by the syncs and bytes of `took`.
pub(crate) fn appends(dir: &Path, took: &Took) -> io::Result<f64> {
    let count = took.syncs.max(1);
    let frame = vec![1; usize::try_from(took.bytes / count).unwrap_or(MIB)];
    let length = count * frame.len() as u64;
    let path = dir.join(format!("raw-{}", std::process::id()));
    let file = File::create_new(&path)?;
    let zeros = vec![0; MIB];
    for at in 0..=length / MIB as u64 {
        file.write_all_at(&zeros, at * MIB as u64)?;
    }
    file.sync_all()?;
    let begun = Instant::now();
    for at in 0..count {
        file.write_all_at(&frame, at * frame.len() as u64)?;
        file.sync_data()?;
    }
    let time = begun.elapsed();
    std::fs::remove_file(path)?;
    Ok(count as f64 / time.as_secs_f64())
}

/// A tmpfs knows no disk.
#[cfg(target_os = "linux")]
pub(crate) fn refuse_tmpfs(dir: &Path) -> io::Result<()> {
    const TMPFS: i128 = 0x0102_1994;
    if i128::from(rustix::fs::statfs(dir)?.f_type) == TMPFS {
        return Err(io::Error::other(format!(
            "{} is a tmpfs; choose a disk with --dir",
            dir.display()
        )));
    }
    Ok(())
}

/// A tmpfs knows no disk; only Linux says so here.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "one signature for every system")]
pub(crate) fn refuse_tmpfs(_dir: &Path) -> io::Result<()> {
    Ok(())
}
