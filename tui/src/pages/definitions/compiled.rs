//! The workflow document that an orchestration compiles to, read when somebody looks at it.

use dirigent_protocol::entity::Kind;
use dirigent_protocol::query::{Query, QueryReply};

use super::page::Definitions;
use super::side::{self, Side};
use crate::model::Cmd;
use crate::pages::Ctx;
use crate::text::yaml;
use crate::theme::Role;
use crate::widgets::Line;

const TOPIC: &str = "definitions.compiled";

impl Definitions {
    fn compiled_query(&self, ctx: &Ctx<'_>) -> Option<Query> {
        let versions = self.versions(ctx)?;
        let id = self.version(&versions)?.compiled.clone()?;
        Some(Query::Get {
            kind: Kind::WorkflowVersion,
            id,
            include: Vec::new(),
        })
    }

    /// The question to put now.
    pub(super) fn wants_compiled(&self, ctx: &Ctx<'_>) -> Option<Cmd> {
        if self.side != Side::Compiled || !ctx.model.connection.is_live() {
            return None;
        }
        let query = self.compiled_query(ctx)?;
        ctx.model.looks.want(TOPIC, &query, None, ctx.time.mono)
    }

    pub(super) fn compiled_lines(&self, ctx: &Ctx<'_>) -> Vec<Line> {
        let answer = self
            .compiled_query(ctx)
            .and_then(|query| ctx.model.looks.answer(TOPIC, &query));
        match answer {
            Some(Ok(QueryReply::Document(found))) => side::numbered(&yaml(&found.spec["document"])),
            _ => vec![Line::new().add(Role::Dim, "  asking the daemon…")],
        }
    }
}
