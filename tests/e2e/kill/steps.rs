//! Runs that do a command, a request and an agent call, round by round, under each policy for unknown outcomes.

use dirigent_protocol::run::{EffectId, RunEvent};
use dirigent_tests::{Home, Server};

use super::audit;
use super::outside::Outside;
use super::storm::Subject;

/// Policies for an effect whose outcome is unknown, one workflow each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    /// Repeat with the same key.
    Retry,
    /// Ask a person; the test always denies.
    Ask,
    /// Fail the task.
    Fail,
}

impl Policy {
    const ALL: [Self; 3] = [Self::Retry, Self::Ask, Self::Fail];

    /// That of the run of this number.
    pub(crate) const fn of(number: usize) -> Self {
        Self::ALL[number % 3]
    }

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Ask => "ask",
            Self::Fail => "fail",
        }
    }
}

/// Rounds of one run: each does a command, a request and an agent call.
pub(crate) const ROUNDS: usize = 6;
/// A step that failed because its policy said so must not stop the storm: every round is in a `try`.
fn workflow(policy: Policy, home: &Home, server: &Server) -> String {
    let mut text = format!(
        "document:\n  dsl: '1.0.3'\n  namespace: storm\n  name: storm-{word}\n  version: '1.0.0'\n  metadata:\n    \
         dirigent:\n      on_unknown: {word}\ndo:\n",
        word = policy.word()
    );
    for round in 0..ROUNDS {
        let steps = [
            (
                "s",
                format!(
                    "run:\n              shell:\n                command: 'printf \"%s %s\\n\" \"$1\" \
                 \"$DIRIGENT_IDEMPOTENCY_KEY\" >> {}'\n                arguments:\n                  - \
                 ${{ $workflow.input.tag + \"-s{round}\" }}\n",
                    home.path("shell.log").display()
                ),
            ),
            (
                "h",
                format!(
                    "call: http\n            with:\n              method: post\n              endpoint:\n                uri: \
                 ${{ \"http://{}/effect/\" + $workflow.input.tag + \"-h{round}\" }}\n",
                    server.place()
                ),
            ),
            (
                "a",
                format!(
                    "call: agent\n            with:\n              agent: counter\n              input:\n                \
                 name: ${{ $workflow.input.tag + \"-a{round}\" }}\n"
                ),
            ),
        ];
        for (letter, step) in steps {
            text += &format!(
                "  - {letter}{round}:\n      try:\n        - act:\n            {step}      catch:\n        do:\n          - \
                 note:\n              set:\n                failed: true\n"
            );
        }
    }
    text
}

const AGENT: &str = "kind: Agent\nmetadata:\n  name: counter\nspec:\n  model: counting/counter\n  prompt: '{{ input.name }}'\n";

/// The storm of steps.
pub(crate) struct Steps<'a> {
    home: &'a Home,
    server: &'a Server,
    pub(crate) outside: Outside<'a>,
}

impl<'a> Steps<'a> {
    pub(crate) fn new(home: &'a Home, server: &'a Server) -> Self {
        Self {
            home,
            server,
            outside: Outside::new(home, server),
        }
    }
}

impl Subject for Steps<'_> {
    fn definitions(&self) -> String {
        let mut text = AGENT.to_owned();
        for policy in Policy::ALL {
            text += "---\n";
            text += &workflow(policy, self.home, self.server);
        }
        text
    }

    fn target(&self, number: usize) -> String {
        format!("storm-{}", Policy::of(number).word())
    }

    fn name(&self, tag: &str, events: &[RunEvent], effect: EffectId) -> String {
        audit::effect_name(tag, events, effect)
    }

    fn read_on(&mut self) {
        self.outside.read_on();
    }

    fn asked(&self, name: &str) -> usize {
        self.outside.keys(name).len()
    }
}
