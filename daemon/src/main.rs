//! `dirigentd`.

use std::process::ExitCode;

use clap::Parser;
use dirigent_daemon::cli::{Args, run};

fn main() -> ExitCode {
    let args = Args::parse();
    let as_json = args.wants_json();
    run(args).unwrap_or_else(|failure| {
        if as_json {
            eprintln!("{}", failure.to_json());
        } else {
            eprintln!("{}", failure.render());
        }
        ExitCode::from(failure.code().exit())
    })
}
