//! A change that an agent suggests of itself: named fields with new values, and tools it would give up.
//!
//! Invariant: what comes out may do no more than what went in.

use dirigent_protocol::entity::Agent;
use dirigent_protocol::run::LoopLimits;
use serde_json::{Map, Value};

use super::ask::label_of;

/// Fields that an agent may suggest new values for.
pub(super) const FIELDS: [&str; 9] = [
    "description",
    "system",
    "prompt",
    "model",
    "temperature",
    "max_tokens",
    "effort",
    "timeout_s",
    "limits",
];
/// Names grants that it would go without.
pub(super) const GIVE_UP: &str = "give_up_tools";
/// Longest text of a change, bytes.
const MAX_TEXT: usize = 64 << 10;

/// Why a change is not one that an agent may suggest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChangeError {
    /// Nothing is changed.
    #[error("it changes nothing")]
    Nothing,
    /// It would be given more.
    #[error("`{field}`: {why}")]
    Wider {
        /// The field.
        field: String,
        /// Stable code.
        code: &'static str,
        /// Why not.
        why: &'static str,
    },
    /// A field that definitions do not have.
    #[error("an agent has no `{0}`")]
    UnknownField(String),
    /// A grant that is not there.
    #[error("it has no tool `{0}` to give up")]
    UnknownTool(String),
    /// The value is none of that field.
    #[error("the changed definition does not fit: {0}")]
    Unfit(String),
    /// Its text is too long.
    #[error("`{0}` is longer than 65536 bytes")]
    TooLong(String),
    /// The field says something else than when the change was made.
    #[error("`{0}` was changed since")]
    Stale(String),
}

impl ChangeError {
    /// Stable code.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing_changed",
            Self::Wider { code, .. } => code,
            Self::UnknownField(_) => "unknown_field",
            Self::UnknownTool(_) => "unknown_tool",
            Self::Unfit(_) => "unfit",
            Self::TooLong(_) => "too_long",
            Self::Stale(_) => "stale",
        }
    }
}

/// The definition with the change.
///
/// # Errors
/// It is none that an agent may suggest of itself.
pub(crate) fn apply(base: &Agent, change: &Value) -> Result<Agent, ChangeError> {
    let change = change.as_object().ok_or(ChangeError::Nothing)?;
    let mut spec = serde_json::to_value(base).unwrap_or_default();
    for (field, value) in change {
        if field == GIVE_UP {
            continue;
        }
        may_change(field)?;
        check_length(field, value)?;
        let Some(members) = spec.as_object_mut() else {
            continue;
        };
        match (field.as_str(), value) {
            (_, Value::Null) => drop(members.shift_remove(field)),
            ("limits", Value::Object(limits)) => set_limits(members, limits),
            _ => drop(members.insert(field.clone(), value.clone())),
        }
    }
    let mut proposed: Agent =
        serde_json::from_value(spec).map_err(|error| ChangeError::Unfit(error.to_string()))?;
    if let Some(names) = change.get(GIVE_UP) {
        give_up(&mut proposed, names)?;
    }
    keep_within(base, &proposed)?;
    if proposed == *base {
        return Err(ChangeError::Nothing);
    }
    Ok(proposed)
}

/// The change on another version than the one it was made of: only where that one says the same in every field it
/// changes.
///
/// # Errors
/// [`ChangeError::Stale`] with the field, or as [`apply`].
pub(crate) fn carry_over(base: &Agent, now: &Agent, change: &Value) -> Result<Agent, ChangeError> {
    let spec = |agent: &Agent| serde_json::to_value(agent).unwrap_or_default();
    let (then, today) = (spec(base), spec(now));
    for field in change.as_object().into_iter().flat_map(Map::keys) {
        let field = if field == GIVE_UP { "tools" } else { field.as_str() };
        if then.get(field) != today.get(field) {
            return Err(ChangeError::Stale(field.to_owned()));
        }
    }
    apply(now, change)
}

fn may_change(field: &str) -> Result<(), ChangeError> {
    if FIELDS.contains(&field) {
        return Ok(());
    }
    let (code, why) = match field {
        "tools" | "capabilities" | "trusted_input" | "foreign" | "exact_model" | "grants" | "permissions"
        | "sandbox" | "workspace" => (
            "wider_grant",
            "what an agent may do is granted by people alone; it can only give tools up",
        ),
        "budget" | "max_input_tokens" | "context" | "fallback_models" => {
            ("larger_budget", "what an agent may take is set by people alone")
        }
        "secret" | "secrets" | "environment" | "headers" | "authentication" => {
            ("secret", "secrets are given by people alone")
        }
        "input_schema" | "output_schema" => (
            "contract",
            "its shapes are what others rely on; people change them with those",
        ),
        "rehearsal" => ("not_its_own", "models never see what is rehearsed"),
        _ => return Err(ChangeError::UnknownField(field.chars().take(64).collect())),
    };
    let field = field.to_owned();
    Err(ChangeError::Wider { field, code, why })
}

fn check_length(field: &str, value: &Value) -> Result<(), ChangeError> {
    let long = value.as_str().is_some_and(|text| text.len() > MAX_TEXT);
    if long {
        return Err(ChangeError::TooLong(field.to_owned()));
    }
    Ok(())
}

