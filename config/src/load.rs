//! The layers put together: defaults, file, environment, flags. The last one wins, key by key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::explain::{ConfigErrors, Place, Problem, ProblemCode, quoted};
use crate::rows::{self, Known, Row};
use crate::toml_layer::{self, Found, Layer, allowed, dotted, suggest};
use crate::{CLIENT_DEFAULTS, ClientConfig, DAEMON_DEFAULTS, DaemonConfig, Environment, check};

/// Prefix of the variables that set keys.
pub const ENV_PREFIX: &str = "DIRIGENT__";
/// Adds to `[egress] allow`.
pub const ENV_EGRESS_ALLOW: &str = "DIRIGENT_EGRESS_ALLOW";
/// Longest file read, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// Which file to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FileSource {
    /// None: for tests and embedders.
    #[default]
    None,
    /// The default place: its absence is no problem.
    IfPresent(PathBuf),
    /// One that was named (`--config`, `DIRIGENT_CONFIG`): it must be there.
    Named(PathBuf),
}

/// What the layers are made of.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file.
    pub file: FileSource,
    /// The environment.
    pub environment: Environment,
    /// Flags as (dotted key, text, name of the flag as typed), for instance `("run.shell", "deny", "--shell")`.
    pub flags: Vec<(String, String, String)>,
}

/// A configuration with where each key came from.
#[derive(Clone, Debug)]
pub struct Loaded<T> {
    /// The configuration.
    pub config: T,
    /// Place of every key that is set, by dotted path.
    pub origins: BTreeMap<String, Place>,
    /// The file that was read.
    pub file: Option<PathBuf>,
}

/// Loads `daemon.toml` and what overrides it.
///
/// # Errors
/// Every problem found, located. The caller exits with 78.
pub fn load_daemon(sources: &Sources) -> Result<Loaded<DaemonConfig>, ConfigErrors> {
    let mut tree = Tree::read(DAEMON_DEFAULTS, rows::DAEMON, rows::CLIENT, sources);
    tree.add_egress(&sources.environment);
    tree.finish(sources, check::daemon)
}

/// Loads `tui.toml` and what overrides it.
///
/// # Errors
/// Every problem found, located. The caller exits with 78.
pub fn load_client(sources: &Sources) -> Result<Loaded<ClientConfig>, ConfigErrors> {
    Tree::read(CLIENT_DEFAULTS, rows::CLIENT, rows::DAEMON, sources).finish(sources, |_, _| Vec::new())
}

struct Tree {
    rows: &'static [Row],
    value: Map<String, Value>,
    origins: BTreeMap<String, Place>,
    problems: Vec<Problem>,
}

impl Tree {
    /// `others` are the rows of the other binary: the environment holds variables for both.
    fn read(defaults: &str, rows: &'static [Row], others: &'static [Row], sources: &Sources) -> Self {
        let mut tree = Self {
            rows,
            value: Map::new(),
            origins: BTreeMap::new(),
            problems: Vec::new(),
        };
        let mut shipped = toml_layer::read(defaults, Path::new("defaults"), rows);
        for found in &mut shipped.found {
            found.place = Place::Defaults;
        }
        tree.layer(shipped);
        match read_file(&sources.file) {
            Ok(Some((path, text))) => tree.layer(toml_layer::read(&text, path, rows)),
            Ok(None) => {}
            Err(problem) => tree.problems.push(problem),
        }
        tree.environment(&sources.environment, others);
        for (key, text, flag) in &sources.flags {
            let path: Vec<String> = key.split('.').map(str::to_owned).collect();
            tree.text(path, text, Place::Flag(flag.clone()));
        }
        tree
    }

    fn layer(&mut self, layer: Layer) {
        self.problems.extend(layer.problems);
        for found in layer.found {
            self.put(found);
        }
    }

    fn put(&mut self, found: Found) {
        let Some((last, parents)) = found.path.split_last() else {
            return;
        };
        let mut table = &mut self.value;
        for name in parents {
            let below = table
                .entry(name.clone())
                .or_insert_with(|| Value::Object(Map::new()));
            // The rows never let one path be both a value and a table.
            let Value::Object(below) = below else { return };
            table = below;
        }
        table.insert(last.clone(), found.value);
        self.origins.insert(dotted(&found.path), found.place);
    }

    fn environment(&mut self, environment: &Environment, others: &'static [Row]) {
        for (name, value) in environment.with_prefix(ENV_PREFIX) {
            let path = env_path(&name[ENV_PREFIX.len()..]);
            let is_key = |rows| matches!(rows::find(rows, &path), Known::Key(_));
            if is_key(others) && !is_key(self.rows) {
                continue;
            }
            let place = Place::Environment(quoted(name));
            match value.to_str() {
                Some(text) => self.text(path, text, place),
                None => self.problem(
                    ProblemCode::BadValue,
                    "not UTF-8".into(),
                    place,
                    &path,
                    "write it in UTF-8".into(),
                ),
            }
        }
    }

