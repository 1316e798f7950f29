//! `dirigent get`: one document, or a list of them.

use dirigent_protocol::entity::{Document, Kind};
use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::filter::Filter;
use dirigent_protocol::query::{ListQuery, MAX_PAGE, Query, QueryReply};
use serde_json::{Value, json};

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::faults::usage;
use crate::cli::format::{cell, yaml};
use crate::cli::globals::Format;
use crate::cli::out::{Out, Tone};
use crate::cli::resolve;
use crate::cli::table::{Table, tone_of};
use crate::link::snapshot::unexpected;

/// One line for the list of verbs.
pub const ABOUT: &str = "Show documents of a kind";

/// `dirigent get`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Agent, Workflow, run, approval, ...
    #[arg(value_name = "KIND")]
    pub kind: String,
    /// Id, short id or name
    #[arg(value_name = "ID|NAME")]
    pub id: Option<String>,
    /// What to list.
    #[command(flatten)]
    pub page: PageArgs,
    /// Relations to follow
    #[arg(long, value_name = "RELATION", value_delimiter = ',')]
    pub include: Vec<String>,
}

/// Which part of a list.
#[derive(Debug, Default, clap::Args)]
pub struct PageArgs {
    /// Only those: `status == "running" and labels.env == "prod"`
    #[arg(long = "where", value_name = "EXPR")]
    pub filter: Option<String>,
    /// Field to order by, `-` in front for descending
    #[arg(long, value_name = "FIELD", allow_hyphen_values = true)]
    pub order: Option<String>,
    /// Most items of the page
    #[arg(long, value_name = "N")]
    pub limit: Option<u32>,
    /// Where the page before ended (`next`)
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<String>,
}

impl PageArgs {
    /// The query for a kind; `more` is a condition on top.
    ///
    /// # Errors
    /// The expression cannot be read.
    pub fn query(self, kind: Kind, more: Option<Filter>) -> Result<ListQuery, Fault> {
        let filter = match &self.filter {
            None => None,
            Some(text) => Some(text.parse::<Filter>().map_err(|error| {
                usage(error.to_string())
                    .at(format!("--where:{}", error.column))
                    .help("for example: --where 'status == \"running\" and not name ~ \"test\"'")
            })?),
        };
        let filter = match (filter, more) {
            (Some(one), Some(other)) => Some(Filter::And(vec![one, other])),
            (one, other) => one.or(other),
        };
        Ok(ListQuery {
            filter,
            order: self.order,
            limit: self.limit.unwrap_or(0).min(MAX_PAGE),
            cursor: self.cursor,
            ..ListQuery::of(kind)
        })
    }
}

/// Does it.
///
/// # Errors
/// No such kind or document, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let kind = resolve::kind(&args.kind)?;
    if let Some(id) = args.id {
        let query = Query::Get {
            kind,
            id,
            include: args.include,
        };
        let QueryReply::Document(document) = cx.query(query).await? else {
            return Err(unexpected("a document"));
        };
        one(cx, &document)?;
        return Ok(Exit::Done);
    }
    if args
        .page
        .limit
        .is_some_and(|limit| limit == 0 || limit > MAX_PAGE)
    {
        cx.say(
            Tone::Ask,
            &format!("a page has 1 to {MAX_PAGE} items; the nearest possible is used"),
        );
    }
    let query = ListQuery {
        include: args.include,
        ..args.page.query(kind, None)?
    };
    let (items, next) = page(cx, query).await?;
    let value = json!({ "items": items, "next": next });
    cx.show(&value, |out| rows(kind, &items, out))?;
    hint(cx, next.as_deref());
    Ok(Exit::Done)
}

/// Reads one page.
///
/// # Errors
/// The daemon refuses.
pub async fn page(cx: &mut Cx, query: ListQuery) -> Result<(Vec<Document>, Option<String>), Fault> {
    match cx.query(Query::List(query)).await? {
        QueryReply::Page { items, next } => Ok((items, next)),
        _ => Err(unexpected("a list")),
    }
}

/// Says how to read on, to people.
pub fn hint(cx: &Cx, next: Option<&str>) {
    if let (Some(next), None | Some(Format::Table)) = (next, cx.globals.format()) {
        cx.say(Tone::Dim, &format!("more: --cursor {next}"));
    }
}

fn one(cx: &mut Cx, document: &Document) -> Result<(), Fault> {
    let value = serde_json::to_value(document)
        .map_err(|error| Fault::new(Code::Internal, format!("this document cannot be shown: {error}")))?;
    if cx.globals.format().is_none() {
        cx.out.exact(&yaml(&value)?);
        return Ok(());
    }
    cx.show(&value, |out| {
        rows(document.kind, std::slice::from_ref(document), out)
    })
}

/// Writes documents in the columns of their kind.
pub fn rows(kind: Kind, items: &[Document], out: &mut Out) {
    rows_with(kind, items, None, out);
}

/// A title, and what stands under it.
pub type MoreColumn<'a> = (&'a str, fn(&Document) -> String);

/// As [`rows`], with one more column where any row has something to say in it.
pub fn rows_with(kind: Kind, items: &[Document], more: Option<MoreColumn<'_>>, out: &mut Out) {
    let columns = kind.definition().columns;
    let mut titles: Vec<&str> = columns.iter().map(|column| column.title).collect();
    let more = more.filter(|(_, text)| items.iter().any(|item| !text(item).is_empty()));
    titles.extend(more.map(|(title, _)| title));
    let mut table = Table::new(&titles);
    for item in items {
        let last = more.map(|(_, text)| (Tone::Plain, text(item)));
        let cells = columns.iter().map(|column| {
            let text = cell(column.field, &item.field(column.field).unwrap_or(Value::Null));
            let tone = match column.field {
                "status" | "risk" => tone_of(&text),
                "name" => Tone::Strong,
                _ => Tone::Plain,
            };
            (tone, text)
        });
        table.row(cells.chain(last));
    }
    table.write(out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_read_or_its_column_named() {
        let page = |text: &str| PageArgs {
            filter: Some(text.into()),
            ..PageArgs::default()
        };
        let query = page("status == \"running\"")
            .query(Kind::WorkflowExecution, None)
            .unwrap();
        assert_eq!(query.filter, Some(Filter::eq("status", "running")));
        let fault = page("status == ")
            .query(Kind::WorkflowExecution, None)
            .unwrap_err();
        assert_eq!(fault.code, Code::Usage);
        assert!(fault.at.unwrap().starts_with("--where:"));
    }
}
