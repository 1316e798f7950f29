//! `fork`: tasks side by side, or in a race.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use crate::document::{Fields, Then};
use crate::machine::{Builder, Done, KindRow, Me, Next, Outcome, Task, TaskIndex, TaskList, Turn, Work};
use crate::state::{FrameId, Phase};

pub(super) const ROW: KindRow = KindRow {
    keyword: "fork",
    target: None,
    fields: &["fork"],
    doc: "Runs branches side by side and gives the list of their outputs; with `compete`, the first one's output.",
    shape: "fork: { branches: [ { NAME: TASK }, ... ], compete: false }",
    read: Some(read),
};

#[derive(Debug)]
struct Fork {
    branches: TaskList,
    compete: bool,
}

fn read(builder: &mut Builder, fields: &Fields<'_>, me: TaskIndex) -> Option<Box<dyn Task>> {
    if !builder.reader.require(fields, &["fork"]) {
        return None;
    }
    let (node, path) = fields.get("fork")?;
    let inner = builder.reader.fields(node, &path, &["branches", "compete"])?;
    let compete = inner
        .get("compete")
        .and_then(|(n, at)| builder.reader.boolean(n, &at))
        .unwrap_or(false);
    if !builder.reader.require(&inner, &["branches"]) {
        return None;
    }
    let (branches, at) = inner.get("branches")?;
    let branches = builder.branches(branches, &at, me);
    Some(Box::new(Fork { branches, compete }))
}

impl Fork {
    fn stop_others(turn: &mut Turn<'_, '_>, me: Me<'_>, reason: &str) {
        let children: Vec<FrameId> = turn
            .state
            .frame(me.frame)
            .map(|frame| frame.children.clone())
            .unwrap_or_default();
        for child in children {
            turn.stop_task(child, reason);
        }
    }

    /// Most branches at once.
    fn limit(turn: &Turn<'_, '_>, me: Me<'_>) -> usize {
        let declared = me.task.base.settings.fan_out.or(turn.workflow.settings.fan_out);
        declared.map_or(usize::MAX, |limit| limit as usize)
    }

    /// The branches that may begin now, where so many have begun and so many of those go on. They begin in their order,
    /// so that a number says which.
    fn next(&self, turn: &Turn<'_, '_>, me: Me<'_>, begun: usize, open: usize) -> Vec<TaskIndex> {
        let about_to = |work: &&Work| matches!(work, Work::Begin { parent, .. } if *parent == me.frame);
        let pending = turn.work.iter().filter(about_to).count();
        let room = Self::limit(turn, me).saturating_sub(open + pending);
        let rest = self.branches.tasks.iter().skip(begun + pending);
        rest.take(room).copied().collect()
    }

    /// Outputs in the order of the branches; a branch that its `if` skipped gives its input.
    fn join(&self, turn: &Turn<'_, '_>, me: Me<'_>) -> Value {
        let Some(frame) = turn.state.frame(me.frame) else {
            return Value::Null;
        };
        let mut outputs: HashMap<&str, &Value> = HashMap::new();
        for child in &frame.children {
            if let Some(child) = turn.state.frame(*child) {
                outputs.insert(&child.step.pointer, &child.data);
            }
        }
        let branches = self.branches.tasks.iter().map(|task| {
            let pointer = &turn.workflow.task(*task).pointer;
            outputs
                .get(&**pointer)
                .map_or_else(|| (*frame.input).clone(), |value| (*value).clone())
        });
        Value::Array(branches.collect())
    }
}

