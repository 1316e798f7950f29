//! `call: approval`: asks a person and waits.

use std::sync::Arc;
use std::time::Duration;

use dirigent_protocol::Payload;
use dirigent_protocol::run::{
    ApprovalRequest, Consequence, Decision, DecisionRecord, EventBody, Risk, StepId, TimerPurpose,
    WorkflowError,
};
use dirigent_protocol::source::Node;
use serde_json::{Value, json};

use super::approval_terms::{Leads, Terms};
use crate::document::{Delay, Fields, Reader, Template, read_risk};
use crate::machine::{Builder, KindRow, Me, Next, Outcome, Stop, Task, TaskIndex, Turn, Way, millis};

const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(90 * 24 * 3_600);

pub(super) const ROW: KindRow = KindRow {
    keyword: "call",
    target: Some("approval"),
    fields: &["call", "with"],
    doc: "Asks a person and waits. Gives { decision, by, reason, payload }; `payload` is what was shown, or as edited. \
          Denied: error `approval` (403), expired: error `timeout` (408); with on_deny / on_expire `continue` both are outputs.",
    shape: "call: approval, with: { title: TEXT, show: VALUE, action: TEXT, message: TEXT, risk: low|medium|high, confirm: TEXT, \
            before: VALUE, agent: NAME, schema: SCHEMA, approvers: { users: [NAME], teams: [NAME], quorum: N }, self_approval: allow|deny, \
            expires: DURATION, remind: DURATION, escalate: { after: DURATION, to: { users: [NAME], teams: [NAME] } }, \
            on_deny: fail|continue|{ then: TASK }, on_expire: fail|deny|continue|{ then: TASK } }",
    read: Some(read),
};

#[derive(Debug)]
struct CallApproval {
    title: Template,
    show: Option<Template>,
    before: Option<Template>,
    agent: Option<Template>,
    action: Option<Template>,
    message: Option<Template>,
    confirm: Option<Template>,
    risk: Option<Risk>,
    expires: Option<Delay>,
    on_deny: Leads,
    on_expire: Leads,
    terms: Terms,
}

const FIELDS: [&str; 16] = [
    "title",
    "show",
    "before",
    "agent",
    "action",
    "message",
    "risk",
    "confirm",
    "expires",
    "on_deny",
    "on_expire",
    "schema",
    "approvers",
    "self_approval",
    "remind",
    "escalate",
];

fn read(builder: &mut Builder, fields: &Fields<'_>, _: TaskIndex) -> Option<Box<dyn Task>> {
    let reader = &mut builder.reader;
    if !reader.require(fields, &["with"]) {
        return None;
    }
    let (node, path) = fields.get("with")?;
    let with = reader.fields(node, &path, &FIELDS)?;
    let whole = reader.require(&with, &["title"]);
    let mut part = |name: &str, text: bool| {
        with.get(name).map(|(node, at)| {
            if text {
                reader.text(node, &at)?;
            }
            Template::read(reader, node, &at)
        })
    };
    let parts = [
        part("title", true),
        part("show", false),
        part("action", true),
        part("message", true),
        part("confirm", true),
        part("before", false),
        part("agent", true),
    ];
    let risk = with.get("risk").and_then(|(n, at)| read_risk(reader, n, &at));
    let expires = with
        .get("expires")
        .map(|(node, at)| read_expiry(reader, node, &at));
    let on_deny = Leads::read(reader, &with, "on_deny", false)?;
    let on_expire = Leads::read(reader, &with, "on_expire", true)?;
    let terms = Terms::read(reader, &with)?;
    if !whole || matches!(expires, Some(None)) || parts.iter().any(|part| matches!(part, Some(None))) {
        return None;
    }
    let [title, show, action, message, confirm, before, agent] = parts.map(Option::flatten);
    let expires = expires.flatten();
    Some(Box::new(CallApproval {
        title: title?,
        show,
        before,
        agent,
        action,
        message,
        confirm,
        risk,
        expires,
        on_deny,
        on_expire,
        terms,
    }))
}

fn read_expiry(reader: &mut Reader, node: &Node, at: &str) -> Option<Delay> {
    let delay = Delay::read(reader, node, at)?;
    if let Delay::Fixed(fixed) = &delay
        && !(SHORTEST..=LONGEST).contains(fixed)
    {
        let message = "an approval lives from 1 minute to 90 days";
        reader.error("bad_duration", message, node.span.start, at).help =
            Some("write `PT1M` to `P90D`".to_owned());
        return None;
    }
    Some(delay)
}

fn text(turn: &mut Turn<'_, '_>, me: Me<'_>, template: Option<&Template>) -> Result<Option<String>, Stop> {
    let Some(template) = template else { return Ok(None) };
    Ok(Some(match &*turn.template(me, template, None)? {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }))
}

