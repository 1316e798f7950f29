//! The address of a step: the specification's JSON pointer plus the iterations that lead to it.
//!
//! Invariant: within a run a `StepId` names one task instance; the same document and the same path give the same id.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `/do/2/each/for/do/0/fetch#3`: a pointer into the document, and behind `#` the iteration of every enclosing
/// loop, outermost first, separated by dots.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId {
    /// JSON pointer of the task in its document.
    pub pointer: Arc<str>,
    /// Iteration index of each enclosing loop.
    pub iterations: Vec<u32>,
}

impl StepId {
    /// A step outside of any loop.
    #[must_use]
    pub fn new(pointer: impl Into<Arc<str>>) -> Self {
        Self {
            pointer: pointer.into(),
            iterations: Vec::new(),
        }
    }

    /// The same place inside one iteration more.
    #[must_use]
    pub fn iterated(pointer: impl Into<Arc<str>>, iterations: Vec<u32>) -> Self {
        Self {
            pointer: pointer.into(),
            iterations,
        }
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pointer)?;
        for (i, iteration) in self.iterations.iter().enumerate() {
            write!(f, "{}{iteration}", if i == 0 { '#' } else { '.' })?;
        }
        Ok(())
    }
}

impl fmt::Debug for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StepId({self})")
    }
}

/// The text is not a step's address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a step: expected a JSON pointer such as /do/0/fetch, with #N behind it inside a loop"
)]
pub struct ParseStepError {
    /// What was given.
    pub text: String,
}

impl FromStr for StepId {
    type Err = ParseStepError;

    fn from_str(text: &str) -> Result<Self, ParseStepError> {
        let wrong = || ParseStepError {
            text: text.chars().take(200).collect(),
        };
        let (pointer, rest) = text.rsplit_once('#').map_or((text, None), |(p, r)| (p, Some(r)));
        if !(pointer.is_empty() || pointer.starts_with('/')) {
            return Err(wrong());
        }
        let iterations = match rest {
            None => Vec::new(),
            Some(rest) => rest
                .split('.')
                .map(str::parse)
                .collect::<Result<_, _>>()
                .map_err(|_| wrong())?,
        };
        Ok(Self {
            pointer: pointer.into(),
            iterations,
        })
    }
}

impl Serialize for StepId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StepId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back() {
        for text in ["/do/0/fetch", "/do/1/each/for/do/0/call#3", "/a/b#0.12", ""] {
            assert_eq!(text.parse::<StepId>().unwrap().to_string(), text);
        }
        assert!("do/0".parse::<StepId>().is_err());
        assert!("/do/0#x".parse::<StepId>().is_err());
    }
}
