//! What people type for a kind, a run, an approval.

use dirigent_protocol::entity::{Document, Kind, WorkflowApproval};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::id::RunId;
use dirigent_protocol::query::{Query, QueryReply};
use dirigent_protocol::source::nearest;

use super::cx::Cx;
use super::faults::usage;
use crate::link::snapshot::unexpected;

/// Reads a kind: `Agent`, `agent` or `agents`.
///
/// # Errors
/// There is no such kind; the nearest one is named.
pub fn kind(text: &str) -> Result<Kind, Fault> {
    Kind::parse(text).ok_or_else(|| {
        let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.definition().plural).collect();
        let lower = text.to_lowercase();
        let help = match nearest(&lower, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("one of: {}", known.join(", ")),
        };
        usage(format!(
            "`{}` is no kind of document",
            super::format::short(text, 80)
        ))
        .help(help)
    })
}

/// The run that a full id, a short id or a prefix means.
///
/// # Errors
/// None, or several.
pub async fn run(cx: &mut Cx, text: &str) -> Result<RunId, Fault> {
    match cx
        .query(Query::ResolveRun {
            text: text.to_owned(),
        })
        .await?
    {
        QueryReply::Run { run } => Ok(run),
        _ => Err(unexpected("a run's id")),
    }
}

/// One document.
///
/// # Errors
/// None, or several.
pub async fn document(cx: &mut Cx, kind: Kind, id: &str) -> Result<Document, Fault> {
    let query = Query::Get {
        kind,
        id: id.to_owned(),
        include: Vec::new(),
    };
    match cx.query(query).await? {
        QueryReply::Document(document) => Ok(*document),
        _ => Err(unexpected("a document")),
    }
}

/// An approval with its document.
///
/// # Errors
/// None, or several, or one this client cannot read.
pub async fn approval(cx: &mut Cx, id: &str) -> Result<(Document, WorkflowApproval), Fault> {
    let document = document(cx, Kind::WorkflowApproval, id).await?;
    let body = document.body().map_err(|error| {
        Fault::new(
            Code::Unsupported,
            format!("this approval cannot be read: {error}"),
        )
    })?;
    Ok((document, body))
}
