//! What another version of a workflow would mean for runs that are not over: each step that would break, and why.
//!
//! Shapes only. Invariant: a run without a finding that breaks can be migrated as it was looked at.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::id::RunId;
use crate::run::{Status, StepId};

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $text:literal;)+) => {
        /// What is the matter with a step.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Reason {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)+
            /// A reason of a newer daemon.
            #[serde(other, rename = "unknown")]
            Unknown,
        }

        impl Reason {
            /// The stable word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ Self::Unknown => "unknown" }
            }
        }
    };
}

reasons! {
    /// The run is in it, and it is gone.
    Removed = "removed";
    /// The run is in it, and a task of another name stands in its place.
    Renamed = "renamed";
    /// The run is in it, and it is of another kind now.
    Kind = "kind";
    /// It is new, and the run is beyond it.
    Inserted = "inserted";
    /// The run is on the other side of it now: it would be done twice, or never.
    Moved = "moved";
    /// It is done, and would lead elsewhere now.
    Flow = "flow";
    /// What it was given does not fit its schema now.
    Input = "input";
    /// Its branches are at work, and there are others now.
    Branches = "branches";
    /// What undoes it where the run is cancelled is gone.
    Compensation = "compensation";
    /// Its effect is in flight, and the lookup that tells whether it happened is gone.
    Lookup = "lookup";
    /// It waits for other events now.
    Listen = "listen";
    /// It reads otherwise now; what it has begun goes on as it began.
    Changed = "changed";
    /// It asks a person; where what is shown changes, it asks anew.
    Asked = "asked";
    /// The run is being cancelled.
    Cancelling = "cancelling";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Something about one step of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The step: of the version the run is on, or of the draft where it is new.
    pub step: StepId,
    /// The event of the run's journal it shows at; 0 where none.
    pub event: u64,
    /// What is the matter.
    pub reason: Reason,
    /// The run cannot be migrated because of it.
    pub breaks: bool,
    /// In words.
    pub detail: String,
    /// What can be done about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// A run that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunCheck {
    /// The run.
    pub run: RunId,
    /// The version it is on.
    pub from: Digest,
    /// The author's word for that version.
    #[serde(default)]
    pub version: String,
    /// Where it stands.
    pub status: Status,
    /// The last event that was looked at.
    pub event: u64,
    /// What there is to say of its steps; empty where it can go on as it is.
    #[serde(default)]
    pub findings: Vec<Finding>,
}

impl RunCheck {
    /// Whether it cannot be migrated.
    #[must_use]
    pub fn breaks(&self) -> bool {
        self.findings.iter().any(|finding| finding.breaks)
    }
}

/// A page of the runs of a workflow that are not over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradePage {
    /// The workflow.
    pub workflow: String,
    /// The draft's digest.
    pub to: Digest,
    /// The author's word for it.
    #[serde(default)]
    pub version: String,
    /// It is a published version, so that runs can be migrated to it.
    #[serde(default)]
    pub published: bool,
    /// Runs on other versions, by id.
    #[serde(default)]
    pub items: Vec<RunCheck>,
    /// Runs of this page that are on it already.
    #[serde(default)]
    pub on_it: u32,
    /// Where the next page begins.
    #[serde(default)]
    pub next: Option<RunId>,
}
