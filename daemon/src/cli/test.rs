//! `dirigentd test`: plays recorded tests; no daemon needed, no network touched.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use dirigent_protocol::fault::Code;
use dirigent_protocol::recording::Recording;
use dirigent_protocol::source::{self, Diagnostic, Place};
use serde_json::{Value, json};

use super::failure::{Failure, print};
use crate::recorded::{Drafts, MAX_BYTES, Verdict, play, read};
use crate::worker::WorkerPool;

/// What one decision's expressions may take.
const BUDGET: Duration = Duration::from_millis(500);
/// Most tests of one call.
const MAX_FILES: usize = 10_000;
/// How the files of a directory end that are recorded tests.
const ENDINGS: [&str; 3] = [".test.yaml", ".test.yml", ".test.json"];

/// A file that could not be played: whose text it is, and what is wrong with it.
struct Refused(String, Vec<Diagnostic>);

pub(super) fn test(files: &[PathBuf], documents: &[PathBuf], as_json: bool) -> Result<ExitCode, Failure> {
    let worker = WorkerPool::new(std::env::current_exe()?, BUDGET);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut tally = Tally::default();
    for path in found(files) {
        let name = path.display().to_string();
        let judged = match given(documents) {
            Ok(drafts) => runtime.block_on(judge(&path, drafts, !documents.is_empty(), &worker)),
            Err(refused) => Err(refused),
        };
        tally.note(&name, judged, as_json);
    }
    if as_json {
        print(json!({
            "passed": tally.passed, "failed": tally.failed, "refused": tally.refused, "tests": tally.reports,
        }));
    } else if tally.passed + tally.failed + tally.refused != 1 {
        print(format_args!(
            "{} passed, {} failed, {} could not be read",
            tally.passed, tally.failed, tally.refused
        ));
    }
    Ok(match (tally.refused, tally.failed) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::FAILURE,
        _ => ExitCode::from(Code::Invalid.exit()),
    })
}

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    refused: usize,
    reports: Vec<Value>,
}

impl Tally {
    fn note(&mut self, name: &str, judged: Result<Verdict, Refused>, as_json: bool) {
        match judged {
            Ok(verdict) => {
                let passed = verdict.passed();
                self.passed += usize::from(passed);
                self.failed += usize::from(!passed);
                if as_json {
                    self.reports.push(verdict.to_json(name));
                } else {
                    print(verdict.render(name));
                }
            }
            Err(Refused(file, findings)) => {
                self.refused += 1;
                if as_json {
                    self.reports
                        .push(json!({ "file": name, "passed": false, "in": file, "diagnostics": findings }));
                } else {
                    findings.iter().for_each(|finding| print(finding.render(&file)));
                }
            }
        }
    }
}

/// The files, and those of the directories, in order of name.
fn found(files: &[PathBuf]) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for path in files {
        if !path.is_dir() {
            all.push(path.clone());
            continue;
        }
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        let mut inside: Vec<PathBuf> = entries
            .map(|entry| entry.path())
            .filter(|path| {
                let name = path
                    .file_name()
                    .and_then(|name| name.to_str())
                    .unwrap_or_default();
                ENDINGS.iter().any(|ending| name.ends_with(ending))
            })
            .take(MAX_FILES)
            .collect();
        inside.sort();
        all.extend(inside);
    }
    all
}

/// The definitions a test is held against.
fn given(documents: &[PathBuf]) -> Result<Drafts, Refused> {
    let mut drafts = Drafts::default();
    for path in documents {
        let name = path.display().to_string();
        let text = bytes(path, source::MAX_BYTES).map_err(|finding| Refused(name.clone(), vec![finding]))?;
        drafts.add(&text).map_err(|findings| Refused(name, findings))?;
    }
    Ok(drafts)
}

async fn judge(
    path: &Path,
    mut drafts: Drafts,
    given: bool,
    worker: &WorkerPool,
) -> Result<Verdict, Refused> {
    let name = path.display().to_string();
    let refused = |findings| Refused(name.clone(), findings);
    let text = bytes(path, MAX_BYTES).map_err(|finding| refused(vec![finding]))?;
    let recording = read(&text).map_err(refused)?;
    if !given && let Some(file) = on_disk(path, &recording) {
        let name = file.display().to_string();
        let text = bytes(&file, source::MAX_BYTES).map_err(|finding| Refused(name.clone(), vec![finding]))?;
        drafts.add(&text).map_err(|findings| Refused(name, findings))?;
    }
    let recorded;
    let workflow = match drafts.workflows.get(&recording.workflow.name) {
        Some(draft) => draft,
        None => {
            recorded = dirigent_engine::load(&recording.workflow.name, &recording.workflow.source)
                .map_err(|findings| refused(of_source(findings)))?;
            &recorded
        }
    };
    let mut earlier = Vec::new();
    for version in &recording.earlier {
        let loaded = dirigent_engine::load(&version.name, &version.source);
        earlier.push(Arc::new(loaded.map_err(|findings| refused(of_source(findings)))?));
    }
    Ok(play(&recording, workflow, earlier, &drafts, worker).await)
}

/// Findings about the document in the recording, at its place there.
fn of_source(mut findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    for finding in &mut findings {
        finding.message = format!("line {} of its document: {}", finding.at.line, finding.message);
        finding.at = Place {
            path: "/workflow/source".to_owned(),
            ..Place::default()
        };
    }
    findings
}

/// The document the recording names, where it is there.
fn on_disk(path: &Path, recording: &Recording) -> Option<PathBuf> {
    let file = path.parent()?.join(recording.workflow.file.as_ref()?);
    file.is_file().then_some(file)
}

/// The bytes of a regular file, cut just above the limit: whoever reads them says that it is too large.
fn bytes(path: &Path, limit: usize) -> Result<Vec<u8>, Diagnostic> {
    let failed = |error: std::io::Error| {
        Diagnostic::error("unreadable", format!("cannot be read: {error}"), Place::default())
            .help("check the path and its permissions")
    };
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        let message = "is not a regular file";
        return Err(Diagnostic::error("not_regular_file", message, Place::default()).help("name a file"));
    }
    let mut text = Vec::new();
    File::open(path)
        .map_err(failed)?
        .take(limit as u64 + 1)
        .read_to_end(&mut text)
        .map_err(failed)?;
    Ok(text)
}
