//! The demo's own daemon, from its start to its end.

use dirigent_protocol::fault::Fault;

use super::home::{Home, end};
use super::keeper;
use crate::link::launch::{Started, ready};

/// A demo's running daemon.
#[derive(Debug)]
pub struct DemoDaemon {
    started: Started,
    home: Home,
}

impl DemoDaemon {
    /// Starts it and waits until it greets. With `kept` it outlives this program for a while.
    ///
    /// # Errors
    /// It cannot be started or does not greet.
    pub async fn start(home: &Home, kept: bool) -> Result<Self, Fault> {
        let mut started = if kept {
            keeper::start(home)?
        } else {
            home.launch().start()?
        };
        let settings = home.settings();
        let greeted = ready(&mut started, &settings.target, &settings.client).await;
        let daemon = Self {
            started,
            home: home.clone(),
        };
        match greeted {
            Ok(_) => Ok(daemon),
            Err(fault) => {
                daemon.end().await;
                Err(fault)
            }
        }
    }

    /// Ends it and clears away its data.
    pub async fn end(mut self) {
        end(&mut self.started.child).await;
        self.home.clear();
    }
}
