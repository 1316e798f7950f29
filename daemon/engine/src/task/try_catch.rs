//! `try`: tasks whose errors are caught, tried again, or handled.

use std::sync::Arc;

use dirigent_protocol::Payload;
use dirigent_protocol::run::{EventBody, TimerPurpose, WorkflowError};
use dirigent_protocol::source::Position;
use serde_json::Value;

use super::retry_policy::RetryPolicy;
use crate::document::{Fields, Reader, Then};
use crate::expression::Expression;
use crate::machine::{
    Builder, Done, KindRow, Me, Next, Outcome, Stop, Task, TaskIndex, TaskList, Turn, Way, millis,
};
use crate::state::{Frame, Phase};

pub(super) const ROW: KindRow = KindRow {
    keyword: "try",
    target: None,
    fields: &["try", "catch"],
    doc: "Runs tasks; errors that `catch` fits are tried again by `retry`, then handled by `do` and `then`.",
    shape: "try: [ ... ], catch: { errors: { with: {...} }, as: error, when: EXPRESSION, retry: {...}, do: [ ... ], then: TASK }",
    read: Some(read),
};

#[derive(Debug)]
struct TryCatch {
    body: TaskList,
    filter: Vec<(String, Value)>,
    name: String,
    when: Option<Expression>,
    except_when: Option<Expression>,
    retry: Option<RetryPolicy>,
    handler: TaskList,
    then: Option<(Then, Position)>,
}

fn read(builder: &mut Builder, fields: &Fields<'_>, me: TaskIndex) -> Option<Box<dyn Task>> {
    let whole = builder.reader.require(fields, &["try", "catch"]);
    let body = builder.list(fields, "try", me);
    let (node, path) = fields.get("catch")?;
    let known = ["errors", "as", "when", "exceptWhen", "retry", "do", "then"];
    let catch = builder.reader.fields(node, &path, &known)?;
    let named = catch
        .get("as")
        .and_then(|(n, at)| builder.reader.variable_name(n, &at));
    let name = named.unwrap_or_else(|| "error".to_owned());
    let filter = read_filter(&mut builder.reader, &catch);
    let before = builder.reader.enter(&[&name]);
    let mut expression = |field: &str| catch.get(field).map(|(n, at)| builder.reader.expression(n, &at));
    let (when, except_when) = (expression("when"), expression("exceptWhen"));
    let retry = catch
        .get("retry")
        .map(|(n, at)| RetryPolicy::read(builder, n, &at));
    let handler = builder.list(&catch, "do", me);
    builder.reader.leave(before);
    let then = catch
        .get("then")
        .and_then(|(n, at)| Then::read(&mut builder.reader, n, &at).map(|then| (then, n.span.start)));
    let broken =
        matches!(when, Some(None)) || matches!(except_when, Some(None)) || matches!(retry, Some(None));
    (whole && !broken).then(|| {
        Box::new(TryCatch {
            body,
            filter,
            name,
            when: when.flatten(),
            except_when: except_when.flatten(),
            retry: retry.flatten(),
            handler,
            then,
        }) as Box<dyn Task>
    })
}

fn read_filter(reader: &mut Reader, catch: &Fields<'_>) -> Vec<(String, Value)> {
    let mut filter = Vec::new();
    let Some((node, path)) = catch.get("errors") else {
        return filter;
    };
    let Some(errors) = reader.fields(node, &path, &["with"]) else {
        return filter;
    };
    let Some((node, path)) = errors.get("with") else {
        return filter;
    };
    let known = ["type", "status", "instance", "title", "detail"];
    let Some(with) = reader.fields(node, &path, &known) else {
        return filter;
    };
    for name in known {
        let Some((node, at)) = with.get(name) else {
            continue;
        };
        let good = if name == "status" {
            reader.integer(node, &at, i64::MIN, i64::MAX).is_some()
        } else {
            reader.text(node, &at).is_some()
        };
        if good {
            filter.push((name.to_owned(), node.to_json()));
        }
    }
    filter
}

impl TryCatch {
    fn fits(&self, error: &WorkflowError) -> bool {
        self.filter
            .iter()
            .all(|(field, wanted)| match (field.as_str(), wanted) {
                ("type", Value::String(kind)) => same_type(kind, &error.kind),
                ("status", Value::Number(status)) => status.as_u64() == Some(u64::from(error.status)),
                ("title", Value::String(title)) => *title == error.title,
                ("detail", Value::String(detail)) => error.detail.as_ref() == Some(detail),
                ("instance", Value::String(instance)) => error
                    .instance
                    .as_ref()
                    .is_some_and(|step| *step.pointer == **instance),
                _ => false,
            })
    }

    /// Whether conditions hold, with the error under its name.
    fn conditions(
        &self,
        turn: &mut Turn<'_, '_>,
        me: Me<'_>,
        error: &Payload,
        when: Option<&Expression>,
        except: Option<&Expression>,
    ) -> Result<bool, Stop> {
        let mut holds = |condition: &Expression| {
            let input = turn.input(me.frame);
            turn.holds_with(me, condition, input, vec![(self.name.clone(), error.clone())])
        };
        if let Some(when) = when
            && !holds(when)?
        {
            return Ok(false);
        }
        match except {
            Some(except) => Ok(!holds(except)?),
            None => Ok(true),
        }
    }

