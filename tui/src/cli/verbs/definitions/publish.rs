//! `publish`: what a file says becomes the newest version; the kind of the file's definitions is held against the verb.

use std::path::PathBuf;

use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::{Code, Fault};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::input;
use crate::cli::verbs::apply;

/// `dirigent KIND publish`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A file, or `-` for standard input
    #[arg(short = 'f', long, value_name = "FILE|-")]
    pub file: PathBuf,
    /// Say what would happen, change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Does it.
///
/// # Errors
/// The file cannot be read, has errors or holds something else, or the daemon refuses.
pub async fn run(kind: Kind, args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let texts = input::documents(&args.file)?;
    let is = |text: &input::Text| {
        let parsed = dirigent_protocol::source::parse(text.text.as_bytes());
        parsed.documents.iter().any(|node| {
            let named = node
                .get("kind")
                .and_then(|kind| kind.as_str())
                .and_then(Kind::parse);
            named == Some(kind) || (kind == Kind::Workflow && node.get("document").is_some())
        })
    };
    if !texts.iter().any(is) {
        let words = format!("there is no {kind} in this file");
        let fault = Fault::new(Code::Invalid, words).at(args.file.display().to_string());
        return Err(fault.help("`dirigent apply -f` takes definitions of any kind"));
    }
    cx.may_start();
    apply::all(texts, args.dry_run, cx).await
}
