//! `tui.toml`, typed. Defaults are in `defaults/tui.toml`, not here.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Everything the client is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientConfig {
    /// How it looks.
    pub screen: ScreenSection,
    /// Guards against accidents.
    pub confirm: ConfirmSection,
    /// Own keys, by `page.command`. The client checks commands, keys and conflicts: it owns the binding table.
    #[serde(default)]
    pub keymap: BTreeMap<String, String>,
}

/// Colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThemeChoice {
    /// The terminal's own 16.
    Terminal,
    /// Blue and orange instead of green and red.
    BlueOrange,
    /// No colours.
    Mono,
}

/// What lies behind the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackgroundChoice {
    /// What the terminal says, dark if nothing.
    Auto,
    /// Dark.
    Dark,
    /// Light.
    Light,
}

/// Whether the mouse is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MouseChoice {
    /// On, but not over SSH, where the terminal's own selection is worth more.
    Auto,
    /// On from the start.
    On,
    /// Off until switched on.
    Off,
}

/// Whether to draw with ASCII alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AsciiChoice {
    /// By locale.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Time zone of what is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeChoice {
    /// The user's.
    Local,
    /// UTC.
    Utc,
}

/// `[screen]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScreenSection {
    /// Colours.
    pub theme: ThemeChoice,
    /// What lies behind the text.
    pub background: BackgroundChoice,
    /// ASCII alone.
    pub ascii: AsciiChoice,
    /// The mouse.
    pub mouse: MouseChoice,
    /// Copies go through tmux to the terminal outside.
    pub tmux_passthrough: bool,
    /// Time zone shown.
    pub time: TimeChoice,
}

/// `[confirm]`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmSection {
    /// How long a screen must have been shown before a decision key counts, in milliseconds.
    pub guard_ms: u64,
}

impl ConfirmSection {
    /// As a duration.
    #[must_use]
    pub fn guard(&self) -> Duration {
        Duration::from_millis(self.guard_ms)
    }
}
