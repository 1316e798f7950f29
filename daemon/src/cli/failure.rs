//! Why the program ends, in words and as an exit code.

use std::fmt;
use std::io::Write;

use dirigent_config::{ConfigErrors, PathError};
use dirigent_protocol::fault::Code;

use crate::lifecycle::StartError;

/// Why the program ends.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A place cannot be used.
    #[error(transparent)]
    Place(#[from] PathError),
    /// The configuration has errors.
    #[error(transparent)]
    Configuration(#[from] ConfigErrors),
    /// The daemon does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The store cannot be verified.
    #[error(transparent)]
    Check(#[from] dirigent_store::OpenError),
    /// The store failed while it served.
    #[error("the store acknowledges nothing any more: a write or sync of its journal failed")]
    StoreFailed,
    /// There is no store.
    #[error("there is no store in {0}")]
    NoStore(String),
    /// A daemon could not be asked.
    #[error("{0}")]
    Asked(Box<dirigent_protocol::fault::Fault>),
    /// The system refuses threads or signals.
    #[error("the system refuses: {0}")]
    System(#[from] std::io::Error),
}

impl Failure {
    /// The kind.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Place(_) | Self::Configuration(_) => Code::Configuration,
            Self::Start(error) => error.code(),
            Self::Asked(fault) => fault.code,
            Self::Check(dirigent_store::OpenError::InUse { .. }) => Code::Conflict,
            Self::Check(dirigent_store::OpenError::Io(_)) | Self::NoStore(_) | Self::System(_) => Code::Io,
            Self::Check(_) => Code::StoreDamaged,
            Self::StoreFailed => Code::StoreFailed,
        }
    }

    /// What to do.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Place(error) => error.help(),
            Self::Configuration(_) => String::new(),
            Self::Start(error) => error.help(),
            Self::Asked(fault) => fault.help.clone().unwrap_or_default(),
            Self::Check(error) => error.help().to_owned(),
            Self::StoreFailed => {
                "nothing acknowledged is lost; look at the disk (the log names the file), then start it again"
                    .to_owned()
            }
            Self::NoStore(_) => "name the data directory with --data-dir, or DIRIGENT_HOME".to_owned(),
            Self::System(_) => "check the limits of processes and open files (ulimit -a)".to_owned(),
        }
    }

    /// The same for programs, in one line: `{"error":{"code","message","at","help"}}`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let help = Some(self.help()).filter(|help| !help.is_empty());
        serde_json::json!({ "error": {
            "code": self.code().as_str(),
            "message": self.to_string(),
            "at": null,
            "help": help,
        }})
        .to_string()
    }

    /// `error[code]: what` and `help: what to do`, as people read it.
    #[must_use]
    pub fn render(&self) -> String {
        // A configuration's errors carry their own code, place and help each.
        if let Self::Configuration(errors) = self {
            return errors.to_string();
        }
        format!("error[{}]: {self}\nhelp: {}", self.code().as_str(), self.help())
    }
}

/// Prints a line; a reader that has gone away is no problem.
pub(super) fn print(text: impl fmt::Display) {
    drop(writeln!(std::io::stdout().lock(), "{text}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_read_a_failure_as_one_line_of_json() {
        let line = Failure::NoStore("/a \"b\"\nc".to_owned()).to_json();
        assert!(!line.contains('\n'));
        let error = &serde_json::from_str::<serde_json::Value>(&line).unwrap()["error"];
        assert_eq!(error["code"], "io");
        assert_eq!(error["message"], "there is no store in /a \"b\"\nc");
        assert!(error["help"].as_str().unwrap().contains("--data-dir"));
    }
}
