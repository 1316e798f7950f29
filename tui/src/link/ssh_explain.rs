//! The words for each way in which `ssh HOST dirigent stdio` can fail.
//!
//! ssh tells its own failures with exit code 255 and text meant for people; everything else is the exit of what ran on
//! the other side.

use std::process::ExitStatus;
use std::time::Duration;

use dirigent_protocol::fault::{Code, Fault};

use super::target::{Ask, SshTarget};
use crate::text::clean_line;

/// ssh failed by itself.
const SSH: i32 = 255;
/// The other side's shell found no such program.
const NO_PROGRAM: i32 = 127;
/// It found one that it cannot run.
const NOT_EXECUTABLE: i32 = 126;
/// The program there does not know the verb.
const USAGE: i32 = 2;

fn fault(ssh: &SshTarget, code: Code, what: String, help: String) -> Fault {
    Fault::new(code, what).at(ssh.describe()).help(help)
}

/// There is no ssh on this machine.
pub(super) fn no_program(ssh: &SshTarget, error: &std::io::Error) -> Fault {
    let what = format!("`ssh` cannot be started: {error}");
    let help = "install OpenSSH's client (package openssh-client)".to_owned();
    fault(ssh, Code::Unreachable, what, help)
}

/// No greeting came.
pub(super) fn late(ssh: &SshTarget, limit: Duration) -> Fault {
    let what = format!("no daemon answered over ssh within {} s", limit.as_secs());
    let help = format!("try `ssh {} dirigent status`", ssh.words());
    fault(ssh, Code::Unreachable, what, help)
}

/// Something wrote in front of the wire.
pub(super) fn noise(ssh: &SshTarget, said: &str) -> Fault {
    let first = said.lines().find(|line| !line.trim().is_empty()).unwrap_or(said);
    let what = format!(
        "something on the other side writes text where the wire should be: `{}`",
        clean_line(first.trim())
    );
    let help = format!(
        "`ssh {} true` must print nothing: see the shell's start files there (.bashrc, .zshenv)",
        ssh.words()
    );
    fault(ssh, Code::Unreachable, what, help)
}

/// The process ended before there was a greeting.
pub(super) fn ended(ssh: &SshTarget, status: ExitStatus, said: &str, ask: Ask) -> Fault {
    let login = ssh.words();
    let last = last_line(said);
    match status.code() {
        Some(SSH) => of_ssh(ssh, said, &last, ask),
        Some(NO_PROGRAM | NOT_EXECUTABLE) => fault(
            ssh,
            Code::Unreachable,
            "there is no program `dirigent` on the other side".to_owned(),
            format!(
                "install it there, in the PATH of shells that are not interactive: `ssh {login} dirigent --version`"
            ),
        ),
        Some(USAGE) => fault(
            ssh,
            Code::VersionMismatch,
            format!("the `dirigent` on the other side is of another version: {last}"),
            format!("compare `ssh {login} dirigent --version` with `dirigent --version`"),
        ),
        Some(_) => of_other_side(ssh, said, &last),
        None => fault(
            ssh,
            Code::Unreachable,
            "`ssh` was ended by a signal".to_owned(),
            "try again".to_owned(),
        ),
    }
}

/// What `dirigent stdio` said there: `error[code]: what`, `at:`, `help:`.
fn of_other_side(ssh: &SshTarget, said: &str, last: &str) -> Fault {
    let told = said.lines().find_map(|line| {
        let (code, what) = line.trim().strip_prefix("error[")?.split_once("]: ")?;
        Some((code.to_owned(), what.to_owned()))
    });
    let Some((code, what)) = told else {
        let help = format!("try `ssh {} dirigent status`", ssh.words());
        return fault(
            ssh,
            Code::Unreachable,
            format!("the other side ended: {last}"),
            help,
        );
    };
    let code = serde_json::from_value(code.into()).unwrap_or(Code::Unreachable);
    let help = match code {
        Code::Unreachable => format!("start one there: `ssh {} dirigent daemon start`", ssh.words()),
        _ => said
            .lines()
            .find_map(|line| line.trim().strip_prefix("help: "))
            .map_or_else(
                || format!("try `ssh {} dirigent status`", ssh.words()),
                |help| clean_line(help).into_owned(),
            ),
    };
    fault(
        ssh,
        code,
        format!("on the other side: {}", clean_line(&what)),
        help,
    )
}

