use dirigent_protocol::source;
use serde_json::json;

use super::*;
use crate::state::Listening;

fn read(text: &str, rules: ScheduleRules) -> Result<Schedule, Vec<String>> {
    let parsed = source::parse(text.as_bytes());
    let mut reader = Reader::default();
    let schedule = Schedule::read(&mut reader, &parsed.documents[0], "/schedule", rules);
    let codes: Vec<String> = reader
        .diagnostics
        .iter()
        .map(|found| found.code.clone())
        .collect();
    match schedule {
        Some(schedule) if codes.is_empty() => Ok(schedule),
        _ => Err(codes),
    }
}

fn cron(text: &str, zone: &str) -> Schedule {
    let rules = ScheduleRules {
        zone: Some(zone.to_owned()),
        ..ScheduleRules::default()
    };
    read(&format!("cron: '{text}'"), rules).unwrap()
}

fn dues(schedule: &Schedule, from: &str, count: usize) -> Vec<String> {
    let mut at: Timestamp = from.parse().unwrap();
    let anchor = at;
    let mut dues = Vec::new();
    for _ in 0..count {
        at = schedule.next(at, anchor).unwrap();
        dues.push(at.to_string());
    }
    dues
}

#[test]
fn five_fields_six_fields_names_and_a_zone_in_front() {
    let daily = cron("0 6 * * 1-5", "Europe/Berlin");
    assert_eq!(
        dues(&daily, "2026-11-20T05:00:00.5Z", 2),
        ["2026-11-23T05:00:00Z", "2026-11-24T05:00:00Z"]
    );
    let seconds = cron("*/20 * * * * *", "UTC");
    assert_eq!(
        dues(&seconds, "2026-11-20T05:00:00.25Z", 3),
        [
            "2026-11-20T05:00:20Z",
            "2026-11-20T05:00:40Z",
            "2026-11-20T05:01:00Z"
        ]
    );
    let named = read(
        "cron: 'CRON_TZ=America/New_York @daily'",
        ScheduleRules::default(),
    )
    .unwrap();
    assert_eq!(dues(&named, "2026-11-20T12:00:00Z", 1), ["2026-11-21T05:00:00Z"]);
    assert_eq!(named.zone(), "America/New_York");
}

#[test]
fn the_day_the_clock_leaps_over_the_hour_and_the_day_it_comes_twice() {
    // Berlin, 29 March 2026: 02:00 becomes 03:00. The job of half past two is due when the leap is over.
    let at_half_past_two = cron("30 2 * * *", "Europe/Berlin");
    assert_eq!(
        dues(&at_half_past_two, "2026-03-28T00:00:00Z", 3),
        [
            "2026-03-28T01:30:00Z",
            "2026-03-29T01:00:00Z",
            "2026-03-30T00:30:00Z"
        ]
    );
    // 25 October 2026: 03:00 becomes 02:00. Once, at the first of the two.
    assert_eq!(
        dues(&at_half_past_two, "2026-10-24T12:00:00Z", 2),
        ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
    );
    // An interval goes on through both without gap or repetition.
    let each_half_hour = cron("*/30 * * * *", "Europe/Berlin");
    for day in ["2026-03-29T00:00:00Z", "2026-10-25T00:00:00Z"] {
        let mut before: Timestamp = day.parse().unwrap();
        for due in dues(&each_half_hour, day, 6) {
            let due: Timestamp = due.parse().unwrap();
            assert_eq!(due.duration_since(before).as_secs(), 1_800, "{day}");
            before = due;
        }
    }
}

#[test]
fn leap_days_the_year_2038_and_a_leap_second() {
    let leap_day = cron("0 0 29 2 *", "UTC");
    assert_eq!(
        dues(&leap_day, "2026-01-01T00:00:00Z", 2),
        ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]
    );
    let each_second = cron("* * * * * *", "UTC");
    assert_eq!(
        dues(&each_second, "2038-01-19T03:14:06Z", 3),
        [
            "2038-01-19T03:14:07Z",
            "2038-01-19T03:14:08Z",
            "2038-01-19T03:14:09Z"
        ]
    );
    // 2016 ended with a leap second; UTC as computers keep it has no 60th second, and nothing is due twice.
    assert_eq!(
        dues(&each_second, "2016-12-31T23:59:58Z", 3),
        [
            "2016-12-31T23:59:59Z",
            "2017-01-01T00:00:00Z",
            "2017-01-01T00:00:01Z"
        ]
    );
    let far = dues(&leap_day, "2099-01-01T00:00:00Z", 1);
    assert_eq!(far, ["2104-02-29T00:00:00Z"], "2100 is no leap year");
}

#[test]
fn intervals_are_counted_from_where_they_began() {
    let hourly = read("every: { hours: 1 }", ScheduleRules::default()).unwrap();
    let anchor = "2026-11-22T18:00:00.250Z".parse().unwrap();
    let next = |text: &str| hourly.next(text.parse().unwrap(), anchor).unwrap().to_string();
    assert_eq!(next("2026-11-22T18:00:00.250Z"), "2026-11-22T19:00:00.25Z");
    assert_eq!(next("2026-11-22T19:00:00.250Z"), "2026-11-22T20:00:00.25Z");
    assert_eq!(next("2026-11-23T18:30:00Z"), "2026-11-23T19:00:00.25Z");
    assert_eq!(next("2020-01-01T00:00:00Z"), "2026-11-22T19:00:00.25Z");
    assert_eq!(hourly.words(), "every 1h");
}

#[test]
fn what_is_no_schedule_is_refused_with_its_name() {
    for (text, code) in [
        ("cron: '* * *'", "bad_cron"),
        ("cron: '61 * * * *'", "bad_cron"),
        ("cron: '0 0 30 2 *'", "bad_cron"),
        ("cron: 'CRON_TZ=Moon/Base 0 0 * * *'", "bad_timezone"),
        ("every: PT0.5S", "bad_duration"),
        ("every: '${ .x }'", "bad_duration"),
        ("{ cron: '0 0 * * *', read: data }", "read_without_on"),
        ("on: {}", "missing_field"),
        ("{}", "missing_field"),
    ] {
        let found = read(text, ScheduleRules::default()).map(|_| ()).unwrap_err();
        assert_eq!(found, [code], "{text}");
    }
}

#[test]
fn all_events_of_a_schedule_are_collected_before_a_run_is_due() {
    let text = "on: { all: [ { with: { type: a }, correlate: { k: { from: .k } } }, { with: { type: b }, correlate: { k: { from: .k } } } ] }";
    let schedule = read(text, ScheduleRules::default()).unwrap();
    assert_eq!(schedule.patterns().len(), 2);
    let mut known: Listening = schedule.fresh();
    let now = Timestamp::UNIX_EPOCH;
    let mut offer = |commit: u64, kind: &str, k: u32| {
        let at = BusPosition { commit, index: 0 };
        let event: Payload = Arc::new(json!({"type": kind, "k": k, "data": commit}));
        match schedule.consider(&known, at, &event, &Answers::default(), now) {
            Catch::Taken(body) => {
                known.fold(&body);
                known.closed
            }
            Catch::Nothing => false,
            Catch::Ask(_) => panic!("no worker is needed"),
        }
    };
    assert!(!offer(1, "a", 7));
    assert!(!offer(2, "b", 8), "another key");
    assert!(!offer(1, "b", 7), "seen already");
    assert!(offer(3, "b", 7));
    assert_eq!(known.taken, [Arc::new(json!(1)), Arc::new(json!(3))]);
}
