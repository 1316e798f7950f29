//! A scripted HTTP/1.1 server on loopback, with its hand on every byte: it can cut, hang, split and pause.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use serde_json::Value;

/// What the server does on a connection, after it has read the request.
#[derive(Clone)]
pub(crate) enum Step {
    /// Sends bytes as they are.
    Send(Vec<u8>),
    /// Sends a status line and headers of a chunked answer.
    Head(u16, &'static str),
    /// Sends bytes as one chunk.
    Chunk(Vec<u8>),
    /// Ends a chunked answer properly.
    End,
    /// Waits until the client hangs up.
    Hang,
    /// Waits a while, or until the client hangs up.
    Pause(Duration),
}

/// A request as it came in.
pub(crate) struct Received {
    pub(crate) path: String,
    pub(crate) headers: String,
    pub(crate) body: Value,
}

/// What the server saw.
pub(crate) enum Seen {
    Request(Received),
    /// The client hung up while the server had more to do.
    HungUp,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Receiver<Seen>,
}

impl Server {
    /// Serves one script a connection, in order; further connections are closed at once.
    pub(crate) fn start(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let address = listener.local_addr().expect("bound");
        let (tell, seen) = channel();
        std::thread::spawn(move || {
            for script in scripts {
                let Ok((stream, _)) = listener.accept() else {
                    return;
                };
                serve(stream, script, &tell);
            }
        });
        Self { address, seen }
    }

    /// The next thing the server saw.
    pub(crate) fn seen(&self) -> Seen {
        self.seen
            .recv_timeout(Duration::from_secs(20))
            .expect("the server saw nothing in 20 s")
    }

    pub(crate) fn request(&self) -> Received {
        match self.seen() {
            Seen::Request(received) => received,
            Seen::HungUp => panic!("the client hung up where a request was expected"),
        }
    }

    pub(crate) fn saw_nothing(&self) -> bool {
        self.seen.try_recv().is_err()
    }
}

/// A plain answer with a length.
pub(crate) fn plain(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Vec<Step> {
    let body = body.as_ref();
    let mut bytes = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    vec![Step::Send(bytes)]
}

/// A proper event stream of these pieces of bytes.
pub(crate) fn events(pieces: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Vec<Step> {
    let mut steps = open_events(pieces);
    steps.push(Step::End);
    steps
}

/// An event stream that is not ended.
pub(crate) fn open_events(pieces: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Vec<Step> {
    let mut steps = vec![Step::Head(
        200,
        "content-type: text/event-stream\r\nx-request-id: req-1\r\n",
    )];
    steps.extend(pieces.into_iter().map(|piece| Step::Chunk(piece.into())));
    steps
}

fn serve(mut stream: TcpStream, script: Vec<Step>, tell: &Sender<Seen>) {
    let Some(received) = read_request(&mut stream) else {
        return;
    };
    drop(tell.send(Seen::Request(received)));
    for step in script {
        if perform(&mut stream, step).is_err() {
            drop(tell.send(Seen::HungUp));
            return;
        }
    }
}

fn perform(stream: &mut TcpStream, step: Step) -> std::io::Result<()> {
    match step {
        Step::Send(bytes) => stream.write_all(&bytes),
        Step::Head(status, headers) => {
            write!(
                stream,
                "HTTP/1.1 {status} X\r\ntransfer-encoding: chunked\r\nconnection: close\r\n{headers}\r\n"
            )
        }
        Step::Chunk(bytes) => {
            let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
            chunk.extend_from_slice(&bytes);
            chunk.extend_from_slice(b"\r\n");
            stream.write_all(&chunk)
        }
        Step::End => stream.write_all(b"0\r\n\r\n"),
        Step::Hang => wait(stream, Duration::from_secs(20)),
        Step::Pause(time) => wait(stream, time),
    }
}

/// Waits by reading: ends early, with an error, when the client hangs up.
fn wait(stream: &mut TcpStream, time: Duration) -> std::io::Result<()> {
    stream.set_read_timeout(Some(time))?;
    match stream.read(&mut [0; 1]) {
        Ok(_) => Err(ErrorKind::ConnectionAborted.into()),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(()),
        Err(error) => Err(error),
    }
}

fn read_request(stream: &mut TcpStream) -> Option<Received> {
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let headers = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = headers
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if bytes.len() >= end + 4 + length.unwrap_or(0) {
                let path = String::from_utf8_lossy(&bytes[..end])
                    .split(' ')
                    .nth(1)?
                    .to_owned();
                let body = serde_json::from_slice(&bytes[end + 4..]).unwrap_or(Value::Null);
                return Some(Received { path, headers, body });
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(n) => bytes.extend_from_slice(&buffer[..n]),
        }
    }
}
