//! What no single key shows: keys that need others, and names that must lead somewhere.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::explain::{Place, Problem, ProblemCode, nearest};
use crate::toml_layer::dotted;

/// The provider that is always there.
const REHEARSAL: &str = "rehearsal";

/// Checks `daemon.toml` as a whole.
pub(crate) fn daemon(config: &Value, origins: &BTreeMap<String, Place>) -> Vec<Problem> {
    let mut found = Check {
        origins,
        problems: Vec::new(),
    };
    let empty = Map::new();
    let table = |pointer: &str| {
        config
            .pointer(pointer)
            .and_then(Value::as_object)
            .unwrap_or(&empty)
    };
    let (providers, aliases, prices) = (table("/providers"), table("/models/aliases"), table("/prices"));
    for (name, provider) in providers {
        found.required("providers", name, provider, &["dialect", "base_url"]);
        found.provider_name(name);
    }
    for (name, price) in prices {
        found.required("prices", name, price, &["input", "output"]);
    }
    let targets = aliases
        .iter()
        .map(|(name, target)| (format!("models.aliases.{name}"), target));
    let default = config
        .pointer("/models/default")
        .map(|target| ("models.default".to_owned(), target));
    for (key, target) in default.into_iter().chain(targets) {
        if let Some(target) = target.as_str() {
            found.model(&key, target, providers, aliases);
        }
    }
    found.connections(config);
    found.problems
}

struct Check<'a> {
    origins: &'a BTreeMap<String, Place>,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn place_of(&self, key: &str) -> Place {
        let below = format!("{key}.");
        let inside = || {
            self.origins
                .iter()
                .find(|(origin, _)| origin.starts_with(&below))
                .map(|(_, place)| place)
        };
        self.origins
            .get(key)
            .or_else(inside)
            .cloned()
            .unwrap_or(Place::Defaults)
    }

    fn add(&mut self, code: ProblemCode, key: String, what: String, help: String) {
        let place = self.place_of(&key);
        self.problems.push(Problem {
            code,
            what,
            place,
            key: Some(key),
            help,
        });
    }

    fn required(&mut self, section: &str, name: &str, table: &Value, keys: &[&str]) {
        let path = dotted(&[section.to_owned(), name.to_owned()]);
        for key in keys.iter().filter(|key| table.get(**key).is_none()) {
            let what = format!("[{path}] has no `{key}`");
            self.add(
                ProblemCode::MissingKey,
                path.clone(),
                what,
                format!("add `{key} = ...` below [{path}]"),
            );
        }
    }

    fn provider_name(&mut self, name: &str) {
        let path = dotted(&["providers".to_owned(), name.to_owned()]);
        if name == REHEARSAL {
            let help = "choose another name: the rehearsal is built in and needs no table".into();
            self.add(
                ProblemCode::Contradiction,
                path,
                format!("`{name}` is taken"),
                help,
            );
        } else if name.is_empty()
            || !name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
        {
            let what = "the name of a provider is made of letters, digits, `-`, `_` and `.`".into();
            self.add(
                ProblemCode::BadValue,
                path,
                what,
                "rename it: it is the first part of provider/model".into(),
            );
        }
    }

    fn model(
        &mut self,
        key: &str,
        target: &str,
        providers: &Map<String, Value>,
        aliases: &Map<String, Value>,
    ) {
        let provider = target.split_once('/').map(|(provider, _)| provider);
        let leads = match provider {
            Some(provider) => provider == REHEARSAL || providers.contains_key(provider),
            None => target == REHEARSAL || aliases.contains_key(target),
        };
        if leads {
            return;
        }
        let known: Vec<&str> = match provider {
            Some(_) => providers.keys().map(String::as_str).chain([REHEARSAL]).collect(),
            None => aliases.keys().map(String::as_str).chain([REHEARSAL]).collect(),
        };
        let word = provider.unwrap_or(target);
        let (what, add) = match provider {
            Some(provider) => (
                format!("no provider `{provider}`"),
                format!("add [providers.{provider}]"),
            ),
            None => (
                format!("`{target}` is no alias"),
                "write provider/model".to_owned(),
            ),
        };
        let help = match nearest(word, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`? There is: {}", known.join(", ")),
            None => format!("{add}, or use one of: {}", known.join(", ")),
        };
        self.add(ProblemCode::Contradiction, key.to_owned(), what, help);
    }

    fn connections(&mut self, config: &Value) {
        let number = |pointer: &str| config.pointer(pointer).and_then(Value::as_u64);
        if let (Some(one), Some(all)) = (
            number("/socket/max_connections_per_user"),
            number("/socket/max_connections"),
        ) && one > all
        {
            let what = format!("one user may have {one} connections, all together {all}");
            let help = "lower it, or raise socket.max_connections".into();
            self.add(
                ProblemCode::Contradiction,
                "socket.max_connections_per_user".into(),
                what,
                help,
            );
        }
    }
}
