//! What an agent can do, in a word that orchestrations and rules name, and the tools it does that with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A capability: a word alone, or with the tools it needs. How far a tool may go is limited where the tool is granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Capability {
    /// The word alone.
    Word(String),
    /// With what it needs.
    Declared(DeclaredCapability),
}

/// A capability with the tools it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclaredCapability {
    /// The word.
    pub name: String,
    /// Tools among those it may use, by the names its model sees: without one of them it cannot do this.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub needs: Vec<String>,
}

impl Capability {
    /// The word that orchestrations and rules name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Word(name) => name,
            Self::Declared(declared) => &declared.name,
        }
    }

    /// Tools it needs.
    #[must_use]
    pub fn needs(&self) -> &[String] {
        match self {
            Self::Word(_) => &[],
            Self::Declared(declared) => &declared.needs,
        }
    }
}
