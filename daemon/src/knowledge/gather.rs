//! What lies below a folder: names, sizes and times first, texts only where they are new.

use std::time::{Duration, Instant};

use super::passages::{Passage, cut, shape_of};
use crate::tools::workspace::{self, FileError, Stamp};

/// Most files of one folder.
const MAX_FILES: usize = 2_000;
/// Most folders inside it that are looked into.
const MAX_FOLDERS: usize = 1_000;
/// Deepest folder.
const MAX_DEPTH: usize = 12;
/// Most bytes of text of one folder.
const MAX_BYTES: u64 = 32 << 20;
/// Longest that one look takes.
const LONGEST: Duration = Duration::from_secs(10);

/// Files that can be searched, and how many were left out.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) files: Vec<(String, Stamp)>,
    pub(super) left_out: usize,
}

/// Looks at what is there; links are not followed and hidden names not looked at.
pub(super) fn listing(folder: &str, began: Instant) -> Result<Listing, FileError> {
    let mut listing = Listing::default();
    let mut open = vec![(String::from("."), 0)];
    let (mut bytes, mut looked) = (0, 0);
    while let Some((path, depth)) = open.pop() {
        looked += 1;
        if looked > MAX_FOLDERS || began.elapsed() > LONGEST {
            listing.left_out += 1 + open.len();
            break;
        }
        let entries = match workspace::entries(folder, &path) {
            Ok(entries) => entries,
            Err(error) if depth == 0 => return Err(error),
            Err(_) => {
                listing.left_out += 1;
                continue;
            }
        };
        for (name, found) in entries {
            if name.starts_with('.') {
                continue;
            }
            let inner = if path == "." {
                name
            } else {
                format!("{path}/{name}")
            };
            match found {
                None if depth < MAX_DEPTH => open.push((inner, depth + 1)),
                Some(stamp) if shape_of(&inner).is_some() => {
                    bytes += stamp.size;
                    if listing.files.len() < MAX_FILES && bytes <= MAX_BYTES {
                        listing.files.push((inner, stamp));
                    } else {
                        bytes -= stamp.size;
                        listing.left_out += 1;
                    }
                }
                Some(_) => {}
                None => listing.left_out += 1,
            }
        }
    }
    listing.files.sort();
    Ok(listing)
}

/// The passages of a file; none where it is no text or too large, or time is over.
pub(super) fn passages(folder: &str, path: &str, began: Instant) -> Option<Vec<Passage>> {
    if began.elapsed() > LONGEST {
        return None;
    }
    let text = workspace::read(folder, path).ok()?;
    Some(cut(shape_of(path)?, &text))
}
