//! One step in detail: facts on top, and below them input, output, events, logs, cost or audit.
//! Owns the tabs, their scrolling and the folding of JSON; what is in them comes from the page.
//! Invariant: another step under the cursor begins at the top with nothing folded; the tab stays.

use ratatui::{buffer::Buffer, layout::Rect};
use serde_json::Value;

use super::line::Line;
use super::step_json::JsonView;
use crate::theme::{Role, Theme};

/// What the lower part shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StepTab {
    /// What it was given.
    Input,
    /// What came out, or why nothing did.
    #[default]
    Output,
    /// Its events in the journal.
    Events,
    /// What its commands wrote.
    Logs,
    /// Tokens and money.
    Cost,
    /// What people and rules did to it.
    Audit,
}

impl StepTab {
    /// In order.
    pub const ALL: [Self; 6] = [
        Self::Input,
        Self::Output,
        Self::Events,
        Self::Logs,
        Self::Cost,
        Self::Audit,
    ];

    /// Its name.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
            Self::Events => "events",
            Self::Logs => "logs",
            Self::Cost => "cost",
            Self::Audit => "audit",
        }
    }
}

/// What there is to show of a step.
#[derive(Clone, Debug, Default)]
pub struct StepData<'a> {
    /// Names the step; another one resets scrolling and folding.
    pub id: String,
    /// Changes whenever a value below does.
    pub stamp: u64,
    /// Facts, one row each.
    pub facts: Vec<Line>,
    /// The tab to begin with, where one matters more than the one chosen before.
    pub opens: Option<StepTab>,
    /// Input.
    pub input: Option<&'a Value>,
    /// Output.
    pub output: Option<&'a Value>,
    /// What is shown instead of an output: an error, or that it is still at work.
    pub instead: Vec<Line>,
    /// Events, oldest first.
    pub events: Vec<Line>,
    /// Log lines, oldest first.
    pub logs: Vec<Line>,
    /// Tokens and money.
    pub cost: Vec<Line>,
    /// What people and rules did to it and to its run, oldest first.
    pub audit: Vec<Line>,
}

impl<'a> StepData<'a> {
    /// What stands in a tab: a value, or lines.
    #[must_use]
    pub fn content(&self, tab: StepTab) -> (Option<&'a Value>, &[Line]) {
        match tab {
            StepTab::Input => (self.input, &[]),
            StepTab::Output if self.output.is_some() => (self.output, &[]),
            StepTab::Output => (None, &self.instead),
            StepTab::Events => (None, &self.events),
            StepTab::Logs => (None, &self.logs),
            StepTab::Cost => (None, &self.cost),
            StepTab::Audit => (None, &self.audit),
        }
    }
}

/// State of the detail pane.
#[derive(Clone, Debug, Default)]
pub struct StepPane {
    tab: StepTab,
    /// The tab a person chose last.
    chosen: StepTab,
    id: String,
    json: JsonView,
    /// Rows scrolled back from the end of a list of lines.
    back: usize,
}

impl StepPane {
    /// The tab in sight.
    #[must_use]
    pub const fn tab(&self) -> StepTab {
        self.tab
    }

    /// The next tab or the one before.
    pub fn turn(&mut self, forward: bool) {
        let all = StepTab::ALL;
        let at = all.iter().position(|tab| *tab == self.tab).unwrap_or(0);
        let next = if forward {
            (at + 1) % all.len()
        } else {
            (at + all.len() - 1) % all.len()
        };
        self.show(all[next]);
    }

    /// Shows a tab.
    pub fn show(&mut self, tab: StepTab) {
        self.chosen = tab;
        if self.tab != tab {
            self.tab = tab;
            self.json.reset();
            self.back = 0;
        }
    }

    /// Scrolls or moves the cursor by rows.
    pub fn step(&mut self, by: i32) {
        if self.is_json() {
            self.json.step(by);
        } else {
            let to = i64::try_from(self.back).unwrap_or(0) - i64::from(by);
            self.back = usize::try_from(to.max(0)).unwrap_or(0);
        }
    }

    /// Folds or opens what is under the cursor.
    pub fn fold(&mut self) {
        if self.is_json() {
            self.json.fold();
        }
    }

    const fn is_json(&self) -> bool {
        matches!(self.tab, StepTab::Input | StepTab::Output)
    }

    /// Begins at the top where the step is another one.
    pub fn turn_to(&mut self, data: &StepData<'_>) {
        if self.id != data.id {
            self.id.clone_from(&data.id);
            self.tab = data.opens.unwrap_or(self.chosen);
            self.json.reset();
            self.back = 0;
        }
    }

