//! `dirigentd simulate`: what a workflow would do with sample outcomes, no daemon needed. Prints one JSON document.

use std::path::Path;
use std::process::ExitCode;

use dirigent_protocol::dry_run::{DryEnding, DryRun, DryRunQuery};
use dirigent_protocol::fault::Code;
use dirigent_protocol::source::{Diagnostic, Place};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::failure::{Failure, print};
use super::validate::read;
use crate::clock;
use crate::dry_run::{AgentShapes, dry_run};
use crate::runtime::RuntimeSettings;
use crate::worker::WorkerPool;

pub(super) fn simulate(file: &Path, input: Option<&str>, samples: Option<&str>) -> Result<ExitCode, Failure> {
    let told = match asked(file, input, samples) {
        Ok(query) => {
            let program = std::env::current_exe()?;
            let threads = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let worker = WorkerPool::new(program, RuntimeSettings::new("").expression_budget);
            let now = clock::system()();
            threads.block_on(dry_run(&query, AgentShapes::default(), &worker, now))
        }
        Err(finding) => DryRun {
            findings: vec![finding],
            ..DryRun::default()
        },
    };
    print(json!(told));
    Ok(match told.ending {
        DryEnding::Refused => ExitCode::from(Code::Invalid.exit()),
        _ => ExitCode::SUCCESS,
    })
}

fn asked(file: &Path, input: Option<&str>, samples: Option<&str>) -> Result<DryRunQuery, Diagnostic> {
    let text = read(file)?;
    let source = String::from_utf8(text).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        let message = format!("not UTF-8 at byte {offset}");
        Diagnostic::error("not_utf8", message, Place::default()).help("save the file as UTF-8")
    })?;
    Ok(DryRunQuery {
        source,
        input: input.map(|text| parsed("--input", text)).transpose()?,
        samples: samples
            .map(|text| parsed("--samples", text))
            .transpose()?
            .unwrap_or_default(),
    })
}

fn parsed<T: DeserializeOwned>(flag: &str, text: &str) -> Result<T, Diagnostic> {
    serde_json::from_str(text).map_err(|error| {
        let message = format!("{flag} cannot be read: {error}");
        Diagnostic::error("bad_json", message, Place::default())
            .help("write JSON; --samples is an object by task")
    })
}
