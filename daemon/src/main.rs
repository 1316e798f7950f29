//! `dirigentd`.

use std::process::ExitCode;

use clap::Parser;
use dirigent_daemon::cli::{Args, run};

fn main() -> ExitCode {
    run(Args::parse()).unwrap_or_else(|failure| {
        eprintln!("{}", failure.render());
        ExitCode::from(failure.code().exit())
    })
}
