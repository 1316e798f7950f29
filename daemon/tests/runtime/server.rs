//! A loopback HTTP server that counts: what came, under which key, and how it was answered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// How to answer the nth request of a path, from 1.
#[derive(Clone)]
pub(crate) enum Reply {
    Json(u16, &'static str),
    /// With these header lines.
    With(u16, &'static str, String),
    /// By the request's key.
    Keyed(fn(&str) -> String),
    /// Close without an answer.
    Cut,
    /// Never answer.
    Hang,
}

pub(crate) type Script = Arc<dyn Fn(&str, usize) -> Reply + Send + Sync>;

/// The server and what it saw.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) port: u16,
    seen: Arc<Mutex<BTreeMap<String, Vec<String>>>>,
    came: Arc<Notify>,
}

impl Server {
    pub(crate) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self {
            port,
            seen: Arc::default(),
            came: Arc::default(),
        };
        let serving = server.clone();
        spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (server, script) = (serving.clone(), script.clone());
                spawn(async move { server.serve(stream, script).await });
            }
        });
        server
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Keys of the requests of a path, in order.
    pub(crate) fn keys(&self, path: &str) -> Vec<String> {
        self.seen.lock().unwrap().get(path).cloned().unwrap_or_default()
    }

    /// Waits until a path had this many requests.
    pub(crate) async fn until(&self, path: &str, count: usize) {
        let waiting = async {
            loop {
                let came = self.came.notified();
                tokio::pin!(came);
                came.as_mut().enable();
                if self.keys(path).len() >= count {
                    return;
                }
                came.await;
            }
        };
        tokio::time::timeout(crate::bed::PATIENCE, waiting)
            .await
            .expect("requests come");
    }

    async fn serve(&self, mut stream: TcpStream, script: Script) {
        loop {
            let Some((path, key)) = read_request(&mut stream).await else {
                return;
            };
            let count = {
                let mut seen = self.seen.lock().unwrap();
                let keys = seen.entry(path.clone()).or_default();
                keys.push(key.clone());
                keys.len()
            };
            self.came.notify_waiters();
            let (status, body, headers) = match script(&path, count) {
                Reply::Json(status, body) => (status, body.to_owned(), String::new()),
                Reply::With(status, body, headers) => (status, body.to_owned(), headers),
                Reply::Keyed(answer) => (200, answer(&key), String::new()),
                Reply::Cut => return,
                Reply::Hang => std::future::pending().await,
            };
            let answer = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n{body}",
                body.len()
            );
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let field = |name: &str| {
        let line = head
            .lines()
            .find(|line| line.to_ascii_lowercase().starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let length: usize = field("content-length")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let path = head.split_whitespace().nth(1)?.to_owned();
    Some((path, field("idempotency-key").unwrap_or_default()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test's own tasks end with its runtime"
)]
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(task));
}
