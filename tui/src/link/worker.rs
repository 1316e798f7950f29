//! The link's thread: connects, reports news, carries out wishes, connects again.
//!
//! Invariant: news come in the order they happened, a snapshot first on every connection.

use std::collections::BTreeMap;
use std::io;
use std::thread::JoinHandle;
use std::time::Duration;

use dirigent_protocol::fault::{Code, Fault};
use dirigent_protocol::id::RunId;
use dirigent_protocol::watch::{Cursor, WatchPage};
use dirigent_rpc::{CallError, Connection};
use futures::StreamExt;
use futures::future::{LocalBoxFuture, OptionFuture};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::connect::connect;
use super::follow::Follow;
use super::launch::{Started, ready};
use super::outgoing::Queue;
use super::session::{Heard, Session};
use super::settings::Settings;
use super::target::Target;
use crate::clock::Clock;
use crate::model::{LinkCmd, News};

/// First pause before another try; doubles up to [`LONGEST`].
const FIRST: Duration = Duration::from_millis(100);
/// Longest pause between two tries: somebody is looking at the screen.
const LONGEST: Duration = Duration::from_secs(1);
/// The same over ssh, where a try costs both sides more; and where it was refused, so that nobody is locked out.
const LONGEST_SSH: Duration = Duration::from_secs(10);
const REFUSED_SSH: Duration = Duration::from_secs(30);

/// The way to the link's thread. Dropping it ends the link.
#[derive(Debug)]
pub struct LinkHandle {
    wishes: UnboundedSender<LinkCmd>,
    thread: Option<JoinHandle<Option<u32>>>,
}

impl LinkHandle {
    /// Asks the link for something; the answer comes as news.
    pub fn send(&self, wish: LinkCmd) {
        // A link that ended has nothing to do for anybody.
        drop(self.wishes.send(wish));
    }

    /// Ends the link: what was asked before is still sent. Waits for its thread; tells the process id of a daemon
    /// that the link has started.
    pub fn close(mut self) -> Option<u32> {
        self.send(LinkCmd::Close);
        self.thread.take()?.join().ok()?
    }
}

/// Starts the link on a thread of its own. `report` gets the news and says whether anybody still listens.
///
/// # Errors
/// The system gives no thread.
pub fn spawn(
    settings: Settings,
    report: impl FnMut(News) -> bool + Send + 'static,
) -> io::Result<LinkHandle> {
    let runtime = match settings.first.runtime() {
        Some(runtime) => runtime,
        None => super::settings::runtime()?,
    };
    let (wishes, inbox) = unbounded_channel();
    let thread = std::thread::Builder::new().name("link".into()).spawn(move || {
        let mut worker = Worker {
            settings,
            inbox,
            report: Box::new(report),
            clock: Clock::start(),
            queue: Queue::default(),
            follows: BTreeMap::new(),
            wishes: 0,
            daemon: None,
            resuming: true,
            started: None,
        };
        // Ended is ended, whichever side wanted it.
        let (Ok(()) | Err(Closed)) = runtime.block_on(worker.run());
        worker.started.map(|started| started.child.id())
    })?;
    Ok(LinkHandle {
        wishes,
        thread: Some(thread),
    })
}

/// Nobody needs the link any more.
pub(super) struct Closed;

/// Why a connection is over.
pub(super) enum Over {
    /// Wanted.
    Closed,
    /// Not wanted.
    Broken(Fault),
}

impl From<Closed> for Over {
    fn from(Closed: Closed) -> Self {
        Self::Closed
    }
}

/// What the link knows from one connection to the next.
pub(super) struct Worker {
    settings: Settings,
    inbox: UnboundedReceiver<LinkCmd>,
    report: Box<dyn FnMut(News) -> bool + Send>,
    clock: Clock,
    /// Commands without an answer.
    pub(super) queue: Queue,
    /// Followed runs.
    pub(super) follows: BTreeMap<RunId, Follow>,
    /// Wishes to follow a run so far.
    wishes: u64,
    /// Process id of the daemon that was met last: numbers of live text belong to one life of it.
    pub(super) daemon: Option<u32>,
    /// Followed runs go on as soon as it is known which daemon this is.
    pub(super) resuming: bool,
    started: Option<Started>,
}

impl Worker {
    /// Reports.
    pub(super) fn tell(&mut self, news: News) -> Result<(), Closed> {
        if (self.report)(news) { Ok(()) } else { Err(Closed) }
    }

    async fn run(&mut self) -> Result<(), Closed> {
        let mut attempt = 0;
        let mut pause = FIRST;
        let mut may_start = true;
        loop {
            attempt += 1;
            self.tell(News::Connecting { attempt })?;
            let fault = match self.open(may_start).await {
                Ok(connection) => {
                    (attempt, pause) = (0, FIRST);
                    match self.serve(connection).await {
                        Over::Closed => return Ok(()),
                        Over::Broken(fault) => fault,
                    }
                }
                Err(fault) => fault,
            };
            let longest = match &self.settings.target {
                Target::Socket(_) => LONGEST,
                Target::Ssh(_) if fault.code == Code::NotPermitted => {
                    pause = REFUSED_SSH;
                    REFUSED_SSH
                }
                Target::Ssh(_) => LONGEST_SSH,
            };
            self.tell(News::Disconnected {
                fault: Box::new(fault),
                retry_at: self.clock.now().wall.checked_add(pause).ok(),
            })?;
            // A person who asks for the daemon may have it started again.
            may_start = self.rest(pause).await?;
            pause = (pause * 2).min(longest);
        }
    }

