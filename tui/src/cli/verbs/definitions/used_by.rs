//! `used-by`: definitions that name one, and runs that are not over with the version they pinned.

use dirigent_protocol::entity::Kind;
use dirigent_protocol::fault::Fault;
use dirigent_protocol::query::{Query, QueryReply, Use};
use serde_json::json;

use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::out::Tone;
use crate::cli::table::Table;
use crate::link::snapshot::unexpected;

/// `dirigent KIND used-by`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name or id
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Does it.
///
/// # Errors
/// No such definition, or the daemon refuses.
pub async fn run(kind: Kind, args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    let query = Query::UsedBy {
        kind,
        id: args.name.clone(),
    };
    let QueryReply::UsedBy(users) = cx.query(query).await? else {
        return Err(unexpected("who uses it"));
    };
    cx.show(&json!({ "items": users }), |out| {
        if users.is_empty() {
            out.text(&format!("nobody uses {}", args.name));
            return;
        }
        let mut table = Table::new(&["kind", "name", "id", "version", "status"]);
        for user in &users {
            table.row([
                (Tone::Plain, user.kind.as_str().to_owned()),
                (Tone::Strong, user.name.clone()),
                (Tone::Dim, user.id.short()),
                (Tone::Plain, pinned(user)),
                (Tone::Plain, user.status.clone().unwrap_or_default()),
            ]);
        }
        table.write(out);
    })?;
    Ok(Exit::Done)
}

/// The version in words.
#[must_use]
pub fn pinned(user: &Use) -> String {
    match (user.number, &user.digest) {
        (Some(number), _) => format!("v{number}"),
        (None, Some(digest)) => digest.chars().take(12).collect(),
        (None, None) => "the newest".to_owned(),
    }
}
