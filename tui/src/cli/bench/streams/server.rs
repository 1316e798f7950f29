//! A server that speaks as OpenAI's chat completions do, on a thread of its own: so many answers at once, a token every
//! so often, each with the moment it was written.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use dirigent_protocol::fault::Fault;
use futures::{FutureExt as _, StreamExt as _};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::cli::faults::io;

/// Longest head and body of a request, bytes.
const MAX_REQUEST: usize = 64 * 1024;
const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

/// The server; its thread ends with the process.
pub(super) struct Server {
    address: SocketAddr,
    script: Arc<Script>,
}

struct Script {
    each: usize,
    pause: Duration,
    speakers: AtomicUsize,
    /// Nobody speaks before somebody listens.
    listened: Semaphore,
    /// When a token was written, by speaker and number.
    written: Vec<Vec<OnceLock<Instant>>>,
}

impl Server {
    /// Starts one for so many speakers of so many tokens each.
    ///
    /// # Errors
    /// Loopback cannot be bound, or the system gives no thread.
    pub(super) fn start(speakers: usize, each: usize, pause: Duration) -> Result<Self, Fault> {
        let wrong = |error: std::io::Error| io("cannot serve a model on", "loopback", &error);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(wrong)?;
        listener.set_nonblocking(true).map_err(wrong)?;
        let address = listener.local_addr().map_err(wrong)?;
        let script = Arc::new(Script {
            each,
            pause,
            speakers: AtomicUsize::new(0),
            listened: Semaphore::new(0),
            written: (0..speakers)
                .map(|_| (0..each).map(|_| OnceLock::new()).collect())
                .collect(),
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let (runtime, mine) = (runtime.map_err(wrong)?, Arc::clone(&script));
        let serve = move || {
            runtime.block_on(async move {
                let Ok(listener) = TcpListener::from_std(listener) else {
                    return;
                };
                let callers = futures::stream::unfold(listener, async |listener| {
                    let (caller, _) = listener.accept().await.ok()?;
                    Some((caller, listener))
                });
                let answer = |caller| speak(caller, Arc::clone(&mine)).map(drop);
                callers.for_each_concurrent(None, answer).await;
            });
        };
        std::thread::Builder::new()
            .name("speakers".into())
            .spawn(serve)
            .map_err(wrong)?;
        Ok(Self { address, script })
    }

    /// `127.0.0.1:PORT`
    pub(super) fn place(&self) -> String {
        self.address.to_string()
    }

    /// Lets everybody speak.
    pub(super) fn go(&self) {
        self.script.listened.add_permits(self.script.written.len());
    }

    /// When a token was written: `speaker.number`.
    pub(super) fn written(&self, token: &str) -> Option<Instant> {
        let (speaker, number) = token.split_once('.')?;
        let of = self.script.written.get(speaker.parse::<usize>().ok()?)?;
        of.get(number.parse::<usize>().ok()?)?.get().copied()
    }
}

/// One answer. A connection that breaks shows in the tokens that do not arrive.
async fn speak(mut stream: TcpStream, script: Arc<Script>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    read_request(&mut stream).await?;
    let speaker = script.speakers.fetch_add(1, Ordering::Relaxed);
    let Some(written) = script.written.get(speaker) else {
        return Ok(());
    };
    stream.write_all(HEAD.as_bytes()).await?;
    let Ok(permit) = script.listened.acquire().await else {
        return Ok(());
    };
    permit.forget();
    // Not all at the same moment.
    tokio::time::sleep(script.pause * speaker as u32 / script.written.len() as u32).await;
    let mut tick = tokio::time::interval(script.pause);
    for (number, moment) in written.iter().enumerate().take(script.each) {
        tick.tick().await;
        let delta = json!({ "content": format!("{speaker}.{number} ") });
        let text = chunk(&json!([{ "index": 0, "delta": delta, "finish_reason": null }]));
        // Written when it is given away, not when it is taken.
        let _first = moment.set(Instant::now());
        stream.write_all(text.as_bytes()).await?;
    }
    let end = chunk(&json!([{ "index": 0, "delta": {}, "finish_reason": "stop" }]));
    stream.write_all(end.as_bytes()).await?;
    stream.write_all(b"data: [DONE]\n\n").await?;
    stream.shutdown().await
}

fn chunk(choices: &serde_json::Value) -> String {
    format!(
        "data: {}\n\n",
        json!({ "id": "s", "model": "speaker", "choices": choices })
    )
}

/// Reads a request to the end of its body.
async fn read_request(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4_096];
        let read = stream.read(&mut part).await?;
        bytes.extend_from_slice(part.get(..read).unwrap_or_default());
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if read == 0 || bytes.len() > MAX_REQUEST {
                return Err(std::io::ErrorKind::InvalidData.into());
            }
            continue;
        };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        if body.len() >= length || read == 0 || bytes.len() > MAX_REQUEST {
            return Ok(());
        }
    }
}