fn denied() -> WorkflowError {
    WorkflowError::standard("approval", 403, "The approval was denied")
}

fn expired() -> WorkflowError {
    WorkflowError::standard("timeout", 408, "Nobody decided in time")
}

/// What becomes of the run where the step ends with this error.
fn consequence(turn: &Turn<'_, '_>, me: Me<'_>, leads: &Leads, error: &WorkflowError) -> Consequence {
    if !matches!(leads, Leads::Fail | Leads::Deny) {
        return Consequence::GoesOn;
    }
    let around = turn.state.frame(me.frame).and_then(|frame| frame.parent);
    let mut next = around.and_then(|id| turn.state.frame(id));
    while let Some(frame) = next {
        let task = turn.workflow.task_at(&frame.step.pointer);
        let caught = task.and_then(|task| turn.workflow.task(task).body.catches(frame, error));
        if let Some(sure) = caught {
            return Consequence::Caught {
                by: frame.step.pointer.to_string(),
                maybe: !sure,
            };
        }
        next = frame.parent.and_then(|id| turn.state.frame(id));
    }
    Consequence::Fails
}

fn output(record: &DecisionRecord, word: &str, payload: &Value) -> Payload {
    Arc::new(json!({ "decision": word, "by": record.by, "reason": record.reason, "payload": payload }))
}

impl CallApproval {
    fn set_timers(&self, turn: &mut Turn<'_, '_>, step: &StepId, expires: Duration) {
        let due = turn.after(expires);
        turn.set_timer(step.clone(), due, TimerPurpose::ApprovalExpiry);
        if let Some(remind) = self.terms.remind {
            let due = turn.after(remind);
            turn.set_timer(step.clone(), due, TimerPurpose::ApprovalReminder);
        }
        if let Some(escalation) = &self.terms.escalation {
            let due = turn.after(Duration::from_millis(escalation.after_ms));
            turn.set_timer(step.clone(), due, TimerPurpose::ApprovalEscalation);
        }
    }
}

impl Task for CallApproval {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let title = text(turn, me, Some(&self.title))?.unwrap_or_default();
        let payload = match &self.show {
            Some(show) => turn.template(me, show, None)?,
            None => turn.input(me.frame),
        };
        let before = match &self.before {
            Some(before) => Some(turn.template(me, before, None)?),
            None => None,
        };
        let action = text(turn, me, self.action.as_ref())?.unwrap_or_else(|| title.clone());
        let reason = text(turn, me, self.message.as_ref())?;
        let confirm = text(turn, me, self.confirm.as_ref())?;
        let agent = text(turn, me, self.agent.as_ref())?.filter(|name| !name.is_empty());
        let expires = match &self.expires {
            Some(expires) => turn.delay(me, expires)?.clamp(SHORTEST, LONGEST),
            None => turn.default_expiry().clamp(SHORTEST, LONGEST),
        };
        let risk = self
            .risk
            .or(me.task.base.settings.risk)
            .or(turn.workflow.settings().risk)
            .unwrap_or_default();
        let request = ApprovalRequest {
            title,
            action,
            risk,
            reason,
            payload,
            before: before.filter(|before| !before.is_null()),
            agent,
            on_deny: consequence(turn, me, &self.on_deny, &denied()),
            on_expire: match &self.on_expire {
                Leads::Deny => consequence(turn, me, &self.on_deny, &denied()),
                leads => consequence(turn, me, leads, &expired()),
            },
            confirm,
            expires_after_ms: Some(millis(expires)),
            deciders: self.terms.deciders.clone(),
            edit_schema: self.terms.schema.clone(),
            remind_ms: self.terms.remind.map(millis),
            escalation: self.terms.escalation.clone(),
            raises_budget: false,
        };
        let (approval, digest, step) = ((turn.cx.ids)(), request.digest(), turn.step(me.frame));
        turn.emit(EventBody::ApprovalRequested {
            approval,
            step: step.clone(),
            digest,
            request,
        });
        self.set_timers(turn, &step, expires);
        Ok(Next::Wait)
    }

    fn decided(
        &self,
        _turn: &mut Turn<'_, '_>,
        _me: Me<'_>,
        record: DecisionRecord,
        payload: Payload,
    ) -> Outcome {
        match &record.decision {
            Decision::Approve { edited } => {
                let payload = edited.as_ref().unwrap_or(&payload);
                Ok(Next::Done(output(&record, "approved", payload), None))
            }
            Decision::Deny => self
                .on_deny
                .follow(output(&record, "denied", &payload), || no(&record)),
            Decision::Expire if matches!(self.on_expire, Leads::Deny) => self
                .on_deny
                .follow(output(&record, "denied", &payload), || no(&record)),
            Decision::Expire => self
                .on_expire
                .follow(output(&record, "expired", &payload), expired),
        }
    }

    fn ways(&self) -> Vec<Way> {
        let ways = [self.on_deny.way("denied"), self.on_expire.way("expired")];
        ways.into_iter().flatten().collect()
    }
}

