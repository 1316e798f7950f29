//! `versions`: what was published, newest first; and finding one of them by what people type.

use dirigent_protocol::entity::{Document, Kind};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::filter::Filter;
use dirigent_protocol::query::{ListQuery, MAX_PAGE};
use serde_json::{Value, json};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::format::{cell, yaml};
use crate::cli::out::Tone;
use crate::cli::resolve;
use crate::cli::table::Table;
use crate::cli::verbs::get::page;

/// `dirigent KIND versions`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name or id
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Does it.
///
/// # Errors
/// There is none of that name, or the daemon refuses.
pub async fn run(kind: Kind, args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let draft = resolve::document(cx, kind, &args.name).await?;
    let all = all(cx, &draft).await?;
    let rows: Vec<Value> = all
        .iter()
        .enumerate()
        .map(|(at, version)| row(version, at == 0))
        .collect();
    cx.show(&json!({ "name": draft.metadata.name, "items": rows }), |out| {
        let mut table = Table::new(&["v", "made", "digest", "now"]);
        for row in &rows {
            let now = if row["current"] == true { "current" } else { "" };
            table.row([
                (Tone::Strong, format!("v{}", row["number"])),
                (Tone::Plain, cell("created_at", &row["created_at"])),
                (Tone::Dim, cell("digest", &row["digest"])),
                (Tone::Good, now.to_owned()),
            ]);
        }
        table.write(out);
    })?;
    Ok(Exit::Done)
}

fn row(version: &Document, current: bool) -> Value {
    json!({
        "number": version.spec["number"],
        "digest": version.spec["digest"],
        "version": version.spec.get("version"),
        "created_at": version.metadata.created_at,
        "current": current,
    })
}

/// Every version of a draft, newest first.
///
/// # Errors
/// The kind has none, or the daemon refuses.
pub async fn all(cx: &mut Cx, draft: &Document) -> Result<Vec<Document>, Fault> {
    let Some((kind, field)) = draft.kind.versions() else {
        return Err(Fault::new(
            Code::Usage,
            format!("documents of the kind {} have no versions", draft.kind),
        ));
    };
    let query = ListQuery {
        filter: Some(Filter::eq(field, draft.metadata.id.to_string())),
        limit: MAX_PAGE,
        ..ListQuery::of(kind)
    };
    let (mut items, _) = page(cx, query).await?;
    items.sort_by_key(|version| std::cmp::Reverse(version.spec["number"].as_u64()));
    Ok(items)
}

/// The version of a draft by its number (`3`, `v3`) or the beginning of its digest.
///
/// # Errors
/// There is none.
pub async fn find(cx: &mut Cx, draft: &Document, text: &str) -> Result<Document, Fault> {
    let number = text.trim_start_matches('v').parse::<u64>().ok();
    let is = |version: &Document| {
        number.is_some_and(|number| version.spec["number"] == number)
            || text.len() >= 4
                && version.spec["digest"]
                    .as_str()
                    .is_some_and(|digest| digest.starts_with(text))
    };
    let found = all(cx, draft).await?.into_iter().find(is);
    found.ok_or_else(|| {
        let name = &draft.metadata.name;
        Fault::new(Code::NotFound, format!("`{name}` has no version `{text}`")).help(format!(
            "dirigent {} versions {name}",
            draft.kind.definition().plural
        ))
    })
}

/// A version as its author would write it.
///
/// # Errors
/// It cannot be written as YAML.
pub fn text_of(version: &Document) -> Result<String, Fault> {
    match version.spec["source"].as_str() {
        Some(source) => Ok(source.to_owned()),
        None => yaml(&version.spec["definition"]),
    }
}
