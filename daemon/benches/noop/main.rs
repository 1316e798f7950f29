//! Durable `call: noop` steps per second through the runtime and a real store, beside raw append + `fdatasync` of the
//! same bytes on the same disk in the same run: only the ratio can be compared between machines.
//!
//! `cargo bench -p dirigentd --bench noop -- [--quick] [--rounds N] [--steps N] [--dir DIR]`. Without `--bench`, which
//! `cargo bench` adds, and with `--quick` or `--test`, it is short. `--dir` chooses the disk; a tmpfs is refused, because
//! syncs cost nothing there. Rounds of steps and of the reference alternate, and the store rests before each.

mod bed;
mod cpu;
mod raw;

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use bed::{Bed, Took};
use dirigent_protocol::entity::Document;

/// Runs side by side, and the steps of each.
const SIDE_BY_SIDE: (u64, u64) = (100, 100);

/// What the command line asks for.
struct Plan {
    rounds: usize,
    steps: u64,
    runs: (u64, u64),
    dir: PathBuf,
}

impl Plan {
    fn of(mut words: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let (mut full, mut quick) = (false, false);
        let (mut rounds, mut steps) = (None, None);
        let mut dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--bench" => full = true,
                "--quick" | "--test" => quick = true,
                "--rounds" => rounds = Some(value()?.parse()?),
                "--steps" => steps = Some(value()?.parse()?),
                "--dir" => dir = value()?.into(),
                other => return Err(format!("{other}: not known").into()),
            }
        }
        let long = full && !quick;
        Ok(Self {
            rounds: rounds.unwrap_or(if long { 7 } else { 2 }).max(1),
            steps: steps.unwrap_or(if long { 1_000 } else { 50 }).max(1),
            runs: if long { SIDE_BY_SIDE } else { (10, 10) },
            dir,
        })
    }
}

/// Least, median and greatest.
fn spread(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [values[0], values[values.len() / 2], values[values.len() - 1]]
}

fn row(name: &str, values: Vec<f64>, digits: usize) {
    let [least, median, most] = spread(values);
    println!("{name:34} {least:10.digits$} {median:10.digits$} {most:10.digits$}");
}

/// Rounds of the same, each beside its reference.
#[derive(Default)]
struct Rounds {
    ours: Vec<f64>,
    theirs: Vec<f64>,
    ratios: Vec<f64>,
    took: Vec<Took>,
}

impl Rounds {
    /// The reference first in every other round, so that neither always has the quieter moment.
    async fn add(
        &mut self,
        bed: &Bed,
        plan: &Plan,
        what: (&Document, u64, u64),
    ) -> Result<(), Box<dyn Error>> {
        let (version, runs, steps) = what;
        let before = match self.took.last() {
            Some(last) if self.took.len() % 2 == 1 => Some(raw::appends(&plan.dir, last)?),
            _ => None,
        };
        bed.settle().await?;
        let took = bed.perform(version, runs, steps).await?;
        bed.settle().await?;
        let theirs = match before {
            Some(theirs) => theirs,
            None => raw::appends(&plan.dir, &took)?,
        };
        let ours = took.steps as f64 / took.time.as_secs_f64();
        self.ours.push(ours);
        self.theirs.push(theirs);
        self.ratios.push(ours / theirs);
        self.took.push(took);
        Ok(())
    }

    fn print(&self, title: &str) {
        println!("\n{title:34} {:>10} {:>10} {:>10}", "min", "median", "max");
        let each = |of: &dyn Fn(&Took) -> f64| self.took.iter().map(of).collect::<Vec<f64>>();
        row("durable steps/s", self.ours.clone(), 0);
        row("raw append + fdatasync /s", self.theirs.clone(), 0);
        row("RATIO steps / raw", self.ratios.clone(), 2);
        row(
            "commits/step",
            each(&|took| took.commits as f64 / took.steps as f64),
            3,
        );
        row(
            "syncs/step",
            each(&|took| took.syncs as f64 / took.steps as f64),
            3,
        );
        row(
            "journal bytes/step",
            each(&|took| took.bytes as f64 / took.steps as f64),
            0,
        );
        let micros = |time: Duration, took: &Took| time.as_secs_f64() * 1e6 / took.steps as f64;
        row("wall us/step", each(&|took| micros(took.time, took)), 0);
        let names: Vec<&str> = self.took[0].cpu.keys().map(String::as_str).collect();
        for name in names {
            let of = |took: &Took| micros(took.cpu.get(name).copied().unwrap_or_default(), took);
            row(&format!("CPU us/step, {name}"), each(&of), 1);
        }
    }
}

async fn measure(plan: &Plan) -> Result<(), Box<dyn Error>> {
    let bed = Bed::open(&plan.dir).await?;
    let long = bed.publish("long", plan.steps).await?;
    let short = bed.publish("short", plan.runs.1).await?;
    // The first run compiles, makes threads and fills caches.
    bed.perform(&long, 1, plan.steps).await?;
    let mut rounds = Rounds::default();
    for _ in 0..plan.rounds {
        rounds.add(&bed, plan, (&long, 1, plan.steps)).await?;
    }
    rounds.print(&format!("1 run x {} steps", plan.steps));
    let mut rounds = Rounds::default();
    for _ in 0..plan.rounds.div_ceil(2) {
        rounds.add(&bed, plan, (&short, plan.runs.0, plan.runs.1)).await?;
    }
    rounds.print(&format!("{} runs x {} steps", plan.runs.0, plan.runs.1));
    bed.close().await;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let plan = Plan::of(std::env::args().skip(1))?;
    raw::refuse_tmpfs(&plan.dir)?;
    println!(
        "in {}; rounds alternate; load {}",
        plan.dir.display(),
        cpu::load().trim()
    );
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(Box::pin(measure(&plan)))
}
