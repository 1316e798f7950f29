//! `use.extensions`: tasks that run before and after the tasks they extend.
//!
//! An extended task stands inside one more task, which runs what comes before it, the task, and what comes after it.
//! What comes before and after does not change the data: the task gets its own input, and its output goes on. Only
//! `then: exit` before it takes the task's place: then the output of that last task is the output.
//!
//! Invariant: an extension extends no task of an extension.

use std::collections::HashMap;
use std::sync::Arc;

use dirigent_protocol::Payload;
use dirigent_protocol::run::EventBody;

use super::build::Builder;
use super::model::{Done, Me, Next, Outcome, Stop, Task, TaskDef, TaskIndex, TaskList, Turn, Way};
use crate::document::{Base, Then};
use crate::expression::Expression;

/// One extension as it applies to one task.
#[derive(Debug)]
struct Extension {
    when: Option<Expression>,
    before: TaskList,
    after: TaskList,
}

/// A task with what extends it.
#[derive(Debug)]
struct Extended {
    inner: TaskList,
    extensions: Vec<Extension>,
    ways: Vec<Way>,
    leaves: bool,
}

impl Builder {
    /// Reads what runs before and after in every extension, whether or not it extends a task here.
    pub(crate) fn check_extensions(&mut self) {
        for one in self.extensions.clone() {
            for (part, name) in [(&one.before, "before"), (&one.after, "after")] {
                if let Some(node) = part {
                    let path = format!("{}/{name}", one.path);
                    self.for_findings(|builder, parent| {
                        builder.part(node, &path, parent);
                    });
                }
            }
        }
    }

    /// Reads a function that nobody may call.
    pub(crate) fn check_function(&mut self, node: &dirigent_protocol::source::Node, path: &str) {
        self.for_findings(|builder, parent| {
            let index = builder.reserve();
            let name = path.rsplit('/').next().unwrap_or_default();
            builder.task(index, name, node, path, parent);
        });
    }

    /// Whether a task of that keyword is extended at all.
    pub(super) fn is_extended(&self, keyword: &str) -> bool {
        self.extending.is_none() && self.extensions.iter().any(|one| one.extends(keyword))
    }

    /// Puts a task that was read at `inner` into the task that extends it, at `index`.
    pub(super) fn extend(&mut self, index: TaskIndex, inner: TaskIndex, pointer: &str, parent: TaskIndex) {
        let Some(task) = self.known(inner) else { return };
        let (name, keyword) = (task.name.clone(), task.keyword.clone());
        let (ways, leaves) = (task.body.ways(), task.body.always_leaves());
        let base = Base {
            condition: task.base.condition.clone(),
            then: task.base.then.clone(),
            ..Base::default()
        };
        let outer = pointer.rsplit_once('/').map_or("", |(outer, _)| outer);
        let all = self.extensions.clone();
        let mut extensions = Vec::new();
        self.extending = Some(inner);
        for one in all.iter().filter(|one| one.extends(&keyword)) {
            let at = format!("{outer}/{}", one.name.replace('/', "~1"));
            let found = self.reader.diagnostics.len();
            let when = one
                .when
                .as_ref()
                .and_then(|(node, at)| self.reader.expression(node, at));
            let mut list = |node: Option<&dirigent_protocol::source::Node>, part: &str| match node {
                Some(node) => self.part(node, &format!("{at}/{part}"), index),
                None => TaskList::default(),
            };
            let (before, after) = (
                list(one.before.as_ref(), "before"),
                list(one.after.as_ref(), "after"),
            );
            for finding in &mut self.reader.diagnostics[found..] {
                if let Some(rest) = finding.at.path.strip_prefix(&at) {
                    finding.at.path = format!("{}{rest}", one.path);
                }
            }
            extensions.push(Extension { when, before, after });
        }
        self.extending = None;
        let by_name = HashMap::from([(name.clone(), 0)]);
        let list = TaskList {
            tasks: vec![inner],
            by_name,
        };
        self.unconditional(inner);
        let task = TaskDef {
            pointer: Arc::from(outer),
            name,
            keyword: Arc::from("extension"),
            label: Arc::from("extension"),
            parent: Some(parent),
            base,
            verify: None,
            undo: None,
            stands_for: Some(inner),
            uses_secrets: false,
            body: Box::new(Extended {
                inner: list,
                extensions,
                ways,
                leaves,
            }),
        };
        self.put(index, task);
    }
}

impl Extended {
    fn inner(&self) -> TaskIndex {
        self.inner.tasks.first().copied().unwrap_or_default()
    }

