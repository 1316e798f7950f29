//! Functions that lie elsewhere: where their definition is, and the document that runs it.
//!
//! The daemon's own catalog is a folder (`catalog/functions/NAME/VERSION/function.yaml` under its data), behind which
//! stand the functions it brings along.

use std::path::Path;

use dirigent_protocol::run::{EffectOutcome, FunctionCall, Resource};
use dirigent_protocol::source;
use serde_json::{Value, json};

use super::performer::refused;

/// What the daemon brings along.
const BUILT_IN: [(&str, &str, &str); 1] = [("log", "1.0.0", include_str!("log-1.0.0.yaml"))];

/// Where a definition is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the daemon's own catalog.
    Here { name: String, version: String },
    /// At an address.
    There(Resource),
}

fn wrong(status: u16, detail: String) -> Box<EffectOutcome> {
    Box::new(refused(
        "configuration",
        status,
        "The function cannot be called",
        detail,
    ))
}

/// Where the definition of a function is.
pub(super) fn place(call: &FunctionCall) -> Place {
    if call.function.contains("://") {
        return Place::There(Resource {
            uri: raw(&call.function),
            authentication: None,
        });
    }
    let (function, _) = call.function.rsplit_once('@').unwrap_or((&call.function, ""));
    let (name, version) = function.split_once(':').unwrap_or((function, "latest"));
    match &call.catalog {
        None => Place::Here {
            name: name.to_owned(),
            version: version.to_owned(),
        },
        Some(catalog) => {
            let root = catalog.uri.trim_end_matches('/');
            Place::There(Resource {
                uri: raw(&format!("{root}/functions/{name}/{version}/function.yaml")),
                authentication: catalog.authentication.clone(),
            })
        }
    }
}

/// Pages of two code hosts are read as the raw documents behind them, as the standard asks.
fn raw(uri: &str) -> String {
    let Some(rest) = uri.strip_prefix("https://github.com/") else {
        return uri.replace("/-/tree/", "/-/raw/").replace("/-/blob/", "/-/raw/");
    };
    let parts: Vec<&str> = rest.splitn(4, '/').collect();
    match parts.as_slice() {
        [owner, repository, "tree" | "blob", path] => {
            let (branch, path) = path.split_once('/').unwrap_or((path, ""));
            format!("https://raw.githubusercontent.com/{owner}/{repository}/refs/heads/{branch}/{path}")
        }
        [owner, repository, path @ ..] => {
            let path = path.join("/");
            format!("https://raw.githubusercontent.com/{owner}/{repository}/refs/heads/main/{path}")
        }
        _ => uri.to_owned(),
    }
}

/// A function of the daemon's own catalog.
pub(super) fn own(catalog: &Path, name: &str, version: &str) -> Result<String, Box<EffectOutcome>> {
    let plain = |text: &str| {
        !text.is_empty()
            && !text.starts_with('.')
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte))
    };
    if !plain(name) || !plain(version) {
        return Err(wrong(400, format!("`{name}:{version}` names no function")));
    }
    let folder = catalog.join("functions").join(name);
    let version = if version == "latest" {
        newest(&folder, name).ok_or_else(|| wrong(404, format!("the catalog has no function `{name}`")))?
    } else {
        version.to_owned()
    };
    if let Ok(text) = std::fs::read_to_string(folder.join(&version).join("function.yaml")) {
        return Ok(text);
    }
    let known = BUILT_IN
        .iter()
        .find(|(known, at, _)| *known == name && *at == version);
    known.map(|(_, _, text)| (*text).to_owned()).ok_or_else(|| {
        let folder = folder.display();
        wrong(
            404,
            format!("the catalog has no function `{name}:{version}` (looked in {folder})"),
        )
    })
}

