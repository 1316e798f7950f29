//! Tasks from chance, in flow style.

use std::fmt::Write as _;

use crate::asking;
use crate::hearing;
use crate::rng::Rng;

/// Kinds below are leaves.
const LEAVES: u64 = 74;

/// What the tasks of a document may refer to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Around {
    /// The function `undo`, which undoes a step.
    pub(crate) undo: bool,
    /// The function `find`, which says whether an effect happened.
    pub(crate) find: bool,
    /// A workflow that may be run.
    pub(crate) child: Option<String>,
}

/// Writes tasks until as many as there may be are there.
pub(crate) struct Writer<'a> {
    rng: &'a mut Rng,
    left: u64,
    names: u64,
    around: &'a Around,
}

/// A task without its name.
struct Body {
    text: String,
    settings: Vec<String>,
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        let settings = Vec::new();
        Self { text, settings }
    }
}

impl<'a> Writer<'a> {
    pub(crate) fn new(rng: &'a mut Rng, left: u64, around: &'a Around) -> Self {
        let names = 0;
        Self {
            rng,
            left,
            names,
            around,
        }
    }

    /// A list of tasks.
    pub(crate) fn list(&mut self, most: u64, depth: u64) -> String {
        let count = self.rng.between(1, most);
        let mut tasks = Vec::new();
        for _ in 0..count {
            if tasks.is_empty() || self.left > 0 {
                tasks.push(self.task(depth));
            }
        }
        bracketed(&tasks)
    }

    /// A list of tasks that end soon by themselves, and emit nothing: that could begin the next run, for ever.
    pub(crate) fn brief(&mut self) -> String {
        let mut tasks = Vec::new();
        for _ in 0..self.left {
            let kind = self.rng.below(3);
            let body = match kind {
                0 => self.effect(),
                1 => Body::from(format!("wait: PT{}S", self.rng.between(1, 5))),
                _ => self.noop(),
            };
            tasks.push(self.whole(body));
        }
        bracketed(&tasks)
    }

    fn task(&mut self, depth: u64) -> String {
        self.left = self.left.saturating_sub(1);
        let kind = if depth == 0 || self.left == 0 {
            self.rng.below(LEAVES)
        } else {
            self.rng.below(100)
        };
        let mut body = match kind {
            0..=10 => self.noop(),
            11..=28 => self.effect(),
            29..=33 => self.agent(),
            34..=38 => self.set(),
            39..=43 => Body::from(format!("wait: PT{}S", self.rng.between(1, 9))),
            44..=51 => asking::approval(self.rng).into(),
            52..=53 => raise().into(),
            54..=59 => hearing::emit(self.rng).into(),
            60..=66 => self.listen(depth),
            67..=70 => self.switch(),
            71..=73 => self.run(),
            74..=77 => Body::from(format!("do: {}", self.list(3, depth - 1))),
            78..=85 => self.fork(depth),
            86..=91 => self.each(depth),
            _ => self.attempt(depth),
        };
        if self.rng.percent(10) {
            write!(body.text, ", timeout: {{ after: PT{}S }}", self.rng.between(1, 6)).unwrap();
        }
        if self.rng.percent(4) {
            body.text.push_str(", if: '${ 1 == 2 }'");
        }
        if self.rng.percent(3) {
            let then = self.rng.pick(&["exit", "end"]);
            write!(body.text, ", then: {then}").unwrap();
        }
        self.whole(body)
    }

    /// With its name and its settings.
    fn whole(&mut self, mut body: Body) -> String {
        self.names += 1;
        if !body.settings.is_empty() {
            let settings = body.settings.join(", ");
            write!(body.text, ", metadata: {{ dirigent: {{ {settings} }} }}").unwrap();
        }
        format!("t{}: {{ {} }}", self.names, body.text)
    }

    fn noop(&mut self) -> Body {
        let text = if self.rng.percent(50) {
            "call: noop".to_owned()
        } else {
            format!("call: noop, with: {{ n: {} }}", self.rng.below(9))
        };
        self.may_be_undone(text)
    }

    fn set(&mut self) -> Body {
        self.may_be_undone("set: { x: 1 }".to_owned())
    }

    fn may_be_undone(&mut self, text: String) -> Body {
        let mut body = Body::from(text);
        if self.around.undo && self.rng.percent(50) {
            let inline = "{ do: [ { undo: { call: noop, with: { was: '${ .output }' } } } ] }";
            let how = self.rng.pick(&["undo", "undo", inline]);
            body.settings.push(format!("compensate: {how}"));
        }
        body
    }

