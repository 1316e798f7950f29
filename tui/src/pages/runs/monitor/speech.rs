//! One run in words: the pane with the keys, and the run's events as they come.
//!
//! Owns the wording and how far the run was told; what there is to tell is the fold's and the mirror's.
//! Invariant: an event is told once, in order; live text is told by whole lines, or when its step is over.

use std::collections::BTreeMap;

use dirigent_protocol::run::{Status, StepId};
use dirigent_protocol::watch::StreamSource;

use super::again::{Asked, WAYS};
use super::detail::detail;
use super::focus::Focus;
use super::state::Monitor;
use super::step_run::StepRun;
use super::time_rows::step_name;
use super::ui::{Picture, Ui};
use super::words::fault;
use crate::keymap::Action;
use crate::model::{Journal, Link};
use crate::nav::Place;
use crate::pages::wording::without_signs;
use crate::pages::{Ctx, Field, Speech};
use crate::text::{amount, span};
use crate::widgets::step_state::StepState;
use crate::widgets::timeline::short;

/// Columns the pictures are chosen for: too few for boxes.
const NARROW: u16 = 40;
/// Cells of a row that only ears get.
const WIDE: usize = 120;
/// Lines of the stream said at once.
const RECENT: usize = 30;
/// Longest piece of live text told in one line, bytes.
const PIECE: usize = 400;

/// How far a run was told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Number of the last event told; `None` before the run was said for the first time.
    seq: Option<u64>,
    /// Number of the last event when telling began: what steps wrote that were over then is no news.
    from: u64,
    /// Bytes of live text told, by step: attempt, source, bytes.
    live: BTreeMap<StepId, (u32, Option<StreamSource>, usize)>,
}

impl Monitor {
    /// The run and what the pane with the keys shows.
    pub(crate) fn in_words(&self, ctx: &Ctx<'_>) -> Speech {
        self.columns.set(NARROW);
        let ui = &mut *self.ui.borrow_mut();
        let journal = self.journal(ctx);
        let wall = match (&self.tried, &ctx.model.connection.link) {
            (Some(tried), _) => tried.last(),
            (None, Link::Down { since, .. }) => *since,
            _ => ctx.time.wall,
        };
        let now = ui.view.elapsed(wall);
        ui.refresh(journal, now);
        // In words the detail follows at once: nothing has to be cheap here.
        ui.shown.clone_from(&ui.cursor);
        ui.feed(journal, &ctx.prefs.zone);
        let mut speech = Speech::new(self.title(ui, ctx));
        if ui.view.seq == 0 {
            let known = ctx.model.runs.contains_key(&self.shown.run) || !ctx.model.loaded;
            speech.say(if known {
                "The run's events have not come yet."
            } else {
                "There is no such run."
            });
            return speech;
        }
        let picture = ui.picture(NARROW);
        match (self.shown.focus, picture) {
            (Focus::Timeline, _) | (Focus::Picture, Picture::Timeline) => self.timeline(ui, now, speech),
            (Focus::Picture, Picture::Who) => {
                let mut speech = speech.part("who works with whom");
                for line in ui.who.lines(WIDE, &ctx.prefs.zone, ctx.time.wall.as_second()) {
                    speech.say(without_signs(line.text().trim()));
                }
                speech
            }
            (Focus::Picture, _) => self.steps(ui, picture, now, speech),
            (Focus::Stream, _) => stream(ui, speech),
            (Focus::Step, _) => step(ui, journal, now, speech),
        }
    }

