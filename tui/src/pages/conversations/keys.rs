//! What the page takes, and what its footer names at each depth.

use crate::keymap::{Action, Bind, FieldKey};
use crate::pages::Meta;

/// Its declaration.
pub const META: Meta = Meta {
    id: "conversations",
    title: "Conversations",
    space: 1,
    letter: 'v',
    about: "talk with an agent: streamed, resumed, forked, exported",
    bindings: &[
        Bind::footer(Action::Open, "open; write"),
        Bind::footer(Action::Create, "new conversation"),
        Bind::footer(Action::Filter, "filter the list"),
        Bind::new(Action::Facets, "facets of the list"),
        Bind::new(Action::Mark, "choose in the facets"),
        Bind::footer(Action::Edit, "write"),
        Bind::footer(Action::Stop, "stop the answer (asks)"),
        Bind::footer(Action::Approve, "to the question of the agent; yes"),
        Bind::footer(Action::Again, "fork behind this message"),
        Bind::footer(Action::NextItem, "next message"),
        Bind::footer(Action::PrevItem, "previous message"),
        Bind::footer(Action::Save, "write it into a file; say it"),
        Bind::footer(Action::Copy, "copy the message"),
        Bind::footer(Action::View, "its run"),
        Bind::new(Action::StopRun, "end the conversation (asks)"),
        Bind::new(Action::Pause, "stand still, follow"),
        Bind::new(Action::Wrap, "wrap lines"),
        Bind::new(Action::CopyLink, "copy the link"),
        Bind::new(Action::Up, "up"),
        Bind::new(Action::Down, "down"),
        Bind::new(Action::Top, "first"),
        Bind::new(Action::Bottom, "last; in a conversation: now"),
        Bind::new(Action::HalfUp, "half a page up"),
        Bind::new(Action::HalfDown, "half a page down"),
        Bind::new(Action::PageUp, "page up"),
        Bind::new(Action::PageDown, "page down"),
    ],
};

/// The footer of the list.
pub(super) const LIST_KEYS: &[Bind] = &[
    Bind::footer(Action::Open, "open"),
    Bind::footer(Action::Create, "new"),
    Bind::footer(Action::Filter, "filter"),
    Bind::footer(Action::Facets, "facets"),
    Bind::footer(Action::View, "its run"),
    Bind::footer(Action::CopyLink, "copy the link"),
];

/// The footer where an agent is chosen.
pub(super) const CHOOSE_KEYS: &[Bind] = &[
    Bind::footer(Action::Open, "talk with it"),
    Bind::footer(Action::Back, "back"),
];

/// The footer of one conversation.
pub(super) const TALK_KEYS: &[Bind] = &[
    Bind::footer(Action::Open, "write"),
    Bind::footer(Action::Approve, "to the question"),
    Bind::footer(Action::Stop, "stop…"),
    Bind::footer(Action::PrevItem, "message up"),
    Bind::footer(Action::NextItem, "down"),
    Bind::footer(Action::Again, "fork"),
    Bind::footer(Action::Save, "into a file"),
    Bind::footer(Action::StopRun, "end…"),
    Bind::footer(Action::View, "run"),
    Bind::footer(Action::Create, "new"),
];

/// The keys of the text that narrows the list.
pub(super) const FILTER_KEYS: &[(FieldKey, &str)] = &[
    (FieldKey::ENTER, "keep the filter"),
    (FieldKey::ESC, "all conversations"),
];

/// The keys of the text that is being written.
pub(super) const WRITE_KEYS: &[(FieldKey, &str)] = &[
    (FieldKey::ENTER, "say it"),
    (FieldKey::NEW_LINE, "new line"),
    (FieldKey::Of(Action::EditOutside), "in $EDITOR"),
    (FieldKey::ESC, "leave; the text stays"),
];
