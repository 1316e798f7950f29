//! Standard output and standard error: colour only on a terminal, control bytes of outside text made visible.
//!
//! What is laid out for people is harmless everywhere: a pipe often ends in a terminal (`| head`). Only what a pipe
//! must get byte for byte (JSON, YAML, a run's own result) goes there as it is.
//!
//! Invariant: a reader that went away is no error; every other failed write is, and it is reported once.

use std::borrow::Cow;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};

use crate::text::{clean, clean_line};

/// What a piece of text means; on a terminal that is a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    Plain,
    /// Went well.
    Good,
    /// Went wrong.
    Bad,
    /// Needs a person.
    Ask,
    /// Is going on.
    Busy,
    /// Matters less.
    Dim,
    /// Matters more.
    Strong,
}

impl Tone {
    const fn sgr(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Good => "32",
            Self::Bad => "1;31",
            Self::Ask => "1;33",
            Self::Busy => "36",
            Self::Dim => "2",
            Self::Strong => "1",
        }
    }
}

/// How a stream is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// It is a terminal: what comes from outside is made harmless.
    pub terminal: bool,
    /// Colours may be used.
    pub colour: bool,
}

impl Look {
    /// For a stream that is a terminal or not.
    #[must_use]
    pub fn of(terminal: bool, plain: bool) -> Self {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self {
            terminal,
            colour: terminal && !plain && !no_colour && !dumb,
        }
    }

    /// Data for programs: exact in a pipe, harmless on a terminal.
    #[must_use]
    pub fn exact<'a>(self, text: &'a str) -> Cow<'a, str> {
        if self.terminal {
            clean(text)
        } else {
            Cow::Borrowed(text)
        }
    }

    /// Text of several lines for people, harmless everywhere.
    #[must_use]
    pub fn text<'a>(self, text: &'a str) -> Cow<'a, str> {
        clean(text)
    }

    /// Text for one line for people, harmless everywhere; one record stays one line.
    #[must_use]
    pub fn line<'a>(self, text: &'a str) -> Cow<'a, str> {
        clean_line(text)
    }

    /// Text that is harmless already, in the colour of its meaning.
    #[must_use]
    pub fn paint(self, tone: Tone, text: &str) -> String {
        let sgr = tone.sgr();
        if self.colour && !sgr.is_empty() && !text.is_empty() {
            format!("\u{1b}[{sgr}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Standard output.
pub struct Out {
    stream: BufWriter<Box<dyn Write>>,
    /// How it is written.
    pub look: Look,
    state: State,
}

enum State {
    Open,
    /// The reader went away.
    Gone,
    Failed(io::Error),
}

impl Out {
    /// The process's own.
    #[must_use]
    pub fn stdout(plain: bool) -> Self {
        Self::to(
            Box::new(io::stdout()),
            Look::of(io::stdout().is_terminal(), plain),
        )
    }

    /// Any other.
    #[must_use]
    pub fn to(stream: Box<dyn Write>, look: Look) -> Self {
        Self {
            stream: BufWriter::new(stream),
            look,
            state: State::Open,
        }
    }

    /// Somebody reads; a stream need not go on otherwise.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// Writes text as it is: the caller made it harmless.
    pub fn raw(&mut self, text: &str) {
        if self.is_open() {
            let result = self.stream.write_all(text.as_bytes());
            self.note(result);
        }
    }

    /// Writes a line as it is: the caller made it harmless.
    pub fn raw_line(&mut self, text: &str) {
        self.raw(text);
        self.raw("\n");
    }

    /// Text of several lines for people, in a tone.
    pub fn toned(&mut self, tone: Tone, text: &str) {
        let text = self.look.text(text).into_owned();
        self.raw_line(&self.look.paint(tone, &text));
    }

    /// Writes outside text for people, a newline behind it.
    pub fn text(&mut self, text: &str) {
        let text = self.look.text(text);
        self.raw(text.strip_suffix('\n').unwrap_or(&text));
        self.raw("\n");
    }

    /// Writes data for programs, a newline behind it: exact in a pipe, harmless on a terminal.
    pub fn exact(&mut self, text: &str) {
        let text = self.look.exact(text);
        self.raw(text.strip_suffix('\n').unwrap_or(&text));
        self.raw("\n");
    }

    /// Hands everything on to the reader.
    pub fn flush(&mut self) {
        if self.is_open() {
            let result = self.stream.flush();
            self.note(result);
        }
    }

    fn note(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.state = if error.kind() == ErrorKind::BrokenPipe {
                State::Gone
            } else {
                State::Failed(error)
            };
        }
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// Something could not be written, and not because the reader went away.
    pub fn finish(mut self) -> io::Result<()> {
        self.flush();
        // What could not be written must not be tried again when the writer is dropped.
        let (_stream, _rest) = self.stream.into_parts();
        match self.state {
            State::Open | State::Gone => Ok(()),
            State::Failed(error) => Err(error),
        }
    }
}

/// Writes a line to standard error; nothing can be done when that fails.
pub fn complain(line: &str) {
    let _written = writeln!(io::stderr().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Refusing(ErrorKind);

    impl Write for Refusing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const PIPE: Look = Look {
        terminal: false,
        colour: false,
    };

    #[test]
    fn a_reader_that_went_away_is_no_error_and_a_full_disk_is() {
        for (kind, ok) in [(ErrorKind::BrokenPipe, true), (ErrorKind::StorageFull, false)] {
            let mut out = Out::to(Box::new(Refusing(kind)), PIPE);
            out.raw("x");
            out.flush();
            assert!(!out.is_open());
            assert_eq!(out.finish().is_ok(), ok);
        }
    }

    #[test]
    fn people_never_get_outside_escapes_and_programs_get_them_exact() {
        let tty = Look {
            terminal: true,
            colour: true,
        };
        assert_eq!(tty.line("a\u{1b}[2Jb\nc"), "a^[[2Jb↵c");
        assert_eq!(tty.exact("a\u{1b}b"), "a^[b");
        assert_eq!(PIPE.exact("a\u{1b}b"), "a\u{1b}b");
        assert_eq!(PIPE.text("a\u{1b}b\nc"), "a^[b\nc");
        assert_eq!(PIPE.line("a\u{9b}\nb"), "a<U+009B>↵b");
        assert_eq!(tty.paint(Tone::Good, "ok"), "\u{1b}[32mok\u{1b}[0m");
        assert_eq!(PIPE.paint(Tone::Good, "ok"), "ok");
    }
}
