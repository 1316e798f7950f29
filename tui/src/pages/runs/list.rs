//! The list of runs: filtered, sorted, and drawn only where it is in sight.
//! Owns order, filter and cursor; the texts are `columns`'. Opening a run is the page's business.
//! Invariant: new runs never move the cursor off its run.

use std::cell::Cell;
use std::time::Duration;

use crossterm::event::KeyEvent;
use dirigent_protocol::entity::Kind;
use dirigent_protocol::id::RunId;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::{Value, json};

use super::columns::{Column, age, lay_out, row, sign};
use crate::keymap::Action;
use crate::model::{Link, Model, Run};
use crate::pages::Ctx;
use crate::pages::narrow::{Facet, Mine, Narrow, Of, Taken};
use crate::text::{amount, fit, fit_right, span};
use crate::theme::Role;
use crate::widgets::{Cursor, Line, Pane, first_row};

/// What one can sort by, in the order of the key.
const SORTS: [Column; 6] = [
    Column::Age,
    Column::State,
    Column::Workflow,
    Column::Tokens,
    Column::Cost,
    Column::Owner,
];

/// What the title counts.
const COUNTED: [&str; 3] = ["running", "waiting", "faulted"];

/// What runs are told apart by.
const FACETS: &[Facet] = &[
    Facet {
        name: "state",
        of: Of::Field("status"),
    },
    Facet {
        name: "workflow",
        of: Of::Field("workflow"),
    },
    Facet {
        name: "owner",
        of: Of::Field("started_by"),
    },
    Facet {
        name: "age",
        of: Of::Age("created_at"),
    },
];

/// The list.
#[derive(Debug)]
pub(super) struct RunList {
    order: Vec<RunId>,
    cursor: Cursor<RunId>,
    sort: usize,
    reversed: bool,
    /// What leaves runs out.
    narrow: Narrow,
    height: Cell<usize>,
    /// The mirror changed since the order was made.
    stale: bool,
    /// How many of the runs shown are running, waiting, faulted.
    counts: [usize; 3],
}

impl Default for RunList {
    fn default() -> Self {
        Self {
            order: Vec::new(),
            cursor: Cursor::default(),
            sort: 0,
            reversed: false,
            narrow: Narrow::new(
                Kind::WorkflowExecution,
                FACETS,
                &["workflow", "version", "step", "started_by", "status", "id"],
                ["runs.facets", "runs.rows"],
            ),
            height: Cell::new(20),
            stale: true,
            counts: [0; 3],
        }
    }
}

impl RunList {
    /// What leaves runs out.
    pub(super) const fn narrow(&self) -> &Narrow {
        &self.narrow
    }

    /// Follows a link to a facet; says whether it was one.
    pub(super) fn follow_facet(&mut self, path: &[String]) -> bool {
        self.stale = true;
        self.narrow.follow(path)
    }

    /// The runs that are shown, in their order.
    pub(super) fn order(&self) -> &[RunId] {
        &self.order
    }