    fn title(&self, ui: &Ui, ctx: &Ctx<'_>) -> String {
        let view = &ui.view;
        if let Some(tried) = &self.tried {
            return tried.in_words(ui);
        }
        let run = ctx.model.runs.get(&self.shown.run);
        let name = run.map_or(view.workflow.as_str(), |run| run.body.workflow.as_str());
        if self.shown.asked == Asked::Again {
            return self.again_in_words(ui, ctx, name);
        }
        if self.shown.asked == Asked::Cancel {
            let key = ctx.keymap.first(Action::Approve);
            return format!(
                "Cancel run {} of {name}? No new step starts and what runs is stopped. {key}: yes, cancel it. Anything else: no.",
                self.shown.run.short()
            );
        }
        let status = if view.seq == 0 {
            run.map_or(Status::Pending, |run| run.body.status)
        } else {
            view.status
        };
        let mut title = format!("Run {} of {name}: {}", self.shown.run.short(), status.as_str());
        if let Some(progress) = run.map(|run| run.body.progress).filter(|p| p.total > 0) {
            title.push_str(&format!(", step {} of {}", progress.done, progress.total));
        }
        let tokens = view.usage.input_tokens + view.usage.output_tokens;
        if tokens > 0 {
            let cost = amount::usd(view.usage.cost_micro_usd);
            title.push_str(&format!(", {} tokens, {cost}", amount::count(tokens)));
        }
        if let Some(ended) = view.ended {
            let seconds = i64::try_from(ended / 1_000).unwrap_or(i64::MAX);
            title.push_str(&format!(", took {}", span::spoken(seconds)));
        }
        if let Some(by) = view.cancelling.as_ref().filter(|_| view.is_live()) {
            title.push_str(&format!(", cancelling, asked by {by}"));
        }
        if let Some(error) = &view.error {
            title.push_str(&format!(", {}", without_signs(&fault(error))));
        }
        title.push('.');
        if let Some((id, step)) = view.asking() {
            let what = step
                .approval
                .as_ref()
                .map_or("what became of its effect?", |(_, request)| {
                    request.title.as_str()
                });
            let key = ctx.keymap.first(Action::Approve);
            title.push_str(&format!(
                " It asks you at {}: {what} {key} opens the question.",
                step_name(view, id)
            ));
        }
        title
    }

    fn place_of(&self, id: &StepId) -> Place {
        let mut place = Place::run(self.shown.run);
        let step = id.to_string().replace('~', "~0").replace('/', "~1");
        place.path.extend(["step".to_owned(), step]);
        place
    }

    fn steps(&self, ui: &mut Ui, picture: Picture, now: u64, speech: Speech) -> Speech {
        let mut speech = speech.part(match picture {
            Picture::Graph => "steps, as a graph",
            _ => "steps",
        });
        ui.tree.arrange(&ui.graph);
        let root = ui.boxes.roots().last().cloned();
        let rows: Vec<usize> = match (picture, &root) {
            (Picture::Graph, root) => ui.graph.children(root.as_deref()),
            _ => ui.tree.nodes().collect(),
        };
        for at in rows {
            let Some(node) = ui.graph.nodes().get(at) else {
                continue;
            };
            let id = ui.instance(&node.id);
            let step = ui.view.steps.get(&id);
            let name = step.map_or_else(|| node.name.clone(), |_| step_name(&ui.view, &id));
            let mut text = format!("{name}, {}, {}", node.kind, word(node.state));
            if let Some(step) = step {
                let took = step.took(now);
                if step.state.is_over() {
                    text.push_str(&format!(", took {}", short(took)));
                }
                if step.attempt > 1 {
                    text.push_str(&format!(", attempt {}", step.attempt));
                }
            }
            if let Some(parent) = node.parent.as_deref().and_then(|parent| ui.graph.node(parent)) {
                text.push_str(&format!(", inside {}", parent.name));
            }
            if ui.graph.is_container(&node.id) {
                text.push_str(&format!(", holds {}", ui.graph.children(Some(&node.id)).len()));
            }
            let here = ui
                .cursor
                .as_ref()
                .is_some_and(|cursor| *cursor.pointer == *node.id);
            speech.choice_then(text, self.place_of(&id), Action::Open, here);
        }
        speech
    }

