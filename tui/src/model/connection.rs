//! How fresh the mirror is.

use dirigent_protocol::fault::Fault;
use dirigent_protocol::hello::Welcome;
use jiff::Timestamp;

/// State of the line to the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Link {
    /// No answer yet.
    #[default]
    Connecting,
    /// Connected; what is shown is from before.
    Stale,
    /// What is shown is so.
    Live,
    /// Nobody there.
    Down {
        /// Since when.
        since: Timestamp,
        /// Why.
        fault: Fault,
        /// When the next try comes.
        retry_at: Option<Timestamp>,
    },
}

/// The line to the daemon and who answers.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// Its state.
    pub link: Link,
    /// Tries since it was last up.
    pub attempt: u32,
    /// What the daemon said of itself, once it did.
    pub welcome: Option<Welcome>,
}

impl Connection {
    /// Nobody is there any more; since when is said of the first time.
    pub fn lost(&mut self, fault: Fault, retry_at: Option<Timestamp>, now: Timestamp) {
        let since = match self.link {
            Link::Down { since, .. } => since,
            Link::Connecting | Link::Stale | Link::Live => now,
        };
        self.link = Link::Down {
            since,
            fault,
            retry_at,
        };
    }

    /// Sign and word for the first line.
    #[must_use]
    pub const fn label(&self) -> (&'static str, &'static str) {
        match self.link {
            Link::Connecting => ("◌", "connecting"),
            Link::Stale => ("◌", "stale"),
            Link::Live => ("●", "live"),
            Link::Down { .. } => ("✗", "disconnected"),
        }
    }

    /// Whether a command can be sent and what is shown is so.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self.link, Link::Live)
    }

    /// Who one is, for the first line.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.welcome.as_ref().map(|welcome| welcome.subject.name.as_str())
    }
}
