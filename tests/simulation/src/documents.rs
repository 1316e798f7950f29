//! Workflow documents from chance: every construct that makes the runtime do something, nested, small.

use std::fmt::Write as _;

use crate::rng::Rng;

/// Most tasks of a document, roughly.
const TASKS: u64 = 9;

struct Writer<'a> {
    rng: &'a mut Rng,
    left: u64,
    names: u64,
}

/// A document.
pub(crate) fn random(rng: &mut Rng) -> String {
    let mut settings = Vec::new();
    if rng.percent(30) {
        settings.push(format!("on_unknown: {}", rng.pick(&["retry", "ask", "fail"])));
    }
    if rng.percent(25) {
        settings.push(format!("concurrency: {}", rng.between(1, 3)));
    }
    let mut text = format!(
        "document: {{ dsl: '1.0.3', namespace: simulated, name: w{}, version: '0.1.0', metadata: {{ dirigent: {{ {} }} }} }}\n",
        rng.below(1_000_000),
        settings.join(", ")
    );
    if rng.percent(10) {
        writeln!(text, "timeout: {{ after: PT{}S }}", rng.between(3, 30)).unwrap();
    }
    let left = rng.between(2, TASKS);
    let mut writer = Writer { rng, left, names: 0 };
    let tasks = writer.list(3, 3);
    writeln!(text, "do: {tasks}").unwrap();
    text
}

impl Writer<'_> {
    /// A list of tasks in flow style.
    fn list(&mut self, most: u64, depth: u64) -> String {
        let count = self.rng.between(1, most);
        let mut tasks = Vec::new();
        for _ in 0..count {
            if tasks.is_empty() || self.left > 0 {
                tasks.push(self.task(depth));
            }
        }
        format!("[ {} ]", bracketed(&tasks))
    }

    fn task(&mut self, depth: u64) -> String {
        self.left = self.left.saturating_sub(1);
        self.names += 1;
        let name = format!("t{}", self.names);
        let kind = if depth == 0 || self.left == 0 {
            self.rng.below(62)
        } else {
            self.rng.below(100)
        };
        let mut body = match kind {
            0..=17 => self.noop(),
            18..=37 => self.effect(),
            38..=44 => "set: { x: 1 }".to_owned(),
            45..=51 => format!("wait: PT{}S", self.rng.between(1, 9)),
            52..=59 => self.approval(),
            60..=61 => raise(),
            62..=66 => format!("do: {}", self.list(3, depth - 1)),
            67..=78 => self.fork(depth),
            79..=87 => self.each(depth),
            _ => self.attempt(depth),
        };
        if self.rng.percent(10) {
            write!(body, ", timeout: {{ after: PT{}S }}", self.rng.between(1, 6)).unwrap();
        }
        if self.rng.percent(4) {
            body.push_str(", if: '${ 1 == 2 }'");
        }
        format!("{name}: {{ {body} }}")
    }

    fn noop(&mut self) -> String {
        if self.rng.percent(50) {
            "call: noop".to_owned()
        } else {
            format!("call: noop, with: {{ n: {} }}", self.rng.below(9))
        }
    }

    fn effect(&mut self) -> String {
        let mut body = if self.rng.percent(70) {
            let path = self.rng.below(4);
            format!("call: http, with: {{ method: post, endpoint: 'http://outside.test/{path}' }}")
        } else {
            "run: { shell: { command: work } }".to_owned()
        };
        if self.rng.percent(60) {
            let policy = self.rng.pick(&["retry", "retry", "ask", "fail"]);
            let attempts = self.rng.between(1, 3);
            write!(
                body,
                ", metadata: {{ dirigent: {{ on_unknown: {policy}, max_attempts: {attempts} }} }}"
            )
            .unwrap();
        }
        body
    }

    fn approval(&mut self) -> String {
        let n = self.rng.below(100);
        let expires = if self.rng.percent(30) {
            format!(", expires: PT{}S", self.rng.between(60, 90))
        } else {
            String::new()
        };
        format!("call: approval, with: {{ title: 'Go {n}?', action: go, show: {{ n: {n} }}{expires} }}")
    }

    fn fork(&mut self, depth: u64) -> String {
        let count = self.rng.between(2, 4);
        let branches: Vec<String> = (0..count).map(|_| self.task(depth - 1)).collect();
        let compete = if self.rng.percent(35) {
            "compete: true, "
        } else {
            ""
        };
        format!("fork: {{ {compete}branches: [ {} ] }}", bracketed(&branches))
    }

    fn each(&mut self, depth: u64) -> String {
        let rounds = self.rng.between(1, 3);
        let items: Vec<String> = (0..rounds).map(|n| n.to_string()).collect();
        let tasks = self.list(2, depth - 1);
        format!(
            "for: {{ each: item, in: '${{ [{}] }}' }}, do: {tasks}",
            items.join(", ")
        )
    }

    fn attempt(&mut self, depth: u64) -> String {
        let tasks = self.list(2, depth - 1);
        let mut catch = Vec::new();
        if self.rng.percent(65) {
            let (delay, count) = (self.rng.below(3), self.rng.between(1, 2));
            catch.push(format!(
                "retry: {{ delay: PT{delay}S, limit: {{ attempt: {{ count: {count} }} }} }}"
            ));
        }
        if catch.is_empty() || self.rng.percent(60) {
            catch.push(format!("do: {}", self.list(1, depth - 1)));
        }
        format!("try: {tasks}, catch: {{ {} }}", catch.join(", "))
    }
}

fn bracketed(tasks: &[String]) -> String {
    let each: Vec<String> = tasks.iter().map(|task| format!("{{ {task} }}")).collect();
    each.join(", ")
}

fn raise() -> String {
    "raise: { error: { type: 'https://serverlessworkflow.io/spec/1.0.0/errors/runtime', status: 500, title: 'No' } }"
        .to_owned()
}
