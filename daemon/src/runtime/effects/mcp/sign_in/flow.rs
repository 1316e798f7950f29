//! One call's way to a token: the one that is kept, another one, or a person who signs in.
//!
//! Invariant: two steps that want into the same server at once ask for one sign-in.

use std::sync::Arc;

use dirigent_protocol::run::{
    AnswerWord, Authentication, EffectAnswer, EffectAsk, EffectOutcome, McpCall, McpTransport, Scheme,
};
use reqwest::Url;
use serde_json::{Value, json};

use super::super::super::performer::refused;
use super::super::super::web::{Ended, Web};
use super::super::super::web_auth::{is_unknown_client, wrong};
use super::address::{self, Back, Pending, REDIRECT};
use super::authority::{self, Authority};
use super::challenge::Challenge;
use super::client;
use super::document::{quoted, unsound};
use super::kept::{Client, Kept, Place};
use super::protected;

/// How questions of sign-ins are named.
const ASKS: &str = "sign-in:";
/// Most sign-ins for one call: a server may not want ever more.
const MOST_ROUNDS: usize = 3;
/// The revision before servers said which authority is theirs.
const FIRST_REVISION: &str = "2025-03-26";
/// The scope of tokens that outlive a visit.
const OFFLINE: &str = "offline_access";

/// Whoever signs in, registers, or reads what came of it.
static ONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Whether a policy leaves it to the server which authority it is.
pub(in super::super) fn is_discovered(sender: &Authentication) -> bool {
    sender.scheme == Scheme::Oauth2 && sender.with.is_object() && sender.with["authority"].is_null()
}

/// What is to be done about a challenge.
pub(in super::super) enum Next {
    /// The request, again.
    Again,
    /// A person is asked.
    Ask(Arc<EffectAsk>),
}

/// Signing in for one call.
pub(in super::super) struct SignIn<'a> {
    web: &'a Web,
    server: Url,
    policy: &'a Value,
    protocol: &'a str,
    place: Place,
    rounds: usize,
    renewed: bool,
}

fn unkept(error: std::io::Error) -> Ended {
    wrong(format!("what the authority gave cannot be kept: {error}"))
}

impl<'a> SignIn<'a> {
    /// For a call whose document leaves the authority to the server; nothing for any other.
    pub(in super::super) fn of(web: &'a Web, wanted: &'a McpCall) -> Result<Option<Self>, Ended> {
        let McpTransport::Http { endpoint, .. } = &wanted.transport else {
            return Ok(None);
        };
        let Some(sender) = endpoint
            .authentication
            .as_ref()
            .filter(|sender| is_discovered(sender))
        else {
            return Ok(None);
        };
        let server = web.address(&endpoint.uri)?;
        let names = json!({
            "server": server.as_str(),
            "client": sender.with["client"]["id"],
            "grant": sender.with["grant"],
            "issuers": sender.with["issuers"],
        });
        let signed_in = |answer: &&EffectAnswer| is_of(answer, &server);
        let rounds = wanted.answers.iter().filter(signed_in).count();
        Ok(Some(Self {
            web,
            server,
            policy: &sender.with,
            protocol: &wanted.protocol,
            place: Place::of(&web.data_dir, &names),
            rounds,
            renewed: false,
        }))
    }

    /// Takes what a person brought back from the browser; what is asked again where it is of no use.
    pub(in super::super) async fn heard(
        &self,
        answers: &[EffectAnswer],
    ) -> Result<Option<Arc<EffectAsk>>, Ended> {
        // An agent may have asked for several servers.
        let last = answers.iter().rfind(|answer| is_of(answer, &self.server));
        let Some((answer, state)) = last.and_then(|last| Some((last, last.id.strip_prefix(ASKS)?))) else {
            return Ok(None);
        };
        let title = "Nobody signed in";
        match answer.word {
            AnswerWord::Accept => {}
            AnswerWord::Decline => return Err(unsound(title, format!("{} said no", answer.by))),
            AnswerWord::Cancel | AnswerWord::GoesOn => return Err(unsound(title, "nobody did in time")),
        }
        let _one = ONE.lock().await;
        let mut kept = self.place.read().map_err(unkept)?;
        let callback = answer.payload["callback"].as_str().unwrap_or_default();
        // Without an address it was done for another step, or the code of this one is taken already.
        let Some(pending) = kept.pending.as_ref().filter(|pending| pending.state == state) else {
            return Ok(None);
        };
        if callback.is_empty() {
            return Ok(None);
        }
        match pending.back(callback) {
            Back::Code(code) => {
                let mut grant = pending.with.clone();
                grant["code"] = code.into();
                (kept.scopes, kept.grant) = (pending.scopes.clone(), Some(grant));
                kept.pending = None;
                self.place.write(&kept).map_err(unkept)?;
                Ok(None)
            }
            Back::Elsewhere(why) => Ok(Some(self.question(pending, Some(why)))),
            Back::No(why) => {
                kept.pending = None;
                self.place.write(&kept).map_err(unkept)?;
                Err(unsound(title, why))
            }
        }
    }

