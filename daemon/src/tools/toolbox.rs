//! All tools of one agent: what its model is offered, and what becomes of each call it makes.
//!
//! Invariant: a call is planned only where a grant names the tool, the tool is offered, and the arguments fit both the
//! tool's schema and the grant's limits; anything else is answered with a refusal and nothing is done.

use std::collections::BTreeSet;
use std::sync::Arc;

use dirigent_protocol::chat::{ToolCall, ToolDefinition};
use dirigent_protocol::digest::Digest;
use dirigent_protocol::entity::AgentTool;
use dirigent_protocol::run::{AgentTurn, ApprovalClass, OnUnknown, Plan, PlannedCall, PlannedEffect};
use serde_json::{Value, json};

use super::mcp::place;
use super::tool::{Closed, Described, Offered, Tool, World};
use super::{KINDS, change, granted, names, search};
use crate::misfit::misfit;

/// Longest refusal that is told.
const MAX_REFUSAL: usize = 2_000;

/// The tools of one agent, as they are now.
pub(crate) struct Toolbox {
    grants: Vec<Opened>,
    /// What earlier searches of the conversation found.
    found: BTreeSet<String>,
}

struct Opened {
    grant: AgentTool,
    tool: Box<dyn Tool>,
    described: Described,
}

impl Toolbox {
    /// Opens every grant; `turns` are those the conversation has had.
    ///
    /// # Errors
    /// A grant that cannot be used.
    pub(crate) async fn open<'a>(
        grants: &[AgentTool],
        world: &dyn World,
        turns: impl Iterator<Item = &'a Arc<AgentTurn>>,
    ) -> Result<Self, Closed> {
        let mut opened = Vec::new();
        for grant in grants {
            let Some(tool) = KINDS.iter().find_map(|kind| (kind.open)(grant)) else {
                return Err("a tool names no kind".to_owned().into());
            };
            let mut described = tool.describe(world).await?;
            if let Some((_, wrong)) = granted::wrong(grant, &described).into_iter().next() {
                return Err(wrong.into());
            }
            described.offered.retain(|one| granted::allows(grant, &one.own));
            for one in &mut described.offered {
                if let Some(prefix) = &grant.name {
                    one.definition.name = format!("{prefix}_{}", one.own);
                }
            }
            described
                .offered
                .retain(|one| names::usable(&one.definition.name));
            opened.push(Opened {
                grant: grant.clone(),
                tool,
                described,
            });
        }
        let toolbox = Self {
            grants: opened,
            found: search::found(turns),
        };
        let mut seen = BTreeSet::new();
        for (_, one) in toolbox.all() {
            if one.definition.name == search::NAME || !seen.insert(&one.definition.name) {
                let name = &one.definition.name;
                let why = format!("two tools are called `{name}`: give one of the grants a `name`");
                return Err(why.into());
            }
        }
        Ok(toolbox)
    }

    fn all(&self) -> impl Iterator<Item = (&Opened, &Offered)> {
        let of = |opened| std::iter::repeat(opened);
        self.grants
            .iter()
            .flat_map(move |opened| of(opened).zip(&opened.described.offered))
    }

    fn is_searched(&self) -> bool {
        self.all().count() > search::MANY
    }

    fn offered(&self) -> impl Iterator<Item = (&Opened, &Offered)> {
        let all = !self.is_searched();
        self.all()
            .filter(move |(_, one)| all || self.found.contains(&one.definition.name))
    }

    /// What its model is offered now.
    pub(crate) fn offer(&self) -> Vec<ToolDefinition> {
        let mut offer: Vec<ToolDefinition> = self.offered().map(|(_, one)| one.definition.clone()).collect();
        if self.is_searched() {
            offer.insert(0, search::offer(self.all().count()));
        }
        offer
    }

    /// Digests of the lists that came from outside.
    pub(crate) fn manifests(&self) -> Vec<Digest> {
        self.grants
            .iter()
            .filter_map(|opened| opened.described.manifest)
            .collect()
    }

    /// What each grant offers, for people.
    pub(crate) fn shown(&self) -> Vec<Value> {
        self.grants.iter().map(Opened::shown).collect()
    }

    /// Whether a tool of exactly that name is offered.
    pub(crate) fn offers(&self, name: &str) -> bool {
        let searches = self.is_searched() && name == search::NAME;
        searches || self.offered().any(|(_, one)| one.definition.name == name)
    }

    /// What becomes of a call.
    pub(crate) fn plan(&self, call: &ToolCall) -> PlannedCall {
        let plan = self.planned(call).unwrap_or_else(|mut refusal| {
            refusal.truncate(refusal.floor_char_boundary(MAX_REFUSAL));
            Plan::Answer {
                response: Arc::new(Value::String(refusal)),
                is_error: true,
            }
        });
        PlannedCall {
            id: call.id.clone(),
            name: call.name.clone(),
            plan,
        }
    }

    fn planned(&self, call: &ToolCall) -> Result<Plan, String> {
        if self.is_searched() && call.name == search::NAME {
            let query = call.arguments["query"].as_str().ok_or("`query` must be a text")?;
            let all: Vec<&ToolDefinition> = self.all().map(|(_, one)| &one.definition).collect();
            let response = Arc::new(search::answer(&all, query));
            return Ok(Plan::Answer {
                response,
                is_error: false,
            });
        }
        let known = self.offered().find(|(_, one)| one.definition.name == call.name);
        let (opened, offered) = known.ok_or_else(|| {
            let name: String = call.name.chars().take(64).flat_map(char::escape_debug).collect();
            format!("refused: tool_not_granted: there is no tool `{name}` for this agent")
        })?;
        let arguments = &*call.arguments;
        if !arguments.is_object() {
            return Err("refused: the arguments are not a JSON object".to_owned());
        }
        let schemas = [
            Some(&*offered.definition.parameters),
            opened.grant.arguments.get(&offered.own),
        ];
        let limits: Vec<&Value> = schemas.into_iter().flatten().collect();
        for schema in &limits {
            match misfit(schema, arguments) {
                Ok(None) => {}
                Ok(Some(found)) => return Err(format!("refused: the arguments do not fit: {found}")),
                Err(found) => return Err(format!("refused: the tool's schema is none: {found}")),
            }
        }
        let wanted = opened
            .tool
            .call(&offered.own, arguments, &opened.described)
            .map_err(|why| format!("refused: {why}"))?;
        let planned = opened.terms(offered);
        let open = opened.tool.open(&offered.own, &limits);
        Ok(Plan::Effect(Box::new(PlannedEffect {
            edit: change::schema(&wanted.request, &open),
            request: wanted.request,
            destination: wanted.destination,
            before: wanted.before,
            ..planned
        })))
    }
}

