//! What people are told of a run without being asked: notices of its workflow, its failure. In the commit of the event.

use dirigent_protocol::entity::{Level, Notification};
use dirigent_protocol::run::{EffectRequest, WorkflowError};

use super::papers::Papers;

impl Papers {
    /// A workflow tells people something: in the commit of the intent, so exactly once.
    pub(crate) fn notice(&mut self, request: Option<&EffectRequest>) {
        let Some(EffectRequest::Notify(notice)) = request else {
            return;
        };
        let level = match notice.level.as_str() {
            "critical" => Level::Critical,
            "warning" => Level::Warning,
            _ => Level::Info,
        };
        self.notify(level, notice.title.clone(), notice.text.clone());
    }

    /// A run failed: people are told.
    pub(crate) fn faulted(&mut self, error: &WorkflowError) {
        let place = error
            .instance
            .as_ref()
            .map(|step| format!(" at {step}"))
            .unwrap_or_default();
        let text = format!("{error}{place} {}", error.detail.as_deref().unwrap_or_default());
        self.notify(Level::Critical, format!("{} failed", self.about.workflow), text);
    }

    /// Adds a notification about the run.
    pub(crate) fn notify(&mut self, level: Level, title: String, text: String) {
        let about = format!("run/{}", self.about.run);
        self.notifications.push(Notification {
            title,
            body: text,
            level,
            about,
            read_at: None,
        });
    }
}