    /// What it is sorted by.
    pub(super) const fn sorted_by(&self) -> &'static str {
        SORTS[self.sort].title()
    }

    /// The order is turned around.
    pub(super) const fn is_reversed(&self) -> bool {
        self.reversed
    }

    /// How many are running, waiting, faulted; those that are none are left out.
    pub(super) fn counted(&self) -> impl Iterator<Item = (usize, &'static str)> {
        let counts = self.counts.into_iter().zip(COUNTED);
        counts.filter(|(many, _)| *many > 0)
    }

    /// Something leaves runs out.
    pub(super) fn is_filtered(&self) -> bool {
        self.narrow.is_narrowed()
    }

    /// Nothing lies over the list any more.
    pub(super) const fn close(&mut self) {
        self.narrow.close();
    }

    /// The run under the cursor.
    pub(super) const fn selected(&self) -> Option<&RunId> {
        self.cursor.key()
    }

    /// Filter, order and cursor, to be kept.
    pub(super) fn keep(&self) -> Value {
        json!({
            "selected": self.cursor.key(),
            "narrow": self.narrow.keep(),
            "sort": self.sort,
            "reversed": self.reversed,
        })
    }

    /// Takes up what was kept.
    pub(super) fn take_up(&mut self, kept: &Value) {
        self.narrow.take_up(&kept["narrow"]);
        let sort = kept["sort"].as_u64().and_then(|sort| usize::try_from(sort).ok());
        self.sort = sort.filter(|sort| *sort < SORTS.len()).unwrap_or(0);
        self.reversed = kept["reversed"].as_bool().unwrap_or(false);
        if let Some(run) = kept["selected"].as_str().and_then(|run| run.parse().ok()) {
            self.cursor.set(run);
        }
        self.stale = true;
    }

    /// Puts the cursor on a run.
    pub(super) fn select(&mut self, run: RunId) {
        self.cursor.set(run);
    }

    /// The mirror changed: ordered anew when it is looked at, not for every piece of news.
    pub(super) fn touch(&mut self) {
        self.stale = true;
    }

    /// Orders and filters anew if the mirror changed.
    pub(super) fn refresh(&mut self, ctx: &Ctx<'_>) {
        if self.stale {
            self.arrange(ctx);
        }
    }

    /// Orders and filters anew.
    fn arrange(&mut self, ctx: &Ctx<'_>) {
        let model = ctx.model;
        let words = self.narrow.words();
        let now = ctx.time.wall.as_second();
        let mut runs: Vec<&Run> = model
            .runs
            .values()
            .filter(|run| self.narrow.fits(|facet| mine(run, facet, now)) && matches(model, run, &words))
            .collect();
        runs.sort_by_key(|run| std::cmp::Reverse((run.created_at, run.id)));
        match SORTS[self.sort] {
            Column::State => runs.sort_by_key(|run| urgency(model, run)),
            Column::Workflow => runs.sort_by(|a, b| a.body.workflow.cmp(&b.body.workflow)),
            Column::Tokens => runs.sort_by_key(|run| {
                std::cmp::Reverse(run.body.usage.input_tokens + run.body.usage.output_tokens)
            }),
            Column::Cost => runs.sort_by_key(|run| std::cmp::Reverse(run.body.usage.cost_micro_usd)),
            Column::Owner => runs.sort_by(|a, b| a.body.started_by.cmp(&b.body.started_by)),
            _ => {}
        }
        if self.reversed {
            runs.reverse();
        }
        self.counts = COUNTED.map(|word| runs.iter().filter(|run| sign(model, run).word == word).count());
        self.stale = false;
        self.order = runs.into_iter().map(|run| run.id).collect();
        self.cursor.follow(&self.order);
    }

    /// Takes an action of lists; says whether it was one.
    pub(super) fn act(&mut self, action: Action, ctx: &Ctx<'_>) -> bool {
        match action {
            Action::Sort => self.sort = (self.sort + 1) % SORTS.len(),
            Action::SortReverse => self.reversed = !self.reversed,
            action => match self.narrow.act(action, &ctx.model.looks) {
                Taken::Changed => {}
                Taken::Moved => return true,
                Taken::No => return self.cursor.step(action, &self.order, self.height.get()),
            },
        }
        self.arrange(ctx);
        true
    }

    /// A key for the filter.
    pub(super) fn key(&mut self, key: &KeyEvent, ctx: &Ctx<'_>) {
        if self.narrow.key(key) {
            self.arrange(ctx);
        }
    }

    /// Text for the filter.
    pub(super) fn type_text(&mut self, text: &str) {
        self.narrow.type_text(text);
    }

    fn visible(&self) -> impl Iterator<Item = &RunId> {
        let height = self.height.get();
        let first = first_row(self.cursor.row(&self.order), self.order.len(), height);
        self.order.iter().skip(first).take(height)
    }

    /// After how long an age in sight changes.
    pub(super) fn next_change(&self, ctx: &Ctx<'_>) -> Option<Duration> {
        if !ctx.model.connection.is_live() {
            return None;
        }
        let runs = self.visible().filter_map(|id| ctx.model.runs.get(id));
        let part = ctx.time.wall.subsec_millisecond().unsigned_abs();
        runs.map(|run| span::until_short_changes(age(run, ctx.time.wall)))
            .min()
            .map(|wait| Duration::from_millis(wait.saturating_sub(u64::from(part)).max(50)))
    }

    /// Draws it.
    pub(super) fn view(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let model = ctx.model;
        let inside = self.frame(ctx).draw(area, ctx.theme, buf);
        if inside.is_empty() {
            return;
        }
        let columns = lay_out(usize::from(inside.width));
        let mut head = Line::new().add(Role::Text, " ");
        for (column, width) in &columns {
            let on = *column == SORTS[self.sort];
            let arrow = if self.reversed { "↑" } else { "↓" };
            let title = format!("{}{}", column.title(), if on { arrow } else { "" });
            head.push(
                if on { Role::Heading } else { Role::Dim },
                if column.is_number() {
                    fit_right(&title, *width)
                } else {
                    fit(&title, *width)
                },
            );
            head.push(Role::Text, " ");
        }
        head.draw_row(0, inside, ctx.theme, buf);
        let body = Rect {
            y: inside.y + 1,
            height: inside.height - 1,
            ..inside
        };
        self.height.set(usize::from(body.height).max(1));
        if self.order.is_empty() {
            self.empty(ctx, body, buf);
            return;
        }
        for (y, id) in (0..body.height).zip(self.visible()) {
            if let Some(run) = model.runs.get(id) {
                row(model, run, self.cursor.key() == Some(id), &columns, ctx.time.wall)
                    .draw_row(y, body, ctx.theme, buf);
            }
        }
    }

    fn frame(&self, ctx: &Ctx<'_>) -> Pane {
        let model = ctx.model;
        let shown = self.order.len();
        let counts: Vec<String> = self
            .counts
            .iter()
            .zip(COUNTED)
            .filter(|(many, _)| **many > 0)
            .map(|(many, word)| format!("{many} {word}"))
            .collect();
        let mut pane = Pane::new("Runs");
        if !counts.is_empty() {
            pane = pane.title(Role::Dim, format!(" ({})", counts.join(", ")));
        }
        pane = self.narrow.title(pane);
        if !model.connection.is_live() {
            pane = pane.title(
                Role::Stale,
                if model.loaded {
                    "  as of the last word of the daemon"
                } else {
                    ""
                },
            );
        }
        let here = if shown == 0 {
            0
        } else {
            self.cursor.row(&self.order) + 1
        };
        let of = self.of(model);
        pane.foot(
            Role::Dim,
            format!("{here} of {of}  by {}", SORTS[self.sort].title()),
        )
        .focus(!self.narrow.is_open())
    }

    /// How many are shown, of how many: those the daemon counted, where it was asked.
    fn of(&self, model: &Model) -> String {
        let (shown, known) = (self.order.len() as u64, model.runs.len() as u64);
        let counted = self.narrow.counts(&model.looks).filter(|_| self.is_filtered());
        match counted {
            Some(counts) if counts.total > shown => format!(
                "{} ({} match on the daemon)",
                amount::count(shown),
                amount::count(counts.total)
            ),
            _ if shown == known => amount::count(known),
            _ => format!("{} ({} in all)", amount::count(shown), amount::count(known)),
        }
    }

    fn empty(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let say = |row: u16, role: Role, words: &str| {
            Line::new()
                .add(role, format!(" {words}"))
                .draw_row(row, area, ctx.theme, buf);
        };
        empty_words(self.is_filtered(), ctx, say);
    }
}