fn no(record: &DecisionRecord) -> WorkflowError {
    let mut error = denied();
    error.detail = Some(match &record.reason {
        Some(reason) => format!("{}: {reason}", record.by),
        None if record.decision == Decision::Expire => {
            "nobody decided in time, which counts as a no".to_owned()
        }
        None => record.by.clone(),
    });
    error
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::{Consequence, Decision};
    use serde_json::json;

    use crate::machine::Refusal;
    use crate::testing::Bench;

    const TEXT: &str = "do:
  - ask:
      call: approval
      with: { title: '${ \"Write \\(.file)?\" }', show: { file: '${ .file }' }, risk: high, expires: PT5M, on_deny: MODE, on_expire: MODE }
  - use: { set: { wrote: '${ .payload.file }', decision: '${ .decision }' } }
";

    fn bench(mode: &str) -> Bench {
        Bench::yaml(&TEXT.replace("MODE", mode))
    }

    #[test]
    fn approved_content_is_what_was_shown_or_as_edited() {
        let mut run = bench("fail").start(json!({"file": "a.md"}));
        assert_eq!(run.status(), "waiting");
        assert_eq!(run.approvals()[0].request.title, "Write a.md?");
        run.decide_approval(Decision::Approve { edited: None }, None)
            .unwrap();
        assert_eq!(run.output(), json!({"wrote": "a.md", "decision": "approved"}));
        let mut run = bench("fail").start(json!({"file": "a.md"}));
        run.decide_approval(
            Decision::Approve {
                edited: Some(json!({"file": "b.md"})),
            },
            None,
        )
        .unwrap();
        assert_eq!(run.output(), json!({"wrote": "b.md", "decision": "approved"}));
    }

    #[test]
    fn denial_and_expiry_fail_or_go_on() {
        let mut run = bench("fail").start(json!({"file": "a.md"}));
        run.decide_approval(Decision::Deny, Some("no")).unwrap();
        assert!(run.error().kind.ends_with("/approval"));
        let mut run = bench("continue").start(json!({"file": "a.md"}));
        run.decide_approval(Decision::Deny, None).unwrap();
        assert_eq!(run.output()["decision"], "denied");
        let mut run = bench("fail").start(json!({"file": "a.md"}));
        run.advance();
        assert_eq!(run.error().status, 408);
        let mut run = bench("continue").start(json!({"file": "a.md"}));
        run.advance();
        assert_eq!(run.output()["decision"], "expired");
    }

    #[test]
    fn what_a_no_does_is_known_when_it_is_asked() {
        let run = bench("continue").start(json!({"file": "a.md"}));
        assert_eq!(run.approvals()[0].request.on_deny, Consequence::GoesOn);
        let run = bench("fail").start(json!({"file": "a.md"}));
        assert_eq!(run.approvals()[0].request.on_expire, Consequence::Fails);
        let caught = |errors: &str, when: &str| {
            let text = format!(
                "do:\n  - guard:\n      try:\n        - ask: {{ call: approval, with: {{ title: Go?, before: {{ n: 1 }} }} }}\n      \
                 catch: {{ {errors} {when} do: [ {{ tell: {{ set: {{ a: 1 }} }} }} ] }}\n"
            );
            let run = Bench::yaml(&text).start(json!({"n": 2}));
            let request = run.approvals()[0].request.clone();
            assert_eq!(request.before.as_deref(), Some(&json!({"n": 1})));
            request
        };
        let by = |maybe| Consequence::Caught {
            by: "/do/0/guard".to_owned(),
            maybe,
        };
        let request = caught("errors: { with: { status: 403 } },", "");
        assert_eq!(
            (request.on_deny, request.on_expire),
            (by(false), Consequence::Fails)
        );
        let request = caught("", "when: '${ .a == 1 }',");
        assert_eq!((request.on_deny, request.on_expire), (by(true), by(true)));
    }

    #[test]
    fn a_denial_that_stops_the_run_begins_nothing_more() {
        let mut run = bench("continue").start(json!({"file": "a.md"}));
        run.deny_and_stop().unwrap();
        assert_eq!(run.status(), "cancelled");
    }

    #[test]
    fn a_decision_about_something_else_is_stale_and_a_second_one_too_late() {
        let mut run = bench("fail").start(json!({"file": "a.md"}));
        let refused = run.decide_stale(Decision::Approve { edited: None }).unwrap_err();
        assert!(matches!(refused, Refusal::Stale { .. }));
        let approval = run.approvals()[0].clone();
        run.decide_approval(Decision::Approve { edited: None }, None)
            .unwrap();
        assert!(run.decide_again(&approval).is_err());
    }
}
