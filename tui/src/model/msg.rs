//! Everything that can reach the client's one loop: keys, signals, time, and news from the daemon.

use std::time::Duration;

use crossterm::event::{KeyEvent, MouseEvent};
use dirigent_protocol::entity::{Document, Kind};
use dirigent_protocol::fault::Fault;
use dirigent_protocol::graph::Graph;
use dirigent_protocol::hello::Welcome;
use dirigent_protocol::id::{EntityId, RunId};
use dirigent_protocol::query::{DaemonStatus, Query, QueryReply};
use dirigent_protocol::run::RunEvent;
use dirigent_protocol::watch::StreamChunk;
use jiff::Timestamp;

/// Now, twice: for people and for measuring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// The wall clock.
    pub wall: Timestamp,
    /// Since the client started; never jumps.
    pub mono: Duration,
}

/// One message to the loop.
#[derive(Debug)]
pub enum Msg {
    /// A key was pressed.
    Key(KeyEvent),
    /// A text was pasted; it never triggers keys.
    Paste(String),
    /// The mouse was used; it reports only while it is switched on.
    Mouse(MouseEvent),
    /// The terminal has read everything that was sent before it was asked.
    Answer,
    /// The terminal has this many columns and rows now.
    Resize(u16, u16),
    /// The terminal window gained or lost the focus.
    Focus(bool),
    /// The operating system wants something.
    Signal(Signal),
    /// The terminal's input ended or failed.
    InputLost,
    /// News of the daemon.
    News(News),
}

/// What the operating system wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// End, with this signal's number.
    End(i32),
    /// Give the terminal back and stop.
    Stop,
    /// Back from a stop: draw anew.
    Continue,
}

/// A wish whose outcome its page waits for; of each the newest counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wish {
    /// Try an agent out: a run of its own.
    Try(String),
    /// Begin a conversation with an agent.
    Talk(String),
    /// Tell a conversation something.
    Tell(RunId),
}

/// What the link reports, in the order it happened.
#[derive(Debug)]
pub enum News {
    /// A connection is being made; the number of tries so far.
    Connecting {
        /// From 1.
        attempt: u32,
    },
    /// The handshake is done; what is shown stays stale until a snapshot comes.
    Connected(Box<Welcome>),
    /// The connection is gone; the mirror stays and is marked.
    Disconnected {
        /// Why, in words for people.
        fault: Box<Fault>,
        /// When the next try comes, unless the link gave up.
        retry_at: Option<Timestamp>,
    },
    /// The whole world; replaces the mirror. From here on it is live.
    Snapshot(Vec<Document>),
    /// Documents that are new or changed.
    Changed(Vec<Document>),
    /// Documents that stopped being visible.
    Gone(Vec<(Kind, EntityId)>),
    /// Health of the daemon, for the dashboard.
    Health(Box<DaemonStatus>),
    /// Events of a followed run, in order, gapless after what came before; `restart` means from the first one.
    RunEvents {
        /// The run.
        run: RunId,
        /// Throw away what was there.
        restart: bool,
        /// Its next events.
        events: Vec<RunEvent>,
    },
    /// The graph of the version a followed run pinned.
    Graph {
        /// The run.
        run: RunId,
        /// Its graph.
        graph: Box<Graph>,
    },
    /// Live text of a followed run's model calls and commands, in order.
    Stream {
        /// The run.
        run: RunId,
        /// Its next chunks.
        chunks: Vec<StreamChunk>,
        /// Chunks that were dropped before them.
        lost: u64,
    },
    /// A page's question was answered, or was not.
    Looked {
        /// Who wanted to know what.
        topic: &'static str,
        /// The question.
        query: Box<Query>,
        /// What the daemon said.
        result: Result<Box<QueryReply>, Box<Fault>>,
    },
    /// A decision arrived at the daemon, or did not.
    Decided {
        /// The approval it was about.
        approval: EntityId,
        /// What the daemon said.
        result: Result<(), Box<Fault>>,
    },
    /// A signed link was made.
    Linked {
        /// The approval it answers.
        approval: EntityId,
        /// The link.
        link: String,
    },
    /// What became of a wish that a page waits for.
    Granted {
        /// What was wished for.
        wish: Wish,
        /// The run it is about, or why it is not so.
        result: Result<RunId, Box<Fault>>,
    },
    /// Another command was done, or was not: words for the status line.
    Done {
        /// What was asked (`cancel run 8f20`).
        what: String,
        /// What the daemon said.
        result: Result<(), Box<Fault>>,
    },
}
