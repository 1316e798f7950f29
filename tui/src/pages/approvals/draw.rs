//! Where the parts of the page stand at every width.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::page::{Approvals, Look, Part};
use crate::pages::Ctx;
use crate::widgets::Size;

/// Rows of the page from which what is marked has a strip of its own.
const MARKED_FROM: u16 = 24;
/// Columns of the list beside the detail.
const LIST: u16 = 44;

impl Approvals {
    pub(super) fn draw(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        self.draw_parts(ctx, area, buf);
        self.narrow.draw(ctx, area, buf);
    }

    fn draw_parts(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        let size = Size::of(area);
        if self.look == Look::Sheet && size.is_single() {
            self.draw_sheet(ctx, area, buf);
            return;
        }
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
        let marked = self.sheet.count();
        let strip = if marked > 0 && self.look != Look::Sheet && area.height >= MARKED_FROM {
            u16::try_from(marked + 2).unwrap_or(u16::MAX).min(area.height / 4)
        } else {
            0
        };
        let below = Rect {
            y: area.bottom() - strip,
            height: strip,
            ..area
        };
        if strip > 0 {
            self.draw_marked(ctx, below, buf);
        }
        let area = Rect {
            height: area.height - strip,
            ..area
        };
        let list = Rect {
            width: if size == Size::Wide { LIST + 12 } else { LIST },
            ..area
        };
        let detail = Rect {
            x: list.right(),
            width: area.width - list.width,
            ..area
        };
        let in_list = self.part == Part::List && self.dialog.is_none() && self.look != Look::Sheet;
        self.draw_inbox(ctx, in_list, list, buf);
        if self.look == Look::Sheet {
            self.draw_sheet(ctx, detail, buf);
            return;
        }
        self.draw_detail(
            ctx,
            self.part == Part::Detail || self.dialog.is_some(),
            detail,
            buf,
        );
    }
}
