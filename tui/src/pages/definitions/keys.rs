//! What the footer names at each depth, and which actions are the builder's alone.

use crate::keymap::{Action, Bind};

/// The keys of a page of definitions: those that all of them have, with its own between.
macro_rules! bindings {
    ($($own:expr),* $(,)?) => {{
        use $crate::keymap::{Action, Bind};
        &[
            Bind::footer(Action::Open, "open"),
            Bind::footer(Action::Filter, "filter"),
            Bind::footer(Action::Facets, "facets"),
            Bind::footer(Action::Mark, "mark a version"),
            Bind::footer(Action::Diff, "difference"),
            Bind::footer(Action::NextTab, "next side"),
            Bind::new(Action::PrevTab, "previous side"),
            $($own,)*
            Bind::new(Action::View, "the whole text"),
            Bind::new(Action::Validate, "to what is wrong"),
            Bind::new(Action::Undo, "undo"),
            Bind::new(Action::Redo, "redo"),
            Bind::new(Action::Save, "take the text"),
            Bind::new(Action::Publish, "publish (asks)"),
            Bind::new(Action::Approve, "yes"),
            Bind::new(Action::CopyLink, "copy the link"),
            Bind::new(Action::Up, "up"),
            Bind::new(Action::Down, "down"),
            Bind::new(Action::Top, "first"),
            Bind::new(Action::Bottom, "last"),
            Bind::new(Action::HalfUp, "half a page up"),
            Bind::new(Action::HalfDown, "half a page down"),
            Bind::new(Action::PageUp, "page up"),
            Bind::new(Action::PageDown, "page down"),
        ]
    }};
}
pub(crate) use bindings;

/// The footer of the builder.
pub(super) const BUILD_KEYS: &[Bind] = &[
    Bind::footer(Action::Insert, "add"),
    Bind::footer(Action::Link, "link"),
    Bind::footer(Action::Open, "edit"),
    Bind::footer(Action::Stop, "delete"),
    Bind::footer(Action::NextItem, "down"),
    Bind::footer(Action::PrevItem, "up"),
    Bind::footer(Action::View, "text"),
    Bind::footer(Action::Undo, "undo"),
    Bind::footer(Action::Validate, "check"),
    Bind::footer(Action::Try, "simulate"),
    Bind::footer(Action::Diff, "changed"),
    Bind::footer(Action::Rename, "rename"),
    Bind::footer(Action::Publish, "publish…"),
];

/// The footer of a form.
pub(super) const FORM_KEYS: &[Bind] = &[
    Bind::footer(Action::Open, "change"),
    Bind::footer(Action::Insert, "add"),
    Bind::footer(Action::Stop, "delete"),
    Bind::footer(Action::NextItem, "down"),
    Bind::footer(Action::PrevItem, "up"),
    Bind::footer(Action::Rename, "rename"),
    Bind::footer(Action::View, "text"),
    Bind::footer(Action::Undo, "undo"),
    Bind::footer(Action::Validate, "check"),
    Bind::footer(Action::Diff, "changed"),
    Bind::footer(Action::Try, "try"),
    Bind::footer(Action::Publish, "publish…"),
];

/// The footer of a text without tasks.
pub(super) const TEXT_KEYS: &[Bind] = &[
    Bind::footer(Action::Open, "edit"),
    Bind::footer(Action::Diff, "changed"),
    Bind::footer(Action::Validate, "to what is wrong"),
    Bind::footer(Action::Undo, "undo"),
    Bind::footer(Action::Redo, "redo"),
    Bind::footer(Action::Try, "try"),
    Bind::footer(Action::Publish, "publish…"),
    Bind::footer(Action::Back, "back"),
];

/// The footer of a dry run.
pub(super) const TRIAL_KEYS: &[Bind] = &[
    Bind::footer(Action::NextPane, "next pane"),
    Bind::footer(Action::View, "picture"),
    Bind::footer(Action::NextTab, "tab"),
    Bind::footer(Action::Mark, "fold"),
    Bind::footer(Action::Validate, "to what would fail"),
    Bind::footer(Action::Back, "back"),
];

/// Actions that are the builder's alone.
pub(super) const BUILDERS: [Action; 24] = [
    Action::Insert,
    Action::InsertBefore,
    Action::Link,
    Action::Rename,
    Action::Stop,
    Action::NextItem,
    Action::PrevItem,
    Action::View,
    Action::Validate,
    Action::Undo,
    Action::Redo,
    Action::Save,
    Action::Publish,
    Action::Approve,
    Action::Try,
    Action::FullPane,
    Action::Pause,
    Action::Wrap,
    Action::CriticalPath,
    Action::ZoomIn,
    Action::ZoomOut,
    Action::ZoomFit,
    Action::PanLeft,
    Action::PanRight,
];
