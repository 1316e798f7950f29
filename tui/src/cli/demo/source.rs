//! Real input for the demo: the newest log of this machine that this user may read, or a history.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use dirigent_protocol::fault::{Code, Fault};

/// Where systems and package managers log.
const LOGS: &[&str] = &[
    "/var/log/syslog",
    "/var/log/messages",
    "/var/log/kern.log",
    "/var/log/auth.log",
    "/var/log/daemon.log",
    "/var/log/system.log",
    "/var/log/install.log",
    "/var/log/cloud-init.log",
    "/var/log/dpkg.log",
    "/var/log/apt/history.log",
    "/var/log/apt/term.log",
    "/var/log/alternatives.log",
    "/var/log/bootstrap.log",
    "/var/log/dnf.log",
    "/var/log/dnf5.log",
    "/var/log/dnf.rpm.log",
    "/var/log/yum.log",
    "/var/log/zypper.log",
    "/var/log/zypp/history",
    "/var/log/pacman.log",
    "/var/log/apk.log",
    "/var/log/emerge.log",
    "/var/log/Xorg.0.log",
];
/// Fewer lines than this make a dull review; such a log is taken only when there is nothing better.
const ENOUGH: usize = 20;
/// Bytes looked at to tell text from other files.
const PEEK: u64 = 64 * 1024;

/// What the workflow reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// `log`, `git`, `journal` or `listing`, as the workflow's input says it.
    pub kind: &'static str,
    /// File or directory.
    pub path: PathBuf,
    /// In words.
    pub about: String,
}

/// Finds it: what was named, or the newest log of this machine, or a history, or a listing.
///
/// # Errors
/// What was named holds neither a log nor a history.
pub fn find(named: Option<&Path>) -> Result<Source, Fault> {
    if let Some(path) = named {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        return in_named(&path).ok_or_else(|| {
            Fault::new(
                Code::Invalid,
                "there is neither a readable log nor a git history here",
            )
            .at(path.display().to_string())
            .help("name a text file, a directory with a .log file, or a git repository with commits")
        });
    }
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let logs: Vec<PathBuf> = LOGS.iter().map(PathBuf::from).collect();
    Ok(newest(&logs)
        .or_else(journal)
        .or_else(|| git(&here))
        .unwrap_or_else(|| Source {
            kind: "listing",
            about: format!(
                "the newest files of {} (no log and no history was found)",
                here.display()
            ),
            path: here,
        }))
}

fn in_named(path: &Path) -> Option<Source> {
    if path.is_file() {
        return lines(path).map(|_| log(path.to_owned()));
    }
    let logs = || {
        let entries = std::fs::read_dir(path).ok()?;
        let files: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|file| file.extension().is_some_and(|end| end == "log"))
            .collect();
        newest(&files)
    };
    git(path).or_else(logs)
}

fn log(path: PathBuf) -> Source {
    Source {
        kind: "log",
        about: format!("the log {}", path.display()),
        path,
    }
}

/// The newest of these that is readable text with enough lines; else the newest with any.
fn newest(files: &[PathBuf]) -> Option<Source> {
    let mut found: Vec<(bool, SystemTime, &PathBuf)> = files
        .iter()
        .filter_map(|file| {
            let changed = std::fs::metadata(file).ok()?.modified().ok()?;
            Some((lines(file)? >= ENOUGH, changed, file))
        })
        .collect();
    found.sort();
    found.pop().map(|(_, _, file)| log(file.clone()))
}

/// Lines of a text file's beginning; none for what is no readable, regular, non-empty text.
fn lines(file: &Path) -> Option<usize> {
    if !std::fs::metadata(file).ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(file).ok()?.take(PEEK).read_to_end(&mut bytes).ok()?;
    let text = !bytes.is_empty() && !bytes.contains(&0);
    text.then(|| bytes.iter().filter(|byte| **byte == b'\n').count())
}

fn git(directory: &Path) -> Option<Source> {
    let mut command = Command::new("git");
    command
        .args(["-c", "safe.directory=*", "-C"])
        .arg(directory)
        .args(["rev-parse", "--verify", "--quiet", "HEAD"]);
    says_something(command).then(|| Source {
        kind: "git",
        about: format!("the git history of {}", directory.display()),
        path: directory.to_owned(),
    })
}

fn journal() -> Option<Source> {
    let mut command = Command::new("journalctl");
    command.args(["--no-pager", "--quiet", "-n", "20", "-o", "short-iso"]);
    says_something(command).then(|| Source {
        kind: "journal",
        about: "the journal of this machine".to_owned(),
        path: PathBuf::from("/var/log/journal"),
    })
}

fn says_something(mut command: Command) -> bool {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output();
    output.is_ok_and(|output| output.status.success() && !output.stdout.trim_ascii().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_text_with_enough_lines_wins_and_binaries_are_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let long = file("long.log", &"a line\n".repeat(50));
        let short = file("short.log", "one\n");
        let binary = file("binary.log", "a\0b\n");
        let all = [long.clone(), short.clone(), binary, dir.path().join("none.log")];
        assert_eq!(newest(&all).unwrap().path, long);
        assert_eq!(newest(std::slice::from_ref(&short)).unwrap().path, short);
        assert_eq!(find(Some(dir.path())).unwrap().path, long);
        assert_eq!(find(Some(&short)).unwrap().kind, "log");
    }

    #[test]
    fn an_empty_directory_is_refused_and_without_a_name_something_is_always_found() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(find(Some(dir.path())).unwrap_err().code, Code::Invalid);
        assert!(!find(None).unwrap().about.is_empty());
    }
}
