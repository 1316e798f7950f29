//! The log in the system's journal, by its native protocol: each field of a line is a field of the entry.
//!
//! `run` becomes `DIRIGENT_RUN`, `step` `DIRIGENT_STEP`; the level becomes `PRIORITY`; the message repeats what is short
//! in the fields, so that it reads well on its own. Own code rather than `tracing-journald`: that one leaves the
//! fields, errors among them, out of the message. Invariant: no value can forge a field, whatever it contains.

use std::fmt::Debug;
use std::io;
use std::os::unix::net::UnixDatagram;

use rustix::fs::fstat;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

const SOCKET: &str = "/run/systemd/journal/socket";
const PREFIX: &str = "DIRIGENT_";
/// Longest value, bytes: an entry must fit a datagram.
const LONGEST: usize = 16 << 10;
/// Longest value that the message repeats, bytes.
const REPEATED: usize = 400;

/// Whether standard error goes to the journal: `JOURNAL_STREAM` names its device and inode.
pub(super) fn is_ours() -> bool {
    let named = std::env::var("JOURNAL_STREAM").ok();
    let Ok(stat) = fstat(rustix::stdio::stderr()) else {
        return false;
    };
    named.is_some_and(|named| named == format!("{}:{}", stat.st_dev, stat.st_ino))
}

/// Sends every line to the journal.
pub(super) struct Journal(UnixDatagram);

impl Journal {
    /// Opens the way to it.
    pub(super) fn open() -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(SOCKET)?;
        Ok(Self(socket))
    }
}

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let meta = event.metadata();
        let mut entry = Entry::default();
        event.record(&mut entry);
        let bytes = entry.finish(*meta.level(), meta.target());
        if self.0.send(&bytes).is_err() {
            // The journal restarts, or is gone: standard error still leads there.
            eprintln!("{}: {}", meta.level(), entry.message.escape_debug());
        }
    }
}

/// One entry in the making.
#[derive(Default)]
struct Entry {
    message: String,
    more: String,
    fields: Vec<u8>,
}

impl Entry {
    fn value(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
            return;
        }
        put(&mut self.fields, &journal_name(field.name()), value);
        let shown = cut(value, REPEATED).escape_debug();
        self.more.push_str(&format!(" {}={shown}", field.name()));
    }

    fn finish(&self, level: Level, target: &str) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256 + self.fields.len());
        put(&mut bytes, "PRIORITY", priority(level));
        put(&mut bytes, "MESSAGE", &format!("{}{}", self.message, self.more));
        put(&mut bytes, "SYSLOG_IDENTIFIER", "dirigentd");
        put(&mut bytes, "DIRIGENT_TARGET", target);
        bytes.extend_from_slice(&self.fields);
        bytes
    }
}

impl Visit for Entry {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.value(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.value(field, &format!("{value:?}"));
    }
}

/// syslog's numbers.
fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "3",
        Level::WARN => "4",
        Level::INFO => "6",
        Level::DEBUG | Level::TRACE => "7",
    }
}

fn journal_name(name: &str) -> String {
    let plain = name.chars().map(|c| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    });
    PREFIX.chars().chain(plain).take(64).collect()
}

fn cut(value: &str, most: usize) -> &str {
    let mut end = value.len().min(most);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    &value[..end]
}

/// A field in the form that takes any bytes: name, line feed, length (64 bits, little endian), value, line feed.
fn put(bytes: &mut Vec<u8>, name: &str, value: &str) {
    let value = cut(value, LONGEST);
    bytes.extend_from_slice(name.as_bytes());
    bytes.push(b'\n');
    bytes.extend_from_slice(&(value.len() as u64).to_le_bytes());
    bytes.extend_from_slice(value.as_bytes());
    bytes.push(b'\n');
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    fn told(line: impl FnOnce()) -> Vec<(String, String)> {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        let subscriber = tracing_subscriber::registry().with(Journal(ours));
        tracing::subscriber::with_default(subscriber, line);
        let mut bytes = vec![0; 1 << 20];
        let length = theirs.recv(&mut bytes).unwrap();
        let mut rest = &bytes[..length];
        let mut fields = Vec::new();
        while !rest.is_empty() {
            let name = rest.iter().position(|byte| *byte == b'\n').unwrap();
            let (head, tail) = rest.split_at(name);
            let length = usize::try_from(u64::from_le_bytes(tail[1..9].try_into().unwrap())).unwrap();
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            fields.push((text(head), text(&tail[9..9 + length])));
            assert_eq!(tail[9 + length], b'\n');
            rest = &tail[10 + length..];
        }
        fields
    }

    #[test]
    fn run_and_step_are_fields_and_nothing_forges_one() {
        let fields = told(|| {
            tracing::warn!(run = %"r-1", step = %"/do/0/a", error = "x\nPRIORITY=0", "step faulted");
        });
        let of = |name: &str| {
            let found: Vec<_> = fields.iter().filter(|(known, _)| known == name).collect();
            assert_eq!(found.len(), 1, "{name} in {fields:?}");
            found[0].1.clone()
        };
        assert_eq!(of("PRIORITY"), "4");
        assert_eq!(of("DIRIGENT_RUN"), "r-1");
        assert_eq!(of("DIRIGENT_STEP"), "/do/0/a");
        assert_eq!(of("DIRIGENT_ERROR"), "x\nPRIORITY=0");
        assert_eq!(
            of("MESSAGE"),
            "step faulted run=r-1 step=/do/0/a error=x\\nPRIORITY=0"
        );
    }

    #[test]
    fn an_endless_value_is_cut_between_characters() {
        let fields = told(|| tracing::info!(text = "ä".repeat(1 << 20), "much"));
        let value = &fields.iter().find(|(name, _)| name == "DIRIGENT_TEXT").unwrap().1;
        assert_eq!(value.len(), LONGEST);
    }
}