    fn handle(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let input = turn.input(me.frame);
        match turn.enter_list(&self.handler, input)? {
            Next::Done(output, None) => Ok(Next::Done(output, self.way_on())),
            other => Ok(other),
        }
    }

    fn handles(&self) -> bool {
        !self.handler.tasks.is_empty() || self.then.is_some()
    }

    fn way_on(&self) -> Option<Then> {
        self.then.as_ref().map(|(then, _)| then.clone())
    }
}

impl Task for TryCatch {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let limit = self.retry.as_ref().and_then(|retry| retry.attempt.as_ref());
        if let Some(limit) = limit {
            let due = turn.delay(me, limit)?;
            let (step, due) = (turn.step(me.frame), turn.after(due));
            turn.set_timer(step, due, TimerPurpose::AttemptTimeout);
        }
        let input = turn.input(me.frame);
        turn.enter_list(&self.body, input)
    }

    fn child_done(&self, turn: &mut Turn<'_, '_>, me: Me<'_>, done: Done) -> Outcome {
        if done.then == Then::End {
            return Ok(Next::Done(done.output, Some(Then::End)));
        }
        let catching = turn
            .state
            .frame(me.frame)
            .is_some_and(|frame| frame.phase == Phase::Catch);
        let list = if catching { &self.handler } else { &self.body };
        match turn.advance(me, list, done)? {
            Next::Done(output, None) if catching => Ok(Next::Done(output, self.way_on())),
            other => Ok(other),
        }
    }

    fn child_failed(&self, turn: &mut Turn<'_, '_>, me: Me<'_>, error: WorkflowError) -> Outcome {
        let Some(frame) = turn.state.frame(me.frame) else {
            return Ok(Next::Wait);
        };
        let (phase, attempt, step) = (frame.phase, frame.attempt, frame.step.clone());
        if phase == Phase::Catch || !self.fits(&error) {
            return Err(Stop::fault(error));
        }
        let value: Payload = Arc::new(serde_json::to_value(&error).unwrap_or_default());
        if !self.conditions(turn, me, &value, self.when.as_ref(), self.except_when.as_ref())? {
            return Err(Stop::fault(error));
        }
        if let Some(retry) = &self.retry
            && self.conditions(turn, me, &value, retry.when.as_ref(), retry.except_when.as_ref())?
        {
            if let Some(delay) = retry.next(turn, me, attempt)? {
                let delay_ms = millis(delay);
                turn.emit(EventBody::TaskRetried {
                    waits_for: None,
                    step: step.clone(),
                    attempt: attempt + 1,
                    delay_ms,
                    error,
                });
                let due = turn.after(delay);
                turn.set_timer(step, due, TimerPurpose::Retry);
                return Ok(Next::Wait);
            }
            if !self.handles() {
                return Err(Stop::fault(error));
            }
        }
        turn.emit(EventBody::TaskCaught { step, error });
        self.handle(turn, me)
    }

    fn go_on(&self, turn: &mut Turn<'_, '_>, me: Me<'_>, last: Option<Done>) -> Outcome {
        let catching = turn
            .state
            .frame(me.frame)
            .is_some_and(|frame| frame.phase == Phase::Catch);
        match last {
            Some(done) => self.child_done(turn, me, done),
            None if catching => self.handle(turn, me),
            None => self.start(turn, me),
        }
    }

    fn catches(&self, frame: &Frame, error: &WorkflowError) -> Option<bool> {
        let conditions = self.when.is_some() || self.except_when.is_some();
        let only_retries = self.retry.is_some() && !self.handles();
        (frame.phase != Phase::Catch && self.fits(error)).then_some(!conditions && !only_retries)
    }

    fn variable(&self, frame: &Frame, name: &str) -> Option<Payload> {
        let error = frame
            .error
            .as_ref()
            .filter(|_| frame.phase == Phase::Catch && name == self.name)?;
        Some(Arc::new(serde_json::to_value(error).unwrap_or_default()))
    }

    fn lists(&self) -> Vec<(&'static str, &TaskList)> {
        vec![("try", &self.body), ("catch", &self.handler)]
    }

    fn ways(&self) -> Vec<Way> {
        let way = |(then, at): &(Then, Position)| Way {
            label: "catch".to_owned(),
            then: then.clone(),
            conditional: true,
            at: *at,
        };
        self.then.iter().map(way).collect()
    }
}

