//! An effect that needs a person: its question stands in the inbox as the step's own, and with the answer the effect
//! is asked for again.
//!
//! Does not judge the answer: a no and the end of its time go to whoever performs the effect, too. Invariant: no effect
//! asks without end.

use std::sync::Arc;
use std::time::Duration;

use dirigent_protocol::Payload;
use dirigent_protocol::run::{
    AnswerWord, ApprovalRequest, Decision, DecisionRecord, EffectAnswer, EffectAsk, EventBody, Risk,
    TimerPurpose, WorkflowError,
};

use super::effects::millis;
use super::model::{Me, Next, Outcome, Stop, Turn};

/// Shortest and longest life of a question.
const LIVES: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(90 * 24 * 3_600));
/// Most questions of one effect.
const MOST_ASKED: usize = 32;
/// Most answers of one effect, what it kept itself included.
const MOST_KEPT: usize = 2 * MOST_ASKED + 1;

fn without_end(most: usize) -> Stop {
    let error = WorkflowError::standard("runtime", 429, "It asks people without end");
    Stop::fault(error.detail(format!("{most} times at most")))
}

impl Turn<'_, '_> {
    /// How long a question lives where nobody says.
    pub(crate) fn question_life(&self) -> Duration {
        self.default_expiry().clamp(LIVES.0, LIVES.1)
    }

    /// Puts a question of a step into the inbox.
    pub(crate) fn put_question(&mut self, me: Me<'_>, request: ApprovalRequest, life: Duration) -> Outcome {
        let (approval, digest, step) = ((self.cx.ids)(), request.digest(), self.step(me.frame));
        self.emit(EventBody::ApprovalRequested {
            approval,
            step: step.clone(),
            digest,
            request,
        });
        let due = self.after(life);
        self.set_timer(step, due, TimerPurpose::ApprovalExpiry);
        Ok(Next::Wait)
    }

    /// An effect ended with a question, or with something to keep before it goes on.
    pub(super) fn effect_asks(&mut self, me: Me<'_>, ask: &EffectAsk) -> Outcome {
        if !ask.goes_on {
            return self.ask_a_person(me, ask);
        }
        let asked = self.state.frame(me.frame).and_then(|frame| frame.asked.clone());
        let answer = EffectAnswer {
            id: ask.id.clone(),
            word: AnswerWord::GoesOn,
            payload: serde_json::Value::Null,
            by: String::new(),
            kept: ask.kept.clone(),
        };
        let room = asked.filter(|asked| asked.request.answers().len() < MOST_KEPT);
        let request = room.and_then(|asked| asked.request.clone().answered(answer));
        match request {
            Some(request) => self.request(me, request),
            None => Err(without_end(MOST_KEPT)),
        }
    }

    fn ask_a_person(&mut self, me: Me<'_>, ask: &EffectAsk) -> Outcome {
        let asked = self.state.frame(me.frame).and_then(|frame| frame.asked.clone());
        let people = |answer: &&EffectAnswer| answer.word != AnswerWord::GoesOn;
        let times = asked.map(|asked| asked.request.answers().iter().filter(people).count());
        if times.is_none_or(|times| times >= MOST_ASKED) {
            return Err(without_end(MOST_ASKED));
        }
        let life = self.question_life();
        let request = ApprovalRequest {
            title: ask.title.clone(),
            action: ask.action.clone(),
            // Only a person may answer: no rule does that for a high risk.
            risk: Risk::High,
            reason: ask.reason.clone(),
            payload: Arc::new(ask.payload.clone()),
            agent: self.caller(me.frame),
            on_deny: ask.on_deny.clone(),
            on_expire: ask.on_deny.clone(),
            expires_after_ms: Some(millis(life)),
            edit_schema: ask.form.clone().map(Arc::new),
            ..ApprovalRequest::default()
        };
        self.put_question(me, request, life)
    }