    /// Draws facts, tabs and the tab's content.
    pub fn render(&mut self, data: &StepData<'_>, focus: bool, area: Rect, buf: &mut Buffer, theme: &Theme) {
        self.turn_to(data);
        let facts = u16::try_from(data.facts.len())
            .unwrap_or(0)
            .min(area.height.saturating_sub(3));
        for (y, line) in (0..facts).zip(&data.facts) {
            line.draw_row(y, area, theme, buf);
        }
        if facts < area.height {
            self.tabs(data).draw_row(facts, area, theme, buf);
        }
        let used = facts + 1;
        if used < area.height {
            let rest = Rect {
                y: area.y + used,
                height: area.height - used,
                ..area
            };
            self.content(data, focus, rest, buf, theme);
        }
    }

    fn tabs(&self, data: &StepData<'_>) -> Line {
        let mut line = Line::new();
        for tab in StepTab::ALL {
            let many = match tab {
                StepTab::Events => data.events.len(),
                StepTab::Logs => data.logs.len(),
                StepTab::Audit => data.audit.len(),
                _ => 0,
            };
            let on = tab == self.tab;
            line.push(
                if on { Role::Focus } else { Role::Dim },
                if on { "[" } else { " " },
            );
            line.push(if on { Role::Selected } else { Role::Dim }, tab.title());
            if many > 0 {
                line.push(Role::Dim, format!(" {many}"));
            }
            line.push(
                if on { Role::Focus } else { Role::Dim },
                if on { "]" } else { " " },
            );
            line.push(Role::Text, " ");
        }
        line
    }

    fn content(&mut self, data: &StepData<'_>, focus: bool, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let stamp = data.stamp.wrapping_mul(8).wrapping_add(self.tab as u64);
        let lines = match (self.tab, data.input, data.output) {
            (StepTab::Input, Some(value), _) | (StepTab::Output, _, Some(value)) => {
                self.json.render(value, stamp, focus, area, buf, theme);
                return;
            }
            (StepTab::Input, None, _) => &Vec::new(),
            (StepTab::Output, ..) => &data.instead,
            (StepTab::Events, ..) => &data.events,
            (StepTab::Logs, ..) => &data.logs,
            (StepTab::Cost, ..) => &data.cost,
            (StepTab::Audit, ..) => &data.audit,
        };
        if lines.is_empty() {
            let nothing = format!(" no {} yet", self.tab.title());
            Line::new().add(Role::Dim, nothing).draw_row(0, area, theme, buf);
            return;
        }
        let height = usize::from(area.height);
        self.back = self.back.min(lines.len().saturating_sub(height));
        let first = lines.len().saturating_sub(height + self.back);
        for (y, line) in (0..area.height).zip(lines.iter().skip(first)) {
            Line::new()
                .add(Role::Text, " ")
                .joined(line)
                .draw_row(y, area, theme, buf);
        }
    }
}

impl Line {
    /// This line with another behind it.
    #[must_use]
    fn joined(mut self, other: &Self) -> Self {
        self.extend(other);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn draw(pane: &mut StepPane, data: &StepData<'_>, width: u16, height: u16) -> String {
        let area = Rect::new(0, 0, width, height);
        let mut buf = Buffer::empty(area);
        pane.render(data, true, area, &mut buf, &Theme::default());
        crate::widgets::drawn::text(&buf)
    }

    #[test]
    fn facts_tabs_and_content() {
        let output = json!({"label": "billing/overdue", "sure": 0.93});
        let data = StepData {
            id: "/do/0/classify".into(),
            facts: vec![
                Line::new().add(Role::Dim, "agent   ").add(Role::Text, "triage@8"),
                Line::new().add(Role::Dim, "attempt 1"),
            ],
            output: Some(&output),
            events: (1..=20)
                .map(|seq| Line::new().add(Role::Text, format!("{seq} task.started")))
                .collect(),
            ..StepData::default()
        };
        let mut pane = StepPane::default();
        insta::assert_snapshot!("output", draw(&mut pane, &data, 60, 8));
        pane.turn(true);
        pane.step(-1);
        insta::assert_snapshot!("events", draw(&mut pane, &data, 60, 8));
        pane.turn(false);
        pane.turn(false);
        assert_eq!(pane.tab(), StepTab::Input);
        assert!(draw(&mut pane, &data, 60, 8).contains("no input yet"));
    }

    #[test]
    fn any_size_draws_without_panic() {
        let data = StepData {
            facts: vec![Line::new().add(Role::Text, "x"); 4],
            ..StepData::default()
        };
        for width in 0..30 {
            for height in 0..9 {
                draw(&mut StepPane::default(), &data, width, height);
            }
        }
    }
}
