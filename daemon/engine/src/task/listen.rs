//! `listen`: waits for events. Nothing of it is in memory while none comes.

use std::sync::Arc;

use dirigent_protocol::Payload;
use dirigent_protocol::run::{Data, EventBody, ReadAs, WorkflowError};
use dirigent_protocol::source::Node;
use serde_json::{Value, json};

use crate::document::{Export, Fields, Matching, OutputRule, Strategy, Then, Until, Verdict};
use crate::expression::Expression;
use crate::machine::{
    Builder, Done, Incoming, KindRow, Me, Next, Outcome, Stop, Task, TaskIndex, TaskList, Turn,
};
use crate::state::{Frame, Listening};

/// Most events that one listener keeps, or that wait for their round.
const MAX_EVENTS: usize = 10_000;

pub(super) const ROW: KindRow = KindRow {
    keyword: "listen",
    target: None,
    fields: &["listen", "foreach"],
    doc: "Waits for events; gives the list of those it took. It keeps at most 10,000.",
    shape: "listen: { to: { one: { with: { type: TEXT } } }, read: data }, foreach: { item: NAME, do: [ ... ] }",
    read: Some(read),
};

#[derive(Debug)]
struct Listen {
    strategy: Strategy,
    read: ReadAs,
    rounds: Option<Rounds>,
}

/// `foreach`.
#[derive(Debug)]
struct Rounds {
    item: String,
    at: String,
    list: TaskList,
    output: OutputRule,
    export: Option<Export>,
}

fn read(builder: &mut Builder, fields: &Fields<'_>, me: TaskIndex) -> Option<Box<dyn Task>> {
    let reader = &mut builder.reader;
    let mut strategy = None;
    let mut how = Some(ReadAs::Data);
    if reader.require(fields, &["listen"])
        && let Some((node, path)) = fields.get("listen")
        && let Some(listen) = reader.fields(node, &path, &["to", "read"])
        && reader.require(&listen, &["to"])
        && let Some((to, at)) = listen.get("to")
    {
        strategy = Strategy::read(reader, to, &at);
        if let Some((node, at)) = listen.get("read") {
            how = reader.read_as(node, &at);
        }
    }
    let rounds = fields
        .get("foreach")
        .map(|(node, at)| Rounds::read(builder, node, &at, me));
    let rounds = match rounds {
        Some(rounds) => Some(rounds?),
        None => None,
    };
    Some(Box::new(Listen {
        strategy: strategy?,
        read: how?,
        rounds,
    }))
}

impl Rounds {
    fn read(builder: &mut Builder, node: &Node, path: &str, me: TaskIndex) -> Option<Self> {
        let known = ["item", "at", "do", "output", "export"];
        let fields = builder.reader.fields(node, path, &known)?;
        let mut name = |field: &str, default: &str| match fields.get(field) {
            Some((node, at)) => builder.reader.variable_name(node, &at),
            None => Some(default.to_owned()),
        };
        let (item, at) = (name("item", "item"), name("at", "index"));
        let (item, at) = (item?, at?);
        let before = builder.reader.enter(&[&item, &at]);
        let list = builder.list(&fields, "do", me);
        let reader = &mut builder.reader;
        let output = fields
            .get("output")
            .map_or_else(OutputRule::default, |(node, at)| {
                OutputRule::read(reader, node, &at)
            });
        let export = fields.get("export").map(|(node, at)| {
            let rule = OutputRule::read(reader, node, &at);
            Export {
                schema: rule.schema,
                shape: rule.shape,
            }
        });
        builder.reader.leave(before);
        Some(Self {
            item,
            at,
            list,
            output,
            export,
        })
    }
}

fn listening(turn: &Turn<'_, '_>, me: Me<'_>) -> Option<Arc<Listening>> {
    turn.state.frame(me.frame)?.listening.clone()
}

impl Listen {
    /// The next round, the end, or more waiting.
    fn go_on(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        loop {
            let Some(known) = listening(turn, me) else {
                return Ok(Next::Wait);
            };
            let at_work = turn
                .state
                .frame(me.frame)
                .is_some_and(|frame| !frame.children.is_empty());
            if at_work {
                return Ok(Next::Wait);
            }
            let Some(value) = known.queue.front().cloned() else {
                return Ok(if known.closed {
                    Next::Done(list_of(&known.taken), None)
                } else {
                    Next::Wait
                });
            };
            let Some(rounds) = &self.rounds else {
                return Ok(Next::Wait);
            };
            let step = turn.step(me.frame);
            turn.emit(EventBody::TaskIterated {
                step,
                iteration: known.handled,
                item: Data::Inline(value.clone()),
                collection: None,
            });
            if let Some(first) = rounds.list.tasks.first() {
                return Ok(Next::StartWith(*first, value));
            }
            rounds.finish(turn, me, value)?;
        }
    }

    /// Whether `until` holds once this event is taken.
    fn enough(
        &self,
        turn: &mut Turn<'_, '_>,
        me: Me<'_>,
        known: &Listening,
        event: &Payload,
    ) -> Result<bool, Stop> {
        let Some(Until::Condition(condition)) = &self.strategy.until else {
            return Ok(false);
        };
        let mut taken: Vec<Value> = known
            .taken
            .iter()
            .chain(&known.queue)
            .map(|value| (**value).clone())
            .collect();
        taken.push(self.read.of(event));
        turn.holds(me, condition, Some(Arc::new(Value::Array(taken))))
    }
}

