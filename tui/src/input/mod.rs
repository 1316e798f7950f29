//! The thread that reads the terminal. It turns bytes into messages and decides nothing.
//!
//! It reads only while the terminal is ours: what is typed for the shell or for an editor stays theirs.
//! Invariant: what a terminal sends by itself (answers, reports, strings) is never taken for keys, however the bytes
//! are cut, see [`parse`].

pub mod csi;
pub mod parse;

use std::io;
use std::sync::mpsc::SyncSender;

use rustix::event::{PollFd, PollFlags, Timespec};

use crate::model::Msg;
use crate::terminal;
use parse::{Event, Parser};

/// Largest pasted text taken, bytes; the rest is dropped.
pub const MAX_PASTE: usize = 1024 * 1024;

/// Starts the thread.
///
/// # Errors
/// The thread cannot be made.
pub fn listen(inbox: SyncSender<Msg>) -> io::Result<()> {
    std::thread::Builder::new()
        .name("input".into())
        .stack_size(128 * 1024)
        .spawn(move || {
            let mut parser = Parser::default();
            let mut events = Vec::new();
            loop {
                let more = read(&mut parser, &mut events);
                for event in events.drain(..) {
                    if inbox.send(message(event)).is_err() {
                        return;
                    }
                }
                if more.is_err() {
                    let _told = inbox.send(Msg::InputLost);
                    return;
                }
            }
        })?;
    Ok(())
}

/// Waits for bytes, or for the end of the patience with a sequence that has begun.
fn read(parser: &mut Parser, events: &mut Vec<Event>) -> io::Result<()> {
    let stdin = rustix::stdio::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    let patience = parser.patience().map(|wait| Timespec {
        tv_sec: 0,
        tv_nsec: i64::from(wait.subsec_nanos()),
    });
    match rustix::event::poll(&mut fds, patience.as_ref()) {
        Ok(0) => {
            parser.late(events);
            return Ok(());
        }
        Err(rustix::io::Errno::INTR) => return Ok(()),
        Err(error) => return Err(error.into()),
        Ok(_) => {}
    }
    if terminal::await_taken() {
        // Somebody else had the terminal meanwhile; what was readable then is theirs.
        return Ok(());
    }
    let mut chunk = [0; 4_096];
    match rustix::io::read(stdin, &mut chunk) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(read) => {
            parser.feed(&chunk[..read], events);
            Ok(())
        }
        Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn message(event: Event) -> Msg {
    match event {
        Event::Key(key) => Msg::Key(key),
        Event::Paste(text) => Msg::Paste(text),
        Event::Focus(focused) => Msg::Focus(focused),
        Event::Mouse(mouse) => Msg::Mouse(mouse),
        Event::Answer => {
            terminal::answered();
            Msg::Answer
        }
    }
}
