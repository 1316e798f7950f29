//! A place: a page and the way down to a part of it. Its text is what `dirigent open` takes and `Y` copies.
//!
//! Pages never import each other; they name places.

use std::fmt;
use std::str::FromStr;

/// Deepest path: object, part, and what the part names.
const MAX_DEPTH: usize = 6;

/// A page and the way down: `runs/8f20/step/4`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The page's id (`runs`).
    pub page: String,
    /// The way down inside it, empty for its list.
    pub path: Vec<String>,
}

/// A text that names no place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a place: write page/object/part, such as run/8f20/step/4")]
pub struct ParsePlaceError {
    /// What was given.
    pub text: String,
}

/// Singular forms people write, and the page they mean.
const ALIASES: &[(&str, &str)] = &[
    ("run", "runs"),
    ("approval", "approvals"),
    ("workflow", "workflows"),
    ("conversation", "conversations"),
    ("agent", "agents"),
    ("orchestration", "orchestrations"),
    ("suggestion", "suggestions"),
    ("home", "dashboard"),
];

impl Place {
    /// The list of a page.
    #[must_use]
    pub fn page(page: &str) -> Self {
        Self {
            page: page.to_owned(),
            path: Vec::new(),
        }
    }

    /// An object of a page.
    #[must_use]
    pub fn object(page: &str, id: impl fmt::Display) -> Self {
        Self {
            page: page.to_owned(),
            path: vec![id.to_string()],
        }
    }

    /// One run, in the monitor.
    #[must_use]
    pub fn run(id: impl fmt::Display) -> Self {
        Self::object("runs", id)
    }

    /// A conversation with an agent that has not begun.
    #[must_use]
    pub fn new_talk(agent: impl fmt::Display) -> Self {
        Self {
            page: "conversations".to_owned(),
            path: vec!["new".to_owned(), agent.to_string()],
        }
    }

    /// One approval, in the inbox.
    #[must_use]
    pub fn approval(id: impl fmt::Display) -> Self {
        Self::object("approvals", id)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.page)?;
        for part in &self.path {
            write!(f, "/{part}")?;
        }
        Ok(())
    }
}

impl FromStr for Place {
    type Err = ParsePlaceError;

    fn from_str(text: &str) -> Result<Self, ParsePlaceError> {
        let unknown = || ParsePlaceError {
            text: text.to_owned(),
        };
        let mut parts = text.trim_matches('/').split('/');
        let page = parts.next().filter(|p| !p.is_empty()).ok_or_else(unknown)?;
        let page = ALIASES
            .iter()
            .find(|(alias, _)| *alias == page)
            .map_or(page, |(_, page)| page);
        let path: Vec<String> = parts.map(str::to_owned).collect();
        if path.len() > MAX_DEPTH || path.iter().any(String::is_empty) {
            return Err(unknown());
        }
        Ok(Self {
            page: page.to_owned(),
            path,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_reads_back_and_singulars_are_understood() {
        let place: Place = "run/8f20/step/4".parse().unwrap();
        assert_eq!(place.to_string(), "runs/8f20/step/4");
        assert_eq!(place.to_string().parse::<Place>().unwrap(), place);
        assert!("".parse::<Place>().is_err());
        assert!("runs//4".parse::<Place>().is_err());
    }
}
