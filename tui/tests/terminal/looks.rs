//! What reaches the terminal: no question before the first frame, no colour and no sign it cannot show.

use super::client::Client;

#[test]
fn the_first_frame_asks_nothing_of_the_terminal() {
    let mut client = Client::start(&[]);
    client.painted();
    // Behind the frame there may be one question: whether it was read.
    let text = String::from_utf8_lossy(&client.bytes).into_owned();
    let text = text.split("\x1b[?2026l").next().unwrap();
    for query in [
        "\x1b[c", "\x1b[>c", "\x1b[6n", "\x1b[5n", "\x1b[?u", "\x1b]10;", "\x1b]11;", "\x1bP+q", "$p",
    ] {
        assert!(!text.contains(query), "{query:?} was asked");
    }
    client.type_keys("q");
    client.ended("q");
}

/// The first frame goes over the slowest line: three bytes for a cell that shows something, where a line of a box
/// alone takes three in UTF-8.
#[test]
fn the_first_frame_is_short() {
    for (size, most, per_cell) in [((120, 40), 10_000, 3.0), ((200, 60), 18_000, 3.5)] {
        let mut client = Client::start_at(size, &[("COLORTERM", "truecolor")]);
        client.until("the last line", |screen| screen.contents().contains("q quit"));
        let text = String::from_utf8_lossy(&client.bytes);
        let from = text.find("\x1b[?2026h").unwrap();
        let frame = &text[from..];
        let frame = &frame[..frame.find("\x1b[?2026l").unwrap_or(frame.len())];
        let mut screen = vt100::Parser::new(size.1.try_into().unwrap(), size.0.try_into().unwrap(), 0);
        screen.process(frame.as_bytes());
        let shown = screen.screen().contents();
        let drawn = shown.chars().filter(|sign| !sign.is_whitespace()).count();
        assert!(drawn > 500, "nothing is drawn:\n{shown}");
        let bytes = frame.len();
        assert!(bytes <= most, "{bytes} bytes at {size:?}");
        assert!(
            bytes as f64 <= per_cell * drawn as f64,
            "{bytes} bytes for {drawn} cells at {size:?}"
        );
        client.type_keys("q");
        client.ended("q");
    }
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

#[test]
fn no_terminal_gets_a_colour_it_does_not_know() {
    let theme = ("DIRIGENT__SCREEN__THEME", "blue_orange");
    for (environment, truecolor, indexed, sixteen) in [
        (&[("TERM", "xterm")][..], false, false, true),
        (&[("TERM", "screen-256color")], false, true, false),
        (&[("TERM", "tmux-256color")], false, true, false),
        (
            &[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")],
            true,
            false,
            false,
        ),
        (
            &[("TERM", "linux"), ("COLORTERM", "truecolor")],
            false,
            false,
            true,
        ),
        (&[("TERM", "vt100")], false, false, false),
        (
            &[("TERM", "xterm-256color"), ("NO_COLOR", "1")],
            false,
            false,
            false,
        ),
    ] {
        let environment: Vec<(&str, &str)> = environment.iter().copied().chain([theme]).collect();
        let mut client = Client::start(&environment);
        client.painted();
        let text = String::from_utf8_lossy(&client.bytes).into_owned();
        let codes: Vec<&str> = text
            .split("\x1b[")
            .filter_map(|part| Some(part.split_once('m')?.0))
            .collect();
        let any = |wanted: &dyn Fn(&str) -> bool| codes.iter().any(|code| wanted(code));
        assert_eq!(any(&|code| code.contains("38;2;")), truecolor, "{environment:?}");
        assert_eq!(any(&|code| code.contains("38;5;")), indexed, "{environment:?}");
        let plain = |code: &str| {
            code.split(';')
                .any(|code| matches!(code.parse(), Ok(30..=37u8 | 90..=97)))
        };
        assert_eq!(
            any(&|code| !code.contains("38;") && plain(code)),
            sixteen,
            "{environment:?}"
        );
        client.type_keys("q");
        client.ended("q");
    }
}