/// Limits that are not named stay as they are.
fn set_limits(members: &mut Map<String, Value>, limits: &Map<String, Value>) {
    let before = members.get("limits").filter(|limits| limits.is_object());
    let mut merged = before.cloned().unwrap_or_else(|| Value::Object(Map::new()));
    if let Some(own) = merged.as_object_mut() {
        own.extend(limits.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    members.insert("limits".into(), merged);
}

fn give_up(agent: &mut Agent, names: &Value) -> Result<(), ChangeError> {
    let not_names = || ChangeError::Unfit(format!("`{GIVE_UP}` is a list of names"));
    for name in names.as_array().ok_or_else(not_names)? {
        let name = name.as_str().ok_or_else(not_names)?;
        let at = agent.tools.iter().position(|tool| label_of(tool) == name);
        let Some(at) = at else {
            return Err(ChangeError::UnknownTool(name.chars().take(64).collect()));
        };
        agent.tools.remove(at);
    }
    Ok(())
}

/// Refuses what would let it go on for longer than people said.
fn keep_within(base: &Agent, proposed: &Agent) -> Result<(), ChangeError> {
    let (old, new) = (
        base.limits.unwrap_or_default(),
        proposed.limits.unwrap_or_default(),
    );
    let counted = |limits: &LoopLimits| [limits.turns, limits.tool_calls, limits.parallel, limits.repeats];
    let more = counted(&new)
        .iter()
        .zip(counted(&old))
        .any(|(new, old)| *new > old);
    let opened = |new: Option<u64>, old: Option<u64>| match (new, old) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(new), Some(old)) => new > old,
    };
    if more || opened(new.tokens, old.tokens) || opened(new.time_s, old.time_s) {
        return Err(ChangeError::Wider {
            field: "limits".into(),
            code: "larger_budget",
            why: "an agent can suggest tighter limits of itself, never wider ones",
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn agent() -> Agent {
        serde_json::from_value(json!({
            "prompt": "Label {{ input.text }}", "system": "You label.", "temperature": 0.7,
            "limits": { "turns": 10, "tokens": 5000 }, "budget": { "usd": 0.5 },
            "tools": [{ "file": { "workspace": "/srv/a" }, "allow": ["*"] }, { "name": "web", "http": { "name": "get" } }],
        }))
        .unwrap()
    }

    #[test]
    fn its_own_words_and_settings_can_be_changed() {
        let change = json!({ "prompt": "Label with care: {{ input.text }}", "temperature": null,
            "limits": { "turns": 5 }, "give_up_tools": ["web"] });
        let proposed = apply(&agent(), &change).unwrap();
        assert!(proposed.prompt.starts_with("Label with care") && proposed.temperature.is_none());
        let limits = proposed.limits.unwrap();
        assert_eq!((limits.turns, limits.tokens), (5, Some(5000)));
        assert_eq!(proposed.tools.len(), 1);
        assert_eq!(proposed.budget, agent().budget);
    }

    #[test]
    fn what_would_give_it_more_is_refused_by_name() {
        for (change, code) in [
            (json!({ "tools": [] }), "wider_grant"),
            (json!({ "trusted_input": true }), "wider_grant"),
            (json!({ "capabilities": ["root"] }), "wider_grant"),
            (json!({ "foreign": { "kind": "acp" } }), "wider_grant"),
            (json!({ "budget": { "usd": 500 } }), "larger_budget"),
            (json!({ "budget": null }), "larger_budget"),
            (json!({ "limits": { "turns": 11 } }), "larger_budget"),
            (json!({ "limits": { "tokens": null } }), "larger_budget"),
            (json!({ "limits": null }), "larger_budget"),
            (json!({ "secrets": { "key": "x" } }), "secret"),
            (json!({ "environment": { "A": "b" } }), "secret"),
            (json!({ "output_schema": {} }), "contract"),
            (json!({ "publish": true }), "unknown_field"),
            (json!({ "give_up_tools": ["shell"] }), "unknown_tool"),
            (json!({ "give_up_tools": "file" }), "unfit"),
            (json!({ "temperature": "hot" }), "unfit"),
            (json!({ "system": "You label." }), "nothing_changed"),
            (json!({}), "nothing_changed"),
            (json!("do it"), "nothing_changed"),
            (json!({ "prompt": "x".repeat(70_000) }), "too_long"),
        ] {
            let refused = apply(&agent(), &change).unwrap_err();
            assert_eq!(refused.code(), code, "{change}: {refused}");
        }
    }

    #[test]
    fn a_change_is_carried_over_where_its_fields_stand_as_they_did() {
        let mut now = agent();
        now.description = "another".into();
        let change = json!({ "temperature": 0.1 });
        let proposed = carry_over(&agent(), &now, &change).unwrap();
        assert_eq!(
            (proposed.temperature, &*proposed.description),
            (Some(0.1), "another")
        );
        now.temperature = Some(0.5);
        let refused = carry_over(&agent(), &now, &change).unwrap_err();
        assert_eq!(refused, ChangeError::Stale("temperature".into()));
        now = agent();
        now.tools.clear();
        let refused = carry_over(&agent(), &now, &json!({ "give_up_tools": ["web"] })).unwrap_err();
        assert_eq!(refused, ChangeError::Stale("tools".into()));
    }
}