    fn effect(&mut self) -> Body {
        let text = if self.rng.percent(70) {
            let path = self.rng.below(4);
            format!("call: http, with: {{ method: post, endpoint: 'http://outside.test/{path}' }}")
        } else {
            "run: { shell: { command: work } }".to_owned()
        };
        let mut body = self.may_be_undone(text);
        if self.around.find && self.rng.percent(40) {
            body.settings.push("on_unknown: verify, verify: find".into());
        } else if self.rng.percent(60) {
            let policy = self.rng.pick(&["retry", "retry", "ask", "fail"]);
            body.settings.push(format!("on_unknown: {policy}"));
        } else if self.rng.percent(10) {
            body.settings.push("class: payment".into());
        }
        if self.rng.percent(60) {
            let attempts = self.rng.between(1, 3);
            body.settings.push(format!("max_attempts: {attempts}"));
        }
        body
    }

    fn agent(&mut self) -> Body {
        let (agent, n) = (self.rng.pick(&["writer", "judge"]), self.rng.below(9));
        let text = format!("call: agent, with: {{ agent: {agent}, input: {{ n: {n} }} }}");
        let mut body = self.may_be_undone(text);
        if self.rng.percent(50) {
            let attempts = self.rng.between(1, 3);
            body.settings.push(format!("max_attempts: {attempts}"));
        }
        body
    }

    fn listen(&mut self, depth: u64) -> Body {
        let mut text = hearing::listen(self.rng);
        if depth > 0 && self.rng.percent(35) {
            let tasks = self.list(2, depth - 1);
            write!(text, ", foreach: {{ item: heard, at: round, do: {tasks} }}").unwrap();
        }
        text.into()
    }

    fn switch(&mut self) -> Body {
        let n = self.rng.below(3);
        let then = self.rng.pick(&["continue", "exit", "end"]);
        format!(
            "switch: [ {{ small: {{ when: '${{ $workflow.input.n <= {n} }}', then: continue }} }}, {{ other: {{ then: {then} }} }} ]"
        )
        .into()
    }

    /// Runs another workflow.
    fn run(&mut self) -> Body {
        let Some(child) = &self.around.child else {
            return self.noop();
        };
        let n = self.rng.below(3);
        let detached = if self.rng.percent(15) {
            ", await: false"
        } else {
            ""
        };
        let text = format!(
            "run: {{ workflow: {{ namespace: simulated, name: {child}, version: '0.1.0', input: {{ n: {n} }} }}{detached} }}"
        );
        self.may_be_undone(text)
    }

    fn fork(&mut self, depth: u64) -> Body {
        let count = self.rng.between(2, 4);
        let branches: Vec<String> = (0..count).map(|_| self.task(depth - 1)).collect();
        let compete = if self.rng.percent(35) {
            "compete: true, "
        } else {
            ""
        };
        format!("fork: {{ {compete}branches: {} }}", bracketed(&branches)).into()
    }

    fn each(&mut self, depth: u64) -> Body {
        let rounds = self.rng.between(1, 3);
        let items: Vec<String> = (0..rounds).map(|n| n.to_string()).collect();
        let tasks = self.list(2, depth - 1);
        format!(
            "for: {{ each: item, in: '${{ [{}] }}' }}, do: {tasks}",
            items.join(", ")
        )
        .into()
    }

    fn attempt(&mut self, depth: u64) -> Body {
        let tasks = self.list(2, depth - 1);
        let mut catch = Vec::new();
        if self.rng.percent(65) {
            let (delay, count) = (self.rng.below(3), self.rng.between(1, 2));
            let backoff = self.rng.pick(&[
                "",
                ", backoff: { exponential: {} }",
                ", backoff: { linear: {} }, jitter: { from: { milliseconds: 0 }, to: { milliseconds: 900 } }",
            ]);
            catch.push(format!(
                "retry: {{ delay: PT{delay}S{backoff}, limit: {{ attempt: {{ count: {count} }} }} }}"
            ));
        }
        if catch.is_empty() || self.rng.percent(60) {
            catch.push(format!("do: {}", self.list(1, depth - 1)));
        }
        format!("try: {tasks}, catch: {{ {} }}", catch.join(", ")).into()
    }
}

fn bracketed(tasks: &[String]) -> String {
    let each: Vec<String> = tasks.iter().map(|task| format!("{{ {task} }}")).collect();
    format!("[ {} ]", each.join(", "))
}

fn raise() -> String {
    "raise: { error: { type: 'https://serverlessworkflow.io/spec/1.0.0/errors/runtime', status: 500, title: 'No' } }"
        .to_owned()
}
