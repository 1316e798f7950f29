//! Word of what became of a delivery. Dropped without word, it was not taken in, and is made again.

use tokio::sync::mpsc::UnboundedSender;

/// Whether what was handed over is durable where it went, by the commit it came with.
pub(crate) type Word = (u64, bool);

/// See the module header.
pub(crate) struct Ack {
    commit: u64,
    to: Option<UnboundedSender<Word>>,
}

impl Ack {
    pub(crate) fn new(commit: u64, to: UnboundedSender<Word>) -> Self {
        Self { commit, to: Some(to) }
    }

    /// It is durable, or it does not matter any more.
    pub(crate) fn done(mut self) {
        self.say(true);
    }

    fn say(&mut self, done: bool) {
        if let Some(to) = self.to.take()
            && to.send((self.commit, done)).is_err()
        {
            tracing::debug!("the daemon stops; the next one delivers again");
        }
    }
}

impl Drop for Ack {
    fn drop(&mut self) {
        self.say(false);
    }
}
