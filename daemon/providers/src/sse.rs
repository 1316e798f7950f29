//! Server-sent events, as the HTML standard defines them, under limits.
//!
//! Our own hundred lines because the crates of the field hold an unfinished line without a bound and end the stream
//! at a byte that is not UTF-8 or a field they do not know; here a line of 1 MiB ends the call, bad bytes are
//! replaced and flagged, and unknown fields are ignored as the standard asks. Lines are decoded whole, so a code
//! point split between two chunks is joined.

use crate::{LimitKind, ModelErrorKind};

/// Longest line, in bytes.
pub(crate) const MAX_LINE: usize = 1024 * 1024;
/// Largest event (its data lines joined), in bytes.
pub(crate) const MAX_EVENT: usize = 4 * 1024 * 1024;

/// Feed bytes, take the data of complete events.
#[derive(Default)]
pub(crate) struct SseParser {
    line: Vec<u8>,
    data: Option<String>,
    after_cr: bool,
    started: bool,
    /// True once a byte was replaced.
    pub(crate) replaced_bytes: bool,
}

impl SseParser {
    /// Takes a chunk and hands the data of each event it completes to `on_event`; stops at its first error.
    pub(crate) fn feed<E: From<ModelErrorKind>>(
        &mut self,
        mut chunk: &[u8],
        mut on_event: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        while !chunk.is_empty() {
            if std::mem::take(&mut self.after_cr) && chunk[0] == b'\n' {
                chunk = &chunk[1..];
                continue;
            }
            let end = chunk.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let part = &chunk[..end.unwrap_or(chunk.len())];
            if self.line.len() + part.len() > MAX_LINE {
                return Err(E::from(ModelErrorKind::TooLarge {
                    what: LimitKind::Line,
                    limit: MAX_LINE,
                }));
            }
            self.line.extend_from_slice(part);
            let Some(end) = end else { return Ok(()) };
            self.after_cr = chunk[end] == b'\r';
            chunk = &chunk[end + 1..];
            if let Some(event) = self.end_line()? {
                on_event(&event)?;
            }
        }
        Ok(())
    }

    /// The event that no empty line ended before the stream did. The standard drops it; servers of the field forget
    /// the last empty line, so a whole last line counts.
    pub(crate) fn finish(&mut self) -> Result<Option<String>, ModelErrorKind> {
        if !self.line.is_empty() {
            self.end_line()?;
        }
        Ok(self.data.take())
    }

    fn end_line(&mut self) -> Result<Option<String>, ModelErrorKind> {
        let mut line = std::mem::take(&mut self.line);
        let event = self.take_line(&line);
        line.clear();
        self.line = line;
        event
    }

    fn take_line(&mut self, line: &[u8]) -> Result<Option<String>, ModelErrorKind> {
        let line = if std::mem::replace(&mut self.started, true) {
            line
        } else {
            line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line)
        };
        if line.is_empty() {
            return Ok(self.data.take());
        }
        let value = match line.strip_prefix(b"data") {
            Some([]) => &[][..],
            Some([b':', value @ ..]) => value.strip_prefix(b" ").unwrap_or(value),
            _ => return Ok(None),
        };
        let text = String::from_utf8_lossy(value);
        // Lossy decoding copies only when it had to replace something.
        self.replaced_bytes |= matches!(text, std::borrow::Cow::Owned(_));
        let joined = match self.data.take() {
            Some(data) => data + "\n" + &text,
            None => text.into_owned(),
        };
        if joined.len() > MAX_EVENT {
            return Err(ModelErrorKind::TooLarge {
                what: LimitKind::Event,
                limit: MAX_EVENT,
            });
        }
        self.data = Some(joined);
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(chunks: &[&[u8]]) -> (Vec<String>, bool) {
        let mut parser = SseParser::default();
        let mut out = Vec::new();
        for chunk in chunks {
            parser
                .feed(chunk, |event| {
                    out.push(event.to_owned());
                    Ok::<_, ModelErrorKind>(())
                })
                .expect("within limits");
        }
        out.extend(parser.finish().expect("within limits"));
        (out, parser.replaced_bytes)
    }

    #[test]
    fn every_cut_of_a_stream_gives_the_same_events() {
        let stream = "\u{FEFF}: hi\r\ndata: grüße\r\ndata:  two\r\n\r\nevent: x\rid: 1\rdata\r\rretry: 3\nodd\n\ndata: \u{1F600}\n\n";
        let expected = (
            vec!["grüße\n two".to_owned(), String::new(), "\u{1F600}".to_owned()],
            false,
        );
        let bytes = stream.as_bytes();
        assert_eq!(events(&[bytes]), expected);
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(events(&single), expected);
        for at in 0..bytes.len() {
            assert_eq!(events(&[&bytes[..at], &bytes[at..]]), expected, "cut at {at}");
        }
    }

    #[test]
    fn bad_bytes_are_replaced_and_flagged_and_a_missing_last_empty_line_is_forgiven() {
        assert_eq!(events(&[b"data: a\xFFb"]), (vec!["a\u{FFFD}b".to_owned()], true));
    }

    #[test]
    fn a_line_or_event_without_end_is_an_error_before_it_is_memory() {
        let mut parser = SseParser::default();
        let chunk = [b'x'; 64 * 1024];
        let mut fed = 0;
        let error = loop {
            match parser.feed(&chunk, |_| Ok::<_, ModelErrorKind>(())) {
                Ok(()) => fed += chunk.len(),
                Err(error) => break error,
            }
        };
        assert_eq!(
            error,
            ModelErrorKind::TooLarge {
                what: LimitKind::Line,
                limit: MAX_LINE
            }
        );
        assert!(fed <= MAX_LINE, "{fed}");

        let mut parser = SseParser::default();
        let mut line = b"data: ".to_vec();
        line.resize(MAX_LINE / 2, b'y');
        line.push(b'\n');
        let error = (0..9).find_map(|_| parser.feed(&line, |_| Ok::<_, ModelErrorKind>(())).err());
        assert_eq!(
            error,
            Some(ModelErrorKind::TooLarge {
                what: LimitKind::Event,
                limit: MAX_EVENT
            })
        );
    }
}