fn empty_words(filtered: bool, ctx: &Ctx<'_>, mut say: impl FnMut(u16, Role, &str)) {
    match &ctx.model.connection.link {
        Link::Down { fault, .. } if !ctx.model.loaded => {
            say(1, Role::Bad, &format!("The daemon is not there: {fault}"));
            say(
                2,
                Role::Dim,
                "Runs go on without this screen; it tries again by itself.",
            );
        }
        _ if !ctx.model.loaded => say(1, Role::Dim, "Asking the daemon…"),
        _ if filtered => {
            let key = ctx.keymap.first(Action::Back);
            say(1, Role::Dim, &format!("No run matches. {key} shows all."));
        }
        _ => {
            say(1, Role::Text, "No run yet.");
            say(
                2,
                Role::Dim,
                "Start one:  dirigent run start WORKFLOW --input '{…}'",
            );
            say(3, Role::Dim, "or see one:  dirigent demo");
        }
    }
}

/// What of a run a facet looks at.
fn mine<'a>(run: &'a Run, facet: &Facet, now: i64) -> Mine<'a> {
    match facet.of {
        Of::Age(_) => Mine::Seconds(now - run.created_at.as_second()),
        Of::Field("status") => Mine::Text(run.status().as_str()),
        Of::Field("workflow") => Mine::Text(&run.body.workflow),
        Of::Field(_) => Mine::Text(&run.body.started_by),
    }
}

/// Every word stands somewhere in the run's row.
fn matches(model: &Model, run: &Run, words: &[String]) -> bool {
    words.iter().all(|word| {
        let body = &run.body;
        let own = [
            body.workflow.as_str(),
            body.version.as_str(),
            body.step.as_str(),
            body.started_by.as_str(),
            sign(model, run).word,
        ];
        own.iter().any(|text| text.to_lowercase().contains(word.as_str()))
            || run.id.to_string().contains(word.as_str())
    })
}

/// What wants a look comes first.
fn urgency(model: &Model, run: &Run) -> u8 {
    use dirigent_protocol::run::Status as S;
    match run.status() {
        S::Waiting if sign(model, run) == crate::theme::Sign::PERSON => 0,
        S::Faulted => 1,
        S::Running => 2,
        S::Waiting => 3,
        S::Suspended => 4,
        S::Pending => 5,
        S::Completed => 6,
        S::Cancelled => 7,
    }
}
