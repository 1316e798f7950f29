//! Questions to the person at the terminal. Ctrl-C at a question ends the program with 130.

use std::io::{self, BufRead, IsTerminal, Write};

use dirigent_protocol::fault::{Code, Fault};

/// Whether a person can be asked: both ways lead to a terminal.
#[must_use]
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for a line. None at the end of input.
///
/// # Errors
/// The terminal cannot be read.
pub async fn line(question: &str) -> Result<Option<String>, Fault> {
    let question = question.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let mut stderr = io::stderr().lock();
        write!(stderr, "{question}")?;
        stderr.flush()?;
        drop(stderr);
        // What was typed or pasted before the question was shown is no answer to it.
        let _flushed = rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush);
        let mut text = String::new();
        let length = io::stdin().lock().read_line(&mut text)?;
        Ok((length > 0).then(|| text.trim().to_owned()))
    });
    match read.await {
        Ok(Ok(line)) => Ok(line),
        Ok(Err(error)) => Err(super::faults::io("cannot read the answer", "terminal", &error)),
        Err(_) => Err(Fault::new(Code::Internal, "the question was not asked")),
    }
}

/// Asks a question whose default is no.
///
/// # Errors
/// The terminal cannot be read.
pub async fn yes(question: &str) -> Result<bool, Fault> {
    let answer = line(&format!("{question} [y/N] ")).await?;
    Ok(matches!(answer.as_deref(), Some("y" | "Y" | "yes" | "Yes")))
}

/// Asks for a word to be typed.
///
/// # Errors
/// The terminal cannot be read.
pub async fn word(question: &str, word: &str) -> Result<bool, Fault> {
    let answer = line(&format!("{question} Type `{word}` to go on: ")).await?;
    Ok(answer.as_deref() == Some(word))
}
