//! `dirigent templates`: workflows to begin with. Needs no daemon.

use std::path::PathBuf;

use clap::Subcommand;
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::source::nearest;
use serde_json::{Value, json};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::faults::{io, usage};
use crate::cli::out::{Out, Tone};
use crate::cli::table::Table;
use crate::templates::{Shape, Wrong, fill, find, shapes};

/// One line for the list of verbs.
pub const ABOUT: &str = "Workflows to begin with: list them, show one, make your own of it";

/// `dirigent templates`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do; `list` if not said.
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// What to do with templates.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List them
    List,
    /// What one does, what it can be told, and an input to try it with
    Show {
        /// Its name
        name: String,
    },
    /// Its text with your values, ready for `dirigent apply`
    New(NewArgs),
}

/// `dirigent templates new`
#[derive(Debug, clap::Args)]
pub struct NewArgs {
    /// Its name
    pub template: String,
    /// A value of a parameter; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    pub values: Vec<(String, String)>,
    /// What the workflow is called; otherwise like the template
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The file to write, which must not be there yet; otherwise standard output
    #[arg(short = 'f', long = "file", visible_alias = "out", value_name = "FILE")]
    pub file: Option<PathBuf>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

/// Does it.
///
/// # Errors
/// No such template, a value that does not fit, or a file that is there already.
#[expect(clippy::unused_async, reason = "every verb is called the same way")]
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    match args.action.unwrap_or(Action::List) {
        Action::List => list(cx),
        Action::Show { name } => {
            let shape = known(&name)?;
            let mut value = shape.to_json();
            value["text"] = Value::from(shape.text);
            cx.show(&value, |out| show(&shape, out))?;
            Ok(Exit::Done)
        }
        Action::New(args) => new(&args, cx),
    }
}

fn list(cx: &mut Cx) -> Result<Exit, Fault> {
    let all = shapes();
    let items: Vec<Value> = all.iter().map(Shape::to_json).collect();
    let value = json!({ "items": items, "next": null });
    cx.show(&value, |out| {
        let mut table = Table::new(&["name", "what it does"]);
        for shape in &all {
            table.row([
                (Tone::Strong, shape.name.to_owned()),
                (Tone::Plain, shape.summary.clone()),
            ]);
        }
        table.write(out);
    })?;
    Ok(Exit::Done)
}

fn show(shape: &Shape, out: &mut Out) {
    out.text(&format!(
        "{}: {}\n\n{}\n\n{}\n",
        shape.name, shape.title, shape.summary, shape.live
    ));
    let mut table = Table::new(&["parameter", "value", "what for"]);
    for one in &shape.parameters {
        let value = one
            .value
            .as_ref()
            .map_or_else(|| "(you give it)".to_owned(), Value::to_string);
        table.row([
            (Tone::Strong, one.name.clone()),
            (Tone::Plain, crate::cli::format::short(&value, 40)),
            (Tone::Dim, one.about.clone()),
        ]);
    }
    table.write(out);
    if !shape.agents.is_empty() {
        out.text(&format!("\nIts agents: {}", shape.agents.join(", ")));
    }
    out.text(&format!(
        "\nTry it:\n  dirigent templates new {0} -f {0}.yaml\n  dirigent simulate {0}.yaml\n  dirigent apply -f {0}.yaml\n  dirigent run {0} --input '{1}'",
        shape.name, shape.sample
    ));
}

fn new(args: &NewArgs, cx: &mut Cx) -> Result<Exit, Fault> {
    let shape = known(&args.template)?;
    let text = fill(&shape, &args.values, args.name.as_deref()).map_err(wrong)?;
    let Some(file) = &args.file else {
        cx.out.exact(text.trim_end());
        return Ok(Exit::Done);
    };
    let write = || -> std::io::Result<()> {
        use std::io::Write as _;
        std::fs::File::create_new(file)?.write_all(text.as_bytes())
    };
    write().map_err(|error| io("cannot write the file", file.display(), &error))?;
    let value = json!({ "template": shape.name, "file": file.display().to_string() });
    cx.show(&value, |out| {
        out.text(&format!(
            "{} written; next: dirigent apply -f {}",
            file.display(),
            file.display()
        ));
    })?;
    Ok(Exit::Done)
}

fn known(name: &str) -> Result<Shape, Fault> {
    find(name).ok_or_else(|| {
        let all = shapes();
        let near = nearest(name, all.iter().map(|shape| shape.name));
        let help = near.map_or_else(
            || "`dirigent templates list` names them".to_owned(),
            |near| format!("did you mean {near}? `dirigent templates list` names all"),
        );
        Fault::new(Code::NotFound, format!("there is no template `{name}`")).help(help)
    })
}

fn wrong(wrong: Wrong) -> Fault {
    let help = match &wrong {
        Wrong::Unknown { name, known } => match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`? There are: {}", known.join(", ")),
            None => format!("there are: {}", known.join(", ")),
        },
        Wrong::Kind { kind, .. } => format!("write JSON of type {kind}"),
        Wrong::Name(_) => "lower-case letters, digits and dashes, at most 63".to_owned(),
    };
    usage(wrong.to_string()).help(help)
}
