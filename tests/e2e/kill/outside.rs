//! What reached the outside: every request and command by the name of its effect, with the keys it carried.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use dirigent_tests::{Home, Seen, Server};
use serde_json::Value;

/// Everything seen so far; reads on where it stopped, so that a long storm costs no more than a short one.
pub(crate) struct Outside<'a> {
    home: &'a Home,
    server: &'a Server,
    keys: HashMap<String, Vec<String>>,
    requests: usize,
    log_bytes: u64,
}

impl<'a> Outside<'a> {
    pub(crate) fn new(home: &'a Home, server: &'a Server) -> Self {
        Self {
            home,
            server,
            keys: HashMap::new(),
            requests: 0,
            log_bytes: 0,
        }
    }

    /// The keys under which an effect of that name was asked for, in order.
    pub(crate) fn keys(&self, name: &str) -> &[String] {
        self.keys.get(name).map_or(&[], Vec::as_slice)
    }

    /// Takes in what came since the last time.
    pub(crate) fn read_on(&mut self) {
        for seen in self.server.seen_after(self.requests) {
            self.requests += 1;
            let name = name_of(&seen);
            self.keys
                .entry(name)
                .or_default()
                .push(seen.key.unwrap_or_default());
        }
        let Ok(mut log) = File::open(self.home.path("shell.log")) else {
            return;
        };
        let mut text = String::new();
        log.seek(SeekFrom::Start(self.log_bytes)).unwrap();
        log.read_to_string(&mut text).unwrap();
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            self.log_bytes += line.len() as u64;
            let (name, key) = line.trim_end().split_once(' ').unwrap();
            self.keys.entry(name.to_owned()).or_default().push(key.to_owned());
        }
    }
}

/// The name of the effect a request is about: in its path, or the whole text of a message to a model.
fn name_of(seen: &Seen) -> String {
    if let Some(name) = seen.what.strip_prefix("effect/") {
        return name.to_owned();
    }
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    let messages = body["messages"].as_array().unwrap();
    let texts = messages.iter().filter_map(|message| message["content"].as_str());
    let mut named = texts.filter(|text| text.starts_with('r') && text.contains("-a"));
    named.next_back().unwrap_or_else(|| panic!("{body}")).to_owned()
}
