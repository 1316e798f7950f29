//! Other programs on our terminal: the person's editor and pager.
//!
//! The terminal is given back for as long as they run; keys and signals of that time are theirs. A text goes out in a
//! private file and comes back only if the program ended well; otherwise the file is left, and named.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{guard, terminal};

/// What is to be done with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// What it is, for the file's name: letters and dashes.
    pub name: String,
    /// Ending of the file's name: `yaml`.
    pub kind: &'static str,
    /// The text.
    pub text: String,
    /// With which program, and whether anything comes back.
    pub way: Way,
}

/// With which program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `$VISUAL` or `$EDITOR`; the text comes back.
    Edit,
    /// The same, on something that may not be changed here: nothing comes back.
    Look,
    /// `$PAGER`.
    Page,
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub enum OutsideError {
    /// The file or the terminal failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The program said no.
    #[error("`{program}` ended with {status}: nothing was taken; the text is in {}", path.display())]
    Program {
        /// What was run.
        program: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// Where the text is.
        path: PathBuf,
    },
    /// What came back is too large.
    #[error("what came back has more than {MAX_BACK} bytes: it is in {}", path.display())]
    TooLarge {
        /// Where it is.
        path: PathBuf,
    },
    /// What came back is no text.
    #[error("what came back is not UTF-8; it is in {}", path.display())]
    NotText {
        /// Where it is.
        path: PathBuf,
    },
}

/// Files of one name that are counted on.
const MOST_FILES: u32 = 1_000;
/// Largest text taken back, bytes.
const MAX_BACK: u64 = 512 * 1024;

/// Another program has the terminal.
static LENT: AtomicBool = AtomicBool::new(false);

/// Whether another program has the terminal: then an interrupt is for it.
#[must_use]
pub fn is_lent() -> bool {
    LENT.load(Ordering::SeqCst)
}

/// Writes a text into a new file of the working directory, never over one that is there; tells its name.
///
/// # Errors
/// The file cannot be made or written.
pub fn write_new(name: &str, kind: &str, text: &str) -> io::Result<PathBuf> {
    for number in 1.. {
        let path = match number {
            1 => PathBuf::from(format!("{name}.{kind}")),
            number => PathBuf::from(format!("{name}-{number}.{kind}")),
        };
        match std::fs::File::create_new(&path) {
            Ok(mut file) => return file.write_all(text.as_bytes()).map(|()| path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < MOST_FILES => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Shows a text with the person's program and waits; gives the text back if it was to be changed.
///
/// # Errors
/// There is no file, no program, or it did not end well.
pub fn show(sheet: &Sheet) -> Result<Option<String>, OutsideError> {
    let mut file = tempfile::Builder::new()
        .prefix(&format!("dirigent-{}-", sheet.name))
        .suffix(&format!(".{}", sheet.kind))
        .tempfile()?;
    file.write_all(sheet.text.as_bytes())?;
    file.flush()?;
    if sheet.way != Way::Edit {
        let mut permissions = file.as_file().metadata()?.permissions();
        permissions.set_readonly(true);
        file.as_file().set_permissions(permissions)?;
    }
    let program = program(sheet.way, |name| std::env::var(name).ok());
    LENT.store(true, Ordering::SeqCst);
    terminal::restore();
    // The variable may hold words of its own (`code --wait`): the shell reads it, as everywhere.
    let status = Command::new("sh")
        .arg("-c")
        .arg(format!("{program} \"$1\""))
        .arg("sh")
        .arg(file.path())
        .env_remove(guard::KEEPER)
        .status();
    let back = terminal::enter();
    LENT.store(false, Ordering::SeqCst);
    back?;
    let status = status?;
    if sheet.way != Way::Edit {
        return Ok(None);
    }
    if !status.success() {
        let (_, path) = file.keep().map_err(|error| error.error)?;
        return Err(OutsideError::Program {
            program,
            status,
            path,
        });
    }
    if std::fs::metadata(file.path())?.len() > MAX_BACK {
        let (_, path) = file.keep().map_err(|error| error.error)?;
        return Err(OutsideError::TooLarge { path });
    }
    // Editors put a new file in the place of the old one: it is read by its name.
    match String::from_utf8(std::fs::read(file.path())?) {
        Ok(text) => Ok(Some(text)),
        Err(_) => {
            let (_, path) = file.keep().map_err(|error| error.error)?;
            Err(OutsideError::NotText { path })
        }
    }
}

fn program(way: Way, set: impl Fn(&str) -> Option<String>) -> String {
    let (names, otherwise): (&[&str], &str) = match way {
        Way::Edit | Way::Look => (&["VISUAL", "EDITOR"], "vi"),
        Way::Page => (&["PAGER"], "less"),
    };
    let mut named = names.iter().filter_map(|name| set(name));
    named
        .find(|text| !text.trim().is_empty())
        .unwrap_or_else(|| otherwise.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_persons_program_is_taken() {
        let set = |pairs: &'static [(&str, &str)]| {
            move |name: &str| {
                pairs
                    .iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, value)| (*value).to_owned())
            }
        };
        assert_eq!(
            program(Way::Edit, set(&[("EDITOR", "nano"), ("VISUAL", "code --wait")])),
            "code --wait"
        );
        assert_eq!(
            program(Way::Edit, set(&[("VISUAL", " "), ("EDITOR", "nano")])),
            "nano"
        );
        assert_eq!(program(Way::Look, set(&[])), "vi");
        assert_eq!(program(Way::Page, set(&[("PAGER", "more")])), "more");
    }
}