    /// A value given as text: environment or flag.
    fn text(&mut self, path: Vec<String>, text: &str, place: Place) {
        let Known::Key(shape) = rows::find(self.rows, &path) else {
            let help = suggest(self.rows, &path);
            let what = format!("unknown key `{}`", dotted(&path));
            return self.problem(ProblemCode::UnknownKey, what, place, &path, help);
        };
        match shape.parse(text) {
            Some(value) => self.put(Found { path, value, place }),
            None => {
                let what = format!("`{}` cannot be {}", dotted(&path), shape.shown(text));
                self.problem(ProblemCode::BadValue, what, place, &path, allowed(shape, text));
            }
        }
    }

    fn add_egress(&mut self, environment: &Environment) {
        let Some(text) = environment.get(ENV_EGRESS_ALLOW) else {
            return;
        };
        let before = self
            .value
            .get("egress")
            .and_then(|egress| egress.get("allow"))
            .cloned();
        let path = vec!["egress".to_owned(), "allow".to_owned()];
        self.text(
            path,
            &text.to_string_lossy(),
            Place::Environment(ENV_EGRESS_ALLOW.into()),
        );
        let added = self
            .value
            .get_mut("egress")
            .and_then(|egress| egress.get_mut("allow"));
        if let (Some(Value::Array(before)), Some(Value::Array(added))) = (before, added) {
            let new: Vec<Value> = added.drain(..).filter(|host| !before.contains(host)).collect();
            *added = before.into_iter().chain(new).collect();
        }
    }

    fn problem(&mut self, code: ProblemCode, what: String, place: Place, path: &[String], help: String) {
        self.problems.push(Problem {
            code,
            what,
            place,
            key: Some(dotted(path)),
            help,
        });
    }

    fn finish<T: DeserializeOwned>(
        mut self,
        sources: &Sources,
        check: impl Fn(&Value, &BTreeMap<String, Place>) -> Vec<Problem>,
    ) -> Result<Loaded<T>, ConfigErrors> {
        let value = Value::Object(self.value);
        self.problems.extend(check(&value, &self.origins));
        if !self.problems.is_empty() {
            return Err(ConfigErrors(self.problems));
        }
        let file = match &sources.file {
            FileSource::None => None,
            FileSource::IfPresent(path) | FileSource::Named(path) => path.exists().then(|| path.clone()),
        };
        match serde_json::from_value(value) {
            Ok(config) => Ok(Loaded {
                config,
                origins: self.origins,
                file,
            }),
            // The rows and the structs say the same (tested), so this speaks of a defect in this crate.
            Err(error) => Err(ConfigErrors(vec![Problem {
                code: ProblemCode::BadValue,
                what: error.to_string(),
                place: file.map_or(Place::Defaults, Place::File),
                key: None,
                help: "please report this: the list of keys and the loader disagree".into(),
            }])),
        }
    }
}

/// `RUN__SHELL` to `run.shell`: lower case, so a provider to be set in the environment has a lower-case name.
fn env_path(name: &str) -> Vec<String> {
    name.split("__").map(str::to_lowercase).collect()
}

fn read_file(source: &FileSource) -> Result<Option<(&Path, String)>, Problem> {
    let (path, required) = match source {
        FileSource::None => return Ok(None),
        FileSource::IfPresent(path) => (path.as_path(), false),
        FileSource::Named(path) => (path.as_path(), true),
    };
    let problem = |what: String, help: String| Problem {
        code: ProblemCode::Unreadable,
        what,
        place: Place::File(path.to_owned()),
        key: None,
        help,
    };
    let too_large = |length: u64| {
        problem(
            format!("the file has {length} bytes"),
            format!("at most {MAX_FILE} bytes make sense"),
        )
    };
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() && metadata.len() > MAX_FILE => {
            return Err(too_large(metadata.len()));
        }
        Ok(metadata) if metadata.is_dir() => {
            return Err(problem(
                "this is a directory".into(),
                "name the file in it".into(),
            ));
        }
        _ => {}
    }
    match std::fs::read(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Some((path, text))),
            Err(error) => {
                let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
                    .iter()
                    .filter(|b| **b == b'\n')
                    .count();
                Err(problem(
                    format!("line {} is not UTF-8", line + 1),
                    "save the file as UTF-8".into(),
                ))
            }
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(problem(
            "there is no such file".into(),
            "`dirigent config default` prints one to start from".into(),
        )),
        Err(error) => {
            let help = "give the user that runs dirigent permission to read it".into();
            Err(problem(format!("cannot read it: {}", error.kind()), help))
        }
    }
}