    fn timeline(&self, ui: &Ui, now: u64, speech: Speech) -> Speech {
        let mut speech = speech.part("timeline");
        if self.shown.critical {
            let length = super::time_rows::critical_length(&ui.rows, now);
            speech.say(format!("The critical path took {length}."));
        }
        let cursor = ui.cursor.as_ref().map(ToString::to_string);
        for row in &ui.rows {
            let from = row.spans.first().map_or(0, |span| span.from);
            let to = row.spans.last().map_or(0, |span| span.to.unwrap_or(now));
            let mut text = format!("{}, {}, began at {}", row.name, word(row.state), short(from));
            if row.state.is_over() {
                text.push_str(&format!(", took {}", short(to.saturating_sub(from))));
            }
            if row.critical && self.shown.critical {
                text.push_str(", on the critical path");
            }
            if row.depth > 0 {
                speech.say(format!("{text}, {}", without_signs(&row.note)));
            } else {
                let here = cursor.as_ref() == Some(&row.id);
                match row.id.parse() {
                    Ok(id) => speech.choice(text, self.place_of(&id), here),
                    Err(_) => speech.line(text, here),
                }
            }
        }
        speech
    }

    /// Events and live text since it was last asked; nothing before the run was said for the first time.
    pub(crate) fn tell(&mut self, ctx: &Ctx<'_>) -> Vec<String> {
        let ui = self.ui.get_mut();
        let journal = ctx.model.journals.get(&self.shown.run);
        let told = &mut self.told;
        let Some(seq) = told.seq.filter(|_| ui.stream.follows()) else {
            return Vec::new();
        };
        let mut out = Vec::new();
        let mut over = Vec::new();
        let first = ui.view.lines.partition_point(|line| line.seq <= seq);
        let lines: Vec<_> = ui.view.lines.range(first..).cloned().collect();
        for line in lines {
            if let Some(step) = &line.step {
                // What the step wrote stands before its end.
                told.live_of(ui, journal, Some(step), true, &mut out);
                over.push(step.clone());
            }
            let whose = line.step.as_ref().map_or_else(String::new, |step| {
                let name = step_name(&ui.view, step);
                if line.text.starts_with(&name) {
                    String::new()
                } else {
                    format!("{name}: ")
                }
            });
            out.push(format!("{whose}{}", without_signs(&line.text)));
        }
        told.seq = Some(seq.max(ui.view.seq));
        told.live_of(ui, journal, None, false, &mut out);
        out
    }

    /// The run was said as it stands: what comes from here on is told.
    pub(crate) fn was_said(&self) {
        self.said.set(true);
    }

    /// Begins to tell behind what was said.
    pub(crate) fn begin_telling(&mut self, ctx: &Ctx<'_>) {
        if self.said.take() && self.told.seq.is_none() {
            let ui = self.ui.get_mut();
            self.told.seq = Some(ui.view.seq);
            self.told.from = ui.view.seq;
            let journal = ctx.model.journals.get(&self.shown.run);
            self.told.live_of(ui, journal, None, true, &mut Vec::new());
        }
    }

    /// Its events are still on their way.
    pub(crate) fn is_reading(&self, ctx: &Ctx<'_>) -> bool {
        let known = ctx.model.runs.contains_key(&self.shown.run);
        ctx.model.connection.is_live() && known && self.ui.borrow().view.seq == 0
    }

    /// It goes on without anybody.
    pub(crate) fn is_busy(&self, ctx: &Ctx<'_>) -> bool {
        let asks = ctx
            .model
            .pending()
            .any(|approval| approval.body.run == self.shown.run.into());
        !asks && self.ui.borrow().view.is_live()
    }

    /// From where to begin again, in words.
    fn again_in_words(&self, ui: &Ui, ctx: &Ctx<'_>, name: &str) -> String {
        let mut text = format!(
            "Run {} of {name} again, as a new run, from where?",
            self.shown.run.short()
        );
        for (action, what) in WAYS {
            text.push_str(&format!(" {}: {what}.", ctx.keymap.first(action)));
        }
        text.push_str(&format!(" Anything else: nothing is started.{}", Self::ways(ui)));
        text
    }

    /// It asks for a yes.
    pub(crate) const fn asks(&self) -> bool {
        !matches!(self.shown.asked, Asked::Nothing)
    }

    /// A question that was open is not any more: somebody went elsewhere in between.
    pub(crate) const fn calm(&mut self) {
        self.shown.asked = Asked::Nothing;
    }