impl Rounds {
    /// A round is over: what it gives, and the new context.
    fn finish(&self, turn: &mut Turn<'_, '_>, me: Me<'_>, raw: Payload) -> Result<(), Stop> {
        let output = match &self.output.shape {
            Some(shape) => turn.shaped(me, shape, raw.clone(), raw)?,
            None => raw,
        };
        Turn::check(self.output.schema.as_ref(), &output, "output")?;
        let mut context = None;
        if let Some(export) = &self.export
            && let Some(shape) = &export.shape
        {
            let made = turn.shaped(me, shape, output.clone(), output.clone())?;
            Turn::check(export.schema.as_ref(), &made, "context")?;
            context = Some(made);
        }
        let step = turn.step(me.frame);
        turn.emit(EventBody::EventHandled {
            step,
            output,
            context,
        });
        Ok(())
    }
}

impl Task for Listen {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let expected = self
            .strategy
            .expected(|template| turn.template(me, template, None))?;
        let patterns = {
            let mut value = |expression: &Expression| turn.expression(me, expression, None).ok();
            self.strategy.patterns(&expected, &mut value)
        };
        let nothing = patterns.is_empty();
        let step = turn.step(me.frame);
        turn.emit(EventBody::ListenOpened {
            step,
            patterns,
            read: self.read,
            expected,
            rounds: self.rounds.is_some(),
            forever: self.strategy.is_forever(),
        });
        Ok(if nothing {
            Next::Done(Arc::new(json!([])), None)
        } else {
            Next::Wait
        })
    }

    fn received(&self, turn: &mut Turn<'_, '_>, me: Me<'_>, event: &Incoming<'_>) -> Result<bool, Stop> {
        let Some(known) = listening(turn, me) else {
            return Ok(false);
        };
        let mut eval =
            |expression: &Expression, dot: Payload| match turn.expression(me, expression, Some(dot)) {
                Ok(value) => Ok(Some(value)),
                Err(Stop::Fault(_)) => Ok(None),
                Err(Stop::Ask) => Err(Stop::Ask),
            };
        let verdict = self.strategy.verdict(
            event.event,
            &mut Matching {
                matched: &known.matched,
                until: &known.until,
                correlations: &known.correlations,
                expected: &known.expected,
                eval: &mut eval,
            },
        )?;
        let (filter, until, closes, correlations) = match verdict {
            Verdict::Ignored => return Ok(false),
            Verdict::Taken {
                filter,
                closes,
                correlations,
            } => {
                let enough = self.enough(turn, me, &known, event.event)?;
                (Some(filter), None, closes || enough, correlations)
            }
            Verdict::Until {
                filter,
                closes,
                correlations,
            } => (None, Some(filter), closes, correlations),
        };
        if known.taken.len() + known.queue.len() >= MAX_EVENTS {
            let detail = format!("`{}` has taken {MAX_EVENTS} events", me.task.name);
            let error = WorkflowError::standard("runtime", 500, "Too many events").detail(detail);
            return Err(Stop::fault(error));
        }
        let step = turn.step(me.frame);
        turn.emit(EventBody::EventReceived {
            step,
            at: event.at,
            event: event.event.clone(),
            filter,
            until,
            closes,
            correlations,
        });
        Ok(true)
    }

    fn listened(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        self.go_on(turn, me)
    }

    fn child_done(&self, turn: &mut Turn<'_, '_>, me: Me<'_>, done: Done) -> Outcome {
        let Some(rounds) = &self.rounds else {
            return Ok(Next::Wait);
        };
        if matches!(done.then, Then::Exit | Then::End) {
            let then = (done.then == Then::End).then_some(Then::End);
            rounds.finish(turn, me, done.output)?;
            let taken = listening(turn, me).map_or_else(|| list_of(&[]), |known| list_of(&known.taken));
            return Ok(Next::Done(taken, then));
        }
        match turn.advance(me, &rounds.list, done)? {
            Next::Done(output, None) => {
                rounds.finish(turn, me, output)?;
                self.go_on(turn, me)
            }
            other => Ok(other),
        }
    }

    fn variable(&self, frame: &Frame, name: &str) -> Option<Payload> {
        let (rounds, known) = (self.rounds.as_ref()?, frame.listening.as_ref()?);
        if name == rounds.item {
            return known.queue.front().cloned();
        }
        (name == rounds.at).then(|| Arc::new(json!(known.handled)))
    }

    fn lists(&self) -> Vec<(&'static str, &TaskList)> {
        self.rounds
            .iter()
            .map(|rounds| ("each event", &rounds.list))
            .collect()
    }
}

fn list_of(taken: &[Payload]) -> Payload {
    Arc::new(Value::Array(
        taken.iter().map(|value| (**value).clone()).collect(),
    ))
}

#[cfg(test)]
#[path = "listen_tests.rs"]
mod tests;
