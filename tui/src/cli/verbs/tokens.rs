//! `dirigent tokens`: let other programs take offers up over HTTP, and stop them.

use clap::Subcommand;
use dirigent_protocol::command::Command;
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::{AccessToken, Kind};
use dirigent_protocol::fault::Fault;
use jiff::SignedDuration;
use serde_json::json;
use uuid::Uuid;

use super::definitions::list;
use super::delete;
use crate::cli::cx::Cx;
use crate::cli::exit::Exit;
use crate::cli::faults::usage;
use crate::clock::Clock;

/// One line for the list of verbs.
pub const ABOUT: &str = "Tokens with which other programs take offers up over HTTP";

/// Longest life of a token.
const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);

/// `dirigent tokens`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do; `list` if not said.
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List them; their secrets are not kept anywhere
    List(list::Args),
    /// Make one; its secret is shown once
    Create(CreateArgs),
    /// Refuse one from now on
    Revoke(RevokeArgs),
}

/// `dirigent tokens create`
#[derive(Debug, clap::Args)]
pub struct CreateArgs {
    /// Its name, for you
    #[arg(value_name = "NAME")]
    pub name: String,
    /// An offer it is good for; `*` is every one
    #[arg(long = "offer", value_name = "OFFER", required = true)]
    pub offers: Vec<String>,
    /// How long it is good for, such as PT12H or 720h; at most 366 days
    #[arg(long = "for", value_name = "DURATION", default_value = "720h")]
    pub lifetime: String,
}

/// `dirigent tokens revoke`
#[derive(Debug, clap::Args)]
pub struct RevokeArgs {
    /// Its name
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Does it.
///
/// # Errors
/// No such token, a name that is taken, or the daemon refuses.
pub async fn run(args: Args, cx: &mut Cx) -> Result<Exit, Fault> {
    match args.action.unwrap_or_else(|| Action::List(list::Args::default())) {
        Action::List(args) => list::run(Kind::AccessToken, args, cx).await,
        Action::Create(args) => create(args, cx).await,
        Action::Revoke(args) => {
            let kind = Kind::AccessToken.as_str().to_owned();
            let name = args.name;
            delete::run(delete::Args { kind, name }, cx).await
        }
    }
}

async fn create(args: CreateArgs, cx: &mut Cx) -> Result<Exit, Fault> {
    let lifetime = args.lifetime.parse::<SignedDuration>().ok();
    let lifetime = lifetime
        .filter(|life| life.is_positive() && *life <= LONGEST)
        .ok_or_else(|| usage("`--for` is a time of at most 366 days").help("write 12h or 720h"))?;
    let expires_at = Clock::start()
        .now()
        .wall
        .checked_add(lifetime)
        .map_err(|error| usage(format!("`--for`: {error}")))?;
    let (first, second) = (Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let secret = format!("{}{first}{second}", AccessToken::PREFIX);
    let token = AccessToken {
        digest: Digest::of_bytes(secret.as_bytes()).to_string(),
        offers: args.offers,
        expires_at,
    };
    let command = Command::Create {
        kind: Kind::AccessToken,
        name: args.name.clone(),
        labels: std::collections::BTreeMap::new(),
        spec: serde_json::to_value(&token).unwrap_or_default(),
    };
    cx.command(&format!("create the token {}", args.name), command)
        .await?;
    let value = json!({
        "name": args.name, "token": secret, "offers": token.offers, "expires_at": token.expires_at,
    });
    cx.show(&value, |out| {
        out.text(&secret);
        out.text(&format!(
            "shown this once; good until {expires_at}; send it as `Authorization: Bearer ...`"
        ));
    })?;
    Ok(Exit::Done)
}
