//! `dirigent bench`: the project's own load, each figure beside what is required of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use dirigent_protocol::fault::{Code, Fault};

use crate::cli::bench::bed::Bed;
use crate::cli::bench::figure::{self, Figure};
use crate::cli::bench::loads::{LOADS, Load, Scale, named};
use crate::cli::bench::{process, reference};
use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::faults::{io, usage};
use crate::cli::out::Tone;

/// One line for the list of verbs.
pub const ABOUT: &str = "Measure the daemon under the project's own load, with a daemon of its own";

/// `dirigent bench`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this load: W1 to W5, streams, or history; may be repeated
    #[arg(long, value_name = "LOAD")]
    pub only: Vec<String>,
    /// How long the sustained load of W1 lasts
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,
    /// Finished runs of `history`
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub runs: usize,
    /// Small numbers: shows that everything works, measures nothing well
    #[arg(long)]
    pub quick: bool,
    /// A directory on the disk to be measured, instead of the system's temporary one
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Exit 1 when a requirement is missed
    #[arg(long)]
    pub strict: bool,
}

/// Does it.
///
/// # Errors
/// A daemon does not come up, refuses, or a run fails.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let loads = chosen(&args.only)?;
    let scale = Scale {
        time: Duration::from_secs(if args.quick {
            2.min(args.seconds)
        } else {
            args.seconds
        }),
        quick: args.quick,
        runs: if args.quick {
            args.runs.min(1_000)
        } else {
            args.runs
        },
        dir: args.dir,
    };
    let bed = Bed::make(scale.dir.as_deref())?;
    refuse_memory(bed.path())?;
    cx.say(
        Tone::Dim,
        &format!("in {}, load {}", bed.path().display(), process::load()),
    );
    let mut figures = Vec::new();
    for load in loads {
        cx.say(Tone::Dim, &format!("{}: {}", load.name, load.about));
        figures.extend((load.measure)(&scale).await?);
    }
    figures.push(disk(bed.path(), &scale)?);
    figures.push(Figure::new(&["machine", "load"], process::load_now()));
    let missed = figures.iter().any(|figure| !figure.is_met());
    cx.show(&figure::to_json(&figures), |out| figure::write(&figures, out))?;
    Ok(if args.strict && missed {
        Exit::Failed
    } else {
        Exit::Done
    })
}

fn chosen(only: &[String]) -> Result<Vec<&'static Load>, Fault> {
    if only.is_empty() {
        return Ok(LOADS.iter().filter(|load| load.usual).collect());
    }
    let find = |name: &String| {
        let names: Vec<&str> = LOADS.iter().map(|load| load.name).collect();
        let fault = usage(format!("there is no load `{name}`"));
        named(name).ok_or_else(|| fault.help(format!("one of {}", names.join(", "))))
    };
    only.iter().map(find).collect()
}

fn disk(dir: &Path, scale: &Scale) -> Result<Figure, Fault> {
    let time = Duration::from_millis(scale.of(2_000, 200) as u64);
    reference::appends(dir, time).map_err(|error| io("cannot measure the disk", dir.display(), &error))
}

/// On a file system in memory a sync costs nothing: every figure would flatter.
#[cfg(target_os = "linux")]
fn refuse_memory(dir: &Path) -> Result<(), Fault> {
    const TMPFS: i128 = 0x0102_1994;
    let found = rustix::fs::statfs(dir)
        .map_err(|error| io("cannot look at the disk of", dir.display(), &error.into()))?;
    if i128::from(found.f_type) != TMPFS {
        return Ok(());
    }
    let what = "that directory is in memory, where a sync costs nothing";
    Err(Fault::new(Code::Usage, what)
        .at(dir.display().to_string())
        .help("choose a disk with `--dir`"))
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "one signature for every system")]
fn refuse_memory(_dir: &Path) -> Result<(), Fault> {
    Ok(())
}
