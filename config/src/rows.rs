//! The explicit list of every key: one row each. `*` stands for any name.
//!
//! Adding a key: a row here, a field in `daemon.rs` or `client.rs`, a commented line in the default file; a test
//! fails until all three are there.

pub use crate::shape::Shape;

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Dotted path.
    pub key: &'static str,
    /// What it may be.
    pub shape: Shape,
}

const fn row(key: &'static str, shape: Shape) -> Row {
    Row { key, shape }
}

const fn integer(min: u64, max: u64) -> Shape {
    Shape::Integer { min, max }
}

/// Wire dialects a provider may name: those of the providers, in their order (a test of the daemon holds the two together).
pub const DIALECTS: &[&str] = &[
    "openai_chat",
    "openai_responses",
    "anthropic_messages",
    "gemini_generate_content",
];
/// A thousand dollars a token: any price above is a slip.
const MAX_PRICE: u64 = 1_000_000_000_000_000;

/// Keys of `daemon.toml`.
pub const DAEMON: &[Row] = &[
    row("run.shell", Shape::OneOf(&["allow", "deny"])),
    row("run.sandbox", Shape::OneOf(&["host", "online", "build", "pure"])),
    row(
        "run.agent_sandbox",
        Shape::OneOf(&["host", "online", "build", "pure"]),
    ),
    row("run.sandbox_walls", Shape::OneOf(&["found", "required", "none"])),
    row("run.max_output_bytes", integer(1_024, 64 * 1_048_576)),
    row("run.max_crashes", integer(1, 1_000_000)),
    row("run.max_running", integer(0, 1_000_000)),
    row("run.max_queued", integer(0, 10_000_000)),
    row("run.concurrency.total", integer(1, 10_000)),
    row("run.concurrency.agent", integer(1, 10_000)),
    row("run.concurrency.http", integer(1, 10_000)),
    row("run.concurrency.shell", integer(1, 10_000)),
    row("egress.allow", Shape::List(&Shape::HostPort)),
    row("store.cache_mib", integer(8, 65_536)),
    row("store.segment_mib", integer(1, 1_024)),
    row("store.min_free_mib", integer(0, 1_048_576)),
    row("store.min_free_percent", integer(0, 50)),
    row("store.min_free_step_mib", integer(0, 1_048_576)),
    row("models.default", Shape::Model),
    row("models.aliases.*", Shape::Model),
    row("providers.*.dialect", Shape::OneOf(DIALECTS)),
    row("providers.*.base_url", Shape::Url),
    row("providers.*.key_env", Shape::EnvName),
    row("providers.*.key_file", Shape::Text),
    row("providers.*.models", Shape::List(&Shape::Text)),
    row("providers.*.connect_timeout", Shape::Duration),
    row("prices.*.input", integer(0, MAX_PRICE)),
    row("prices.*.cached", integer(0, MAX_PRICE)),
    row("prices.*.cache_write", integer(0, MAX_PRICE)),
    row("prices.*.output", integer(0, MAX_PRICE)),
    row("rehearsal.token_delay_ms", integer(0, 1_000)),
    row("approvals.default_expiry", Shape::Duration),
    row("approvals.self_approval", Shape::OneOf(&["allow", "deny"])),
    row("retention.runs_days", integer(0, 36_500)),
    row("retention.newest", integer(0, 100_000)),
    row(
        "log.level",
        Shape::OneOf(&["error", "warn", "info", "debug", "trace"]),
    ),
    row("log.format", Shape::OneOf(&["auto", "text", "json"])),
    row("socket.path", Shape::Text),
    row("socket.max_connections", integer(1, 65_536)),
    row("socket.max_connections_per_user", integer(1, 65_536)),
    row("serve.listen", Shape::LoopbackOrNothing),
    row("serve.url", Shape::UrlOrNothing),
];

/// Keys of `tui.toml`.
pub const CLIENT: &[Row] = &[
    row("screen.theme", Shape::OneOf(&["terminal", "blue_orange", "mono"])),
    row("screen.background", Shape::OneOf(&["auto", "dark", "light"])),
    row("screen.mouse", Shape::OneOf(&["auto", "on", "off"])),
    row("screen.tmux_passthrough", Shape::Bool),
    row("screen.ascii", Shape::OneOf(&["auto", "always", "never"])),
    row("screen.time", Shape::OneOf(&["local", "utc"])),
    row("confirm.guard_ms", integer(0, 10_000)),
    row("keymap.*", Shape::Text),
];

/// What a path is in a list of rows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Known {
    /// A key with a value.
    Key(Shape),
    /// A table with keys below it.
    Table,
    /// Neither.
    No,
}

/// Looks a path up.
pub(crate) fn find(rows: &[Row], path: &[String]) -> Known {
    let mut known = Known::No;
    for row in rows {
        let mut pattern = row.key.split('.');
        let matches = path
            .iter()
            .all(|name| pattern.next().is_some_and(|p| p == "*" || p == name));
        match (matches, pattern.next()) {
            (true, None) => return Known::Key(row.shape),
            (true, Some(_)) => known = Known::Table,
            (false, _) => {}
        }
    }
    known
}

/// The names that may stand in the table at `path`; a `*` names none.
pub(crate) fn names_below(rows: &[Row], path: &[String]) -> Vec<&'static str> {
    let mut names = Vec::new();
    for row in rows {
        let mut pattern = row.key.split('.');
        let inside = path
            .iter()
            .all(|name| pattern.next().is_some_and(|p| p == "*" || p == name));
        if let (true, Some(name)) = (inside, pattern.next())
            && name != "*"
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}
