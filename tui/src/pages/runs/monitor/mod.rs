//! The monitor of one run: graph, timeline, live stream and step detail, driven by one cursor.
//! Owns the fold of a run's events into its pictures; the events themselves are the mirror's.

mod again;
#[cfg(test)]
mod constructs_tests;
mod detail;
mod event_line;
mod feed;
mod focus;
mod fold;
mod graph_of;
mod header;
mod held_up;
mod moved;
mod panes;
mod run_view;
mod search;
mod speech;
#[cfg(test)]
mod spoken_tests;
mod state;
mod step_run;
#[cfg(test)]
mod tests;
mod time_rows;
mod transcript;
mod tried;
mod ui;
mod whereabouts;
mod who;
mod words;
mod words_approval;
mod words_budget;
mod words_bus;

pub(crate) use state::Monitor;
pub(crate) use who::collaboration_lines;
pub(crate) use words_approval::approval_phrase;
