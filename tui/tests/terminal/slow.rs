//! A line that carries little: no backlog is ever built up, and what comes is the newest.

use super::client::Client;

#[test]
fn a_slow_reader_gets_fewer_frames_and_never_old_ones() {
    let mut client = Client::slow(10_000, &[]);
    client.painted();
    // Whole pages back and forth, many times what the line carries.
    for _ in 0..60 {
        client.type_keys("gagrgd");
        client.read_for(30);
    }
    // Everything behind this key is what was still under way when it was pressed, and its own frame.
    let before = client.bytes.len();
    client.type_keys("?");
    client.until("the help", |screen| {
        screen.contents().contains("Keys of Dashboard")
    });
    let behind = client.bytes.len() - before;
    println!("{behind} bytes until the help was there");
    assert!(behind <= 16_000, "{behind} bytes of backlog");
    client.type_keys(" q");
    client.ended("q");
}

#[test]
fn a_terminal_that_never_answers_is_not_waited_for_and_nothing_is_left_in_its_input() {
    let mut client = Client::start(&[]);
    client.painted();
    for (keys, title) in [
        ("ga", "Operate › Approvals"),
        ("gr", "Operate › Runs"),
        ("gd", "Operate › Dashboard"),
    ] {
        client.type_keys(keys);
        client.until(title, |screen| screen.contents().contains(title));
    }
    let questions = String::from_utf8_lossy(&client.bytes).matches("\x1b[5n").count();
    assert!(questions <= 3, "{questions} questions to a silent terminal");
    client.type_keys("q");
    client.ended("q");
}

#[test]
fn a_storm_of_sizes_ends_with_the_right_picture() {
    let mut client = Client::start(&[]);
    client.painted();
    for step in 0..200u16 {
        client.resize(1 + step * 37 % 200, 1 + step * 13 % 60);
    }
    client.resize(1, 1);
    client.resize(100, 30);
    client.until("the page at its size", |screen| {
        let rows: Vec<String> = screen.rows(0, 100).collect();
        rows.len() == 30 && rows[29].contains("q quit") && rows[0].contains("Dashboard")
    });
    client.type_keys("q");
    client.ended("q");
}