    /// A token, where somebody signed in already.
    pub(in super::super) async fn token(&self) -> Result<Option<String>, Ended> {
        let Some(sender) = self.sender(&self.place.read().map_err(unkept)?) else {
            return Ok(None);
        };
        match self.web.token(&sender).await {
            Ok(token) => Ok(Some(token)),
            // What was allowed once is over: the server is asked without a token, and says what it wants.
            Err(ended) if self.is_over(&ended) => {
                let _one = ONE.lock().await;
                let mut kept = self.place.read().map_err(unkept)?;
                if self.sender(&kept).is_some_and(|now| now == sender) {
                    kept.grant = None;
                    if is_unknown_client(&ended) {
                        // The authority forgot it: another one is registered, and what was asked of it is nobody's.
                        kept.client = kept.client.filter(|client| !client.registered);
                        kept.pending = None;
                    }
                    self.place.write(&kept).map_err(unkept)?;
                }
                Ok(None)
            }
            Err(ended) => Err(ended),
        }
    }

    /// The server wants a token, or another one than it was `sent`.
    pub(in super::super) async fn challenged(
        &mut self,
        challenge: &Challenge,
        sent: Option<&str>,
    ) -> Result<Next, Ended> {
        let _one = ONE.lock().await;
        let kept = self.place.read().map_err(unkept)?;
        if let Some(sender) = self.sender(&kept) {
            if sent.is_none() {
                // Another step was faster.
                return Ok(Next::Again);
            }
            if !challenge.insufficient && !self.renewed {
                self.renewed = true;
                self.web.forget(&sender).await?;
                return Ok(Next::Again);
            }
        }
        if self.rounds >= MOST_ROUNDS {
            let detail = format!("{MOST_ROUNDS} sign-ins were not enough for it");
            let title = "The server takes no token";
            return Err(Box::new(refused("authorization", 403, title, detail)));
        }
        self.rounds += 1;
        self.sign_in(challenge, kept).await
    }

    async fn sign_in(&self, challenge: &Challenge, kept: Kept) -> Result<Next, Ended> {
        let (authority, resource, supported) = self.authority(challenge).await?;
        self.same_authority(&kept, &authority)?;
        let mut kept = if kept.issuer == authority.issuer {
            kept
        } else {
            // What another authority gave is nothing here.
            Kept {
                issuer: authority.issuer.clone(),
                ..Kept::default()
            }
        };
        let client = client::at(self.web, &authority, self.policy, kept.client.take()).await?;
        let scopes = self.scopes(challenge, &kept, supported, &authority);
        let with = self.grant(&authority, &client, &resource);
        kept.client = Some(client.clone());
        if !self.by_a_person() {
            let mut with = with;
            with["scopes"] = json!(scopes);
            (kept.scopes, kept.grant) = (scopes, Some(with));
            self.place.write(&kept).map_err(unkept)?;
            return Ok(Next::Again);
        }
        let same = |pending: &Pending| pending.is_for(&authority.issuer, (&client, &resource), &scopes);
        if !kept.pending.as_ref().is_some_and(same) {
            kept.pending = Some(pending(&authority, (&client, &resource), scopes, with)?);
        }
        kept.grant = None;
        self.place.write(&kept).map_err(unkept)?;
        let asked = kept.pending.as_ref().map(|pending| self.question(pending, None));
        asked.map(Next::Ask).ok_or_else(|| wrong("nobody is asked"))
    }

    /// What only this client knows goes to the authority that it went to first, or to one that its policy names.
    fn same_authority(&self, kept: &Kept, now: &Authority) -> Result<(), Ended> {
        let own = ["secret", "assertion"]
            .iter()
            .any(|name| !self.policy["client"][*name].is_null());
        if own && self.policy["issuers"].is_null() && !kept.issuer.is_empty() && kept.issuer != now.issuer {
            let detail = format!(
                "it was {}, and it is {} now: name it under `issuers` if that is right",
                quoted(&kept.issuer),
                quoted(&now.issuer)
            );
            return Err(unsound(
                "The server takes tokens of another authority now",
                detail,
            ));
        }
        Ok(())
    }

    /// Which authority it is, what the token is for, and what there are tokens for.
    async fn authority(
        &self,
        challenge: &Challenge,
    ) -> Result<(Authority, String, Option<Vec<String>>), Ended> {
        let Some(own) = protected::describe(self.web, &self.server, challenge).await? else {
            if self.protocol == FIRST_REVISION {
                let authority = authority::first_revision(self.web, &self.server).await?;
                return Ok((authority, self.server.to_string(), None));
            }
            let detail =
                "name it under `authority`, or ask the server's keepers for its protected resource metadata";
            return Err(unsound(
                "The server does not say which authority it takes tokens of",
                detail,
            ));
        };
        let wanted = super::document::texts(&self.policy["issuers"]);
        let mut named = own.authorities.iter();
        let issuer = match &wanted {
            Some(wanted) => named.find(|issuer| wanted.contains(issuer)),
            None => named.next(),
        };
        let Some(issuer) = issuer else {
            let told: Vec<String> = own.authorities.iter().map(|one| quoted(one)).collect();
            let detail = format!("it names {}; `issuers` allows none of them", told.join(", "));
            return Err(unsound("The server has another authority now", detail));
        };
        let authority = authority::describe(self.web, issuer, &self.server).await?;
        Ok((authority, own.resource, own.scopes))
    }

