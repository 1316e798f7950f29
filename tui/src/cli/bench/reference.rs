//! What the disk itself can do, measured in the same run: only ratios to it can be compared between machines.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::figure::Figure;

/// Bytes of one append.
const RECORD: usize = 256;
/// Zeros written beforehand, as the journal has them.
const LENGTH: usize = 8 << 20;

/// Appends of 256 bytes per second, each synced, by one thread.
///
/// # Errors
/// The disk refuses.
pub fn appends(dir: &Path, time: Duration) -> io::Result<Figure> {
    let path = dir.join("reference");
    let file = File::create_new(&path)?;
    let zeros = vec![0; 1 << 20];
    for at in (0..LENGTH).step_by(zeros.len()) {
        file.write_all_at(&zeros, at as u64)?;
    }
    file.sync_all()?;
    let record = [1; RECORD];
    let (begun, mut count) = (Instant::now(), 0);
    while begun.elapsed() < time {
        let at = (count * RECORD) % LENGTH;
        file.write_all_at(&record, at as u64)?;
        file.sync_data()?;
        count += 1;
    }
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(Figure::new(
        &["reference", "append_fdatasync_per_s"],
        rate.round(),
    ))
}