    /// A person answered the question of an effect.
    pub(super) fn answered(&mut self, me: Me<'_>, record: DecisionRecord, payload: Payload) -> Outcome {
        let asked = self.state.frame(me.frame).and_then(|frame| frame.asked.clone());
        let Some(asked) = asked else {
            return Ok(Next::Wait);
        };
        let (word, payload) = match record.decision {
            Decision::Approve { edited } => {
                (AnswerWord::Accept, edited.unwrap_or_else(|| (*payload).clone()))
            }
            Decision::Deny => (AnswerWord::Decline, serde_json::Value::Null),
            Decision::Expire => (AnswerWord::Cancel, serde_json::Value::Null),
        };
        let answer = EffectAnswer {
            id: asked.ask.id.clone(),
            word,
            payload,
            by: record.by,
            kept: asked.ask.kept.clone(),
        };
        let Some(request) = asked.request.clone().answered(answer) else {
            let error = WorkflowError::standard("runtime", 500, "Nothing can be told to this effect");
            return Err(Stop::fault(error));
        };
        self.request(me, request)
    }
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::{Decision, EffectAsk, EffectOutcome, EffectRequest};
    use serde_json::json;

    use super::*;
    use crate::testing::{Bench, done};

    const TEXT: &str = "do:
  - m:
      call: mcp
      with: { method: tools/call, parameters: { name: book }, transport: { stdio: { command: server } } }
";

    fn asks(id: &str) -> EffectOutcome {
        let ask = EffectAsk {
            id: id.into(),
            title: "server asks".into(),
            action: "answer server".into(),
            payload: json!({ "content": {} }),
            on_deny: dirigent_protocol::run::Consequence::GoesOn,
            ..EffectAsk::default()
        };
        EffectOutcome::Asks { ask: Arc::new(ask) }
    }

    #[test]
    fn what_a_person_says_goes_back_with_a_key_of_its_own() {
        let mut run = Bench::yaml(TEXT).start(json!({}));
        let first = run.intended()[0];
        let key = run.key(first);
        run.settle(first, asks("q1"));
        assert_eq!(run.status(), "waiting");
        assert_eq!(run.approvals()[0].request.risk, Risk::High);
        let edited = Some(json!({ "content": { "seats": 2 } }));
        run.decide_approval(Decision::Approve { edited }, None).unwrap();
        let second = run.intended()[0];
        assert_ne!(key, run.key(second));
        let EffectRequest::Mcp(call) = run.request(second) else {
            panic!("no request")
        };
        assert_eq!(call.answers.len(), 1);
        assert_eq!(
            (call.answers[0].id.as_str(), call.answers[0].word),
            ("q1", AnswerWord::Accept)
        );
        assert_eq!(call.answers[0].payload, json!({ "content": { "seats": 2 } }));

        run.settle(second, asks("q2"));
        run.decide_approval(Decision::Deny, None).unwrap();
        let third = run.intended()[0];
        let EffectRequest::Mcp(call) = run.request(third) else {
            panic!("no request")
        };
        assert_eq!(call.answers[1].word, AnswerWord::Decline);
        run.settle(third, done(json!("booked")));
        assert_eq!(run.output(), json!("booked"));
    }

    #[test]
    fn what_is_kept_is_durable_and_only_looked_after() {
        let text = "do:
  - a:
      call: a2a
      with: { method: message/send, server: 'http://h', parameters: { message: { parts: [] } } }
      metadata: { dirigent: { on_unknown: fail } }
";
        let mut run = Bench::yaml(text).start(json!({}));
        let first = run.intended()[0];
        let key = run.key(first);
        let ask = EffectAsk {
            id: "task-0".into(),
            kept: json!({ "task": "t" }),
            goes_on: true,
            ..EffectAsk::default()
        };
        run.settle(first, EffectOutcome::Asks { ask: Arc::new(ask) });
        assert!(run.approvals().is_empty(), "nobody is asked");
        let second = run.intended()[0];
        assert_ne!(key, run.key(second));
        let EffectRequest::A2a(call) = run.request(second) else {
            panic!("no request")
        };
        assert_eq!(call.answers[0].kept, json!({ "task": "t" }));
        // What only looks is repeated, whatever is declared of what it looks after.
        run.settle(second, EffectOutcome::Unknown { reason: "cut".into() });
        assert_eq!(run.intended(), [second]);
        run.settle(second, done(json!("ready")));
        assert_eq!(run.output(), json!("ready"));
    }

    #[test]
    fn nobody_is_asked_without_end() {
        let mut run = Bench::yaml(TEXT).start(json!({}));
        for round in 0..=MOST_ASKED {
            let effect = run.intended()[0];
            run.settle(effect, asks(&round.to_string()));
            if round < MOST_ASKED {
                run.decide_approval(Decision::Deny, None).unwrap();
            }
        }
        assert_eq!(run.error().status, 429);
    }
}
