//! `dirigent agents tools`: what an agent's tools are now, by a run that asks its servers and not its model.

use dirigent_protocol::command::{Command, CommandReply, RunTarget};
use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::run::Status;
use serde_json::{Value, json};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::follow_run::{Ending, Wanted, cursor_now, follow};
use crate::cli::input::Text;
use crate::cli::out::{Out, Tone};
use crate::cli::resolve;
use crate::cli::run_text::Run;
use crate::cli::verbs::{apply, run};
use crate::link::snapshot::unexpected;

/// The run that asks.
const DOCUMENT: &str = "document: { dsl: '1.0.3', namespace: dirigent, name: agents-tools, version: '1.0.0' }
do: [ { tools: { call: agent, with: { agent: '${ .agent }', output: tools } } } ]
";
/// How much of a digest is shown.
const SHORT: usize = 12;
/// Longest description on a line, characters.
const ABOUT: usize = 100;

/// `dirigent agents tools`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of the agent
    #[arg(value_name = "AGENT")]
    pub name: String,
    /// Pin the lists of its servers as they are now: a new version, and nothing else of it changes
    #[arg(long)]
    pub pin: bool,
}

/// Does it.
///
/// # Errors
/// No such agent, its tools cannot be had, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let agent = resolve::document(cx, Kind::Agent, &args.name).await?;
    let over = match listed(&args.name, cx).await? {
        Ending::Over(over) if over.body.status == Status::Completed => over,
        other => return run::end(cx, other),
    };
    if !args.pin {
        show(cx, &over)?;
        return Ok(Exit::Done);
    }
    let now = resolve::document(cx, Kind::Agent, &args.name).await?;
    if now.metadata.revision != agent.metadata.revision {
        let what = "the agent was changed while its servers were asked";
        return Err(Fault::new(Code::Conflict, what)
            .at(args.name)
            .help("ask again: what is pinned is what was shown"));
    }
    let mut spec = now.spec;
    if pin(&mut spec, &over.body.output) == 0 {
        cx.say(
            Tone::Dim,
            "none of its tools is of a server: there is nothing to pin",
        );
        show(cx, &over)?;
        return Ok(Exit::Done);
    }
    let definition = json!({
        "kind": "Agent",
        "metadata": { "name": now.metadata.name, "labels": now.metadata.labels },
        "spec": spec,
    });
    let text = Text {
        name: format!("Agent/{}", args.name),
        text: definition.to_string(),
    };
    apply::all(vec![text], false, cx).await
}

async fn listed(name: &str, cx: &mut Cx) -> Result<Ending, Fault> {
    let cursor = cursor_now(cx).await?;
    let command = Command::RunStart {
        target: RunTarget::Source {
            file: "agents-tools".to_owned(),
            text: DOCUMENT.to_owned(),
        },
        input: json!({ "agent": name }),
        idempotency_key: None,
        budget: None,
        priority: None,
    };
    let reply = cx.command(&format!("ask the servers of {name}"), command).await?;
    let CommandReply::RunStarted { run, .. } = reply else {
        return Err(unexpected("a run"));
    };
    cx.attend(run);
    let wanted = Wanted {
        stop_for_person: true,
        ..Wanted::default()
    };
    follow(cx, run, cursor, wanted, &mut |_, _| {}).await
}

/// Writes the digests of the lists into the grants; how many there are.
fn pin(spec: &mut Value, listed: &Value) -> usize {
    let grants = listed["grants"].as_array().into_iter().flatten();
    let mut pinned = 0;
    for (at, shown) in grants.enumerate() {
        let place = spec.pointer_mut(&format!("/tools/{at}/mcp"));
        if let (Some(Value::Object(server)), Value::String(digest)) = (place, &shown["manifest"]) {
            server.insert("manifest".to_owned(), digest.as_str().into());
            pinned += 1;
        }
    }
    pinned
}

fn show(cx: &mut Cx, over: &Run) -> Result<(), Fault> {
    let value = over.body.output.clone();
    cx.show(&value, |out| {
        for grant in value["grants"].as_array().into_iter().flatten() {
            write(out, grant);
        }
    })
}

fn write(out: &mut Out, grant: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let short = |value: &Value| text(value).chars().take(SHORT).collect::<String>();
    let whose = match &grant["server"] {
        Value::String(server) => server.clone(),
        _ => text(&grant["kind"]),
    };
    let (tone, list) = match (&grant["manifest"], &grant["pinned"]) {
        (Value::Null, _) => (Tone::Strong, String::new()),
        (now, Value::Null) => (
            Tone::Ask,
            format!(", list {} is not pinned (`--pin` does)", short(now)),
        ),
        (now, pinned) if grant["changed"] == true => {
            let changed = format!(
                ", list {} is ANOTHER than {}, which was pinned",
                short(now),
                short(pinned)
            );
            (Tone::Bad, changed)
        }
        (now, _) => (Tone::Good, format!(", list {} is as pinned", short(now))),
    };
    out.toned(tone, &format!("{whose}{list}"));
    for tool in grant["tools"].as_array().into_iter().flatten() {
        let about: String = text(&tool["description"])
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .take(ABOUT)
            .collect();
        let traits: Vec<&str> = ["untrusted", "private", "outward"]
            .into_iter()
            .filter(|one| tool["traits"][*one] == true)
            .collect();
        let (name, class) = (text(&tool["name"]), text(&tool["approval"]));
        out.text(&format!(
            "  {name:<28} {class:<7} {:<27} {about}",
            traits.join(" ")
        ));
    }
    for name in grant["withheld"].as_array().into_iter().flatten() {
        out.text(&format!(
            "  {:<28} not offered: its name or schema cannot be used",
            text(name)
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_pinned_where_they_are_of_servers_and_nothing_else_changes() {
        let mut spec = json!({ "model": "m", "tools": [
            { "file": { "workspace": "/w" } }, { "mcp": { "command": "s" }, "allow": ["*"] } ] });
        let listed = json!({ "grants": [{ "manifest": null }, { "manifest": "abc" }] });
        assert_eq!(pin(&mut spec, &listed), 1);
        let wanted = json!({ "model": "m", "tools": [
            { "file": { "workspace": "/w" } }, { "mcp": { "command": "s", "manifest": "abc" }, "allow": ["*"] } ] });
        assert_eq!(spec, wanted);
    }
}
