//! `dirigent edit`: a definition in the person's own editor, validated on return. Invariant: what was typed is on disk
//! until the daemon has it.

use std::path::{Path, PathBuf};

use dirigent_protocol::command::{Command, CommandReply};
use dirigent_protocol::entity::{Document, Kind, Workflow, Writer};
use dirigent_protocol::fault::{Code, Fault};
use serde_json::{Value, json};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::faults::{in_file, io, to_text, usage};
use crate::cli::format::yaml;
use crate::cli::out::{Tone, complain};
use crate::cli::{ask, input, resolve};

/// One line for the list of verbs.
pub const ABOUT: &str = "Change a definition in $EDITOR";

/// `dirigent edit`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Agent, Workflow, ...
    #[arg(value_name = "KIND")]
    pub kind: String,
    /// Id, short id or name
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Does it.
///
/// # Errors
/// No such document, no editor, or the daemon refuses; the text stays in its file.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let kind = resolve::kind(&args.kind)?;
    if kind.definition().writer != Writer::People {
        return Err(usage(format!("{kind} documents are written by the daemon alone"))
            .help("`dirigent get` shows them"));
    }
    let document = resolve::document(cx, kind, &args.name).await?;
    let before = text_of(&document)?;
    let path = private_file(&document)?;
    input::write_private(&path, &before)?;
    loop {
        edit(&path)?;
        let text = input::document(&path).map_err(|fault| kept(fault, &path))?.text;
        if text == before {
            drop(std::fs::remove_file(&path));
            cx.say(Tone::Plain, "nothing was changed");
            return Ok(Exit::Done);
        }
        let saved = save(cx, &document, text).await;
        let fault = match saved.map_err(|fault| in_file(fault, &name_of(&document))) {
            Ok(reply) => {
                drop(std::fs::remove_file(&path));
                return done(cx, &document, &reply);
            }
            Err(fault) => fault,
        };
        let again = fault.code == Code::Invalid && ask::can_ask();
        if !again {
            return Err(kept(fault, &path));
        }
        complain(&to_text(&fault, cx.err));
        if !ask::yes("Edit it again?").await? {
            return Err(kept(fault, &path));
        }
    }
}

fn kept(fault: Fault, path: &Path) -> Fault {
    let help = format!(
        "nothing is lost: your text is in {}; `dirigent apply -f` takes it",
        path.display()
    );
    Fault {
        help: Some(fault.help.map_or(help.clone(), |own| format!("{own}; {help}"))),
        ..fault
    }
}

/// The text a person edits: a workflow as its author wrote it, anything else in the shape of its file.
fn text_of(document: &Document) -> Result<String, Fault> {
    if document.kind == Kind::Workflow {
        let workflow: Workflow = document.body().map_err(|error| {
            Fault::new(
                Code::Unsupported,
                format!("this workflow cannot be read: {error}"),
            )
        })?;
        return Ok(workflow.source);
    }
    let meta = &document.metadata;
    yaml(&json!({
        "kind": document.kind,
        "metadata": { "name": meta.name, "labels": meta.labels },
        "spec": document.spec,
    }))
}

fn private_file(document: &Document) -> Result<PathBuf, Fault> {
    let kind = document.kind.as_str().to_lowercase();
    let file = tempfile::Builder::new()
        .prefix(&format!("dirigent-{kind}-{}-", document.metadata.id.short()))
        .suffix(".yaml")
        .tempfile()
        .map_err(|error| io("cannot make a file to edit", "temporary directory", &error))?;
    file.keep()
        .map(|(_, path)| path)
        .map_err(|error| io("cannot keep the file", "temporary directory", &error.error))
}

/// Runs the person's editor on a file and waits for it.
fn edit(path: &Path) -> Result<(), Fault> {
    let set = |name: &str| std::env::var(name).ok().filter(|text| !text.trim().is_empty());
    let editor = set("VISUAL")
        .or_else(|| set("EDITOR"))
        .unwrap_or_else(|| "vi".to_owned());
    // The variable may hold words of its own (`code --wait`): the shell reads it, as everywhere.
    let status = std::process::Command::new("sh")
        .arg("-c")
        .arg(format!("{editor} \"$1\""))
        .arg("sh")
        .arg(path)
        .status()
        .map_err(|error| io("the editor cannot be started", &editor, &error))?;
    if status.success() {
        return Ok(());
    }
    let fault = Fault::new(
        Code::Io,
        format!("the editor ended with {status}; nothing was saved"),
    )
    .at(editor);
    Err(kept(fault, path))
}

fn name_of(document: &Document) -> String {
    format!("{}/{}", document.kind, document.metadata.name)
}

async fn save(cx: &mut Cx, document: &Document, text: String) -> Result<CommandReply, Fault> {
    let meta = &document.metadata;
    let file = name_of(document);
    // First all errors with their places, nothing changed.
    let dry = Command::Apply {
        file: file.clone(),
        source: text.clone(),
        dry_run: true,
    };
    if let CommandReply::Applied { items, warnings } = cx.caller()?.command(dry).await? {
        super::apply::warn(cx, &file, &warnings);
        let same = items.len() == 1 && items[0].kind == document.kind && items[0].name == meta.name;
        if !same {
            return Err(
                Fault::new(Code::Invalid, "kind or name was changed; editing cannot rename")
                    .at(file)
                    .help("keep kind and name, or `dirigent apply -f` the text as a new definition"),
            );
        }
    }
    let now = resolve::document(cx, document.kind, &meta.id.to_string()).await?;
    if now.metadata.revision != meta.revision {
        let what = format!(
            "somebody changed it meanwhile: revision {} became {}",
            meta.revision, now.metadata.revision
        );
        return Err(Fault::new(Code::Conflict, what)
            .at(file)
            .help("put your change on top of the newest revision"));
    }
    cx.command(
        &format!("change {file}"),
        Command::Apply {
            file,
            source: text,
            dry_run: false,
        },
    )
    .await
}

fn done(cx: &mut Cx, document: &Document, reply: &CommandReply) -> Result<Exit, Fault> {
    let value = match reply {
        CommandReply::Applied { items, .. } => json!({ "items": items }),
        _ => Value::Null,
    };
    let name = format!("{} {}", document.kind, document.metadata.name);
    cx.show(&value, |out| out.text(&format!("{name} updated")))?;
    Ok(Exit::Done)
}
