//! How a command ends, as a number for scripts.

use std::process::ExitCode;

use dirigent_protocol::fault::Code;
use dirigent_protocol::run::Status;

/// The exit codes that are no fault's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// The work failed.
    Failed,
    /// The run was cancelled.
    Cancelled,
    /// The run waits for a person.
    NeedsPerson,
    /// Reading or writing failed.
    Io,
    /// Ctrl-C.
    Interrupted,
    /// A fault's own.
    Fault(Code),
    /// Whatever a program that was started instead said.
    Other(u8),
}

impl Exit {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Cancelled => 3,
            Self::NeedsPerson => 4,
            Self::Io => 74,
            Self::Interrupted => 130,
            Self::Fault(code) => code.exit(),
            Self::Other(code) => code,
        }
    }

    /// How waiting for a run ends.
    #[must_use]
    pub const fn of_run(status: Status) -> Self {
        match status {
            Status::Faulted => Self::Failed,
            Status::Cancelled => Self::Cancelled,
            Status::Pending | Status::Running | Status::Waiting | Status::Suspended | Status::Completed => {
                Self::Done
            }
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_scripts_rely_on() {
        let runs = [Status::Completed, Status::Faulted, Status::Cancelled].map(|s| Exit::of_run(s).code());
        assert_eq!(runs, [0, 1, 3]);
        assert_eq!(
            [Exit::NeedsPerson, Exit::Io, Exit::Interrupted].map(Exit::code),
            [4, 74, 130]
        );
        let faults = [
            (Code::Usage, 2),
            (Code::Invalid, 65),
            (Code::StoreDamaged, 65),
            (Code::Unreachable, 69),
            (Code::Io, 74),
            (Code::NotPermitted, 77),
            (Code::Configuration, 78),
            (Code::NotFound, 1),
        ];
        for (code, number) in faults {
            assert_eq!(Exit::Fault(code).code(), number, "{code:?}");
        }
    }
}
