//! `dirigent test record`: a run's events, the version and the agents it pinned, in one file.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{AgentVersion, Document, Kind, WorkflowVersion};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::filter::Filter;
use dirigent_protocol::query::{ListQuery, Query, QueryReply};
use dirigent_protocol::recording::{RecordedAgent, RecordedWorkflow, Recorder, Recording, Unrecordable};
use dirigent_protocol::source;
use serde_json::json;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::follow_run::read_all;
use crate::cli::format::{pretty, yaml};
use crate::cli::input::write_private;
use crate::cli::out::Tone;
use crate::cli::{resolve, run_text};
use crate::link::snapshot::unexpected;

/// `dirigent test record`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id, short id or prefix of the run
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Where to write it; by default `WORKFLOW-RUN.test.yaml` here, and `-` is standard output
    #[arg(long, value_name = "FILE|-")]
    pub out: Option<PathBuf>,
    /// The workflow's file: where it is there when the test is run, the test is held against it
    #[arg(short = 'f', long = "document", value_name = "FILE")]
    pub document: Option<PathBuf>,
    /// What the test is for
    #[arg(long, value_name = "TEXT")]
    pub about: Option<String>,
}

/// Records it.
///
/// # Errors
/// No such run, it has not ended or cannot be a test, or the file cannot be written.
pub(super) async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let run = resolve::run(cx, &args.run).await?;
    let mut recorder = Recorder::default();
    read_all(cx, run, 0, u64::MAX, &mut |_, event| recorder.note(event)).await?;
    let document = resolve::document(cx, Kind::WorkflowExecution, &run.to_string()).await?;
    let execution = run_text::Run::read(&document)?.body;
    let version: WorkflowVersion =
        read(&resolve::document(cx, Kind::WorkflowVersion, &execution.workflow_version.to_string()).await?)?;
    let agents = agents(cx, &recorder).await?;
    let earlier = earlier(cx, &recorder).await?;
    let out = args.out.unwrap_or_else(|| {
        let name = format!("{}-{}.test.yaml", version.workflow_name, run.short());
        PathBuf::from(name)
    });
    let file = args.document.as_deref().map(|file| beside(&out, file));
    let workflow = recorded(version, file)?;
    let mut recording = recorder
        .finish(run, workflow, earlier, agents)
        .map_err(|why| refusal(&why))?;
    recording.about = args.about.unwrap_or_default();
    write(cx, &out, &recording)
}

fn refusal(why: &Unrecordable) -> Fault {
    let fault = Fault::new(Code::WrongState, why.to_string());
    match why {
        Unrecordable::NotOver => fault.help("wait for its end, or cancel it"),
        Unrecordable::Without { .. } | Unrecordable::Empty => fault.help("record another run"),
    }
}

fn read<T: dirigent_protocol::entity::Entity>(document: &Document) -> Result<T, Fault> {
    document
        .body()
        .map_err(|error| Fault::new(Code::Unsupported, format!("this cannot be read: {error}")))
}

fn recorded(version: WorkflowVersion, file: Option<String>) -> Result<RecordedWorkflow, Fault> {
    Ok(RecordedWorkflow {
        name: version.workflow_name,
        version: version.version,
        digest: version
            .digest
            .parse()
            .map_err(|_| Fault::new(Code::Unsupported, "the version's digest cannot be read"))?,
        file,
        source: version.source,
    })
}

/// The first document of a kind with that digest.
async fn by_digest(cx: &mut Cx, kind: Kind, digest: Digest) -> Result<Option<Document>, Fault> {
    let query = ListQuery {
        filter: Some(Filter::eq("digest", digest.to_string())),
        limit: 1,
        ..ListQuery::of(kind)
    };
    let QueryReply::Page { items, .. } = cx.query(Query::List(query)).await? else {
        return Err(unexpected("versions"));
    };
    Ok(items.into_iter().next())
}

/// The versions it was on before, in order.
async fn earlier(cx: &mut Cx, recorder: &Recorder) -> Result<Vec<RecordedWorkflow>, Fault> {
    let mut earlier = Vec::new();
    for digest in recorder.left() {
        let found = by_digest(cx, Kind::WorkflowVersion, *digest).await?;
        let gone = || {
            Fault::new(
                Code::NotFound,
                format!("the version {digest} that the run was on is gone"),
            )
        };
        earlier.push(recorded(read(&found.ok_or_else(gone)?)?, None)?);
    }
    Ok(earlier)
}

/// The agents it pinned, as they were.
async fn agents(cx: &mut Cx, recorder: &Recorder) -> Result<BTreeMap<String, RecordedAgent>, Fault> {
    let mut agents = BTreeMap::new();
    let Some((_, _, pins)) = recorder.pinned() else {
        return Ok(agents);
    };
    for (name, digest) in &pins.agents {
        let Some(found) = by_digest(cx, Kind::AgentVersion, *digest).await? else {
            let message = format!("the version of agent `{name}` that the run pinned is gone");
            return Err(Fault::new(Code::NotFound, message));
        };
        let version: AgentVersion = read(&found)?;
        let recorded = RecordedAgent {
            digest: *digest,
            definition: version.definition,
        };
        agents.insert(name.clone(), recorded);
    }
    Ok(agents)
}

/// The way from the test's folder to the document.
fn beside(out: &Path, file: &Path) -> String {
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    let plain = |path: &Path| {
        path.components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
    };
    match folder {
        None => file.display().to_string(),
        Some(folder) if plain(folder) && plain(file) => {
            let up = folder
                .components()
                .filter(|part| matches!(part, Component::Normal(_)));
            let up: PathBuf = up.map(|_| "..").collect();
            up.join(file).display().to_string()
        }
        Some(_) => std::path::absolute(file)
            .unwrap_or_else(|_| file.to_owned())
            .display()
            .to_string(),
    }
}

fn write(cx: &mut Cx, out: &Path, recording: &Recording) -> Result<Exit, Fault> {
    let value = recording.to_json();
    // YAML where it reads back as what it is; some texts only JSON keeps.
    let as_yaml = (out.extension().is_none_or(|ending| ending != "json"))
        .then(|| yaml(&value).ok())
        .flatten()
        .filter(|text| {
            let parsed = source::parse(text.as_bytes());
            parsed.diagnostics.is_empty()
                && parsed
                    .documents
                    .first()
                    .is_some_and(|node| node.to_json() == value)
        });
    let text = as_yaml.unwrap_or_else(|| pretty(&value));
    if out == Path::new("-") {
        cx.out.exact(&text);
        return Ok(Exit::Done);
    }
    write_private(out, &text)?;
    let (steps, moments) = (recording.expect.steps.len(), recording.boundary.len());
    let shown = json!({
        "run": recording.run, "file": out.display().to_string(), "workflow": recording.workflow.name,
        "steps": steps, "moments": moments,
    });
    cx.show(&shown, |out| {
        out.text(shown["file"].as_str().unwrap_or_default());
    })?;
    cx.out.flush();
    let words = format!("{steps} steps and {moments} moments; play it with `dirigent test run`");
    cx.say(Tone::Dim, &words);
    Ok(Exit::Done)
}
