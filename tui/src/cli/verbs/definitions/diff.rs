//! `diff`: what changed between two versions of a definition, or between one and a file.

use std::path::PathBuf;

use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::{Code, Fault};
use serde_json::{Value, json};
use similar::ChangeTag;

use super::versions::{self, text_of};
use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::format::yaml;
use crate::cli::out::{Out, Tone};
use crate::cli::{input, resolve};
use crate::text::diff::{groups, lines};

/// Lines around a change.
const AROUND: usize = 3;

/// `dirigent KIND diff`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name or id
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The older version; the one before the newest if not said
    #[arg(value_name = "FROM")]
    pub from: Option<String>,
    /// The newer version; the newest if not said
    #[arg(value_name = "TO", conflicts_with = "file")]
    pub to: Option<String>,
    /// Against what this file says; FROM is the newest version if not said
    #[arg(short = 'f', long, value_name = "FILE|-")]
    pub file: Option<PathBuf>,
}

/// Does it.
///
/// # Errors
/// No such definition or version, or the daemon refuses.
pub async fn run(kind: Kind, args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let draft = resolve::document(cx, kind, &args.name).await?;
    let all = versions::all(cx, &draft).await?;
    let none = || Fault::new(Code::NotFound, format!("`{}` has no such version", args.name));
    let newest = all.first().ok_or_else(none)?;
    let (to, to_name) = match (&args.file, &args.to) {
        (Some(file), _) => (drafted(kind, &args.name, file)?, file.display().to_string()),
        (None, Some(text)) => {
            let version = versions::find(cx, &draft, text).await?;
            (text_of(&version)?, format!("v{}", version.spec["number"]))
        }
        (None, None) => (text_of(newest)?, format!("v{}", newest.spec["number"])),
    };
    let from = match &args.from {
        Some(text) => versions::find(cx, &draft, text).await?,
        None if args.file.is_some() => newest.clone(),
        None => all.get(1).unwrap_or(newest).clone(),
    };
    let (from, from_name) = (text_of(&from)?, format!("v{}", from.spec["number"]));
    show(cx, (&from, &from_name), (&to, &to_name))?;
    Ok(Exit::Done)
}

/// The text of a definition in a file, in the form in which versions are compared.
///
/// # Errors
/// The file cannot be read or does not hold it.
pub fn drafted(kind: Kind, name: &str, file: &std::path::Path) -> Result<String, Fault> {
    let spec = in_file(kind, name, file)?;
    match spec["source"].as_str() {
        Some(source) => Ok(source.to_owned()),
        None => yaml(&spec),
    }
}

/// The body of a definition in a file.
///
/// # Errors
/// The file cannot be read or does not hold it.
pub fn in_file(kind: Kind, name: &str, file: &std::path::Path) -> Result<Value, Fault> {
    for text in input::documents(file)? {
        let parsed = dirigent_protocol::source::parse(text.text.as_bytes());
        for node in &parsed.documents {
            let value = node.to_json();
            if kind == Kind::Workflow && value["document"]["name"] == name {
                return Ok(json!({ "source": text.text }));
            }
            let is_kind = value["kind"].as_str().and_then(Kind::parse) == Some(kind);
            if is_kind && value["metadata"]["name"] == name {
                return Ok(value["spec"].clone());
            }
        }
    }
    let what = kind.as_str();
    Err(
        Fault::new(Code::Invalid, format!("the file holds no {what} `{name}`"))
            .at(file.display().to_string()),
    )
}

/// Shows what changed between two texts.
///
/// # Errors
/// It cannot be written in the shape asked for.
pub fn show(cx: &mut Cx, (from, from_name): (&str, &str), (to, to_name): (&str, &str)) -> Result<(), Fault> {
    let changes = lines(from, to);
    let changed = changes.iter().any(|(tag, _)| *tag != ChangeTag::Equal);
    let value = json!({ "from": from_name, "to": to_name, "changed": changed, "lines": as_rows(&changes) });
    cx.show(&value, |out: &mut Out| write(out, (from_name, to_name), &changes))
}

const fn sign(tag: ChangeTag) -> &'static str {
    match tag {
        ChangeTag::Delete => "-",
        ChangeTag::Insert => "+",
        ChangeTag::Equal => " ",
    }
}

/// Lines of a diff for scripts.
pub fn as_rows(changes: &[(ChangeTag, &str)]) -> Value {
    let row = |(tag, line): &(ChangeTag, &str)| json!({ "op": sign(*tag), "line": line });
    changes.iter().map(row).collect()
}

/// Lines of a diff for people, with those around them.
pub fn write(out: &mut Out, (from_name, to_name): (&str, &str), changes: &[(ChangeTag, &str)]) {
    if changes.iter().all(|(tag, _)| *tag == ChangeTag::Equal) {
        out.text(&format!("{from_name} and {to_name} say the same"));
        return;
    }
    out.text(&format!("--- {from_name}\n+++ {to_name}"));
    for group in groups(changes, AROUND) {
        out.text("@@");
        for (tag, line) in group {
            let tone = match tag {
                ChangeTag::Delete => Tone::Bad,
                ChangeTag::Insert => Tone::Good,
                ChangeTag::Equal => Tone::Plain,
            };
            out.toned(tone, &format!("{}{line}", sign(tag)));
        }
    }
}
