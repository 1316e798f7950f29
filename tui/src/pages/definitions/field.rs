//! A value of a form: its name, what it is for and how it is asked.

/// How a value is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// A line of words, an expression among them.
    Words,
    /// A number.
    Number,
    /// Words with commas between them.
    Names,
    /// Words, an expression, or JSON.
    Value,
    /// One of these: as it is written, and what it means.
    OneOf(&'static [(&'static str, &'static str)]),
    /// A strategy that the daemon knows.
    Strategy,
    /// An agent, a workflow, or a capability.
    Who,
    /// A model: one that is known here, or any other.
    Model,
    /// Words of several lines, written in a window of their own.
    Prose,
    /// Several lines: the text is opened there.
    Text,
    /// One of the names of a list, in it or not.
    Check,
}

/// A value that stands in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    /// Its name; names with `/` between them lead into what stands under the first.
    pub(super) name: &'static str,
    pub(super) ask: Ask,
    /// What it is for.
    pub(super) about: &'static str,
}

/// A row of a form.
pub(super) const fn field(name: &'static str, ask: Ask, about: &'static str) -> Field {
    Field { name, ask, about }
}
