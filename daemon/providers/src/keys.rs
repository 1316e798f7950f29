//! Where keys come from, and the type that keeps them out of every text.
//!
//! A key is read when a call needs it, so that a rotated key works without a restart and a missing one is an error
//! of the call, not of the daemon's start.

use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Longest key file read, in bytes.
const MAX_KEY_BYTES: u64 = 16 * 1024;

/// A key. `Debug` shows no content, there is no `Display` and no serialization; memory is overwritten on drop
/// as far as safe code can.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps a key; surrounding white space and line ends are cut off.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// The key itself: for the header that carries it, nothing else.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// A number that changes with it; of this process alone.
    pub(crate) fn mark(&self) -> u64 {
        let mut hasher = std::hash::DefaultHasher::new();
        self.0.hash(&mut hasher);
        hasher.finish()
    }

    /// `text` with every occurrence of the key replaced, for words of a provider that may echo it.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        if self.0.len() < 4 {
            text.to_owned()
        } else {
            text.replace(&self.0, "[key]")
        }
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret([hidden])")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        // Best effort without unsafe code: overwrite in place (same length, so no reallocation).
        let length = self.0.len();
        self.0.clear();
        self.0.extend(std::iter::repeat_n('\0', length));
    }
}

/// Why a configured key cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The environment variable is not set or empty.
    #[error("environment variable {name} is not set")]
    EnvMissing {
        /// Its name.
        name: String,
    },
    /// The file cannot be read.
    #[error("cannot read key file {}: {reason}", path.display())]
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        reason: std::io::ErrorKind,
    },
    /// Others than the owner may read or write the file.
    #[error("key file {} has mode {mode:04o}, others can read it", path.display())]
    TooOpen {
        /// Its path.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is empty, too large, not text, or holds more than one line.
    #[error("key file {} does not hold one line of text", path.display())]
    NotAKey {
        /// Its path.
        path: PathBuf,
    },
}

impl KeyError {
    /// What a person can do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::EnvMissing { name } => {
                format!("export {name}=... where the daemon starts, or set key_file")
            }
            Self::Unreadable { path, .. } => format!("write the key to {} with mode 0600", path.display()),
            Self::TooOpen { path, .. } => format!("chmod 600 {}", path.display()),
            Self::NotAKey { path } => format!("put the key, and nothing else, into {}", path.display()),
        }
    }
}

/// Where the key of one provider is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// The server wants none.
    None,
    /// An environment variable of the daemon.
    Env(String),
    /// A file only its owner may read.
    File(PathBuf),
}

impl KeySource {
    /// The source of a provider: the file wins over the variable.
    #[must_use]
    pub fn of(key_env: Option<&str>, key_file: Option<&Path>) -> Self {
        match (key_file, key_env) {
            (Some(path), _) => Self::File(path.to_owned()),
            (None, Some(name)) => Self::Env(name.to_owned()),
            (None, None) => Self::None,
        }
    }

    /// Reads the key.
    ///
    /// # Errors
    /// When a source is configured and holds no usable key.
    pub fn read(&self) -> Result<Option<Secret>, KeyError> {
        match self {
            Self::None => Ok(None),
            Self::Env(name) => match std::env::var(name) {
                Ok(text) if !text.trim().is_empty() => Ok(Some(Secret::new(&text))),
                _ => Err(KeyError::EnvMissing { name: name.clone() }),
            },
            Self::File(path) => read_file(path).map(Some),
        }
    }
}

fn read_file(path: &Path) -> Result<Secret, KeyError> {
    let unreadable = |error: std::io::Error| KeyError::Unreadable {
        path: path.to_owned(),
        reason: error.kind(),
    };
    let not_a_key = || KeyError::NotAKey {
        path: path.to_owned(),
    };
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    let mode = metadata.mode() & 0o7777;
    // Asked of the open file, so that it cannot be exchanged between the check and the reading.
    if mode & 0o077 != 0 {
        return Err(KeyError::TooOpen {
            path: path.to_owned(),
            mode,
        });
    }
    if !metadata.is_file() || metadata.len() > MAX_KEY_BYTES {
        return Err(not_a_key());
    }
    let mut text = String::new();
    file.take(MAX_KEY_BYTES)
        .read_to_string(&mut text)
        .map_err(|_| not_a_key())?;
    let key = text.trim();
    if key.is_empty() || key.contains(char::is_control) {
        return Err(not_a_key());
    }
    Ok(Secret::new(key))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file(content: &[u8], mode: u32) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().expect("tempdir");
        let path = dir.path().join("key");
        std::fs::write(&path, content).expect("write");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("chmod");
        (dir, path)
    }

    #[test]
    fn a_private_file_gives_its_key_without_the_line_end() {
        let (_dir, path) = file(b"sk-abcdef\n", 0o600);
        let key = KeySource::of(Some("UNUSED"), Some(&path))
            .read()
            .expect("key")
            .expect("some");
        assert_eq!(key.reveal(), "sk-abcdef");
        assert!(!format!("{key:?}").contains("sk-"), "{key:?}");
    }

    #[test]
    fn a_file_others_can_read_is_refused_with_the_command_that_mends_it() {
        let (_dir, path) = file(b"sk-abcdef", 0o640);
        let error = KeySource::File(path.clone()).read().expect_err("too open");
        assert_eq!(
            error,
            KeyError::TooOpen {
                path: path.clone(),
                mode: 0o640
            }
        );
        assert_eq!(error.help(), format!("chmod 600 {}", path.display()));
        assert!(!error.to_string().contains("sk-"));
    }

    #[test]
    fn junk_is_not_a_key() {
        for content in [&b""[..], b" \n", b"two\nlines", b"\xff\xfe", &[b'a'; 20_000]] {
            let (_dir, path) = file(content, 0o600);
            assert_eq!(
                KeySource::File(path.clone()).read().expect_err("junk"),
                KeyError::NotAKey { path }
            );
        }
        let missing = KeySource::File("/nonexistent/key".into())
            .read()
            .expect_err("missing");
        assert!(matches!(
            missing,
            KeyError::Unreadable {
                reason: std::io::ErrorKind::NotFound,
                ..
            }
        ));
    }

    #[test]
    fn an_unset_variable_is_named() {
        let error = KeySource::Env("DIRIGENT_TEST_NO_SUCH_KEY".into())
            .read()
            .expect_err("unset");
        assert!(error.help().contains("DIRIGENT_TEST_NO_SUCH_KEY"));
    }

    #[test]
    fn an_echoed_key_is_cut_out() {
        assert_eq!(
            Secret::new("sk-123456").redact("bad key sk-123456!"),
            "bad key [key]!"
        );
    }
}
