//! Which due times are to be dealt with now. Pure.

use dirigent_engine::{MissedRuns, Schedule};
use jiff::{SignedDuration, Timestamp};

/// Whoever is no later than this has not missed its time.
const LATE: SignedDuration = SignedDuration::from_secs(10);
/// Most runs that are made up for.
const MOST: usize = 1_000;

/// What is due.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Dues {
    /// Runs to begin, in order.
    pub(super) start: Vec<Timestamp>,
    /// Due times that are left out; at least so many.
    pub(super) left_out: u64,
    /// The newest due time that is dealt with by all this.
    pub(super) last: Option<Timestamp>,
}

/// Due times behind `done` up to now; `since` is when the schedule began.
pub(super) fn due(schedule: &Schedule, done: Timestamp, since: Timestamp, now: Timestamp) -> Dues {
    let mut dues = Dues::default();
    let border = now.saturating_sub(LATE).unwrap_or(Timestamp::MIN);
    if done < border {
        missed(schedule, done, since, border, &mut dues);
    }
    let mut at = done.max(border);
    while dues.start.len() < 2 * MOST
        && let Some(next) = schedule.next(at, since).filter(|next| *next <= now)
    {
        dues.start.push(next);
        at = next;
    }
    dues.last = dues.start.last().copied().or(dues.last);
    dues
}

/// Those nobody could begin in time, up to the border.
fn missed(schedule: &Schedule, done: Timestamp, since: Timestamp, border: Timestamp, dues: &mut Dues) {
    let Some(newest) = schedule
        .newest(border, since)
        .filter(|newest| *newest > done && *newest > since)
    else {
        return;
    };
    dues.last = Some(newest);
    let mut all = Vec::new();
    let mut at = done;
    while all.len() <= MOST
        && let Some(next) = schedule.next(at, since).filter(|next| *next <= border)
    {
        all.push(next);
        at = next;
    }
    let count = all.len() as u64;
    match schedule.rules.missed {
        MissedRuns::Skip => dues.left_out = count,
        MissedRuns::One => {
            dues.left_out = count.saturating_sub(1);
            dues.start.push(newest);
        }
        MissedRuns::All => {
            dues.left_out = u64::from(all.len() > MOST);
            all.truncate(MOST);
            dues.start = all;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(when: &str, missed: &str) -> Schedule {
        let text = format!(
            "document: {{ dsl: '1.0.3', namespace: t, name: t, version: '1.0.0', metadata: {{ dirigent: {{ schedule: \
             {{ timezone: Europe/Berlin, missed: {missed} }} }} }} }}\nschedule: {{ {when} }}\ndo: [ {{ a: {{ set: \
             {{ x: 1 }} }} }} ]\n"
        );
        dirigent_engine::load("t", &text)
            .unwrap()
            .into_schedule()
            .unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn starts(dues: &Dues) -> Vec<String> {
        dues.start.iter().map(Timestamp::to_string).collect()
    }

    #[test]
    fn what_is_a_little_late_is_not_missed_whatever_the_rule() {
        for rule in ["skip", "one", "all"] {
            let each_second = schedule("cron: '* * * * * *'", rule);
            let from = at("2026-11-22T18:00:00Z");
            let dues = due(&each_second, from, from, at("2026-11-22T18:00:03.5Z"));
            assert_eq!(
                starts(&dues),
                [
                    "2026-11-22T18:00:01Z",
                    "2026-11-22T18:00:02Z",
                    "2026-11-22T18:00:03Z"
                ],
                "{rule}"
            );
            assert_eq!((dues.left_out, dues.last), (0, Some(at("2026-11-22T18:00:03Z"))));
        }
    }

    #[test]
    fn missed_runs_are_left_out_coalesced_or_made_up_for() {
        let (from, now) = (at("2026-11-22T18:30:00Z"), at("2026-11-22T22:30:00Z"));
        let of = |rule| due(&schedule("cron: '0 * * * *'", rule), from, from, now);
        assert_eq!((starts(&of("skip")), of("skip").left_out), (vec![], 4));
        assert_eq!(starts(&of("one")), ["2026-11-22T22:00:00Z"]);
        assert_eq!(of("one").left_out, 3);
        assert_eq!(of("all").start.len(), 4);
        assert_eq!(of("skip").last, Some(at("2026-11-22T22:00:00Z")));
    }

    #[test]
    fn a_year_that_was_slept_through_is_bounded_work() {
        let (from, now) = (at("2025-11-22T18:30:00Z"), at("2026-11-22T18:30:00.5Z"));
        let of = |rule| due(&schedule("cron: '* * * * * *'", rule), from, from, now);
        let dues = of("one");
        assert_eq!(
            dues.start.len(),
            11,
            "the newest missed one and the ten seconds that are not late"
        );
        assert_eq!(of("all").start.len(), 1_010);
        assert_eq!(of("skip").start.len(), 10);
    }

    #[test]
    fn a_clock_that_went_back_makes_nothing_due_twice() {
        let daily = schedule("cron: '0 12 * * *'", "all");
        let from = at("2026-11-22T18:00:00Z");
        assert_eq!(
            due(&daily, from, from, at("2026-11-22T17:00:00Z")),
            Dues::default()
        );
        assert_eq!(
            due(&daily, from, from, at("2025-10-18T17:00:00Z")),
            Dues::default()
        );
    }

    #[test]
    fn an_interval_is_due_from_its_first_round_on() {
        let hourly = schedule("every: { hours: 1 }", "one");
        let since = at("2026-11-22T18:00:00Z");
        assert_eq!(
            due(&hourly, since, since, at("2026-11-22T18:59:59Z")),
            Dues::default()
        );
        assert_eq!(
            starts(&due(&hourly, since, since, at("2026-11-22T19:00:00Z"))),
            ["2026-11-22T19:00:00Z"]
        );
        assert_eq!(
            starts(&due(&hourly, since, since, at("2026-11-22T23:30:00Z"))),
            ["2026-11-22T23:00:00Z"]
        );
    }
}
