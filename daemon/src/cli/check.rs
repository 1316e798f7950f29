//! `dirigentd check`: is the store sound?

use std::process::ExitCode;

use dirigent_protocol::fault::Code;
use serde_json::json;

use super::args::Args;
use super::failure::{Failure, print};
use super::serve::configured;
use crate::lifecycle::store_dir;

pub(super) fn check(args: &Args, as_json: bool) -> Result<ExitCode, Failure> {
    let dir = store_dir(&configured(args)?.0.data);
    if !dir.is_dir() {
        return Err(Failure::NoStore(dir.display().to_string()));
    }
    let report = dirigent_store::check(&dir)?;
    let sound = report.is_sound();
    if as_json {
        let findings: Vec<_> = report
            .findings
            .iter()
            .map(|finding| json!({ "fatal": finding.is_fatal(), "message": finding.to_string() }))
            .collect();
        print(json!({
            "sound": sound,
            "store": dir.display().to_string(),
            "head": report.head.0,
            "oldest": report.oldest.0,
            "applied": report.applied.0,
            "segments": report.segments,
            "frames": report.frames,
            "commits": report.commits,
            "rows": report.rows,
            "volumes": report.volumes,
            "archived": report.archived,
            "blobs": report.blobs,
            "exports": report.exports,
            "findings": findings,
        }));
    } else {
        for finding in &report.findings {
            let word = if finding.is_fatal() { "damaged" } else { "note" };
            print(format_args!("{word}: {finding}"));
        }
        let word = if sound { "sound" } else { "DAMAGED" };
        print(format_args!(
            "{word}: {} commits, {} rows, {} archived streams, {} blobs in {}",
            report.commits,
            report.rows,
            report.archived,
            report.blobs,
            dir.display()
        ));
    }
    Ok(if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(Code::StoreDamaged.exit())
    })
}