/// Types of the specification have had several homes; their last word says what they are.
fn same_type(wanted: &str, given: &str) -> bool {
    const HOMES: [&str; 2] = [
        "https://open-workflow-specification.org/",
        "https://serverlessworkflow.io/",
    ];
    let standard = |kind: &str| {
        let rest = HOMES.iter().find_map(|home| kind.strip_prefix(home))?;
        rest.contains("errors/")
            .then(|| rest.rsplit('/').next().map(str::to_owned))?
    };
    wanted == given || standard(wanted).is_some_and(|word| standard(given) == Some(word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{Bench, done, failed};

    const TEXT: &str = "do:
  - tryGetPet:
      try:
        - getPet: { call: http, with: { method: get, endpoint: 'https://pets/{petName}' } }
      catch:
        errors:
          with:
            type: https://serverlessworkflow.io/dsl/errors/types/communication
            status: 404
        as: err
        do:
          - setError: { set: { error: '${ $err }' } }
";

    #[test]
    fn a_fitting_error_is_handled_with_its_instance() {
        let mut run = Bench::yaml(TEXT).start(json!({"petName": "Milou"}));
        let effect = run.intended()[0];
        run.settle(effect, failed("communication", 404, false));
        let output = run.output();
        assert_eq!(output["error"]["instance"], "/do/0/tryGetPet/try/0/getPet");
        assert_eq!(output["error"]["status"], 404);
    }

    #[test]
    fn another_error_goes_on_up() {
        let mut run = Bench::yaml(TEXT).start(json!({"petName": "Milou"}));
        let effect = run.intended()[0];
        run.settle(effect, failed("communication", 503, false));
        assert_eq!(run.error().status, 503);
    }

    const LIMITED: &str = "do:
  - t:
      try: [ { c: { call: noop } }, { d: { call: noop } } ]
      catch:
        retry: { delay: PT1S, limit: { attempt: { count: 1, duration: PT10S } } }
        do: [ { e: { set: { v: '${ $error.status }' } } } ]
  - later: { wait: PT1H }
";

    #[test]
    fn each_attempt_has_a_limit_of_its_own() {
        let mut run = Bench::yaml(LIMITED).start(json!({}));
        let first = run.intended()[0];
        run.settle(first, done(json!(1)));
        assert_eq!(run.seconds_to_next_timer(), 10);
        run.advance();
        assert!(run.intended().is_empty(), "what was tried is stopped");
        assert_eq!(run.seconds_to_next_timer(), 1);
        run.advance();
        assert_eq!(run.intended().len(), 1);
        assert_eq!(
            run.seconds_to_next_timer(),
            10,
            "the second attempt has all of it"
        );
        run.advance();
        assert_eq!(run.seconds_to_next_timer(), 3_600, "no limit is left behind");
        run.advance();
        assert_eq!(run.output(), json!({"v": 408}));
    }

    #[test]
    fn an_attempt_in_time_leaves_no_limit_behind() {
        let mut run = Bench::yaml(LIMITED).start(json!({}));
        for _ in 0..2 {
            let effect = run.intended()[0];
            run.settle(effect, done(json!(1)));
        }
        assert_eq!(run.seconds_to_next_timer(), 3_600);
    }

    #[test]
    fn retry_grows_changes_the_key_and_gives_up() {
        let mut run = Bench::yaml(
            "use: { retries: { slow: { delay: PT3S, backoff: { exponential: {} }, limit: { attempt: { count: 3 } } } } }
do:
  - t:
      try: [ { c: { call: http, with: { method: get, endpoint: 'https://pets/1' } } } ]
      catch: { errors: { with: { status: 503 } }, retry: slow }
",
        )
        .start(json!({}));
        let mut keys = std::collections::BTreeSet::new();
        for delay in [3, 6, 12] {
            let effect = run.intended()[0];
            assert!(keys.insert(run.key(effect)));
            run.settle(effect, failed("communication", 503, false));
            assert_eq!(run.seconds_to_next_timer(), delay);
            run.advance();
        }
        let effect = run.intended()[0];
        run.settle(effect, failed("communication", 503, false));
        assert_eq!(run.error().status, 503);
    }

    #[test]
    fn conditions_then_and_an_error_in_the_handler() {
        let text = |when: &str, handler: &str| {
            format!(
                "do:
  - t:
      try: [ {{ r: {{ raise: {{ error: {{ type: 'https://x/e', status: 400, detail: d }} }} }} }} ]
      catch: {{ when: '{when}', do: [ {handler} ], then: recorded }}
  - skipped: {{ set: {{ skipped: true }}, then: end }}
  - recorded: {{ set: {{ got: '${{ . }}' }} }}
"
            )
        };
        let good = "{ h: { set: { e: '${ $error.detail }' } } }";
        let mut run = Bench::yaml(&text("$error.status == 400", good)).start(json!({}));
        assert_eq!(run.output(), json!({"got": {"e": "d"}}));
        assert_eq!(
            Bench::yaml(&text("$error.status == 500", good))
                .start(json!({}))
                .error()
                .status,
            400
        );
        let bad = "{ h: { raise: { error: { type: 'https://x/f', status: 500 } } } }";
        assert_eq!(
            Bench::yaml(&text("true", bad)).start(json!({})).error().kind,
            "https://x/f"
        );
    }
}
