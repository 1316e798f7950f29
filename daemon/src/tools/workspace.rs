//! Files below one directory, and nothing beside them.
//!
//! Every path is opened by the kernel beneath the directory's own descriptor (`openat2`: no `..`, no link, no mount that
//! leads out), so there is no moment between looking and opening. Invariant: no name reaches a file outside.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use dirigent_protocol::digest::Digest;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags, ResolveFlags};
use rustix::io::Errno;

/// Largest file that is read or written, bytes.
const MAX_BYTES: u64 = 512 << 10;
/// Most names of one directory that are looked at.
const MAX_ENTRIES: usize = 10_000;
/// Most names of one listing.
const MAX_NAMES: usize = 2_000;

/// Why a file was not reached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("`{path}` is not there")]
    Missing { path: String },
    #[error("`{path}` leads outside the workspace, or is a link")]
    Outside { path: String },
    #[error("`{path}` is not a plain file")]
    NotAFile { path: String },
    #[error("`{path}` is no UTF-8 text")]
    NotText { path: String },
    #[error("`{path}` has more than {} KiB", MAX_BYTES >> 10)]
    TooLarge { path: String },
    #[error("`{path}`: {error}")]
    System { path: String, error: Errno },
    #[error("`{path}`: {error}")]
    Io { path: String, error: std::io::Error },
}

impl FileError {
    /// There is nothing of that name.
    pub(crate) const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }
}

fn of(path: &str) -> impl Fn(Errno) -> FileError + '_ {
    move |error| {
        let path = path.chars().take(300).flat_map(char::escape_debug).collect();
        match error {
            Errno::NOENT => FileError::Missing { path },
            Errno::XDEV | Errno::LOOP => FileError::Outside { path },
            error => FileError::System { path, error },
        }
    }
}

const RESOLVE: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS)
    .union(ResolveFlags::NO_XDEV);

fn root(workspace: &str) -> Result<OwnedFd, FileError> {
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
    rustix::fs::open(Path::new(workspace), flags, Mode::empty()).map_err(of(workspace))
}

fn beneath(workspace: &str, path: &str, flags: OFlags, mode: Mode) -> Result<OwnedFd, FileError> {
    let root = root(workspace)?;
    let inner = if path.is_empty() { "." } else { path };
    rustix::fs::openat2(&root, inner, flags | OFlags::CLOEXEC, mode, RESOLVE).map_err(of(path))
}

/// The text of a file.
pub(crate) fn read(workspace: &str, path: &str) -> Result<String, FileError> {
    // Without NONBLOCK a pipe of that name would hold us.
    let file = beneath(workspace, path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty())?;
    let kind = rustix::fs::fstat(&file).map_err(of(path))?;
    if FileType::from_raw_mode(kind.st_mode) != FileType::RegularFile {
        return Err(FileError::NotAFile {
            path: path.to_owned(),
        });
    }
    let mut bytes = Vec::new();
    let mut limited = File::from(file).take(MAX_BYTES + 1);
    limited.read_to_end(&mut bytes).map_err(|error| FileError::Io {
        path: path.to_owned(),
        error,
    })?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(FileError::TooLarge {
            path: path.to_owned(),
        });
    }
    String::from_utf8(bytes).map_err(|_| FileError::NotText {
        path: path.to_owned(),
    })
}

/// Names in a directory, sorted; directories end with `/`. True where there were more.
pub(crate) fn list(workspace: &str, path: &str) -> Result<(Vec<String>, bool), FileError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let directory = beneath(workspace, path, flags, Mode::empty())?;
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(&directory).map_err(of(path))? {
        let entry = entry.map_err(of(path))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if matches!(name.as_str(), "." | "..") {
            continue;
        }
        let mark = if entry.file_type() == FileType::Directory {
            "/"
        } else {
            ""
        };
        names.push(format!("{name}{mark}"));
    }
    names.sort();
    let more = names.len() > MAX_NAMES;
    names.truncate(MAX_NAMES);
    Ok((names, more))
}

/// What says whether a file is still the one that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    /// Bytes.
    pub(crate) size: u64,
    /// When it was changed: seconds and nanoseconds.
    pub(crate) changed: (i64, i64),
}

