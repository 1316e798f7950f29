//! A measured figure: where it stands in the JSON, what is required of it, how it is shown.

use serde_json::{Map, Value};

use crate::cli::out::{Out, Tone};
use crate::cli::table::Table;

/// What is required of a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Required {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
    /// Told for understanding.
    Nothing,
}

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Its place in the JSON: `["W1", "c1", "p50_ms"]`.
    pub path: Vec<&'static str>,
    /// In the unit its name says.
    pub value: f64,
    /// What is required.
    pub required: Required,
}

impl Figure {
    /// A figure without a requirement.
    #[must_use]
    pub fn new(path: &[&'static str], value: f64) -> Self {
        Self {
            path: path.to_vec(),
            value,
            required: Required::Nothing,
        }
    }

    /// With this requirement.
    #[must_use]
    pub const fn required(mut self, required: Required) -> Self {
        self.required = required;
        self
    }

    /// Whether the requirement is met.
    #[must_use]
    pub fn is_met(&self) -> bool {
        match self.required {
            Required::AtMost(most) => self.value <= most,
            Required::AtLeast(least) => self.value >= least,
            Required::Nothing => true,
        }
    }
}

/// The figures as one nested document.
#[must_use]
pub fn to_json(figures: &[Figure]) -> Value {
    let mut root = Map::new();
    for figure in figures {
        insert(&mut root, &figure.path, number(figure.value));
    }
    Value::Object(root)
}

fn insert(into: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [last] => drop(into.insert((*last).to_owned(), value)),
        [first, rest @ ..] => {
            let inner = into
                .entry((*first).to_owned())
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

/// Whole where it is whole, three digits otherwise.
fn number(value: f64) -> Value {
    let rounded = (value * 1e3).round() / 1e3;
    if rounded.fract() == 0.0 && rounded.abs() < 9e15 {
        Value::from(rounded as i64)
    } else {
        Value::from(rounded)
    }
}

/// The figures for people, each beside what is required.
pub fn write(figures: &[Figure], out: &mut Out) {
    let mut table = Table::new(&["load", "figure", "measured", "required", ""]);
    for figure in figures {
        let (last, parents) = figure.path.split_last().unwrap_or((&"", &[]));
        let (required, verdict) = match figure.required {
            Required::Nothing => (String::new(), (Tone::Plain, "")),
            Required::AtMost(most) => (format!("at most {}", number(most)), verdict(figure)),
            Required::AtLeast(least) => (format!("at least {}", number(least)), verdict(figure)),
        };
        table.row([
            (Tone::Strong, parents.join(" ")),
            (Tone::Plain, (*last).to_owned()),
            (Tone::Plain, number(figure.value).to_string()),
            (Tone::Dim, required),
            (verdict.0, verdict.1.to_owned()),
        ]);
    }
    table.write(out);
}

fn verdict(figure: &Figure) -> (Tone, &'static str) {
    if figure.is_met() {
        (Tone::Good, "met")
    } else {
        (Tone::Bad, "missed")
    }
}

/// The value below which this part of them lies; they need not be sorted.
#[must_use]
pub fn percentile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() as f64 * part).ceil() as usize;
    sorted
        .get(at.saturating_sub(1).min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn figures_nest_by_their_paths_and_numbers_are_short() {
        let figures = [
            Figure::new(&["W1", "c1", "p50_ms"], 3.217_89),
            Figure::new(&["W1", "c100", "steps_s"], 12_000.0),
            Figure::new(&["W2", "wall_s"], 0.25).required(Required::AtMost(0.3)),
        ];
        assert_eq!(
            to_json(&figures),
            json!({ "W1": { "c1": { "p50_ms": 3.218 }, "c100": { "steps_s": 12_000 } }, "W2": { "wall_s": 0.25 } })
        );
        assert!(figures[2].is_met());
        assert!(!Figure::new(&["x"], 1.0).required(Required::AtLeast(2.0)).is_met());
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&values, 0.5), 50.0);
        assert_eq!(percentile(&values, 0.95), 95.0);
        assert_eq!(percentile(&[7.0], 0.95), 7.0);
        assert_eq!(percentile(&[], 0.5), 0.0);
    }
}
