//! What a server says on its standard output, line by line: messages pass, a little noise is skipped, and whoever says
//! more than that, or never ends a line, is no server.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use serde::de::IgnoredAny;
use tokio::io::{AsyncRead, ReadBuf};

/// Longest message, bytes.
const MAX_LINE: usize = 4 << 20;
/// Lines that are no messages (logs on the wrong stream) before the server is given up.
const MAX_NOISE: u32 = 100;
/// Bytes read at once.
const PIECE: usize = 16 << 10;

/// Why a server was given up; whoever waits for its answer says it.
pub(super) type Trouble = Arc<OnceLock<String>>;

/// Passes messages on.
pub(super) struct Lines<R> {
    inner: R,
    line: Vec<u8>,
    passed: Vec<u8>,
    given: usize,
    noise: u32,
    trouble: Trouble,
}

impl<R> Lines<R> {
    pub(super) fn new(inner: R, trouble: Trouble) -> Self {
        Self {
            inner,
            line: Vec::new(),
            passed: Vec::new(),
            given: 0,
            noise: 0,
            trouble,
        }
    }

    fn give_up(&self, why: String) -> io::Error {
        let why = format!("mcp_protocol_error: {why}");
        let error = io::Error::new(io::ErrorKind::InvalidData, why.clone());
        self.trouble.get_or_init(|| why);
        error
    }

    /// Takes bytes in; whole lines that are messages are passed on.
    fn take(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let (piece, rest) = match end {
                Some(end) => (&bytes[..end], &bytes[end + 1..]),
                None => (bytes, &[][..]),
            };
            if self.line.len() + piece.len() > MAX_LINE {
                return Err(self.give_up(format!("the server sent a message of more than {MAX_LINE} bytes")));
            }
            self.line.extend_from_slice(piece);
            bytes = rest;
            if end.is_some() {
                self.end_of_line()?;
            }
        }
        Ok(())
    }

    fn end_of_line(&mut self) -> io::Result<()> {
        let text = self.line.trim_ascii();
        let message = text.starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(text).is_ok();
        if message {
            self.passed.extend_from_slice(text);
            self.passed.push(b'\n');
        } else if !text.is_empty() {
            self.noise += 1;
            if self.noise > MAX_NOISE {
                return Err(self.give_up(format!(
                    "the server wrote more than {MAX_NOISE} lines to its standard output that are no messages"
                )));
            }
        }
        self.line.clear();
        Ok(())
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Lines<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.given == self.passed.len() {
            self.passed.clear();
            self.given = 0;
            let mut piece = [0; PIECE];
            let mut read = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut self.inner).poll_read(cx, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.take(read.filled())?;
        }
        let count = into.remaining().min(self.passed.len() - self.given);
        into.put_slice(&self.passed[self.given..self.given + count]);
        self.given += count;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    async fn read(bytes: &[u8]) -> (String, Option<String>) {
        let trouble = Trouble::default();
        let mut text = String::new();
        let mut lines = Lines::new(bytes, trouble.clone());
        let done = lines.read_to_string(&mut text).await;
        assert_eq!(done.is_err(), trouble.get().is_some());
        (text, trouble.get().cloned())
    }

    #[tokio::test]
    async fn messages_pass_a_little_noise_is_skipped_and_much_of_it_ends_the_server() {
        let (text, trouble) = read(b"starting\r\n{\"a\":1}\r\n\n{not json\n  {\"b\":2}\n{\"cut\":").await;
        assert_eq!((text.as_str(), trouble), ("{\"a\":1}\n{\"b\":2}\n", None));
        let (_, trouble) = read(&b"log\n".repeat(100)).await;
        assert_eq!(trouble, None);
        let (_, trouble) = read(&b"log\n".repeat(101)).await;
        assert!(trouble.unwrap().contains("mcp_protocol_error"));
    }

    #[tokio::test]
    async fn a_message_that_never_ends_is_not_collected() {
        let (_, trouble) = read(&vec![b'{'; MAX_LINE + 1]).await;
        assert!(trouble.unwrap().contains("more than"));
    }
}
