//! Following a run: its events without a gap or a double, from pages and from the watch alike, and its live text.
//!
//! Invariant: what is handed on has consecutive numbers. What the watch brings out of turn only says that there is
//! more to read.

use dirigent_protocol::run::RunEvent;

/// Where a followed run stands.
#[derive(Debug, Default)]
pub struct Follow {
    handed_on: u64,
    behind: bool,
    paging: bool,
    begun: bool,
    /// Which wish to follow it is: answers to the live text of an earlier one are not its own.
    pub wish: u64,
    /// Number of the last chunk of live text handed on.
    pub stream_after: u64,
    /// It has ended and its events are all here.
    pub over: bool,
}

/// What to do after something came in.
#[derive(Debug, PartialEq)]
pub struct Step {
    /// Hand these on; `restart` with the first ones.
    pub events: Vec<RunEvent>,
    /// These are the first.
    pub restart: bool,
    /// Read the next page, behind this number.
    pub page_after: Option<u64>,
}

impl Follow {
    /// Of a wish to follow; the wishes of a link are numbered.
    #[must_use]
    pub fn of(wish: u64) -> Self {
        Self {
            wish,
            ..Self::default()
        }
    }

    /// Start, or start again after a lost connection: reads what is missing.
    pub fn resume(&mut self) -> u64 {
        self.paging = true;
        self.behind = false;
        self.handed_on
    }

    /// A page of events came; `last` is the number of the newest there is.
    pub fn page(&mut self, events: Vec<RunEvent>, last: u64) -> Step {
        self.paging = false;
        let empty = events.is_empty();
        let mut step = self.take(events);
        let more = !empty && self.handed_on < last;
        if std::mem::take(&mut self.behind) || more {
            step.page_after = self.ask();
        }
        step
    }

    /// The watch brought an event.
    pub fn watched(&mut self, event: RunEvent) -> Step {
        if event.seq <= self.handed_on {
            return Step {
                events: Vec::new(),
                restart: false,
                page_after: None,
            };
        }
        if self.paging || event.seq != self.handed_on + 1 {
            self.behind = true;
            return Step {
                events: Vec::new(),
                restart: false,
                page_after: self.ask(),
            };
        }
        self.take(vec![event])
    }

    fn ask(&mut self) -> Option<u64> {
        if self.paging {
            return None;
        }
        self.paging = true;
        Some(self.handed_on)
    }

    fn take(&mut self, events: Vec<RunEvent>) -> Step {
        let mut next = Vec::with_capacity(events.len());
        for event in events {
            if event.seq == self.handed_on + 1 {
                self.handed_on = event.seq;
                self.over = ends(&event);
                next.push(event);
            } else if event.seq > self.handed_on {
                self.behind = true;
                break;
            }
        }
        let restart = !self.begun && !next.is_empty();
        self.begun |= restart;
        Step {
            events: next,
            restart,
            page_after: None,
        }
    }
}

/// Nothing comes behind this event.
#[must_use]
pub fn ends(event: &RunEvent) -> bool {
    matches!(
        event.body.name(),
        "workflow.completed" | "workflow.faulted" | "workflow.cancelled"
    )
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::EventBody;

    use super::*;

    fn event(seq: u64) -> RunEvent {
        RunEvent {
            seq,
            time: jiff::Timestamp::UNIX_EPOCH,
            body: EventBody::WorkflowWaiting {},
        }
    }

    fn events(range: std::ops::RangeInclusive<u64>) -> Vec<RunEvent> {
        range.map(event).collect()
    }

    fn numbers(step: &Step) -> Vec<u64> {
        step.events.iter().map(|event| event.seq).collect()
    }

    #[test]
    fn pages_then_watched_events_go_on_without_gap_or_double() {
        let mut follow = Follow::default();
        assert_eq!(follow.resume(), 0);
        assert_eq!(follow.watched(event(4)).page_after, None, "a page is under way");
        let step = follow.page(events(1..=3), 3);
        assert!(step.restart);
        assert_eq!(
            (numbers(&step), step.page_after),
            (vec![1, 2, 3], Some(3)),
            "4 was seen meanwhile"
        );
        let step = follow.page(events(4..=4), 4);
        assert_eq!(
            (numbers(&step), step.restart, step.page_after),
            (vec![4], false, None)
        );
        assert_eq!(numbers(&follow.watched(event(4))), Vec::<u64>::new());
        assert_eq!(numbers(&follow.watched(event(5))), vec![5]);
        assert_eq!(follow.watched(event(7)).page_after, Some(5), "6 is missing");
        assert_eq!(numbers(&follow.page(events(6..=7), 7)), vec![6, 7]);
    }

    #[test]
    fn after_a_lost_connection_it_goes_on_where_it_was() {
        let mut follow = Follow::default();
        follow.resume();
        follow.page(events(1..=2), 2);
        assert_eq!(follow.resume(), 2);
        let step = follow.page(events(3..=3), 3);
        assert_eq!((numbers(&step), step.restart), (vec![3], false));
    }

    #[test]
    fn an_empty_page_does_not_ask_for_ever() {
        let mut follow = Follow::default();
        follow.resume();
        assert_eq!(follow.page(Vec::new(), 0).page_after, None);
    }
}