impl Task for Fork {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        if self.branches.tasks.is_empty() {
            return Ok(Next::Done(turn.input(me.frame), None));
        }
        let first = Self::limit(turn, me).min(self.branches.tasks.len());
        Ok(Next::Start(self.branches.tasks[..first].to_vec()))
    }

    fn child_done(&self, turn: &mut Turn<'_, '_>, me: Me<'_>, done: Done) -> Outcome {
        if self.compete || done.then == Then::End {
            Self::stop_others(turn, me, "another branch was first");
            let then = (done.then == Then::End).then_some(Then::End);
            return Ok(Next::Done(done.output, then));
        }
        let Some(frame) = turn.state.frame(me.frame) else {
            return Ok(Next::Wait);
        };
        // Branches that were skipped have no frame; they count as moves of the list.
        let begun = frame.children.len() + frame.transitions as usize;
        if begun < self.branches.tasks.len() {
            let more = self.next(turn, me, begun, frame.open as usize);
            return Ok(if more.is_empty() {
                Next::Wait
            } else {
                Next::Start(more)
            });
        }
        if frame.open > 0 {
            return Ok(Next::Wait);
        }
        debug_assert!(frame.phase != Phase::Done);
        Ok(Next::Done(Arc::new(self.join(turn, me)), None))
    }

    fn go_on(&self, turn: &mut Turn<'_, '_>, me: Me<'_>, _: Option<Done>) -> Outcome {
        let Some(frame) = turn.state.frame(me.frame) else {
            return Ok(Next::Wait);
        };
        let children = || frame.children.iter().filter_map(|id| turn.state.frame(*id));
        let begun: HashSet<&str> = children().map(|child| &*child.step.pointer).collect();
        let mut missing = self.branches.tasks.clone();
        missing.retain(|task| !begun.contains(&*turn.workflow.task(*task).pointer));
        let mut done = children()
            .filter(|child| child.phase == Phase::Done)
            .filter_map(|child| {
                let task = turn.workflow.task_at(&child.step.pointer)?;
                Some(Done {
                    task,
                    output: child.data.clone(),
                    then: turn.way_of(task, child),
                })
            });
        let over = done.find(|done| self.compete || missing.is_empty() || done.then == Then::End);
        match over {
            Some(done) => self.child_done(turn, me, done),
            None => {
                // Branches begin in their order: those before the last that had begun are made up for first.
                let tasks = &self.branches.tasks;
                let position = |task: &TaskIndex| tasks.iter().position(|other| other == task);
                let top = tasks.iter().rposition(|task| !missing.contains(task));
                let gaps = missing.iter().filter(|task| position(task) < top).count();
                let room = Self::limit(turn, me).saturating_sub(frame.open as usize);
                missing.truncate(gaps.max(room));
                Ok(Next::Start(missing))
            }
        }
    }

    fn lists(&self) -> Vec<(&'static str, &TaskList)> {
        vec![("fork", &self.branches)]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{Bench, done};

    #[test]
    fn a_race_has_one_winner() {
        let mut run = Bench::yaml(
            "do:
  - branchWithCompete:
      fork:
        compete: true
        branches:
          - setRed: { set: { colors: '${ .colors + [\"red\"] }' } }
          - setGreen: { set: { colors: '${ .colors + [\"green\"] }' } }
",
        )
        .start(json!({}));
        assert_eq!(run.output(), json!({"colors": ["red"]}));
    }

    #[test]
    fn a_race_won_at_once_begins_no_other_branch() {
        for first in ["a: { if: .missing, set: { v: 1 } }", "a: { set: { v: 1 } }"] {
            let mut run = Bench::yaml(&format!(
                "do:
  - all:
      fork:
        branches:
          - race: {{ fork: {{ compete: true, branches: [ {{ {first} }}, {{ b: {{ call: noop }} }} ] }} }}
          - other: {{ call: noop }}
"
            ))
            .start(json!({}));
            let started = run.started();
            assert!(!started.iter().any(|step| step.ends_with("/b")), "{started:?}");
            let effects = run.intended();
            assert_eq!(effects.len(), 1);
            run.settle(effects[0], done(json!(2)));
            assert_eq!(run.output()[1], json!(2));
        }
    }

    #[test]
    fn branches_join_in_their_order() {
        let mut run = Bench::yaml(
            "do:
  - f:
      fork:
        branches:
          - a: { call: noop, with: { v: a } }
          - b: { set: { v: '${ .n }' } }
          - c: { if: .missing, set: { v: never } }
          - d: { call: noop, with: { v: d } }
",
        )
        .start(json!({"n": 5}));
        let effects = run.intended();
        assert_eq!(effects.len(), 2);
        run.settle(effects[1], done(json!({"v": "d"})));
        assert_eq!(run.status(), "running");
        run.settle(effects[0], done(json!({"v": "a"})));
        assert_eq!(run.output(), json!([{"v": "a"}, {"v": 5}, {"n": 5}, {"v": "d"}]));
    }

    #[test]
    fn the_winner_closes_its_losers_intents_in_its_own_commit() {
        let mut run = Bench::yaml(
            "do:
  - f: { fork: { compete: true, branches: [ { a: { call: noop } }, { b: { call: noop } }, { c: { wait: PT1H } } ] } }
  - after: { set: { v: '${ . }' } }
",
        )
        .start(json!({}));
        let effects = run.intended();
        let events = run.settle(effects[1], done(json!("b")));
        let names: Vec<&str> = events.iter().map(|event| event.body.name()).collect();
        assert_eq!(names.iter().filter(|name| **name == "effect.settled").count(), 2);
        assert_eq!(names.iter().filter(|name| **name == "task.cancelled").count(), 2);
        assert_eq!(run.output(), json!({"v": "b"}));
        assert!(run.settle(effects[0], done(json!("late"))).is_empty());
    }

    #[test]
    fn a_failing_branch_stops_the_others() {
        let mut run = Bench::yaml(
            "do:
  - f: { fork: { branches: [ { a: { call: noop } }, { b: { wait: PT1S } }, { c: { raise: { error: { type: 'https://x/y', status: 400 } } } } ] } }
",
        )
        .start(json!({}));
        assert_eq!(
            run.error().instance.unwrap().to_string(),
            "/do/0/f/fork/branches/2/c"
        );
    }

    /// Branches in flight at most, and how the whole came out.
    fn with_fan_out(limit: u32, branches: &str) -> (usize, serde_json::Value) {
        let mut run = Bench::yaml(&format!(
            "do:\n  - f:\n      metadata: {{ dirigent: {{ fan_out: {limit} }} }}\n      fork:\n        branches:\n{branches}"
        ))
        .start(json!({}));
        let mut most = 0;
        loop {
            let effects = run.intended();
            most = most.max(effects.len());
            let Some(first) = effects.last() else {
                return (most, run.output());
            };
            run.settle(*first, done(json!(1)));
        }
    }

    #[test]
    fn no_more_branches_than_the_limit_are_in_flight_and_all_of_them_run() {
        let mixed = "          - a: { call: noop }
          - b: { if: .missing, set: { v: never } }
          - c: { set: { v: c } }
          - d: { call: noop }
          - e: { do: [ { e1: { call: noop } }, { e2: { call: noop } } ] }
          - f: { if: .missing, set: { v: never } }
          - g: { call: noop }
          - h: { call: noop }
          - i: { set: { v: i } }
";
        for limit in 1..=6 {
            let (most, output) = with_fan_out(limit, mixed);
            assert_eq!(most, (limit as usize).min(5), "{limit}");
            assert_eq!(output.as_array().unwrap().len(), 9, "{limit}");
            assert_eq!(output[2], json!({"v": "c"}));
            assert_eq!(output[8], json!({"v": "i"}));
        }
    }

    #[test]
    fn a_documents_limit_holds_for_every_fork_and_a_tasks_own_comes_before_it() {
        let text = |own: &str| {
            format!(
                "document:\n  dsl: '1.0.3'\n  namespace: t\n  name: w\n  version: '1.0.0'\n  metadata: {{ dirigent: {{ fan_out: 2 }} }}\n\
                 do:\n  - f: {{ {own} fork: {{ branches: [ {{ a: {{ call: noop }} }}, {{ b: {{ call: noop }} }}, {{ c: {{ call: noop }} }} ] }} }}\n"
            )
        };
        let run = Bench::document(&text("")).start(json!({}));
        assert_eq!(run.intended().len(), 2);
        let own = "metadata: { dirigent: { fan_out: 3 } },";
        assert_eq!(Bench::document(&text(own)).start(json!({})).intended().len(), 3);
    }

    #[test]
    fn a_fork_of_a_run_keeps_to_the_limit() {
        let branches: Vec<String> = (0..6).map(|n| format!("{{ b{n}: {{ call: noop }} }}")).collect();
        let bench = Bench::yaml(&format!(
            "do:\n  - f: {{ metadata: {{ dirigent: {{ fan_out: 2 }} }}, fork: {{ branches: [ {} ] }} }}\n",
            branches.join(", ")
        ));
        let mut run = bench.start(json!({}));
        for _ in 0..3 {
            let effect = run.intended()[0];
            run.settle(effect, done(json!("before")));
        }
        let last = run.last_event();
        for at in 1..=last {
            let mut again = run.fork(at, None);
            let mut most = 0;
            while let Some(effect) = again.intended().first().copied() {
                most = most.max(again.intended().len());
                again.settle(effect, done(json!("after")));
            }
            assert!(most <= 2, "{most} from event {at}");
            assert_eq!(again.output().as_array().unwrap().len(), 6, "from event {at}");
        }
    }

    #[test]
    fn a_thousand_branches_join() {
        let branches: Vec<String> = (0..1_000)
            .map(|i| format!("{{ b{i}: {{ call: noop, with: {i} }} }}"))
            .collect();
        let text = format!(
            "do:\n  - f: {{ fork: {{ branches: [ {} ] }} }}\n",
            branches.join(", ")
        );
        let mut run = Bench::yaml(&text).start(json!({}));
        let effects = run.intended();
        assert_eq!(effects.len(), 1_000);
        for (i, effect) in effects.into_iter().enumerate() {
            run.settle(effect, done(json!(i)));
        }
        assert_eq!(run.output().as_array().unwrap().len(), 1_000);
    }
}