    /// What a search asks.
    pub(crate) fn field(&self) -> Field {
        if self.input.is_some() {
            return Field::Line(vec![
                "Type the input of the new run as JSON, in one line. An empty line: the same input."
                    .to_owned(),
            ]);
        }
        Field::Line(vec![
            "Type what to find in the stream, back from its end. An empty line: no search.".to_owned(),
        ])
    }
}

impl Told {
    /// Live text of one step, or of all; `whole` tells what is there even if its line is not at its end.
    fn live_of(
        &mut self,
        ui: &Ui,
        journal: Option<&Journal>,
        only: Option<&StepId>,
        whole: bool,
        out: &mut Vec<String>,
    ) {
        let Some(journal) = journal else { return };
        for (id, live) in &journal.live {
            if only.is_some_and(|only| only != id) {
                continue;
            }
            let past = |step: &StepRun| step.state.is_over() && step.seq <= self.from;
            if ui.view.steps.get(id).is_some_and(past) {
                continue;
            }
            let now = (live.attempt, live.source, 0);
            let at = self.live.entry(id.clone()).or_insert(now);
            if (at.0, at.1) != (live.attempt, live.source) {
                *at = now;
            }
            let from = at.2.saturating_sub(live.cut);
            let Some(rest) = live.text.get(from..).filter(|rest| !rest.is_empty()) else {
                continue;
            };
            let end = if whole {
                rest.len()
            } else {
                let line = rest.rfind('\n').map_or(0, |at| at + 1);
                let long = rest
                    .get(..PIECE)
                    .and_then(|head| head.rfind(' '))
                    .map_or(0, |at| at + 1);
                if line > 0 { line } else { long }
            };
            let verb = match live.source {
                Some(StreamSource::Stdout) => "prints",
                Some(StreamSource::Stderr) => "complains",
                Some(StreamSource::Note) => "notes",
                Some(StreamSource::Model) | None => "says",
            };
            let name = step_name(&ui.view, id);
            let lines = rest[..end].lines().filter(|line| !line.trim().is_empty());
            out.extend(lines.map(|line| format!("{name} {verb}: {line}")));
            at.2 = live.cut + from + end;
        }
    }
}

fn word(state: StepState) -> &'static str {
    match state {
        StepState::Person => "waiting for a person",
        state => state.sign().word,
    }
}

fn stream(ui: &Ui, speech: Speech) -> Speech {
    let mut speech = if ui.stream.follows() {
        speech.part("stream, followed")
    } else {
        let behind = amount::count(ui.stream.behind());
        speech.part(format!("stream, paused, {behind} lines behind"))
    };
    let name = ui
        .shown
        .as_ref()
        .map_or_else(|| "the run".to_owned(), |shown| step_name(&ui.view, shown));
    let lines = ui.stream.recent(RECENT);
    if lines.is_empty() {
        speech.say(format!("Of {name}: nothing yet."));
    }
    let last = lines.len().saturating_sub(1);
    for (at, (time, voice, text)) in lines.into_iter().enumerate() {
        let text = format!("{time} {}: {}", voice.word(), without_signs(text));
        speech.line(text.trim_start().to_owned(), at == last);
    }
    speech
}

fn step(ui: &mut Ui, journal: Option<&Journal>, now: u64, speech: Speech) -> Speech {
    let Some(shown) = ui.shown.clone() else {
        return speech.part("detail");
    };
    let data = detail(&ui.view, journal, &shown, now);
    ui.step.turn_to(&data);
    let tab = ui.step.tab();
    let name = step_name(&ui.view, &shown);
    let mut speech = speech.part(format!("detail of {name}, {}", tab.title()));
    for fact in &data.facts {
        speech.say(without_signs(fact.text().trim_end()));
    }
    let (value, lines) = data.content(tab);
    if let Some(value) = value {
        speech.quote(&serde_json::to_string_pretty(value).unwrap_or_default());
    }
    for line in lines {
        speech.say(format!("| {}", without_signs(line.text().trim_end())));
    }
    if value.is_none() && lines.is_empty() {
        speech.say(format!("No {}.", tab.title()));
    }
    speech
}