fn newest(folder: &Path, name: &str) -> Option<String> {
    let kept = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let kept = kept.filter_map(|entry| entry.file_name().into_string().ok());
    let built_in = BUILT_IN.iter().filter(|(known, ..)| *known == name);
    let built_in = built_in.map(|(_, version, _)| (*version).to_owned());
    kept.chain(built_in).max_by_key(|version| {
        let numbers: Vec<u64> = version
            .split(['.', '-', '+'])
            .map_while(|part| part.parse().ok())
            .collect();
        (numbers, !version.contains('-'))
    })
}

/// The document that runs a function: its definition is the only task.
pub(super) fn document(called: &str, text: &str) -> Result<String, Box<EffectOutcome>> {
    let parsed = source::parse(text.as_bytes());
    if let Some(found) = parsed.diagnostics.iter().find(|found| found.is_error()) {
        return Err(wrong(400, found.render(called)));
    }
    let definition = parsed
        .documents
        .first()
        .map(source::Node::to_json)
        .unwrap_or_default();
    if !definition.is_object() {
        return Err(wrong(400, format!("`{called}` does not define a task")));
    }
    let name = called.split(['@', '?', '#']).next().unwrap_or(called);
    let name = name.trim_end_matches("/function.yaml");
    let last = name
        .rsplit('/')
        .next()
        .unwrap_or(name)
        .split(':')
        .next()
        .unwrap_or(name);
    let good: String = last
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(63)
        .collect();
    let good = good.trim_matches('-');
    let name = if good.is_empty() { "function" } else { good };
    let document: Value = json!({
        "document": { "dsl": "1.0.3", "namespace": "functions", "name": name, "version": "1.0.0", "title": called },
        "do": [{ name: definition }],
    });
    Ok(document.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(function: &str, catalog: Option<&str>) -> FunctionCall {
        FunctionCall {
            function: function.into(),
            catalog: catalog.map(|uri| Resource {
                uri: uri.into(),
                authentication: None,
            }),
            input: std::sync::Arc::new(Value::Null),
        }
    }

    #[test]
    fn a_catalog_has_the_standards_folders() {
        let there = |function: &str, catalog| match place(&call(function, catalog)) {
            Place::There(resource) => resource.uri,
            here @ Place::Here { .. } => format!("{here:?}"),
        };
        assert_eq!(
            there("log:1.0.0@g", Some("https://github.com/o/catalog/tree/main")),
            "https://raw.githubusercontent.com/o/catalog/refs/heads/main/functions/log/1.0.0/function.yaml"
        );
        assert_eq!(
            there("log:0.5.2@g", Some("https://github.com/o/catalog")),
            "https://raw.githubusercontent.com/o/catalog/refs/heads/main/functions/log/0.5.2/function.yaml"
        );
        assert_eq!(
            there("x:1.0.0@l", Some("file:///srv/c/")),
            "file:///srv/c/functions/x/1.0.0/function.yaml"
        );
        assert!(there("log:latest@default", None).starts_with("Here"));
    }

    #[test]
    fn the_own_catalog_is_a_folder_with_functions_behind_it() {
        let folder = tempfile::tempdir().unwrap();
        assert!(own(folder.path(), "log", "latest").unwrap().contains("message"));
        for version in ["1.9.0", "1.10.0"] {
            let place = folder.path().join("functions/log").join(version);
            std::fs::create_dir_all(&place).unwrap();
            std::fs::write(place.join("function.yaml"), format!("set: {{ v: {version} }}")).unwrap();
        }
        assert_eq!(own(folder.path(), "log", "latest").unwrap(), "set: { v: 1.10.0 }");
        assert!(own(folder.path(), "..", "latest").is_err());
        assert!(own(folder.path(), "log", "2.0.0").is_err());
    }

    #[test]
    fn every_built_in_function_is_a_workflow() {
        for (name, version, text) in BUILT_IN {
            let document = document(&format!("{name}:{version}@default"), text).unwrap();
            dirigent_engine::load(name, &document).unwrap();
        }
    }
}
