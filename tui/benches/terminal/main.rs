//! What the client costs at a terminal, beside the least that ratatui can do: first frame, idle bytes, key to screen.
//!
//! `cargo build --release --bins && cargo bench -p dirigent --bench terminal -- [--quick] [--rounds N]`. Both programs
//! are started in a pseudo terminal of 120x40, in turns; `dirigent` against a daemon of its own. The bare page is this
//! program started once more (see `bare`). Processor time is that of all processes of a terminal, from `/proc`: zero
//! where that is not. Only the ratio can be compared between machines, and only on a quiet one.

mod bare;
mod house;
mod seat;

use std::error::Error;
use std::time::Duration;

use dirigent_tui::cli::bench::figure::percentile;
use dirigent_tui::cli::bench::process;
use house::House;
use seat::Seat;

/// What is measured of a program, one value a round.
#[derive(Default)]
struct Measured {
    first_ms: Vec<f64>,
    first_cpu_ms: Vec<f64>,
    idle_bytes: Vec<f64>,
    idle_cpu_pct: Vec<f64>,
    key_ms: Vec<f64>,
    memory_mb: Vec<f64>,
}

/// What the command line asks for.
struct Plan {
    rounds: usize,
    keys: usize,
    idle: Duration,
}

impl Plan {
    fn of(mut words: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let (mut full, mut quick, mut rounds) = (false, false, None);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--bench" => full = true,
                "--quick" | "--test" => quick = true,
                "--rounds" => rounds = Some(words.next().ok_or("--rounds needs a value")?.parse()?),
                other => return Err(format!("{other}: not known").into()),
            }
        }
        let long = full && !quick;
        Ok(Self {
            rounds: rounds.unwrap_or(if long { 15 } else { 3 }).max(1),
            keys: if long { 40 } else { 10 },
            idle: Duration::from_secs(if long { 3 } else { 1 }),
        })
    }
}

/// Starts a program, takes every measure, ends it.
fn sit(mut seat: Seat, keys: [&[u8]; 2], plan: &Plan, into: &mut Measured) -> Result<(), Box<dyn Error>> {
    into.first_ms.push(seat.frame()?.as_secs_f64() * 1e3);
    into.first_cpu_ms.push(seat.cpu().as_secs_f64() * 1e3);
    seat.settle()?;
    for at in 0..plan.keys {
        into.key_ms.push(seat.key(keys[at % 2])?.as_secs_f64() * 1e3);
    }
    seat.settle()?;
    let before = seat.cpu();
    let bytes = seat.bytes_within(plan.idle)?;
    let used = seat.cpu().saturating_sub(before);
    into.idle_bytes.push(bytes as f64 / plan.idle.as_secs_f64());
    into.idle_cpu_pct
        .push(used.as_secs_f64() / plan.idle.as_secs_f64() * 100.0);
    into.memory_mb.push(seat.resident() as f64 / 1e6);
    seat.end()
}

fn row(name: &str, asked: &str, part: f64, ours: &[f64], bare: &[f64]) {
    let (ours, bare) = (percentile(ours, part), percentile(bare, part));
    let ratio = if bare > 0.0 {
        format!("{:.2}", ours / bare)
    } else {
        "-".to_owned()
    };
    println!("{name:26} {ours:10.2} {bare:10.2} {ratio:>8} {asked:>10}");
}

fn print(ours: &Measured, bare: &Measured) {
    println!(
        "\n{:26} {:>10} {:>10} {:>8} {:>10}",
        "", "dirigent", "bare", "RATIO", "at most"
    );
    row(
        "first frame ms, median",
        "15",
        0.5,
        &ours.first_ms,
        &bare.first_ms,
    );
    row("first frame ms, worst", "", 1.0, &ours.first_ms, &bare.first_ms);
    row(
        "its CPU ms, median",
        "8",
        0.5,
        &ours.first_cpu_ms,
        &bare.first_cpu_ms,
    );
    row(
        "its CPU ms, worst",
        "",
        1.0,
        &ours.first_cpu_ms,
        &bare.first_cpu_ms,
    );
    row(
        "idle bytes/s, worst",
        "0",
        1.0,
        &ours.idle_bytes,
        &bare.idle_bytes,
    );
    row(
        "idle CPU %, median",
        "",
        0.5,
        &ours.idle_cpu_pct,
        &bare.idle_cpu_pct,
    );
    row("key to screen ms, p50", "", 0.5, &ours.key_ms, &bare.key_ms);
    row("key to screen ms, p99", "4", 0.99, &ours.key_ms, &bare.key_ms);
    row("resident MB, median", "", 0.5, &ours.memory_mb, &bare.memory_mb);
}

fn main() -> Result<(), Box<dyn Error>> {
    if std::env::var_os(bare::ASKED).is_some() {
        return bare::run();
    }
    let plan = Plan::of(std::env::args().skip(1))?;
    println!(
        "120x40; {} rounds in turns; load {}",
        plan.rounds,
        process::load()
    );
    let house = House::open()?;
    // Their first start reads the programs from the disk.
    house.client()?.warm()?;
    house.bare()?.warm()?;
    let (mut ours, mut bare) = (Measured::default(), Measured::default());
    for _ in 0..plan.rounds {
        // Help over the page and away again; a line down and up again.
        sit(house.client()?, [b"?", b"?"], &plan, &mut ours)?;
        sit(house.bare()?, [b"j", b"k"], &plan, &mut bare)?;
    }
    print(&ours, &bare);
    house.close()
}
