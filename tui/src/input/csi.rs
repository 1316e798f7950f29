//! What single sequences of a terminal mean: keys, mouse reports, focus, answers.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::parse::Event;

/// A byte below 0x80 as a key.
#[must_use]
pub const fn control(byte: u8) -> (KeyCode, KeyModifiers) {
    match byte {
        b'\r' => (KeyCode::Enter, KeyModifiers::NONE),
        b'\t' => (KeyCode::Tab, KeyModifiers::NONE),
        0x7f => (KeyCode::Backspace, KeyModifiers::NONE),
        0 => (KeyCode::Char(' '), KeyModifiers::CONTROL),
        0x01..=0x1a => (KeyCode::Char((byte - 1 + b'a') as char), KeyModifiers::CONTROL),
        0x1b..=0x1f => (KeyCode::Char((byte - 0x1c + b'4') as char), KeyModifiers::CONTROL),
        b'A'..=b'Z' => (KeyCode::Char(byte as char), KeyModifiers::SHIFT),
        _ => (KeyCode::Char(byte as char), KeyModifiers::NONE),
    }
}

/// The key behind `ESC O`, or behind `ESC [` with a letter at the end.
#[must_use]
pub const fn letter(byte: u8) -> Option<KeyCode> {
    Some(match byte {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'H' => KeyCode::Home,
        b'F' => KeyCode::End,
        b'M' => KeyCode::Enter,
        b'P'..=b'S' => KeyCode::F(byte - b'P' + 1),
        _ => return None,
    })
}

/// The key of a number before `~`.
const fn number(number: u32) -> Option<KeyCode> {
    Some(match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => KeyCode::F((number - 10) as u8),
        17..=21 => KeyCode::F((number - 11) as u8),
        23 | 24 => KeyCode::F((number - 12) as u8),
        _ => return None,
    })
}

/// The event of `ESC [`, parameters, and a last byte; `None` if it means nothing here.
#[must_use]
pub fn event(params: &[u8], last: u8) -> Option<Event> {
    if let Some(report) = params.strip_prefix(b"<") {
        return mouse(&numbers(report)?, last).map(Event::Mouse);
    }
    if params == b"[" {
        // The Linux console's F1 to F5.
        let code = (b'A'..=b'E')
            .contains(&last)
            .then(|| KeyCode::F(last - b'A' + 1))?;
        return Some(Event::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    }
    let params = numbers(params)?;
    let first = params.first().copied().unwrap_or(0);
    let modifiers = modifiers(params.get(1).copied().unwrap_or(1));
    let code = match last {
        b'I' if params.is_empty() => return Some(Event::Focus(true)),
        b'O' if params.is_empty() => return Some(Event::Focus(false)),
        b'n' => return (params == [0]).then_some(Event::Answer),
        b'Z' => KeyCode::BackTab,
        b'~' => number(first)?,
        b'u' => unicode(first)?,
        // `R` with numbers is also where a cursor stands.
        b'R' if first != 1 => return None,
        _ => letter(last)?,
    };
    Some(Event::Key(KeyEvent::new(code, modifiers)))
}

/// A key as its character's number.
fn unicode(number: u32) -> Option<KeyCode> {
    Some(match number {
        9 => KeyCode::Tab,
        13 => KeyCode::Enter,
        27 => KeyCode::Esc,
        127 => KeyCode::Backspace,
        _ => KeyCode::Char(char::from_u32(number).filter(|c| !c.is_control())?),
    })
}

/// Numbers between semicolons; what stands behind a colon is detail. `None` where there is anything else.
fn numbers(params: &[u8]) -> Option<Vec<u32>> {
    if params.is_empty() {
        return Some(Vec::new());
    }
    let text = std::str::from_utf8(params).ok()?;
    text.split(';')
        .map(|part| {
            let part = part.split(':').next().unwrap_or_default();
            if part.is_empty() {
                Some(0)
            } else {
                part.parse().ok()
            }
        })
        .collect()
}

fn modifiers(number: u32) -> KeyModifiers {
    let bits = number.saturating_sub(1);
    let mut modifiers = KeyModifiers::NONE;
    modifiers.set(KeyModifiers::SHIFT, bits & 1 != 0);
    modifiers.set(KeyModifiers::ALT, bits & 2 != 0);
    modifiers.set(KeyModifiers::CONTROL, bits & 4 != 0);
    modifiers
}

fn mouse(report: &[u32], last: u8) -> Option<MouseEvent> {
    let &[button, column, row] = report else {
        return None;
    };
    pointer(
        button,
        u16::try_from(column).ok()?.checked_sub(1)?,
        u16::try_from(row).ok()?.checked_sub(1)?,
        last == b'm',
    )
}

/// Three bytes of the old report, each 32 more than it means.
pub(super) fn old_mouse(bytes: &[u8]) -> Option<MouseEvent> {
    let &[button, column, row] = bytes else {
        return None;
    };
    let button = u32::from(button.checked_sub(32)?);
    pointer(
        button,
        u16::from(column.checked_sub(33)?),
        u16::from(row.checked_sub(33)?),
        button & 3 == 3,
    )
}

fn pointer(button: u32, column: u16, row: u16, up: bool) -> Option<MouseEvent> {
    let which = match button & 3 {
        0 => MouseButton::Left,
        1 => MouseButton::Middle,
        _ => MouseButton::Right,
    };
    let kind = match button & 0xe0 {
        0x40 if button & 1 == 0 => MouseEventKind::ScrollUp,
        0x40 => MouseEventKind::ScrollDown,
        0 if up => MouseEventKind::Up(which),
        0 => MouseEventKind::Down(which),
        _ => return None,
    };
    Some(MouseEvent {
        kind,
        column,
        row,
        modifiers: KeyModifiers::NONE,
    })
}
