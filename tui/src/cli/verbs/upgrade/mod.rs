//! `dirigent upgrade`: what another version of a workflow would mean for its runs that are not over, and their change
//! to it. Nothing is published here: `dirigent apply` does that.

use dirigent_protocol::command::RunTarget;
use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::id::RunId;
use dirigent_protocol::query::{Query, QueryReply};
use dirigent_protocol::upgrade::UpgradePage;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::faults::usage;
use crate::cli::{input, resolve};
use crate::link::snapshot::unexpected;

mod check;
mod migrate;
mod words;

/// One line for the list of verbs.
pub const ABOUT: &str = "What a new version would mean for runs that are not over; lets them go on under it";

/// `dirigent upgrade`
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("deed").required(true).args(["check", "migrate"])))]
pub struct Args {
    /// Name each run and step that would break; change nothing. Exit 1 if anything would
    #[arg(long)]
    pub check: bool,
    /// Let the runs that would not break go on under the version, which must be published. Exit 1 if one is left
    #[arg(long)]
    pub migrate: bool,
    /// The draft's file, or `workflow NAME` for the newest version of a stored workflow
    #[arg(value_name = "FILE | KIND NAME", num_args = 1..=2, required_unless_present = "file")]
    pub what: Vec<String>,
    /// The draft's file, or `-` for standard input
    #[arg(short = 'f', long = "file", value_name = "FILE|-", conflicts_with = "what")]
    pub file: Option<String>,
    /// Only these runs
    #[arg(long, value_name = "RUN", num_args = 1..)]
    pub only: Vec<String>,
}

/// Does it.
///
/// # Errors
/// The draft has errors, a run is none of that workflow, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let target = target(&args)?;
    let mut only = Vec::with_capacity(args.only.len());
    for text in &args.only {
        only.push(resolve::run(cx, text).await?);
    }
    let mut pages = Pages {
        target,
        only: (!only.is_empty()).then(|| only.into_iter()),
        after: None,
        over: false,
    };
    if args.check {
        check::check(&mut pages, cx).await
    } else {
        migrate::migrate(&mut pages, cx).await
    }
}

fn target(args: &Args) -> Result<RunTarget, Fault> {
    let file = match (args.file.as_deref(), args.what.as_slice()) {
        (Some(file), _) => file,
        (None, [file]) => file,
        (None, [kind, name]) => {
            if resolve::kind(kind)? != Kind::Workflow {
                return Err(usage(format!("runs are of workflows, not of `{kind}`"))
                    .help("write `workflow NAME`, or a file"));
            }
            return Ok(RunTarget::Name(name.clone()));
        }
        (None, _) => return Err(usage("name the draft's file, or `workflow NAME`".to_owned())),
    };
    let mut texts = input::documents(std::path::Path::new(file))?;
    match (texts.pop(), texts.is_empty()) {
        (Some(text), true) => Ok(RunTarget::Source {
            file: text.name,
            text: text.text,
        }),
        _ => Err(Fault::new(Code::Usage, "one draft at a time").at(file.to_owned())),
    }
}

/// The runs of the workflow, as the daemon looks at them: a page at a time.
struct Pages {
    target: RunTarget,
    only: Option<std::vec::IntoIter<RunId>>,
    after: Option<RunId>,
    over: bool,
}

impl Pages {
    async fn next(&mut self, cx: &mut Cx) -> Result<Option<UpgradePage>, Fault> {
        if self.over {
            return Ok(None);
        }
        let run = match &mut self.only {
            None => None,
            Some(only) => match only.next() {
                Some(run) => Some(run),
                None => return Ok(None),
            },
        };
        let query = Query::UpgradeCheck {
            target: self.target.clone(),
            run,
            after: self.after,
            limit: 0,
        };
        let QueryReply::Upgrade(page) = cx.query(query).await? else {
            return Err(unexpected("what an upgrade would mean"));
        };
        self.after = page.next;
        self.over = self.only.is_none() && page.next.is_none();
        Ok(Some(page))
    }
}