    /// The list of a stage: those before in order, none for the task itself, those after in reverse order.
    fn list(&self, stage: usize) -> Option<(&Extension, &TaskList)> {
        let count = self.extensions.len();
        if stage < count {
            return self.extensions.get(stage).map(|one| (one, &one.before));
        }
        let place = (2 * count).checked_sub(stage)?;
        (stage > count)
            .then(|| self.extensions.get(place).map(|one| (one, &one.after)))
            .flatten()
    }

    fn stage_of(&self, task: TaskIndex) -> usize {
        let holds = |stage: &usize| {
            self.list(*stage)
                .is_some_and(|(_, list)| list.tasks.contains(&task))
        };
        (0..=2 * self.extensions.len()).find(holds).unwrap_or_default()
    }

    /// Begins the first stage from `stage` on that has something to do.
    fn proceed(
        &self,
        turn: &mut Turn<'_, '_>,
        me: Me<'_>,
        stage: usize,
        kept: Option<(Payload, Then)>,
    ) -> Outcome {
        let input = turn.input(me.frame);
        for stage in stage..=2 * self.extensions.len() {
            if stage == self.extensions.len() {
                return Ok(Next::StartWith(self.inner(), input));
            }
            let Some((extension, list)) = self.list(stage) else {
                continue;
            };
            let Some(first) = list.tasks.first() else {
                continue;
            };
            if let Some(when) = &extension.when
                && !turn.holds(me, when, Some(input.clone()))?
            {
                continue;
            }
            let raw = kept
                .as_ref()
                .map_or_else(|| input.clone(), |(output, _)| output.clone());
            return Ok(Next::StartWith(*first, raw));
        }
        let (output, then) = kept.unwrap_or((input, Then::Continue));
        Ok(Next::Done(output, Some(then)))
    }

    fn kept(turn: &Turn<'_, '_>, me: Me<'_>) -> Option<(Payload, Then)> {
        let kept = turn.state.frame(me.frame)?.kept.clone()?;
        Some((kept.0, Then::of(&kept.1)))
    }

    fn inner_done(&self, turn: &mut Turn<'_, '_>, me: Me<'_>, done: Done) -> Outcome {
        if self.extensions.iter().all(|one| one.after.tasks.is_empty()) {
            return Ok(Next::Done(done.output, Some(done.then)));
        }
        let (step, output) = (turn.step(me.frame), turn.refer(me.frame, &done.output));
        let then = done.then.word();
        turn.emit(EventBody::TaskExtended { step, output, then });
        self.proceed(
            turn,
            me,
            self.extensions.len() + 1,
            Some((done.output, done.then)),
        )
    }

    fn before_done(&self, turn: &mut Turn<'_, '_>, me: Me<'_>, stage: usize, done: Done) -> Outcome {
        match done.then {
            Then::Exit => return Ok(Next::Done(done.output, None)),
            Then::End => return Ok(Next::Done(done.output, Some(Then::End))),
            _ => {}
        }
        self.on(turn, me, stage, done, None)
    }

    fn after_done(&self, turn: &mut Turn<'_, '_>, me: Me<'_>, stage: usize, done: Done) -> Outcome {
        let kept = Self::kept(turn, me);
        if done.then == Then::End {
            let output = kept.map_or(done.output, |(output, _)| output);
            return Ok(Next::Done(output, Some(Then::End)));
        }
        self.on(turn, me, stage, done, kept)
    }

    fn on(
        &self,
        turn: &mut Turn<'_, '_>,
        me: Me<'_>,
        stage: usize,
        done: Done,
        kept: Option<(Payload, Then)>,
    ) -> Outcome {
        let Some((_, list)) = self.list(stage) else {
            return Ok(Next::Wait);
        };
        match turn.advance(me, list, done)? {
            Next::Done(..) => self.proceed(turn, me, stage + 1, kept),
            other => Ok(other),
        }
    }
}

