//! The four widths a page is drawn for.

use ratatui::layout::Rect;

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Size {
    /// Under 60 columns: the list only, Enter opens.
    Tiny,
    /// 60 to 99 columns: one pane, Tab switches.
    Narrow,
    /// 100 to 159 columns: two columns.
    Normal,
    /// 160 columns and more: three columns.
    Wide,
}

impl Size {
    /// The size of an area.
    #[must_use]
    pub const fn of(area: Rect) -> Self {
        match area.width {
            0..60 => Self::Tiny,
            60..100 => Self::Narrow,
            100..160 => Self::Normal,
            _ => Self::Wide,
        }
    }

    /// One pane at a time.
    #[must_use]
    pub const fn is_single(self) -> bool {
        matches!(self, Self::Tiny | Self::Narrow)
    }
}
