//! `call: approval`: asks a person and waits.

use std::sync::Arc;
use std::time::Duration;

use dirigent_protocol::Payload;
use dirigent_protocol::run::{
    ApprovalRequest, Decision, DecisionRecord, EventBody, Risk, TimerPurpose, WorkflowError,
};
use serde_json::{Value, json};

use crate::document::{Delay, Fields, Template, read_risk};
use crate::machine::{Builder, KindRow, Me, Next, Outcome, Stop, Task, TaskIndex, Turn, millis};

/// Where nothing is declared: three days.
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(90 * 24 * 3_600);

pub(super) const ROW: KindRow = KindRow {
    keyword: "call",
    target: Some("approval"),
    fields: &["call", "with"],
    doc: "Asks a person and waits. Gives { decision, by, reason, payload }; `payload` is what was shown, or as edited. \
          Denied: error `approval` (403), expired: error `timeout` (408); with on_deny / on_expire `continue` both are outputs.",
    shape: "call: approval, with: { title: TEXT, show: VALUE, action: TEXT, message: TEXT, risk: low|medium|high, confirm: TEXT, \
            expires: DURATION, on_deny: fail|continue, on_expire: fail|continue }",
    read: Some(read),
};

#[derive(Debug)]
struct CallApproval {
    title: Template,
    show: Option<Template>,
    action: Option<Template>,
    message: Option<Template>,
    confirm: Option<Template>,
    risk: Option<Risk>,
    expires: Option<Delay>,
    deny_goes_on: bool,
    expiry_goes_on: bool,
}

const FIELDS: [&str; 9] = [
    "title",
    "show",
    "action",
    "message",
    "risk",
    "confirm",
    "expires",
    "on_deny",
    "on_expire",
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
    ];
    let risk = with.get("risk").and_then(|(n, at)| read_risk(reader, n, &at));
    let expires = with.get("expires").map(|(node, at)| {
        let delay = Delay::read(reader, node, &at)?;
        if let Delay::Fixed(fixed) = &delay
            && !(SHORTEST..=LONGEST).contains(fixed)
        {
            let message = "an approval lives from 1 minute to 90 days";
            reader.error("bad_duration", message, node.span.start, &at).help =
                Some("write `PT1M` to `P90D`".to_owned());
            return None;
        }
        Some(delay)
    });
    let mut goes_on = |name: &str| match with.get(name) {
        Some((node, at)) => reader
            .word(node, &at, &["fail", "continue"])
            .map(|word| word == "continue"),
        None => Some(false),
    };
    let (deny_goes_on, expiry_goes_on) = (goes_on("on_deny")?, goes_on("on_expire")?);
    if !whole || matches!(expires, Some(None)) || parts.iter().any(|part| matches!(part, Some(None))) {
        return None;
    }
    let [title, show, action, message, confirm] = parts.map(Option::flatten);
    let expires = expires.flatten();
    Some(Box::new(CallApproval {
        title: title?,
        show,
        action,
        message,
        confirm,
        risk,
        expires,
        deny_goes_on,
        expiry_goes_on,
    }))
}

fn text(turn: &mut Turn<'_, '_>, me: Me<'_>, template: Option<&Template>) -> Result<Option<String>, Stop> {
    let Some(template) = template else { return Ok(None) };
    Ok(Some(match &*turn.template(me, template, None)? {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }))
}

fn output(record: &DecisionRecord, word: &str, payload: &Value) -> Payload {
    Arc::new(json!({ "decision": word, "by": record.by, "reason": record.reason, "payload": payload }))
}

impl Task for CallApproval {
    fn start(&self, turn: &mut Turn<'_, '_>, me: Me<'_>) -> Outcome {
        let title = text(turn, me, Some(&self.title))?.unwrap_or_default();
        let payload = match &self.show {
            Some(show) => turn.template(me, show, None)?,
            None => turn.input(me.frame),
        };
        let action = text(turn, me, self.action.as_ref())?.unwrap_or_else(|| title.clone());
        let reason = text(turn, me, self.message.as_ref())?;
        let confirm = text(turn, me, self.confirm.as_ref())?;
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
            confirm,
            expires_after_ms: Some(millis(expires)),
        };
        let (approval, digest, step) = ((turn.cx.ids)(), request.digest(), turn.step(me.frame));
        turn.emit(EventBody::ApprovalRequested {
            approval,
            step: step.clone(),
            digest,
            request,
        });
        let due = turn.after(expires);
        turn.set_timer(step, due, TimerPurpose::ApprovalExpiry);
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
            Decision::Deny if self.deny_goes_on => Ok(Next::Done(output(&record, "denied", &payload), None)),
            Decision::Expire if self.expiry_goes_on => {
                Ok(Next::Done(output(&record, "expired", &payload), None))
            }
            Decision::Deny => {
                let mut error = WorkflowError::standard("approval", 403, "The approval was denied");
                error.detail = Some(match &record.reason {
                    Some(reason) => format!("{}: {reason}", record.by),
                    None => record.by.clone(),
                });
                Err(Stop::fault(error))
            }
            Decision::Expire => {
                let error = WorkflowError::standard("timeout", 408, "Nobody decided in time");
                Err(Stop::fault(error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::Decision;
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
