//! What a command writes: the beginning is kept, all of it is shown live, too much of it ends the command.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use dirigent_protocol::watch::StreamSource;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::sync::CancellationToken;

use crate::runtime::live::LiveSink;

/// A command that writes more than this is stopped.
const FLOOD_BYTES: u64 = 100 << 20;
const READ_BYTES: usize = 32 << 10;

/// What was kept of one output, and how much there was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Captured {
    kept: Vec<u8>,
    written: u64,
}

/// Kept where it can be taken at any moment, whether or not the output has ended.
#[derive(Clone, Default)]
pub(super) struct Capture(Arc<Mutex<Captured>>);

impl Capture {
    /// What there is by now.
    pub(super) fn take(&self) -> Captured {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, bytes: &[u8], limit: usize) -> u64 {
        let mut captured = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = limit.saturating_sub(captured.kept.len()).min(bytes.len());
        captured.kept.extend_from_slice(&bytes[..room]);
        captured.written += bytes.len() as u64;
        captured.written
    }
}

/// Reads to the end.
pub(super) async fn read(
    mut pipe: impl AsyncRead + Unpin,
    into: Capture,
    live: LiveSink,
    source: StreamSource,
    limit: usize,
    flood: &CancellationToken,
) {
    let mut buffer = vec![0; READ_BYTES];
    let mut tail = Vec::new();
    while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
        if into.add(&buffer[..count], limit) > FLOOD_BYTES {
            flood.cancel();
            return;
        }
        show(&mut tail, &buffer[..count], |text| live.write(source, text));
    }
    if !tail.is_empty() {
        live.write(source, &String::from_utf8_lossy(&tail));
    }
}

/// Hands on whole characters; the first bytes of one that is not complete wait in `tail`.
fn show(tail: &mut Vec<u8>, bytes: &[u8], mut write: impl FnMut(&str)) {
    tail.extend_from_slice(bytes);
    let whole = match std::str::from_utf8(tail) {
        Ok(_) => tail.len(),
        // `error_len` is none where the end alone is missing; that is at most three bytes.
        Err(_) => {
            let from = tail.len().saturating_sub(3);
            let cut = (from..tail.len()).find(|at| {
                std::str::from_utf8(&tail[*at..])
                    .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
            });
            cut.unwrap_or(tail.len())
        }
    };
    write(&String::from_utf8_lossy(&tail[..whole]));
    tail.drain(..whole);
}

impl Captured {
    /// As text; what is no UTF-8 is replaced.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.kept).into_owned()
    }

    /// Says what the text does not: that it was cut, or that bytes were replaced.
    pub(super) fn facts(&self, name: &str, facts: &mut BTreeMap<String, Value>) {
        let cut = self.written - self.kept.len() as u64;
        if cut > 0 {
            facts.insert(format!("{name}_cut_bytes"), cut.into());
        }
        let whole = self.kept.len() - if cut > 0 { self.kept.len().min(3) } else { 0 };
        if std::str::from_utf8(&self.kept).is_err_and(|error| error.valid_up_to() < whole) {
            facts.insert(format!("{name}_replaced_bytes"), true.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pieces: &[&[u8]]) -> String {
        let (mut tail, mut text) = (Vec::new(), String::new());
        for piece in pieces {
            show(&mut tail, piece, |part| text.push_str(part));
        }
        text + &String::from_utf8_lossy(&tail)
    }

    #[test]
    fn a_character_split_between_reads_is_joined_and_garbage_is_replaced() {
        let euro = "1€2".as_bytes();
        for cut in 0..euro.len() {
            assert_eq!(shown(&[&euro[..cut], &euro[cut..]]), "1€2");
        }
        assert_eq!(shown(&[b"a\xff", b"b"]), "a\u{fffd}b");
        assert_eq!(shown(&[b"a\xe2\x82"]), "a\u{fffd}");
    }

    #[test]
    fn what_is_cut_or_replaced_is_said() {
        let capture = Capture::default();
        capture.add(b"hello", 3);
        let captured = capture.take();
        let mut facts = BTreeMap::new();
        captured.facts("stdout", &mut facts);
        assert_eq!(
            (captured.text().as_str(), &facts["stdout_cut_bytes"]),
            ("hel", &Value::from(2))
        );
        let capture = Capture::default();
        capture.add(b"\xff\xfe", 10);
        let mut facts = BTreeMap::new();
        capture.take().facts("stderr", &mut facts);
        assert!(facts.contains_key("stderr_replaced_bytes"));
    }
}
