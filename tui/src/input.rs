//! The thread that reads keys. It turns terminal events into messages and decides nothing.

use std::io;
use std::sync::mpsc::SyncSender;

use crossterm::event::{Event, KeyEventKind};

use crate::model::Msg;

/// Largest pasted text taken, bytes; the rest is dropped.
pub const MAX_PASTE: usize = 1024 * 1024;

/// Starts the thread.
///
/// # Errors
/// The thread cannot be made.
pub fn listen(inbox: SyncSender<Msg>) -> io::Result<()> {
    std::thread::Builder::new().name("input".into()).spawn(move || {
        loop {
            let msg = match crossterm::event::read() {
                Ok(event) => message(event),
                Err(_) => Some(Msg::InputLost),
            };
            let lost = matches!(msg, Some(Msg::InputLost));
            if let Some(msg) = msg
                && (inbox.send(msg).is_err() || lost)
            {
                return;
            }
        }
    })?;
    Ok(())
}

fn message(event: Event) -> Option<Msg> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => Some(Msg::Key(key)),
        Event::Paste(mut text) => {
            let end = (0..=MAX_PASTE.min(text.len()))
                .rev()
                .find(|at| text.is_char_boundary(*at))
                .unwrap_or(0);
            text.truncate(end);
            Some(Msg::Paste(text))
        }
        Event::FocusGained => Some(Msg::Focus(true)),
        Event::FocusLost => Some(Msg::Focus(false)),
        // The size comes from the kernel with SIGWINCH; the mouse is off.
        Event::Key(_) | Event::Resize(..) | Event::Mouse(_) => None,
    }
}