impl Task for Extended {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        self.proceed(turn, me, 0, None)
    }

    fn child_done(&self, turn: &mut Turn<'_, '_>, me: Me<'_>, done: Done) -> Outcome {
        if done.task == self.inner() {
            return self.inner_done(turn, me, done);
        }
        let stage = self.stage_of(done.task);
        if stage < self.extensions.len() {
            self.before_done(turn, me, stage, done)
        } else {
            self.after_done(turn, me, stage, done)
        }
    }

    fn child_failed(
        &self,
        _turn: &mut Turn<'_, '_>,
        _me: Me<'_>,
        error: dirigent_protocol::run::WorkflowError,
    ) -> Outcome {
        Err(Stop::fault(error))
    }

    fn lists(&self) -> Vec<(&'static str, &TaskList)> {
        let before = self.extensions.iter().map(|one| ("before", &one.before));
        let after = self.extensions.iter().rev().map(|one| ("after", &one.after));
        before.chain([("", &self.inner)]).chain(after).collect()
    }

    fn ways(&self) -> Vec<Way> {
        self.ways.clone()
    }

    fn always_leaves(&self) -> bool {
        self.leaves
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{Bench, done};
    use crate::workflow::load;

    const LOGGING: &str = "use:
  extensions:
    - logging:
        extend: all
        before: [ { say: { call: noop, with: '${ \"before \\($task.reference)\" }' } } ]
        after: [ { say: { call: noop, with: '${ \"after \\($task.name) gave \\(.)\" }' } } ]
";

    #[test]
    fn what_comes_before_and_after_does_not_change_the_data() {
        let mut run = Bench::yaml(&format!(
            "{LOGGING}do:\n  - a: {{ set: {{ x: '${{ .n }}' }} }}\n  - b: {{ set: {{ y: '${{ .x + 1 }}' }}, then: end }}\n  - c: {{ set: {{ z: 1 }} }}\n"
        ))
        .start(json!({"n": 1}));
        let mut said = Vec::new();
        while run.status() == "running" {
            let effect = run.intended()[0];
            let dirigent_protocol::run::EffectRequest::Noop { value } = run.request(effect) else {
                panic!("no noop")
            };
            said.push(value.as_str().unwrap().to_owned());
            run.settle(effect, done(json!("logged")));
        }
        assert_eq!(
            said,
            [
                "before /do/0/a",
                "after a gave {\"x\":1}",
                "before /do/1/b",
                "after b gave {\"y\":2}"
            ]
        );
        assert_eq!(run.output(), json!({"y": 2}));
    }

    const MOCK: &str = "use:
  extensions:
    - mock:
        extend: call
        when: ($task.with.endpoint.uri // \"\") | startswith(\"https://mocked\")
        before: [ { answer: { set: { mocked: true }, then: exit } } ]
";

    #[test]
    fn exit_before_a_task_takes_its_place_where_the_condition_holds() {
        let call = |host: &str| {
            format!(
                "{MOCK}do:\n  - c: {{ call: http, with: {{ method: get, endpoint: {{ uri: 'https://{host}/x' }} }} }}\n  - d: {{ set: {{ got: '${{ . }}' }} }}\n"
            )
        };
        let mut run = Bench::yaml(&call("mocked.service.com")).start(json!({}));
        assert_eq!(run.output(), json!({"got": {"mocked": true}}));
        let mut run = Bench::yaml(&call("real.service.com")).start(json!({}));
        run.settle(run.intended()[0], done(json!(7)));
        assert_eq!(run.output(), json!({"got": 7}));
    }

    #[test]
    fn ways_conditions_loops_and_errors_stay_the_tasks_own() {
        let mut run = Bench::yaml(
            "use: { extensions: [ { e: { extend: all, before: [ { n: { set: { lost: 1 } } } ], after: [ { n: { set: { lost: 2 } } } ] } } ] }
do:
  - skip: { if: '.n == 2', set: { never: 1 } }
  - choose: { switch: [ { one: { when: '.n == 1', then: loop } } ] }
  - never: { raise: { error: { type: 'https://x/e', status: 400 } } }
  - loop:
      for: { each: i, in: '${ [1, 2] }' }
      do: [ { add: { set: { sum: '${ (.sum // 0) + $i }' } } } ]
  - guard:
      try: [ { r: { raise: { error: { type: 'https://x/e', status: 418 } } } } ]
      catch: { as: e, do: [ { h: { set: { at: '${ $e.instance }', sum: '${ .sum }' } } } ] }
",
        )
        .start(json!({"n": 1}));
        assert_eq!(run.output(), json!({"at": "/do/4/guard/try/0/r", "sum": 3}));
    }

    #[test]
    fn a_mistake_in_an_extension_is_told_once_and_in_its_place() {
        let text = "document: { dsl: '1.0.3', namespace: t, name: t, version: '1.0.0' }
use: { extensions: [ { e: { extend: set, before: [ { n: { sett: { a: 1 } } } ] } } ] }
do: [ { a: { set: { x: 1 } } }, { b: { set: { x: 1 } } } ]
";
        let found = load("t", text).unwrap_err();
        let told: Vec<String> = found
            .iter()
            .map(|one| format!("{} {}", one.at.path, one.code))
            .collect();
        assert_eq!(told, ["/use/extensions/0/e/before/0/n/sett unknown_task_kind"]);
    }
}
