//! An agent's retry policy, in the words of Open Workflow's: `delay`, `backoff`, `limit`.
//!
//! Conditions (`when`) and `jitter` are a task's: an agent's failures are known by themselves, and say how long to wait.

use std::borrow::Cow;
use std::time::Duration;

use jiff::SignedDuration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// When a call that is known to have failed is made again.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AgentRetry {
    /// Before the first repeat; a second where it is absent. A provider that asks to wait longer is waited for longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<IsoDuration>,
    /// How the delay grows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff: Option<RetryBackoff>,
    /// When it is given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<RetryLimit>,
}

/// How the delay between attempts grows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum RetryBackoff {
    /// It does not.
    Constant {},
    /// By as much each time; by the delay itself where that is absent.
    Linear {
        /// How much.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        increment: Option<IsoDuration>,
    },
    /// By a factor each time.
    Exponential {
        /// From 1 to 10; 2 where it is absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1.0, max = 10.0))]
        factor: Option<f64>,
        /// The longest delay.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_delay: Option<IsoDuration>,
    },
}

impl Default for RetryBackoff {
    fn default() -> Self {
        Self::Constant {}
    }
}

/// When trying again is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RetryLimit {
    /// How many repeats there are; refusals at the door are not counted where this is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<AttemptLimit>,
    /// Time for all of them, from the first refusal on; a day where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<IsoDuration>,
}

/// How many repeats there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttemptLimit {
    /// Repeats behind the first attempt; 0 is none.
    #[schemars(range(max = 1_000))]
    pub count: u32,
}

/// A length of time as Open Workflow writes it: ISO 8601 (`PT30S`), or `{ minutes: 5 }`. At most 30 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IsoDuration(pub Duration);

/// Longest duration.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3_600);

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Parts(Parts),
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Parts {
    days: u32,
    hours: u32,
    minutes: u32,
    seconds: u32,
    milliseconds: u32,
}

impl Parts {
    fn duration(&self) -> Duration {
        let seconds = [
            (self.days, 86_400),
            (self.hours, 3_600),
            (self.minutes, 60),
            (self.seconds, 1),
        ];
        let seconds = seconds.iter().map(|(many, each)| u64::from(*many) * each).sum();
        Duration::from_secs(seconds) + Duration::from_millis(u64::from(self.milliseconds))
    }
}

impl<'de> Deserialize<'de> for IsoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let refuse = |what: &str| {
            let text =
                format!("{what}; write a duration such as `PT30S` or {{ minutes: 5 }}, at most 30 days");
            serde::de::Error::custom(text)
        };
        let duration = match Written::deserialize(deserializer).map_err(|_| refuse("it is no duration"))? {
            Written::Text(text) => {
                let read: SignedDuration = text
                    .parse()
                    .map_err(|_| refuse(&format!("`{}` is no duration", text.escape_debug())))?;
                Duration::try_from(read).map_err(|_| refuse("it is negative"))?
            }
            Written::Parts(parts) => parts.duration(),
        };
        if duration > LONGEST {
            return Err(refuse("it is too long"));
        }
        Ok(Self(duration))
    }
}

impl Serialize for IsoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let signed = SignedDuration::try_from(self.0).unwrap_or(SignedDuration::MAX);
        serializer.serialize_str(&signed.to_string())
    }
}

impl JsonSchema for IsoDuration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "IsoDuration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "ISO 8601 (`PT30S`), or `{ minutes: 5 }`",
            "type": ["string", "object"],
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_policy_reads_as_open_workflow_writes_it() {
        let policy = json!({
            "delay": "PT2S",
            "backoff": { "exponential": { "maxDelay": { "minutes": 5 } } },
            "limit": { "attempt": { "count": 3 }, "duration": "PT1H" },
        });
        let read: AgentRetry = serde_json::from_value(policy).unwrap();
        let hour = read.limit.unwrap().duration.unwrap().0;
        assert_eq!(hour, Duration::from_secs(3_600));
        let again: AgentRetry = serde_json::from_value(serde_json::to_value(read).unwrap()).unwrap();
        assert_eq!(again, read);
        for wrong in [
            json!({ "delay": "soon" }),
            json!({ "delay": "P90D" }),
            json!({ "backoff": { "double": {} } }),
            json!({ "limit": { "attempts": 3 } }),
        ] {
            assert!(
                serde_json::from_value::<AgentRetry>(wrong.clone()).is_err(),
                "{wrong}"
            );
        }
    }
}
