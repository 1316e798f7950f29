//! Gherkin as the kit writes it: features, scenarios, steps, quoted blocks. Nothing else of the language.

/// One scenario.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// `file: name`.
    pub(crate) name: String,
    /// Its steps in order.
    pub(crate) steps: Vec<Step>,
}

/// One step.
#[derive(Debug)]
pub(crate) struct Step {
    /// Its words, without `Given`, `When`, `Then`, `And`.
    pub(crate) words: String,
    /// The block below it.
    pub(crate) block: Option<String>,
}

/// Every scenario of a feature file.
pub(crate) fn scenarios(file: &str, text: &str) -> Vec<Scenario> {
    let mut all: Vec<Scenario> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let words = line.trim();
        if words.is_empty() || words.starts_with('#') || words.starts_with("Feature:") {
            continue;
        }
        if let Some(name) = words.strip_prefix("Scenario:") {
            all.push(Scenario {
                name: format!("{file}: {}", name.trim()),
                steps: Vec::new(),
            });
            continue;
        }
        let Some(scenario) = all.last_mut() else {
            continue; // The feature's description.
        };
        if words.starts_with("\"\"\"") {
            let step = scenario.steps.last_mut().unwrap();
            step.block = Some(block(line, &mut lines));
            continue;
        }
        let step = ["Given ", "When ", "Then ", "And ", "But "]
            .iter()
            .find_map(|word| words.strip_prefix(word))
            .unwrap_or_else(|| panic!("{}: no step: {words}", scenario.name));
        scenario.steps.push(Step {
            words: step.strip_prefix("given ").unwrap_or(step).to_owned(),
            block: None,
        });
    }
    all
}

/// A quoted block, without the indentation of its quotes.
fn block<'t>(opening: &str, lines: &mut impl Iterator<Item = &'t str>) -> String {
    let indent = opening.len() - opening.trim_start().len();
    let mut text = String::new();
    for line in lines.take_while(|line| line.trim() != "\"\"\"") {
        text.push_str(line.get(indent..).unwrap_or_else(|| line.trim_start()));
        text.push('\n');
    }
    text
}
