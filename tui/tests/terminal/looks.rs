//! What reaches the terminal: no question before the first frame, no colour and no sign it cannot show.

use super::client::Client;

#[test]
fn the_first_frame_asks_nothing_of_the_terminal() {
    let mut client = Client::start(&[]);
    client.painted();
    // Behind the frame there may be one question: whether it was read.
    let text = String::from_utf8_lossy(&client.bytes).into_owned();
    let text = text.split_once("\x1b[?2026l").unwrap().0;
    for query in [
        "\x1b[c", "\x1b[>c", "\x1b[6n", "\x1b[5n", "\x1b[?u", "\x1b]10;", "\x1b]11;", "\x1bP+q", "$p",
    ] {
        assert!(!text.contains(query), "{query:?} was asked");
    }
    client.type_keys("q");
    client.ended("q");
}

#[test]
fn a_missing_daemon_is_said_and_keys_work_all_the_same() {
    let mut client = Client::start(&[]);
    client.until("the state of the line", |screen| {
        screen.contents().contains("disconnected")
    });
    client.type_keys("ga");
    client.until("the inbox", |screen| {
        screen.contents().contains("Operate › Approvals")
    });
    client.type_keys("\x03\x03");
    client.ended("Ctrl-C twice");
}

#[test]
fn without_utf8_and_colour_there_is_neither() {
    let mut client = Client::start(&[("LANG", "C"), ("NO_COLOR", "1")]);
    client.until("the first frame", |screen| {
        screen.contents().contains("Operate > Dashboard")
    });
    assert!(client.bytes.is_ascii());
    let text = String::from_utf8(client.bytes.clone()).unwrap();
    for code in (30..=37).chain(90..=97) {
        assert!(!text.contains(&format!("{code}m")), "colour {code}");
    }
    client.type_keys("q");
    client.ended("q");
}

#[test]
fn a_dumb_terminal_gets_plain_lines_and_is_left_as_it_was() {
    let mut client = Client::start(&[("TERM", "dumb")]);
    client.until("the state of the line", |screen| {
        screen.contents().contains("The daemon is not there")
    });
    client.type_keys("g r\r");
    client.until("the runs", |screen| screen.contents().contains("Runs. 0 runs"));
    client.type_keys("\x03");
    client.until("what Ctrl-C does", |screen| {
        screen.contents().contains("again quits")
    });
    client.type_keys("\x03");
    assert!(
        !client.bytes.contains(&0x1b),
        "{}",
        String::from_utf8_lossy(&client.bytes)
    );
    assert_eq!(client.ended("Ctrl-C twice"), "Success");
}
