//! Taking connections in: how many, from whom, and for how long without a greeting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dirigent_rpc::unix::Peer as SocketPeer;
use dirigent_rpc::{Limits, Trouble};
use tokio::net::UnixStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::listen::Socket;
use super::options::Options;
use crate::door::Peer;
use crate::rpc::{Answers, Caller, House};
use crate::swap::Swap;

/// How long a connection may stay without `hello`.
const GREETING: Duration = Duration::from_secs(10);
/// Pause after an accept that failed (no file descriptors left).
const PAUSE: Duration = Duration::from_millis(100);
/// Least time between two lines about connections that were turned away.
const QUIET: Duration = Duration::from_secs(10);
/// Connections that stay free for the owner when all others are taken.
const OWNERS: usize = 16;

/// How many may come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    /// Together.
    pub(super) all: usize,
    /// Of one user.
    pub(super) user: usize,
    /// The user for whom some stay free.
    pub(super) owner_uid: u32,
}

impl Most {
    /// As the configuration says.
    pub(super) fn of(options: &Options) -> Self {
        let limits = &options.config.socket;
        Self {
            all: limits.max_connections,
            user: limits.max_connections_per_user,
            owner_uid: options.owner_uid,
        }
    }
}

/// Who is there.
#[derive(Debug, Default)]
struct Guests {
    by_user: Mutex<HashMap<u32, usize>>,
    ended: Mutex<Seldom>,
}

impl Guests {
    /// Counts one in, where there is room.
    fn enter(self: &Arc<Self>, uid: u32, most: Most) -> Option<Guest> {
        let mut guests = self.by_user.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = guests.values().sum();
        let own = guests.get(&uid).copied().unwrap_or(0);
        let owner = uid == most.owner_uid;
        let free = if owner {
            all < most.all + OWNERS
        } else {
            all < most.all && own < most.user
        };
        free.then(|| {
            *guests.entry(uid).or_default() += 1;
            Guest {
                uid,
                guests: Arc::clone(self),
            }
        })
    }
}

impl Guests {
    /// Says why a connection was ended, now and then.
    fn tell(&self, uid: u32, trouble: Trouble) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = ended.note() {
            tracing::warn!(uid, count, "a connection was ended: {trouble}");
        }
    }
}

/// One connection, counted out when dropped.
struct Guest {
    uid: u32,
    guests: Arc<Guests>,
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut guests = self.guests.by_user.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = guests.get_mut(&self.uid) {
            *count -= 1;
            if *count == 0 {
                guests.remove(&self.uid);
            }
        }
    }
}

/// Takes connections until told to stop, then removes the socket.
pub(super) async fn accept(
    socket: Socket,
    house: Arc<House>,
    most: Arc<Swap<Most>>,
    stop: CancellationToken,
) {
    let guests = Arc::new(Guests::default());
    let mut away = Seldom::default();
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            accepted = socket.listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            },
        };
        let Ok(peer) = SocketPeer::of(&stream) else {
            continue;
        };
        let Some(guest) = guests.enter(peer.uid, *most.get()) else {
            if let Some(count) = away.note() {
                tracing::warn!(uid = peer.uid, count, "too many connections: turned away");
            }
            continue;
        };
        let tasks = house.tasks.clone();
        tasks.spawn_until_stop(
            "connection",
            serve(stream, Peer { uid: peer.uid }, Arc::clone(&house), guest),
        );
    }
    tracing::debug!(socket = %socket.path().display(), "closed");
}

/// Says now and then what went on: a flood of connections must not become a flood of lines.
#[derive(Debug, Default)]
struct Seldom {
    since: Option<Instant>,
    count: u64,
}

impl Seldom {
    /// Counts; gives how many there were since the last line, when it is time for the next.
    fn note(&mut self) -> Option<u64> {
        self.count += 1;
        if self.since.is_some_and(|since| since.elapsed() <= QUIET) {
            return None;
        }
        self.since = Some(Instant::now());
        Some(std::mem::take(&mut self.count))
    }
}

async fn serve(stream: UnixStream, peer: Peer, house: Arc<House>, guest: Guest) {
    let tasks = house.tasks.clone();
    let answers = Answers::new(house, Caller::Peer(peer));
    let (greeted, trouble) = (answers.greeted(), answers.trouble());
    let calls = dirigent_rpc::serve(stream, answers, Limits::default(), move |call| {
        tasks.spawn_until_stop("call", call);
    });
    let silent = async {
        tokio::time::sleep(GREETING).await;
        if greeted.is_cancelled() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = calls => {}
        () = silent => tracing::info!(uid = peer.uid, "a connection that never greeted is closed"),
    }
    if let Some(trouble) = trouble.get() {
        guest.guests.tell(guest.uid, *trouble);
    }
}