impl Opened {
    fn shown(&self) -> Value {
        let kind = KINDS.iter().find(|kind| (kind.open)(&self.grant).is_some());
        let tools = self.described.offered.iter().map(|one| {
            let terms = self.terms(one);
            json!({
                "name": one.definition.name,
                "own": one.own,
                "description": one.definition.description,
                "approval": terms.approval,
                "traits": terms.traits,
            })
        });
        json!({
            "kind": kind.map(|kind| kind.field),
            "server": self.grant.mcp.as_ref().map(place),
            "manifest": self.described.manifest,
            "pinned": self.grant.mcp.as_ref().and_then(|server| server.manifest.clone()),
            "changed": self.described.stale.is_some(),
            "tools": tools.collect::<Vec<Value>>(),
            "withheld": self.described.withheld,
        })
    }

    /// How a call of it is made, before its request is known.
    fn terms(&self, offered: &Offered) -> PlannedEffect {
        let grant = &self.grant;
        let read_only = grant.read_only.unwrap_or(offered.read_only);
        let by_rule = if read_only {
            ApprovalClass::Never
        } else {
            ApprovalClass::Ask
        };
        let mut approval = grant.approval.unwrap_or(by_rule);
        if self.described.stale.is_some() {
            approval = approval.max(ApprovalClass::Ask);
        }
        if granted::is_unconfined(grant) {
            approval = ApprovalClass::Always;
        }
        let unknown = if read_only {
            OnUnknown::Retry
        } else {
            OnUnknown::Ask
        };
        PlannedEffect {
            request: dirigent_protocol::run::EffectRequest::Noop {
                value: Arc::default(),
            },
            approval,
            on_unknown: grant.on_unknown.or(offered.on_unknown).unwrap_or(unknown),
            traits: grant.traits.unwrap_or(offered.traits),
            waits: grant.waits,
            destination: String::new(),
            before: None,
            reason: self.described.stale.clone(),
            edit: None,
        }
    }
}
