//! One suite for every dialect: real requests to scripted servers on loopback.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot set its stage must fail loudly"
)]

mod answers;
mod endings;
mod limits;
mod quirks;
mod refusals;
mod script;
mod server;
mod tools;
mod waits;

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dirigent_providers::{
    CancelSignal, ChatReply, ChatRequest, Message, ModelClient, ModelError, ProviderSettings, Role,
    TokenSink, dialect,
};

pub(crate) const KEY: &str = "sk-test-0123456789abcdef";

/// A client with a key in a private file.
pub(crate) struct Rig {
    pub(crate) client: Arc<dyn ModelClient>,
    _keys: tempfile::TempDir,
}

pub(crate) fn rig(dialect_name: &str, address: SocketAddr) -> Rig {
    rig_with(dialect_name, address, |_| {})
}

pub(crate) fn rig_with(
    dialect_name: &str,
    address: SocketAddr,
    adjust: impl Fn(&mut ProviderSettings),
) -> Rig {
    let keys = tempfile::tempdir().expect("tempdir");
    let mut settings = ProviderSettings::new("test", dialect_name, &format!("http://{address}/v1"));
    settings.key_file = Some(key_file(keys.path()));
    adjust(&mut settings);
    let dialect = dialect::find(dialect_name).expect("listed");
    Rig {
        client: (dialect.open)(&settings).expect("opens"),
        _keys: keys,
    }
}

fn key_file(dir: &std::path::Path) -> PathBuf {
    use std::os::unix::fs::OpenOptionsExt as _;
    let path = dir.join("key");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .expect("create");
    std::io::Write::write_all(&mut file, KEY.as_bytes()).expect("write");
    path
}

pub(crate) fn hello() -> ChatRequest {
    let messages = vec![
        Message::text(Role::System, "Be brief."),
        Message::text(Role::User, "Say hello."),
    ];
    let mut request = ChatRequest::new("tiny", messages);
    request.idempotency_key = Some("run-1/step-2/1".into());
    // Short enough that a test of a hang ends, long enough for a loaded machine.
    request.timeouts.first_byte = Duration::from_secs(10);
    request.timeouts.silence = Duration::from_secs(10);
    request
}

/// Keeps every piece.
#[derive(Default)]
pub(crate) struct Pieces(pub(crate) Mutex<Vec<String>>);

impl TokenSink for Pieces {
    fn text(&self, piece: &str) {
        self.0.lock().expect("lock").push(piece.to_owned());
    }
}

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("runtime");
    runtime.block_on(future)
}

impl Rig {
    pub(crate) fn ask(&self, request: ChatRequest) -> Result<ChatReply, ModelError> {
        run(self.client.chat(request, &(), CancelSignal::new()))
    }

    /// Asks where a refusal is expected; whatever comes must not hold the key.
    pub(crate) fn refused(&self, request: ChatRequest) -> ModelError {
        let error = self.ask(request).expect_err("must fail");
        let shown = format!("{error} {error:?} {}", error.help());
        assert!(
            !shown.contains(KEY) && !shown.contains("0123456789"),
            "the key is in the error: {shown}"
        );
        error
    }
}
