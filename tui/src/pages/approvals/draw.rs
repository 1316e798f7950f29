//! Where the parts of the page stand at every width.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::page::{Approvals, Part};
use crate::pages::Ctx;
use crate::widgets::Size;

/// Columns of the list beside the detail.
const LIST: u16 = 44;

impl Approvals {
    pub(super) fn draw(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let size = Size::of(area);
        if size.is_single() {
            let reading = self.part == Part::Detail || self.dialog.is_some();
            if reading {
                self.draw_detail(ctx, true, area, buf);
            } else {
                self.seen.forget();
                self.draw_inbox(ctx, true, area, buf);
            }
            return;
        }
        let list = Rect {
            width: if size == Size::Wide { LIST + 12 } else { LIST },
            ..area
        };
        let detail = Rect {
            x: list.right(),
            width: area.width - list.width,
            ..area
        };
        self.draw_inbox(ctx, self.part == Part::List && self.dialog.is_none(), list, buf);
        self.draw_detail(
            ctx,
            self.part == Part::Detail || self.dialog.is_some(),
            detail,
            buf,
        );
    }
}
