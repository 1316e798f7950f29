use super::*;
use crossterm::event::{MouseButton, MouseEventKind};

fn parse(bytes: &[u8]) -> Vec<Event> {
    let (mut parser, mut out) = (Parser::default(), Vec::new());
    parser.feed(bytes, &mut out);
    if parser.patience().is_some() {
        parser.late(&mut out);
    }
    assert_eq!(parser.patience(), None);
    out
}

fn codes(bytes: &[u8]) -> Vec<KeyCode> {
    parse(bytes)
        .into_iter()
        .map(|event| match event {
            Event::Key(key) => key.code,
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn keys_of_every_terminal_are_read() {
    use KeyCode::{BackTab, Char, Delete, Down, End, Enter, Esc, F, Home, PageDown, Tab, Up};
    assert_eq!(
        codes(b"aG\r\t\x7f"),
        [Char('a'), Char('G'), Enter, Tab, KeyCode::Backspace]
    );
    assert_eq!(codes("é漢🙂".as_bytes()), [Char('é'), Char('漢'), Char('🙂')]);
    assert_eq!(
        codes(b"\x1b[A\x1bOB\x1b[H\x1b[4~\x1b[3~\x1b[6~\x1b[Z"),
        [Up, Down, Home, End, Delete, PageDown, BackTab]
    );
    assert_eq!(
        codes(b"\x1bOP\x1b[11~\x1b[[B\x1b[24~\x1b[1;2S"),
        [F(1), F(1), F(2), F(12), F(4)]
    );
    assert_eq!(codes(b"\x1b"), [Esc]);
    assert_eq!(codes(b"\x1b\x1b[A"), [Esc, Up]);
    assert_eq!(codes(b"\x1b[13;5u"), [Enter]);
    assert_eq!(
        parse(b"\x10\x1bx\x1b[1;5C"),
        [
            key(Char('p'), KeyModifiers::CONTROL),
            key(Char('x'), KeyModifiers::ALT),
            key(KeyCode::Right, KeyModifiers::CONTROL)
        ]
    );
}

#[test]
fn what_a_terminal_says_by_itself_is_never_a_key() {
    for said in [
        &b"\x1b[?62;22c"[..],
        b"\x1b[>1;10;0c",
        b"\x1b[12;40R",
        b"\x1b[?2026;2$y",
        b"\x1b]11;rgb:1e1e/aaaa/eeee\x1b\\",
        b"\x1b]52;c;YWFhYQ==\x07",
        b"\x1bP>|a terminal\x1b\\",
        b"\x1bP1+r524742=31\x1b\\",
        b"\x1b_Gi=1;OK\x1b\\",
        b"\x1b[8;40;120t",
        b"\x1b[?1u",
        b"\x1b[0n",
        b"\x1b[I",
        b"\x1b[O",
        b"\x1b[<0;10;5M",
        b"\x1b[M !!",
        b"\xc2\x9b31m\xff\xfe"[..2].as_ref(),
    ] {
        for cut in 0..=said.len() {
            let (mut parser, mut out) = (Parser::default(), Vec::new());
            parser.feed(&said[..cut], &mut out);
            parser.feed(&said[cut..], &mut out);
            assert!(
                !out.iter().any(|event| matches!(event, Event::Key(_))),
                "{said:?} cut at {cut}: {out:?}"
            );
        }
    }
    assert_eq!(
        parse(b"\x1b[0n\x1b[I\x1b[O"),
        [Event::Answer, Event::Focus(true), Event::Focus(false)]
    );
}

#[test]
fn a_paste_is_one_text_and_bounded() {
    let text = |bytes: &[u8]| match parse(bytes).as_slice() {
        [Event::Paste(text)] => text.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(text(b"\x1b[200~yes\rq\x1b[A\x1b[201~"), "yes\rq\x1b[A");
    // An end that never comes must not swallow the keyboard for good.
    assert_eq!(text(b"\x1b[200~yes"), "yes");
    let mut long = b"\x1b[200~".to_vec();
    long.extend(std::iter::repeat_n(b'x', 3 * MAX_PASTE));
    long.extend(END_OF_PASTE);
    assert_eq!(text(&long).len(), MAX_PASTE);
}

#[test]
fn the_mouse_is_read_in_both_notations() {
    let at = |bytes: &[u8]| match parse(bytes).as_slice() {
        [Event::Mouse(mouse)] => (mouse.kind, mouse.column, mouse.row),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        at(b"\x1b[<0;10;5M"),
        (MouseEventKind::Down(MouseButton::Left), 9, 4)
    );
    assert_eq!(
        at(b"\x1b[<0;10;5m"),
        (MouseEventKind::Up(MouseButton::Left), 9, 4)
    );
    assert_eq!(at(b"\x1b[<65;1;1M"), (MouseEventKind::ScrollDown, 0, 0));
    assert_eq!(at(b"\x1b[M *%"), (MouseEventKind::Down(MouseButton::Left), 9, 4));
}

#[test]
fn random_bytes_cut_anywhere_mean_the_same_and_keep_nothing() {
    let seed = 0x1e77_u64;
    println!("seed {seed}");
    let mut state = seed;
    let mut random = move |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let pieces: [&[u8]; 12] = [
        b"\x1b",
        b"[",
        b"]",
        b"200~",
        b"\x1b[201~",
        b"a",
        b"\xe6\xbc\xa2",
        b"\xff",
        b";1",
        b"\x07",
        b"\x18",
        b"<0;1;1M",
    ];
    for _ in 0..3_000 {
        let bytes: Vec<u8> = (0..12)
            .flat_map(|_| pieces[random(pieces.len())].to_vec())
            .collect();
        let mut cut = (Parser::default(), Vec::new());
        for byte in &bytes {
            cut.0.feed(&[*byte], &mut cut.1);
        }
        let mut whole = (Parser::default(), Vec::new());
        whole.0.feed(&bytes, &mut whole.1);
        assert_eq!(cut.1, whole.1, "{bytes:?}");
        whole.0.late(&mut whole.1);
        assert!(whole.0.held.is_empty());
    }
}
