//! Lists of tasks that run one after the other, with their flow directives.

use dirigent_protocol::Payload;
use dirigent_protocol::run::WorkflowError;

use super::model::{Done, Me, Next, Outcome, Stop, TaskList, Turn};
use crate::document::Then;

/// Most moves from task to task in one list, before the run is taken to be in an endless loop.
pub(crate) const MAX_TRANSITIONS: u32 = 10_000;

impl Turn<'_, '_> {
    /// Starts a list; an empty one hands its input on.
    pub fn enter_list(&mut self, list: &TaskList, input: Payload) -> Outcome {
        Ok(match list.tasks.first() {
            Some(first) => Next::Start(vec![*first]),
            None => Next::Done(input, None),
        })
    }

    /// A task of the list is done: the next one, or the end of the list.
    pub fn advance(&mut self, me: Me<'_>, list: &TaskList, done: Done) -> Outcome {
        let transitions = self.state.frame(me.frame).map_or(0, |frame| frame.transitions);
        if transitions > MAX_TRANSITIONS {
            let name = &self.workflow.task(done.task).name;
            let error = WorkflowError::standard("runtime", 500, "Endless loop").detail(format!(
                "more than {MAX_TRANSITIONS} moves between tasks; the last was `{name}`"
            ));
            return Err(Stop::fault(error));
        }
        let position = list.position(done.task).unwrap_or(list.tasks.len());
        let next = match &done.then {
            Then::Continue => list.tasks.get(position + 1),
            Then::Exit => None,
            Then::End => return Ok(Next::Done(done.output, Some(Then::End))),
            Then::Task(name) => list.by_name.get(name).and_then(|at| list.tasks.get(*at)),
        };
        Ok(match next {
            Some(next) => Next::Start(vec![*next]),
            None => Next::Done(done.output, None),
        })
    }
}