    /// What a token is asked for: what the server wants now, beside what it wanted before.
    fn scopes(
        &self,
        challenge: &Challenge,
        kept: &Kept,
        supported: Option<Vec<String>>,
        authority: &Authority,
    ) -> Vec<String> {
        let given = super::document::texts(&self.policy["scopes"]);
        let now = challenge.scopes.clone().or_else(|| given.clone()).or(supported);
        let mut all = kept.scopes.clone();
        let offline = authority
            .scopes
            .iter()
            .filter(|scope| *scope == OFFLINE && self.by_a_person());
        let wanted = now.into_iter().flatten().chain(given.into_iter().flatten());
        for scope in wanted.chain(offline.cloned()) {
            if !all.contains(&scope) {
                all.push(scope);
            }
        }
        all
    }

    /// Whether the authority says that what it gave is worth nothing any more.
    fn is_over(&self, ended: &EffectOutcome) -> bool {
        let EffectOutcome::Failed { error, retryable, .. } = ended else {
            return false;
        };
        let refused = !retryable && (400..500).contains(&error.status);
        let nobody = is_unknown_client(ended) && self.policy["client"]["id"].is_null();
        refused && error.kind.ends_with("/authentication") && (self.by_a_person() || nobody)
    }

    fn by_a_person(&self) -> bool {
        self.policy["grant"] == "authorization_code"
    }

    /// What tokens come from, without a code.
    fn grant(&self, authority: &Authority, client: &Client, resource: &str) -> Value {
        json!({
            "authority": authority.issuer,
            "issuer": authority.issuer,
            "endpoints": { "token": authority.token.as_str() },
            "grant": self.policy["grant"],
            "resource": resource,
            "client": client,
        })
    }

    /// Who asks the authority for tokens; the secret of a client that a document names is the document's.
    fn sender(&self, kept: &Kept) -> Option<Authentication> {
        let mut with = kept.grant.clone()?;
        let client = kept.client.as_ref()?;
        with["client"] = json!({ "id": client.id, "authentication": client.authentication });
        if let Some(secret) = &client.secret {
            with["client"]["secret"] = secret.as_str().into();
        } else if !client.registered {
            for name in ["secret", "assertion"] {
                with["client"][name] = self.policy["client"][name].clone();
            }
        }
        Some(Authentication {
            scheme: Scheme::Oauth2,
            with,
        })
    }

    /// What a person is asked.
    fn question(&self, pending: &Pending, wrong: Option<&str>) -> Arc<EffectAsk> {
        let server = self.server.as_str();
        let how = format!(
            "Open `address` in a browser and sign in. The browser ends at an address that begins with {REDIRECT}, where \
             nothing answers: put that address into `callback`. A yes without it means that it was done elsewhere."
        );
        let shown = json!({
            "server": server,
            "authority": pending.issuer,
            "scopes": pending.scopes,
            "address": pending.address,
            "callback": "",
        });
        let mut properties = serde_json::Map::new();
        for (name, value) in shown.as_object().into_iter().flatten() {
            properties.insert(name.clone(), json!({ "const": value }));
        }
        properties.insert("callback".into(), json!({ "type": "string", "maxLength": 8192 }));
        Arc::new(EffectAsk {
            id: format!("{ASKS}{}", pending.state),
            title: format!("sign in at {} for {server}", pending.issuer),
            action: "sign in".to_owned(),
            reason: Some(wrong.map_or_else(|| how.clone(), |wrong| format!("{wrong}. {how}"))),
            payload: shown,
            form: Some(json!({
                "type": "object",
                "properties": properties,
                "required": ["server", "authority", "scopes", "address", "callback"],
                "additionalProperties": false,
            })),
            kept: json!({ "server": server }),
            ..EffectAsk::default()
        })
    }
}

/// Whether somebody answered for this server.
fn is_of(answer: &EffectAnswer, server: &Url) -> bool {
    let whose = &answer.kept["server"];
    answer.id.starts_with(ASKS) && (whose.is_null() || *whose == server.as_str())
}

fn pending(
    authority: &Authority,
    (client, resource): (&Client, &str),
    scopes: Vec<String>,
    mut with: Value,
) -> Result<Pending, Ended> {
    let Some(authorization) = &authority.authorization else {
        let detail = format!("{} names no `authorization_endpoint`", quoted(&authority.issuer));
        return Err(unsound("Nobody can sign in at the authority", detail));
    };
    let (state, verifier) = (address::chance(), address::chance());
    // A grant of its own, even where an authority gives the same code again.
    with["sign_in"] = state.as_str().into();
    with["redirect_uri"] = REDIRECT.into();
    with["code_verifier"] = verifier.as_str().into();
    let who = (client.id.as_str(), resource);
    Ok(Pending {
        address: address::sign_in_at(authorization, who, &scopes, (&state, &verifier)),
        state,
        with,
        scopes,
        issuer: authority.issuer.clone(),
        says_issuer: authority.says_issuer,
    })
}
