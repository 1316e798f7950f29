//! One TOML text to located, checked keys: every problem of it at once.

use std::ops::Range;
use std::path::Path;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::explain::{Place, Problem, ProblemCode, nearest, quoted};
use crate::rows::{self, Known, Row};
use crate::shape::Shape;

/// A checked value with where it stands.
pub(crate) struct Found {
    pub(crate) path: Vec<String>,
    pub(crate) value: Value,
    pub(crate) place: Place,
}

/// What one text holds.
#[derive(Default)]
pub(crate) struct Layer {
    pub(crate) found: Vec<Found>,
    pub(crate) problems: Vec<Problem>,
}

/// Reads a text against a list of rows.
pub(crate) fn read(text: &str, file: &Path, rows: &'static [Row]) -> Layer {
    let mut reader = Reader {
        text,
        file,
        rows,
        layer: Layer::default(),
    };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let place = reader.place(&span);
        let problem = Problem {
            code: ProblemCode::Syntax,
            what: quoted(error.message()),
            place,
            key: None,
            help: "see https://toml.io, or `dirigent config default` for a whole file that is right".into(),
        };
        reader.layer.problems.push(problem);
    }
    // What a recovering parser makes of a broken text is good for positions, not for judging keys.
    if reader.layer.problems.is_empty() {
        reader.table(table.get_ref(), &mut Vec::new());
    }
    let mut layer = reader.layer;
    layer.problems.sort_by_key(|problem| match &problem.place {
        Place::At { line, column, .. } => (*line, *column),
        _ => (0, 0),
    });
    layer
}

struct Reader<'a> {
    text: &'a str,
    file: &'a Path,
    rows: &'static [Row],
    layer: Layer,
}

impl Reader<'_> {
    fn place(&self, span: &Range<usize>) -> Place {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Place::At {
            path: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    fn table(&mut self, table: &DeTable<'_>, path: &mut Vec<String>) {
        for (name, value) in table {
            path.push(name.get_ref().to_string());
            match (rows::find(self.rows, path), value.get_ref()) {
                (Known::Table, DeValue::Table(below)) => self.table(below, path),
                (Known::Table, other) => {
                    let kind = other.type_str();
                    let what = format!("`{}` is a table, not a value ({kind})", dotted(path));
                    let names = rows::names_below(self.rows, path).join(", ");
                    let help = format!("write [{}] with keys of its own: {names}", dotted(path));
                    self.problem(ProblemCode::BadValue, what, value.span(), path, help);
                }
                (Known::Key(shape), value_of) => self.value(shape, value_of, value.span(), path),
                (Known::No, _) => self.unknown(name, path),
            }
            path.pop();
        }
    }

    fn value(&mut self, shape: Shape, value: &DeValue<'_>, span: Range<usize>, path: &[String]) {
        match to_json(value).filter(|value| shape.accepts(value)) {
            Some(value) => {
                let place = self.place(&span);
                self.layer.found.push(Found {
                    path: path.to_owned(),
                    value,
                    place,
                });
            }
            None => {
                let shown = self.text.get(span.clone()).unwrap_or_default();
                let what = format!("`{}` cannot be {}", dotted(path), shape.shown(shown));
                self.problem(ProblemCode::BadValue, what, span, path, allowed(shape, shown));
            }
        }
    }

    fn unknown(&mut self, name: &Spanned<std::borrow::Cow<'_, str>>, path: &[String]) {
        let what = format!("unknown key `{}`", quoted(name.get_ref()));
        let help = suggest(self.rows, path);
        self.problem(ProblemCode::UnknownKey, what, name.span(), path, help);
    }

    fn problem(
        &mut self,
        code: ProblemCode,
        what: String,
        span: Range<usize>,
        path: &[String],
        help: String,
    ) {
        let place = self.place(&span);
        self.layer.problems.push(Problem {
            code,
            what,
            place,
            key: Some(dotted(path)),
            help,
        });
    }
}

/// What is allowed, with the nearest allowed word first.
pub(crate) fn allowed(shape: Shape, given: &str) -> String {
    let given = given.trim_matches(['"', '\'', '[', ']', ' ']).to_lowercase();
    match nearest(&given, shape.words().iter().copied()) {
        Some(word) => format!("did you mean \"{word}\"? It takes {}", shape.expected()),
        None => format!("it takes {}", shape.expected()),
    }
}

/// The nearest key to an unknown one: among its neighbours, then the same name elsewhere, then what there is.
pub(crate) fn suggest(rows: &'static [Row], path: &[String]) -> String {
    let Some((name, parents)) = path.split_last() else {
        return String::new();
    };
    let neighbours = rows::names_below(rows, parents);
    if let Some(near) = nearest(name, neighbours.iter().copied()) {
        let full = parents
            .iter()
            .map(String::as_str)
            .chain([near])
            .collect::<Vec<_>>()
            .join(".");
        return format!("did you mean `{full}`?");
    }
    let last = |row: &'static Row| row.key.rsplit('.').next().unwrap_or_default();
    if let Some(near) = nearest(name, rows.iter().map(last).filter(|name| *name != "*")) {
        let full = rows
            .iter()
            .find(|row| last(row) == near)
            .map_or(near, |row| row.key);
        return format!("did you mean `{full}`?");
    }
    format!("keys here are: {}", neighbours.join(", "))
}

/// A path as written in TOML: a name that needs quotes gets them.
pub(crate) fn dotted(path: &[String]) -> String {
    let bare = |name: &str| {
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
    };
    let names = path.iter().map(|name| {
        if bare(name) {
            name.clone()
        } else {
            format!("\"{}\"", quoted(name))
        }
    });
    names.collect::<Vec<_>>().join(".")
}

fn to_json(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Integer(number) => Value::from(u64::from_str_radix(number.as_str(), number.radix()).ok()?),
        DeValue::Array(items) => Value::Array(
            items
                .iter()
                .map(|item| to_json(item.get_ref()))
                .collect::<Option<_>>()?,
        ),
        // No key takes fractions, dates or free tables.
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => return None,
    })
}
