//! `wait`: lets time pass.

use dirigent_protocol::run::TimerPurpose;

use crate::document::{Delay, Fields};
use crate::machine::{Builder, KindRow, Me, Next, Outcome, Task, TaskIndex, Turn};

pub(super) const ROW: KindRow = KindRow {
    keyword: "wait",
    target: None,
    fields: &["wait"],
    doc: "Lets time pass; survives restarts.",
    shape: "wait: PT30S | wait: { seconds: 30 }",
    read: Some(read),
};

#[derive(Debug)]
struct Wait {
    delay: Delay,
}

fn read(builder: &mut Builder, fields: &Fields<'_>, _: TaskIndex) -> Option<Box<dyn Task>> {
    if !builder.reader.require(fields, &["wait"]) {
        return None;
    }
    let (node, path) = fields.get("wait")?;
    let delay = Delay::read(&mut builder.reader, node, &path)?;
    Some(Box::new(Wait { delay }))
}

impl Task for Wait {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let due = turn.delay(me, &self.delay)?;
        let (step, due) = (turn.step(me.frame), turn.after(due));
        turn.set_timer(step, due, TimerPurpose::Wait);
        Ok(Next::Wait)
    }

    fn timer_fired(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        Ok(Next::Done(turn.input(me.frame), None))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::Bench;

    #[test]
    fn it_waits_until_due_and_hands_its_input_on() {
        let mut run =
            Bench::yaml("do:\n  - w: { wait: { minutes: 1, seconds: 30 } }\n").start(json!({"a": 1}));
        assert_eq!(run.status(), "waiting");
        assert_eq!(run.seconds_to_next_timer(), 90);
        run.advance();
        assert_eq!(run.output(), json!({"a": 1}));
    }

    #[test]
    fn a_computed_duration() {
        let mut run = Bench::yaml("do:\n  - w: { wait: '${ .for }' }\n").start(json!({"for": "PT5M"}));
        assert_eq!(run.seconds_to_next_timer(), 300);
        let error = Bench::yaml("do:\n  - w: { wait: '${ .for }' }\n")
            .start(json!({"for": "soon"}))
            .error();
        assert!(error.kind.ends_with("/expression"));
        run.advance();
        assert_eq!(run.status(), "completed");
    }
}
