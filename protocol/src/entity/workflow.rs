//! A workflow's draft: an Open Workflow document as its author wrote it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::definition::{check_as, json_of, schema_of};
use super::{Column, Definition, Entity, Index, Kind, Writer};

/// An Open Workflow document (DSL 1.0.3) as its author wrote it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Workflow {
    /// The document's text, YAML or JSON, comments and all.
    pub source: String,
    /// `document.namespace`.
    #[serde(default)]
    pub namespace: String,
    /// `document.version`, the author's own number.
    #[serde(default)]
    pub version: String,
    /// `document.title` or empty.
    #[serde(default)]
    pub title: String,
    /// `document.summary` or empty.
    #[serde(default)]
    pub summary: String,
    /// Digest of the newest published version, hexadecimal; filled in by the daemon.
    #[serde(default)]
    pub digest: String,
    /// No new run of it begins; filled in when it is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Paused>,
}

/// Who let no new run begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Paused {
    /// Who.
    pub by: String,
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
}

impl Entity for Workflow {
    const DEFINITION: Definition = Definition {
        kind: Kind::Workflow,
        about: "an Open Workflow document",
        plural: "workflows",
        aliases: &["wf"],
        schema: schema_of::<Self>,
        check: check_as::<Self>,
        sample: || {
            json_of(&Self {
                source:
                    "document:\n  dsl: '1.0.3'\n  namespace: samples\n  name: hello\n  version: '0.1.0'\n\
                         do:\n  - greet:\n      set:\n        greeting: hello\n"
                        .into(),
                namespace: "samples".into(),
                version: "0.1.0".into(),
                ..Self::default()
            })
        },
        indexes: &[
            Index {
                field: "namespace",
                unique: false,
            },
            Index {
                field: "digest",
                unique: false,
            },
        ],
        sensitive: &[],
        relations: &[],
        columns: &[
            Column {
                title: "name",
                field: "name",
            },
            Column {
                title: "version",
                field: "version",
            },
            Column {
                title: "title",
                field: "title",
            },
            Column {
                title: "rev",
                field: "revision",
            },
        ],
        writer: Writer::People,
        retention_days: None,
    };
}
