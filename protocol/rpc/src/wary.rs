//! Bytes from a peer that may be slow, lost or hostile, watched on their way to the frames.
//!
//! Owns: the time one frame may take from its first byte to its last, and the look at its announced length before anybody
//! sets memory aside for it. Does not read what is inside a frame.
//!
//! Invariant: a peer in the middle of a frame is waited for no longer than the limit; a frame of no length, or over the
//! limit, ends the connection. Either is told once, by name.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use dirigent_protocol::hello::MAX_FRAME;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// Length of the number in front of each frame, bytes.
const HEADER: usize = 4;

/// Why a connection was ended from our side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// `bad_frame`: the first four bytes announce nothing, or more than a frame may hold; what speaks there is
    /// probably no Dirigent at all.
    #[error("bad_frame: a frame of {length} bytes was announced; the limit is {MAX_FRAME}")]
    BadFrame {
        /// What the peer announced, bytes.
        length: u32,
    },
    /// `slow_frame`: a frame was begun and not finished in time.
    #[error("slow_frame: a frame was begun and not finished within {} s", limit.as_secs())]
    SlowFrame {
        /// How long it was waited for.
        limit: Duration,
    },
}

/// A byte stream whose incoming frames are watched.
pub(crate) struct Wary<Io> {
    io: Io,
    /// Bytes of the header so far, and how many.
    header: [u8; HEADER],
    filled: usize,
    /// Bytes of the body still to come.
    missing: usize,
    limit: Duration,
    deadline: Pin<Box<Sleep>>,
    tell: Option<Box<dyn FnOnce(Trouble) + Send>>,
}

impl<Io> Wary<Io> {
    pub(crate) fn new(io: Io, limit: Duration, tell: impl FnOnce(Trouble) + Send + 'static) -> Self {
        Self {
            io,
            header: [0; HEADER],
            filled: 0,
            missing: 0,
            limit,
            deadline: Box::pin(sleep(limit)),
            tell: Some(Box::new(tell)),
        }
    }

    fn inside(&self) -> bool {
        self.filled > 0 || self.missing > 0
    }

    fn end(&mut self, trouble: Trouble) -> io::Error {
        if let Some(tell) = self.tell.take() {
            tell(trouble);
        }
        let kind = match trouble {
            Trouble::BadFrame { .. } => io::ErrorKind::InvalidData,
            Trouble::SlowFrame { .. } => io::ErrorKind::TimedOut,
        };
        io::Error::new(kind, trouble)
    }

    /// Follows the frames through the bytes that came in.
    fn watch(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if !self.inside() {
                self.deadline.as_mut().reset(Instant::now() + self.limit);
            }
            if self.missing > 0 {
                let taken = self.missing.min(bytes.len());
                self.missing -= taken;
                bytes = &bytes[taken..];
                continue;
            }
            let taken = (HEADER - self.filled).min(bytes.len());
            self.header[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
            self.filled += taken;
            bytes = &bytes[taken..];
            if self.filled == HEADER {
                let length = u32::from_be_bytes(self.header);
                self.filled = 0;
                self.missing = usize::try_from(length).unwrap_or(usize::MAX);
                if self.missing == 0 || self.missing > MAX_FRAME {
                    return Err(self.end(Trouble::BadFrame { length }));
                }
            }
        }
        Ok(())
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Wary<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.io).poll_read(context, buffer) {
            Poll::Ready(Ok(())) => Poll::Ready(self.watch(&buffer.filled()[before..])),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending if self.inside() => {
                ready!(self.deadline.as_mut().poll(context));
                let limit = self.limit;
                Poll::Ready(Err(self.end(Trouble::SlowFrame { limit })))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Wary<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    async fn read(chunks: &[&[u8]]) -> (io::Result<usize>, Option<Trouble>) {
        let (mut there, here) = duplex(1 << 16);
        let told = Arc::new(Mutex::new(None));
        let teller = Arc::clone(&told);
        let mut wary = Wary::new(here, LIMIT, move |trouble| {
            *teller.lock().unwrap() = Some(trouble)
        });
        for chunk in chunks {
            there.write_all(chunk).await.unwrap();
        }
        let mut buffer = [0; 1 << 12];
        let mut all = 0;
        let end = loop {
            // An hour without a byte between frames is a quiet peer, not a slow one.
            match tokio::time::timeout(Duration::from_secs(3_600), wary.read(&mut buffer)).await {
                Ok(Ok(read)) => all += read,
                Ok(Err(error)) => break Err(error),
                Err(_) => break Ok(all),
            }
        };
        let told = *told.lock().unwrap();
        (end, told)
    }

    #[tokio::test(start_paused = true)]
    async fn whole_frames_pass_however_they_are_cut_and_silence_between_them_is_fine() {
        let (end, told) = read(&[&[0, 0], &[0, 2, 7], &[7, 0, 0, 0, 1, 9]]).await;
        assert_eq!((end.unwrap(), told), (11, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_frame_that_is_not_finished_ends_by_name() {
        for begun in [&[0_u8, 0][..], &[0, 0, 0, 2, 7]] {
            let (end, told) = read(&[begun]).await;
            assert_eq!(end.unwrap_err().kind(), io::ErrorKind::TimedOut);
            assert_eq!(told, Some(Trouble::SlowFrame { limit: LIMIT }));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_length_that_no_frame_has_ends_by_name() {
        for bytes in [
            &[0_u8; 4][..],
            &[0xff; 4],
            b"GET / HTTP/1.1\r\n",
            b"SSH-2.0-x\r\n",
        ] {
            let (end, told) = read(&[bytes]).await;
            assert_eq!(end.unwrap_err().kind(), io::ErrorKind::InvalidData);
            assert!(matches!(told, Some(Trouble::BadFrame { .. })), "{told:?}");
        }
    }
}
