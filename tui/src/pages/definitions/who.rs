//! Who works with whom in an orchestration: as its newest run shows it, or as it is written where none ran.

use dirigent_protocol::entity::Kind;
use dirigent_protocol::id::RunId;
use dirigent_protocol::query::{Query, QueryReply};

use super::page::Definitions;
use super::side::Side;
use crate::model::collaboration::Collaboration;
use crate::model::{Cmd, LinkCmd};
use crate::pages::Ctx;
use crate::pages::runs::collaboration_lines;
use crate::theme::Role;
use crate::widgets::Line;

const TOPIC: &str = "definitions.members";

impl Definitions {
    /// The run that is shown.
    fn shown_run(&self, ctx: &Ctx<'_>) -> Option<RunId> {
        let name = self.cursor.key().filter(|_| self.side == Side::Who)?;
        let runs = ctx.model.newest_runs();
        let newest = runs.into_iter().find(|run| run.body.workflow == *name)?;
        Some(newest.id)
    }

    /// The version whose members they are: the run's, or the one that is looked at.
    fn members_query(&self, ctx: &Ctx<'_>) -> Option<Query> {
        let run = self.shown_run(ctx).and_then(|run| ctx.model.runs.get(&run));
        let id = match run {
            Some(run) => run.body.workflow_version.to_string(),
            None => {
                let versions = self.versions(ctx)?;
                self.version(&versions)?.compiled.clone()?
            }
        };
        Some(Query::Get {
            kind: Kind::WorkflowVersion,
            id,
            include: Vec::new(),
        })
    }

    /// Follows the run as long as it is looked at, and asks who its members are.
    pub(super) fn wants_who(&mut self, ctx: &Ctx<'_>) -> Vec<Cmd> {
        let wanted = self.shown_run(ctx);
        let mut cmds = Vec::new();
        if wanted != self.followed {
            cmds.extend(self.unfollow());
            cmds.extend(wanted.map(|run| Cmd::Link(LinkCmd::Follow(run))));
            self.followed = wanted;
        }
        if self.side == Side::Who && ctx.model.connection.is_live() {
            let query = self.members_query(ctx);
            let looks = &ctx.model.looks;
            cmds.extend(query.and_then(|query| looks.want(TOPIC, &query, None, ctx.time.mono)));
        }
        cmds
    }

    /// Nobody looks any more.
    pub(super) fn unfollow(&mut self) -> Option<Cmd> {
        self.followed.take().map(|run| Cmd::Link(LinkCmd::Unfollow(run)))
    }

    pub(super) fn who_lines(&self, cells: usize, ctx: &Ctx<'_>) -> Vec<Line> {
        let dim = |text: &str| vec![Line::new().add(Role::Dim, format!("  {text}"))];
        let query = self.members_query(ctx);
        let answer = query.and_then(|query| ctx.model.looks.answer(TOPIC, &query));
        let Some(Ok(QueryReply::Document(version))) = answer else {
            return dim("asking the daemon who works here…");
        };
        let Some(mut seen) = Collaboration::of(&version.spec) else {
            return dim("its members are not known");
        };
        let run = self.shown_run(ctx);
        let head = match run {
            Some(run) => format!(" {}, in run {}", seen.strategy, run.short()),
            None => format!(" {}; it has not run yet", seen.strategy),
        };
        if let Some(journal) = run.and_then(|run| ctx.model.journals.get(&run)) {
            seen.follow(&journal.events);
        }
        let mut out = vec![Line::new().add(Role::Heading, head)];
        let now = ctx.time.wall.as_second();
        out.extend(collaboration_lines(&seen, cells, &ctx.prefs.zone, now));
        out
    }
}
