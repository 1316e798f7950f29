use super::*;

fn draw(stream: &mut Stream, width: u16, height: u16) -> String {
    let area = Rect::new(0, 0, width, height);
    let mut buf = Buffer::empty(area);
    stream.render(area, &mut buf, &Theme::default());
    crate::widgets::drawn::text(&buf)
}

#[test]
fn tokens_join_to_lines_and_lines_wrap() {
    let mut stream = Stream::default();
    stream.push("18:41:07", Voice::Sent, "prompt 1,912 tok");
    for token in [
        "The tick",
        "et mentions ",
        "two invoices, so I check both.\nFirst",
        " the ledger.",
    ] {
        stream.append("18:41:09", Voice::Model, token);
    }
    stream.push("18:41:10", Voice::Error, "503 from ledger");
    insta::assert_snapshot!(draw(&mut stream, 46, 7));
}

#[test]
fn paused_it_stands_still_and_counts_what_came() {
    let mut stream = Stream::default();
    for at in 0..20 {
        stream.push("", Voice::Stdout, &format!("line {at}"));
    }
    stream.pause();
    let before = draw(&mut stream, 30, 5);
    stream.push("", Voice::Stdout, "new");
    stream.push("", Voice::Stdout, "newer");
    assert_eq!(draw(&mut stream, 30, 5), before);
    assert_eq!(stream.behind(), 2);
    stream.scroll(-3);
    assert_eq!(stream.behind(), 5);
    stream.scroll(100);
    assert!(stream.follows());
    assert!(draw(&mut stream, 30, 5).ends_with("newer"));
}

#[test]
fn the_ring_is_bounded_and_a_paused_viewport_survives_it() {
    let mut stream = Stream::default();
    stream.append("", Voice::Model, "start");
    stream.pause();
    for _ in 0..MAX_LINES + 50 {
        stream.append("", Voice::Model, "x\n");
    }
    assert_eq!(stream.len(), MAX_LINES);
    draw(&mut stream, 30, 5);
    stream.clear();
    stream.append("", Voice::Model, &"y".repeat(3 * MAX_BYTES));
    assert!(stream.bytes <= MAX_BYTES + MAX_LINE, "{}", stream.bytes);
    assert!(stream.lines.iter().all(|line| line.text.len() <= MAX_LINE));
}

#[test]
fn controls_are_shown_not_obeyed() {
    let mut stream = Stream::default();
    stream.push("", Voice::Stdout, "\u{1b}]52;c;aGk=\u{7}clip");
    assert!(draw(&mut stream, 40, 1).contains("^[]52;c;aGk=^Gclip"));
}

#[test]
fn a_search_goes_back_from_the_end_and_on() {
    let mut stream = Stream::default();
    for at in 0..30 {
        stream.push(
            "",
            Voice::Stdout,
            if at % 10 == 3 { "an Error here" } else { "fine" },
        );
    }
    assert!(stream.find("error"));
    assert_eq!(stream.behind(), 6, "line 23 of 30");
    assert!(stream.seek(false));
    assert!(stream.seek(false));
    assert!(!stream.seek(false), "no more before");
    assert!(stream.seek(true));
    assert_eq!(stream.behind(), 16);
    assert!(draw(&mut stream, 30, 3).contains("an Error here"));
    assert!(!stream.find("absent"));
    assert!(!stream.find(""));
    assert!(stream.follows());
}

#[test]
fn only_lines_in_sight_are_wrapped() {
    let mut stream = Stream::default();
    for _ in 0..MAX_LINES {
        stream.push(
            "18:00:00",
            Voice::Model,
            "some words that make a line of text which wraps once or twice",
        );
    }
    let took = (0..5).map(|_| {
        let start = std::time::Instant::now();
        draw(&mut stream, 50, 40);
        start.elapsed()
    });
    let took = took.min().unwrap();
    assert!(took.as_millis() < 100, "{took:?}");
}

#[test]
fn any_size_draws_without_panic() {
    let mut stream = Stream::default();
    stream.push("18:00:00", Voice::Model, "漢字 and words");
    for width in 0..50 {
        for height in 0..4 {
            draw(&mut stream, width, height);
            stream.scroll(-1);
        }
    }
}