    async fn open(&mut self, may_start: bool) -> Result<Connection, Fault> {
        let Settings {
            target,
            client,
            launch,
            first,
        } = &self.settings;
        if let Some(connection) = first.take() {
            return Ok(connection);
        }
        let launch = match (connect(target, client).await, launch) {
            (Err(fault), Some(launch)) if may_start && fault.code == Code::Unreachable => launch,
            (result, _) => return result,
        };
        let started = self.started.insert(launch.start()?);
        let connection = ready(started, target, client).await?;
        let what = format!(
            "started a private daemon, process {}; it goes on when you quit",
            started.child.id()
        );
        // Whether anybody listens shows with the next news.
        let _heard = self.tell(News::Done { what, result: Ok(()) });
        Ok(connection)
    }

    /// Waits, taking wishes meanwhile; true when a person asked for another try.
    async fn rest(&mut self, pause: Duration) -> Result<bool, Closed> {
        let until = tokio::time::Instant::now() + pause;
        while let Ok(wish) = tokio::time::timeout_at(until, self.inbox.recv()).await {
            match wish {
                None | Some(LinkCmd::Close) => return Err(Closed),
                Some(LinkCmd::Reconnect) => return Ok(true),
                Some(wish) => self.note(wish, None)?,
            }
        }
        Ok(false)
    }

    /// Takes a wish; acts on it at once where there is a connection.
    fn note(&mut self, wish: LinkCmd, session: Option<&Session>) -> Result<(), Closed> {
        match wish {
            LinkCmd::Follow(run) => {
                self.wishes += 1;
                let follow = self.follows.entry(run).or_default();
                // From the first event again: whoever asks has nothing yet.
                *follow = Follow::of(self.wishes);
                if let Some(session) = session
                    && !self.resuming
                {
                    session.begin(run, follow);
                }
            }
            LinkCmd::Unfollow(run) => drop(self.follows.remove(&run)),
            LinkCmd::Look { topic, query } => match session {
                Some(session) => session.look(topic, query),
                None => self.tell(News::Looked {
                    topic,
                    query,
                    result: Err(Box::new(Fault::new(Code::Unreachable, "not connected"))),
                })?,
            },
            wish => match self.queue.add(wish) {
                Ok(Some(outgoing)) => {
                    if let Some(session) = session {
                        session.send(&outgoing, None);
                    }
                }
                Ok(None) => {}
                Err(news) => self.tell(*news)?,
            },
        }
        Ok(())
    }

    async fn serve(&mut self, connection: Connection) -> Over {
        match self.talk(connection).await {
            Ok(()) => Over::Closed,
            Err(over) => over,
        }
    }

    async fn talk(&mut self, connection: Connection) -> Result<(), Over> {
        self.tell(News::Connected(Box::new(connection.welcome().clone())))?;
        let mut session = Session::new(connection);
        self.resuming = true;
        session.health(true);
        session.snapshot();
        self.queue
            .waiting()
            .for_each(|outgoing| session.send(outgoing, None));
        let mut cursor: Option<Cursor> = None;
        let mut poll: Option<LocalBoxFuture<'static, Result<WatchPage, CallError>>> = None;
        loop {
            tokio::select! {
                wish = self.inbox.recv() => match wish {
                    None | Some(LinkCmd::Close) => return self.drain(&mut session).await,
                    Some(LinkCmd::Reconnect) => {}
                    Some(wish) => {
                        let narrows = matches!(wish, LinkCmd::Follow(_) | LinkCmd::Unfollow(_));
                        self.note(wish, Some(&session))?;
                        if narrows {
                            poll = None;
                        }
                    }
                },
                Some(heard) = session.asked.next() => {
                    if let Some(fresh) = self.heard(heard, &session)? {
                        cursor = Some(fresh);
                        poll = None;
                    }
                }
                Some(page) = OptionFuture::from(poll.as_mut()) => {
                    poll = None;
                    cursor = self.watched(page, &session)?;
                }
            }
            if poll.is_none()
                && let Some(cursor) = &cursor
            {
                poll = Some(session.watch(cursor.clone(), self.follows.keys().copied().collect()));
            }
        }
    }

    /// Gives commands that are on their way a moment to be answered.
    async fn drain(&mut self, session: &mut Session) -> Result<(), Over> {
        let answers = async {
            while self.queue.waiting().next().is_some()
                && let Some(heard) = session.asked.next().await
            {
                if let Heard::Answer(request, _) = heard {
                    self.queue.forget(request);
                }
            }
        };
        // Whatever is not answered by now has been sent; the daemon carries it out all the same.
        drop(timeout(Duration::from_secs(2), answers).await);
        Ok(())
    }
}
