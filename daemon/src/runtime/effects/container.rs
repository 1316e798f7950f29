//! `run: container`: docker or podman, driven by their command line.
//!
//! A container that got no name from its document has one made of the effect's key: what a crash left of it is taken
//! away before it is run again.

use std::fmt::Write as _;

use dirigent_protocol::run::{ContainerCall, EffectOutcome};

use super::performer::refused;
use super::script::{Prepared, on_path, quoted, shell};

const ENGINES: [&str; 2] = ["docker", "podman"];

/// The command of a container.
pub(super) fn prepare(wanted: &ContainerCall, key: &str) -> Result<Prepared, Box<EffectOutcome>> {
    let Some(engine) = ENGINES.iter().find_map(|name| on_path(name)) else {
        let detail = format!(
            "`{}` needs docker or podman, and neither is on the daemon's PATH",
            wanted.image
        );
        return Err(Box::new(refused(
            "configuration",
            501,
            "There is no container engine",
            detail,
        )));
    };
    for text in [&wanted.image].into_iter().chain(&wanted.name) {
        if text.starts_with('-') || text.contains(char::is_whitespace) {
            let detail = format!("`{text}` cannot name an image or a container");
            return Err(Box::new(refused("validation", 400, "Bad name", detail)));
        }
    }
    let command = command(&quoted(&engine.to_string_lossy()), wanted, key);
    Ok(Prepared {
        call: shell(command, &wanted.process),
        files: Vec::new(),
    })
}

/// The name of a container.
pub(super) fn name(wanted: &ContainerCall, key: &str) -> String {
    wanted.name.clone().unwrap_or_else(|| format!("dirigent-{key}"))
}

fn command(engine: &str, wanted: &ContainerCall, key: &str) -> String {
    let name = quoted(&name(wanted, key));
    let mut line = String::new();
    if wanted.name.is_none() {
        let _ = write!(line, "{engine} rm -f {name} >/dev/null 2>&1; ");
    }
    // A cancelled step ends with its container, not only with the engine's client.
    let _ = write!(
        line,
        "trap '{engine} rm -f {name} >/dev/null 2>&1; exit 143' TERM; "
    );
    let _ = write!(line, "{engine} run -i --name {name}");
    if wanted.cleanup == "always" {
        line.push_str(" --rm");
    }
    let pull = match wanted.pull.as_str() {
        "always" => "always",
        "never" => "never",
        _ => "missing",
    };
    let _ = write!(line, " --pull {pull}");
    for variable in wanted.process.environment.keys() {
        let _ = write!(line, " -e {}", quoted(variable));
    }
    for (host, inside) in &wanted.ports {
        let _ = write!(line, " -p {}", quoted(&format!("{host}:{inside}")));
    }
    for (host, inside) in &wanted.volumes {
        let _ = write!(line, " -v {}", quoted(&format!("{host}:{inside}")));
    }
    match &wanted.command {
        Some(command) => {
            let _ = write!(
                line,
                " --entrypoint sh {} -c {} sh \"$@\"",
                quoted(&wanted.image),
                quoted(command)
            );
        }
        None => {
            let _ = write!(line, " {} \"$@\"", quoted(&wanted.image));
        }
    }
    line.push_str(" <&3 & exec 3<&-; wait $!; code=$?");
    if let Some(after) = wanted.cleanup_after_ms {
        let seconds = after.div_ceil(1_000);
        let _ = write!(
            line,
            "; env -i PATH=\"$PATH\" setsid sh -c {} >/dev/null 2>&1 </dev/null &",
            quoted(&format!("sleep {seconds}; {engine} rm -f {name}"))
        );
        line.push_str(" true");
    }
    line.push_str("; exit $code");
    // The standard input of a command in the background would be empty: it is kept under another number.
    format!("exec 3<&0; {line}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use dirigent_protocol::run::Process;

    #[test]
    fn every_word_stays_one_word() {
        let wanted = ContainerCall {
            image: "alpine".into(),
            command: Some("echo \"it's $1\"".into()),
            ports: [("8080".to_owned(), "80".to_owned())].into(),
            pull: "ifNotPresent".into(),
            cleanup: "always".into(),
            process: Process {
                environment: [("SECRET".to_owned(), "never on a command line".to_owned())].into(),
                ..Process::default()
            },
            ..ContainerCall::default()
        };
        let line = command("docker", &wanted, "k-1");
        assert!(
            line.contains("docker run -i --name 'dirigent-k-1' --rm --pull missing -e 'SECRET' -p '8080:80'"),
            "{line}"
        );
        assert!(
            line.contains(r#"--entrypoint sh 'alpine' -c 'echo "it'\''s $1"' sh "$@""#),
            "{line}"
        );
        assert!(!line.contains("never on"), "{line}");
    }

    #[test]
    fn an_image_that_would_be_an_option_is_refused() {
        let wanted = ContainerCall {
            image: "--privileged".into(),
            ..ContainerCall::default()
        };
        assert!(prepare(&wanted, "k").is_err());
    }
}
