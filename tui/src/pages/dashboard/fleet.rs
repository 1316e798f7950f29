//! The fleet: what is defined, which models can be used, what the daemon may do.

use dirigent_protocol::entity::Kind;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::page::Dashboard;
use crate::pages::Ctx;
use crate::pages::speech::count;
use crate::text::clean_line;
use crate::theme::Role;
use crate::widgets::Line;

impl Dashboard {
    #[expect(clippy::unused_self, reason = "drawn beside the other panes")]
    pub(super) fn draw_fleet(&self, ctx: &Ctx<'_>, area: Rect, buf: &mut Buffer) {
        for (row, line) in (0u16..area.height).zip(&lines(ctx, usize::from(area.width))) {
            line.draw_row(row, area, ctx.theme, buf);
        }
    }
}

fn lines(ctx: &Ctx<'_>, width: usize) -> Vec<Line> {
    let mut out = Vec::new();
    let mut first = Line::new();
    for (kind, word) in [(Kind::Agent, "agents"), (Kind::Workflow, "workflows")] {
        let rows = ctx.model.of_kind(kind);
        first.push(Role::Dim, format!("{word} "));
        let known = ctx.model.loaded.then(|| rows.len().to_string());
        first.push(Role::Text, known.unwrap_or_else(|| "…".into()));
        let names: Vec<_> = rows.iter().take(4).map(|named| named.name.as_str()).collect();
        let more = if rows.len() > 4 { ", …" } else { "" };
        if !names.is_empty() && width >= 60 {
            first.push(Role::Dim, format!(" ({}{more})", clean_line(&names.join(", "))));
        }
        first.push(Role::Text, "   ");
    }
    out.push(first);
    let Some(health) = &ctx.model.health else {
        out.extend(["models …", "commands …"].map(|unknown| Line::new().add(Role::Dim, unknown)));
        return out;
    };
    let mut models = Line::new().add(Role::Dim, "models ");
    if health.providers.is_empty() {
        models.push(Role::Warn, "none can be used");
    } else {
        models.push(Role::Text, clean_line(&health.providers.join(", ")));
        models.push(
            Role::Dim,
            format!("   default {}", clean_line(&health.default_model)),
        );
    }
    out.push(models);
    let shell = Line::new()
        .add(Role::Dim, "commands ")
        .add(Role::Text, clean_line(&health.shell))
        .add(
            Role::Dim,
            format!(
                "   dirigentd {} pid {}   {}",
                health.version,
                health.pid,
                clean_line(&health.data_dir)
            ),
        );
    out.push(shell);
    out
}

/// The same in words.
pub(super) fn words(ctx: &Ctx<'_>) -> Vec<String> {
    let mut out = Vec::new();
    for (kind, word) in [(Kind::Agent, "agent"), (Kind::Workflow, "workflow")] {
        let rows = ctx.model.of_kind(kind);
        let names: Vec<&str> = rows.iter().map(|named| named.name.as_str()).collect();
        let names = if names.is_empty() {
            String::new()
        } else {
            format!(": {}", names.join(", "))
        };
        out.push(format!("{}{names}.", count(rows.len(), word)));
    }
    let Some(health) = &ctx.model.health else {
        out.push("The daemon has not told its health yet.".to_owned());
        return out;
    };
    out.push(if health.providers.is_empty() {
        "No model can be used.".to_owned()
    } else {
        let models = health.providers.join(", ");
        format!("Models: {models}. The default is {}.", health.default_model)
    });
    out.push(format!("Commands: {}.", health.shell));
    out.push(format!(
        "dirigentd {}, process {}, data in {}.",
        health.version, health.pid, health.data_dir
    ));
    out
}