/// What lies in a directory: plain files with their stamps, directories without one; links and all else are left out.
pub(crate) fn entries(workspace: &str, path: &str) -> Result<Vec<(String, Option<Stamp>)>, FileError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let directory = beneath(workspace, path, flags, Mode::empty())?;
    let mut found = Vec::new();
    for entry in rustix::fs::Dir::read_from(&directory).map_err(of(path))? {
        let entry = entry.map_err(of(path))?;
        let Ok(name) = entry.file_name().to_str() else {
            continue;
        };
        if matches!(name, "." | "..") || found.len() >= MAX_ENTRIES {
            continue;
        }
        let Ok(stat) = rustix::fs::statat(&directory, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) else {
            continue;
        };
        let stamp = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => None,
            FileType::RegularFile => Some(Stamp {
                size: u64::try_from(stat.st_size).unwrap_or(u64::MAX),
                changed: (stat.st_mtime, stat.st_mtime_nsec.cast_signed()),
            }),
            _ => continue,
        };
        found.push((name.to_owned(), stamp));
    }
    Ok(found)
}

/// Makes the directories that a file of that path needs.
pub(crate) fn make_folders(workspace: &str, path: &str) -> Result<(), FileError> {
    let mut inner = String::from(".");
    let names: Vec<&str> = path
        .split('/')
        .filter(|name| !matches!(*name, "" | "."))
        .collect();
    for name in &names[..names.len().saturating_sub(1)] {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let folder = beneath(workspace, &inner, flags, Mode::empty())?;
        match rustix::fs::mkdirat(&folder, *name, Mode::RWXU | Mode::RGRP | Mode::XGRP) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(of(path)(error)),
        }
        inner.push('/');
        inner.push_str(name);
    }
    Ok(())
}

/// Writes a file whole: beside it first, then in its place, so that nobody sees half of it.
pub(crate) fn write(workspace: &str, path: &str, content: &str) -> Result<(), FileError> {
    if content.len() as u64 > MAX_BYTES {
        return Err(FileError::TooLarge {
            path: path.to_owned(),
        });
    }
    let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
    if matches!(name, "" | "." | "..") {
        return Err(FileError::NotAFile {
            path: path.to_owned(),
        });
    }
    let folder = beneath(
        workspace,
        folder,
        OFlags::RDONLY | OFlags::DIRECTORY,
        Mode::empty(),
    )?;
    if let Ok(there) = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)
        && FileType::from_raw_mode(there.st_mode) != FileType::RegularFile
    {
        return Err(FileError::NotAFile {
            path: path.to_owned(),
        });
    }
    let beside = format!(".{}.dirigent", Digest::of_bytes(path.as_bytes()).short());
    let _gone = rustix::fs::unlinkat(&folder, &beside, AtFlags::empty());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH;
    let fresh = rustix::fs::openat2(&folder, &beside, flags, mode, RESOLVE).map_err(of(path))?;
    let mut fresh = File::from(fresh);
    let written = fresh
        .write_all(content.as_bytes())
        .and_then(|()| fresh.sync_data())
        .map_err(|error| FileError::Io {
            path: path.to_owned(),
            error,
        })
        .and_then(|()| {
            rustix::fs::renameat_with(&folder, &beside, &folder, name, RenameFlags::empty()).map_err(of(path))
        });
    if written.is_err() {
        let _gone = rustix::fs::unlinkat(&folder, &beside, AtFlags::empty());
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_is_reached_and_everything_inside_is() {
        let all = tempfile::tempdir().unwrap();
        let inside = all.path().join("w");
        std::fs::create_dir_all(inside.join("sub")).unwrap();
        std::fs::write(all.path().join("secret"), "s").unwrap();
        std::fs::write(inside.join("a.txt"), "hello").unwrap();
        std::os::unix::fs::symlink("../secret", inside.join("link")).unwrap();
        std::os::unix::fs::symlink("..", inside.join("up")).unwrap();
        std::os::unix::fs::symlink("/", inside.join("slash")).unwrap();
        let w = inside.to_str().unwrap();
        assert_eq!(read(w, "a.txt").unwrap(), "hello");
        assert_eq!(read(w, "sub/../a.txt").unwrap(), "hello");
        write(w, "sub/b.txt", "new").unwrap();
        write(w, "sub/b.txt", "newer").unwrap();
        assert_eq!(read(w, "sub/b.txt").unwrap(), "newer");
        assert_eq!(list(w, "sub").unwrap().0, ["b.txt"]);
        let outside = [
            "../secret",
            "link",
            "up/secret",
            "/etc/passwd",
            "slash/etc/passwd",
            "sub/../../secret",
        ];
        for path in outside {
            assert!(read(w, path).is_err(), "{path}");
            assert!(write(w, path, "x").is_err(), "{path}");
        }
        for path in ["..", "up", "slash", "/"] {
            assert!(list(w, path).is_err(), "{path}");
        }
        assert_eq!(std::fs::read_to_string(all.path().join("secret")).unwrap(), "s");
        assert!(read(w, "none").unwrap_err().is_missing());
        assert!(matches!(read(w, "sub"), Err(FileError::NotAFile { .. })));
    }
}