/// What ssh itself says.
fn of_ssh(ssh: &SshTarget, said: &str, last: &str, ask: Ask) -> Fault {
    let login = ssh.words();
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let (code, what, help) = if has(&["REMOTE HOST IDENTIFICATION HAS CHANGED"]) {
        (
            Code::NotPermitted,
            "the host key of the other side is not the one that is known: somebody may be in between"
                .to_owned(),
            format!(
                "ask who runs that machine; when the change is right: `ssh-keygen -R {}`, then `ssh {login} true`",
                ssh.known_as()
            ),
        )
    } else if has(&["Host key verification failed"]) {
        (
            Code::NotPermitted,
            "the host key of the other side is not known".to_owned(),
            format!("`ssh {login} true` shows it and asks; compare it before you say yes"),
        )
    } else if has(&["Permission denied", "Too many authentication failures"]) {
        let help = match ask {
            Ask::Person => format!("check user name and key: `ssh {login} true`"),
            Ask::Nobody => format!("a key without questions is needed here (ssh-agent): `ssh {login} true`"),
        };
        (
            Code::NotPermitted,
            format!("the other side lets nobody in with these keys: {last}"),
            help,
        )
    } else {
        (
            Code::Unreachable,
            format!("ssh cannot connect: {last}"),
            format!("try `ssh {login} true`"),
        )
    };
    fault(ssh, code, what, help)
}

fn last_line(said: &str) -> String {
    let last = said.lines().rfind(|line| !line.trim().is_empty());
    last.map_or_else(
        || "it said nothing".to_owned(),
        |line| clean_line(line.trim()).into_owned(),
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn of(code: i32, said: &str) -> Fault {
        let ssh = SshTarget {
            login: "dana@ops".into(),
            port: Some(2222),
            socket: None,
        };
        ended(&ssh, ExitStatus::from_raw(code << 8), said, Ask::Nobody)
    }

    /// Exit code, words on standard error; kind, words and help of the fault.
    const ENDS: [(i32, &str, Code, &str, &str); 9] = [
        (
            255,
            "ssh: connect to host ops port 2222: Connection refused\r\n",
            Code::Unreachable,
            "Connection refused",
            "ssh -p 2222 dana@ops true",
        ),
        (
            255,
            "dana@ops: Permission denied (publickey).\r\n",
            Code::NotPermitted,
            "publickey",
            "ssh-agent",
        ),
        (
            255,
            "No ED25519 host key is known\r\nHost key verification failed.\r\n",
            Code::NotPermitted,
            "not known",
            "compare it",
        ),
        (
            255,
            "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.\n",
            Code::NotPermitted,
            "in between",
            "ssh-keygen -R '[ops]:2222'",
        ),
        (
            127,
            "bash: line 1: dirigent: command not found\n",
            Code::Unreachable,
            "no program",
            "PATH",
        ),
        (
            2,
            "error: unrecognized subcommand 'stdio'\n",
            Code::VersionMismatch,
            "another version",
            "--version",
        ),
        (
            69,
            "error[unreachable]: no daemon can be reached: x\n  help: y\n",
            Code::Unreachable,
            "no daemon",
            "dirigent daemon start",
        ),
        (
            77,
            "error[not_permitted]: closed\n  help: ask \u{1b}[31mthem\n",
            Code::NotPermitted,
            "closed",
            "ask",
        ),
        (
            3,
            "\u{1b}]0;x\u{7}",
            Code::Unreachable,
            "ended",
            "dirigent status",
        ),
    ];

    #[test]
    fn every_failure_has_its_own_words_and_help() {
        for (code, said, wanted, what, help) in ENDS {
            let fault = of(code, said);
            assert_eq!(fault.code, wanted, "{said}");
            assert!(fault.message.contains(what), "{fault:?}");
            let told = fault.help.unwrap();
            assert!(told.contains(help), "{told}");
            assert!(!fault.message.contains('\u{1b}') && !told.contains('\u{1b}'));
            assert_eq!(fault.at.as_deref(), Some("ssh://dana@ops:2222"));
        }
    }
}
