//! Another configuration while the daemon runs.
//!
//! Invariant: it is taken up whole or not at all; what cannot change before a restart is named.

use std::sync::Arc;

use dirigent_config::DaemonConfig;

use super::connections::Most;
use super::error::StartError;
use super::models;
use super::notify::{notify, notify_reloading, one_line};
use super::start::{Running, info};
use crate::runtime::RuntimeSettings;

impl Running {
    /// Takes the configuration up that `read` gives. With an error the old one stays, and the manager's status line
    /// says why. Answers the keys that wait for a restart.
    ///
    /// # Errors
    /// The configuration cannot be read, or names model providers that cannot be opened.
    pub async fn reload<E: From<StartError> + std::fmt::Display>(
        &self,
        read: impl FnOnce() -> Result<DaemonConfig, E>,
    ) -> Result<Vec<&'static str>, E> {
        notify_reloading();
        let taken = match read() {
            Ok(config) => self.take_up(config).await.map_err(E::from),
            Err(error) => Err(error),
        };
        let status = match &taken {
            Ok(_) => format!("serving on {}", self.socket().display()),
            Err(error) => {
                let why = one_line(&error.to_string());
                format!("the configuration has errors, the old one stays: {why}")
            }
        };
        notify(&format!("READY=1\nSTATUS={status}"));
        taken
    }

    async fn take_up(&self, config: DaemonConfig) -> Result<Vec<&'static str>, StartError> {
        let mut options = self.options.clone();
        let old = self.config.get();
        let registry = models::registry(&config, options.private).await?;
        let waiting = waiting(&old, &config);
        options.config = config;
        if let Some(runtime) = &self.house().runtime {
            let settings = RuntimeSettings::of(&options.config, &options.data_dir);
            runtime.reconfigure(&settings, Arc::clone(&registry), models::prices(&options.config));
        }
        self.most.set(Most::of(&options));
        let before = self.house().info.get();
        let (started_at, serve) = (before.started_at, before.serve.clone());
        self.house()
            .info
            .set(info(&options, &registry, started_at, serve));
        self.config.set(options.config);
        Ok(waiting)
    }
}

/// Keys whose new value waits for a restart.
fn waiting(old: &DaemonConfig, new: &DaemonConfig) -> Vec<&'static str> {
    let rows = [
        ("run.max_crashes", old.run.max_crashes != new.run.max_crashes),
        ("store.cache_mib", old.store.cache_mib != new.store.cache_mib),
        (
            "store.segment_mib",
            old.store.segment_mib != new.store.segment_mib,
        ),
        (
            "store.min_free_mib",
            old.store.min_free_mib != new.store.min_free_mib,
        ),
        (
            "store.min_free_percent",
            old.store.min_free_percent != new.store.min_free_percent,
        ),
        (
            "store.min_free_step_mib",
            old.store.min_free_step_mib != new.store.min_free_step_mib,
        ),
        ("socket.path", old.socket.path != new.socket.path),
        ("serve", old.serve != new.serve),
        ("log.format", old.log.format != new.log.format),
    ];
    rows.into_iter()
        .filter_map(|(key, changed)| changed.then_some(key))
        .collect()
}
