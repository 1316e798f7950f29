//! The first line: breadcrumb left; spaces, connection, approvals and alerts right.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::command::SPACES;
use super::state::Shell;
use crate::model::{Link, Time};
use crate::theme::Role;
use crate::widgets::Line;

impl Shell {
    pub(super) fn draw_header(&self, time: Time, area: Rect, buf: &mut Buffer) {
        let short = area.width < 60;
        let left = self.crumb_line(time, short);
        let mut right = self.state_line(time, true, !short);
        if left.width() + right.width() + 2 > usize::from(area.width) {
            right = self.state_line(time, false, false);
        }
        let spaces = self.space_line();
        let room = usize::from(area.width).saturating_sub(left.width() + right.width());
        left.draw_row(0, area, &self.theme, buf);
        if room >= spaces.width() + 4 {
            let x = area.right() - u16::try_from(right.width() + spaces.width() + 3).unwrap_or(area.width);
            spaces.draw(x, area.y, area, &self.theme, buf);
        }
        right.draw_right(0, area, &self.theme, buf);
    }

    fn crumb_line(&self, time: Time, short: bool) -> Line {
        let meta = self.page().meta();
        let mut line = Line::new();
        if !short {
            let space = SPACES
                .get(usize::from(meta.space).wrapping_sub(1))
                .copied()
                .unwrap_or_default();
            line.push(Role::Key, format!(" {} ", meta.space));
            line.push(Role::Text, format!("{space} › "));
        }
        let crumbs = self.page().crumbs(&self.ctx(time));
        line.push(
            if crumbs.is_empty() {
                Role::Heading
            } else {
                Role::Text
            },
            meta.title,
        );
        let last = crumbs.len().saturating_sub(1);
        for (at, crumb) in crumbs.iter().enumerate() {
            line.push(Role::Dim, " › ");
            line.push(if at == last { Role::Heading } else { Role::Text }, crumb);
        }
        line
    }

    fn space_line(&self) -> Line {
        let here = self.page().meta().space;
        let mut line = Line::new();
        for (number, name) in (1u8..).zip(SPACES) {
            if number == here {
                line.push(Role::Heading, format!("[{number}]{name}"));
            } else {
                line.push(Role::Key, number.to_string());
                line.push(Role::Dim, format!(" {name}"));
            }
            if number < 5 {
                line.push(Role::Text, " ");
            }
        }
        line
    }

    fn state_line(&self, time: Time, words: bool, who: bool) -> Line {
        let mut line = Line::new();
        if let Some(host) = self.host.as_ref().filter(|_| who) {
            line.push(Role::Text, format!("{host}  "));
        }
        if self.read_only && words {
            line.push(Role::Warn, "read-only  ");
        }
        let connection = &self.model.connection;
        let (sign, word) = connection.label();
        let role = match connection.link {
            Link::Live => Role::Good,
            Link::Connecting | Link::Stale => Role::Waiting,
            Link::Down { .. } => Role::Bad,
        };
        let show_word = words || !connection.is_live();
        line.push(
            role,
            if show_word {
                format!("{sign} {word}  ")
            } else {
                format!("{sign} ")
            },
        );
        let waiting = self.model.undecided().count();
        line.push(
            if waiting > 0 { Role::Waiting } else { Role::Dim },
            format!("⚑{waiting}"),
        );
        line.push(Role::Dim, if words { " approvals  " } else { " " });
        let trouble = self
            .model
            .health
            .as_ref()
            .is_some_and(|health| !health.store.trouble.is_empty());
        let alerts = self.model.alerts(time.wall).len() + usize::from(trouble);
        line.push(
            if alerts > 0 { Role::Bad } else { Role::Dim },
            format!("▲{alerts}"),
        );
        line.push(Role::Dim, if words { " alerts " } else { " " });
        if let Some(subject) = connection.subject().filter(|_| who && words) {
            line.push(Role::Text, format!(" {subject} "));
        }
        line
    }
}
