//! A known failure that another attempt may cure: whether there is one, and when.
//!
//! Owns the bounds: what the task and its document declare, what the outside says, what is usual. Invariants: while a
//! step waits it has neither a permit nor a place; a refusal at the door is not counted as an attempt unless somebody
//! declared how many there are, and is not waited out for longer than its terms say.

use std::time::Duration;

use dirigent_protocol::run::{EventBody, RetryTerms, TimerPurpose, WorkflowError};
use jiff::Timestamp;

use super::effects::millis;
use super::model::{Me, Next, Outcome, Stop, Turn};

const FIRST_DELAY_MS: u64 = 1_000;
const LAST_DELAY_MS: u64 = 300_000;
/// Longest pause between two refusals that the outside does not ask for: a new key is seen that soon.
const LAST_REFUSED_MS: u64 = 60_000;
/// Longest wait the outside may ask for.
const MAX_RETRY_AFTER_MS: u64 = 3_600_000;
/// Longest wait that an agent's own policy may ask for.
const MAX_DECLARED_MS: u64 = 24 * 3_600_000;
/// Refusals are waited out this long where nobody says otherwise.
const PATIENCE_MS: u64 = 24 * 3_600_000;

impl Turn<'_, '_> {
    /// The effect failed and may be tried again: sets the timer of the next attempt, or lets the step fail.
    pub(super) fn try_again(
        &mut self,
        me: Me<'_>,
        error: WorkflowError,
        (retry_after_ms, terms): (Option<u64>, Option<&RetryTerms>),
        attempt: u32,
    ) -> Outcome {
        let own = me.task.base.settings.max_attempts;
        let declared = own
            .or(self.workflow.settings.max_attempts)
            .or(terms.and_then(|terms| terms.attempts));
        let waits_for = terms.and_then(|terms| terms.waits_for.clone());
        let refused = self
            .state
            .frame(me.frame)
            .and_then(|frame| frame.refused.as_deref());
        let spent = match declared {
            Some(most) => attempt >= most,
            None if waits_for.is_some() => false,
            None => {
                let uncounted = refused.map_or(0, |refused| refused.times);
                attempt.saturating_sub(uncounted) >= me.task.body.default_attempts()
            }
        };
        let declared_end = terms.and_then(|terms| terms.within_ms);
        // A policy bounds all failures together, patience what is refused without a break.
        let since = refused.map_or(self.cx.now, |refused| match declared_end {
            Some(_) => refused.failed.unwrap_or(refused.since),
            None if refused.waits_for.is_some() => refused.since,
            None => self.cx.now,
        });
        let times = refused.map_or(0, |refused| refused.times);
        let delay = self.pause((attempt, times), retry_after_ms, terms);
        let within = declared_end.unwrap_or(PATIENCE_MS);
        let late = terms.is_some() && ms_since(since, self.cx.now).saturating_add(millis(delay)) > within;
        if spent || late {
            return Err(Stop::fault(error));
        }
        let (step, delay_ms) = (self.step(me.frame), millis(delay));
        self.emit(EventBody::TaskRetried {
            step: step.clone(),
            attempt: attempt + 1,
            delay_ms,
            error,
            waits_for,
        });
        let due = self.after(delay);
        self.set_timer(step, due, TimerPurpose::Retry);
        Ok(Next::Wait)
    }

    /// A declared policy has the pause it says; whoever is refused without one asks ever more seldom, however soon the
    /// outside says that it may be asked again.
    fn pause(
        &mut self,
        (attempt, times): (u32, u32),
        asked_ms: Option<u64>,
        terms: Option<&RetryTerms>,
    ) -> Duration {
        match terms {
            Some(terms) if terms.declared => {
                Duration::from_millis(asked_ms.unwrap_or(0).min(MAX_DECLARED_MS))
            }
            Some(_) if times == 0 => Duration::from_millis(asked_ms.unwrap_or(0).min(MAX_RETRY_AFTER_MS)),
            Some(_) => self.backoff((times, LAST_REFUSED_MS), asked_ms),
            None => self.backoff((attempt, LAST_DELAY_MS), asked_ms),
        }
    }

    /// A random pause below a bound that doubles each time, or the one that is asked for where that is longer.
    fn backoff(&mut self, (times, last_ms): (u32, u64), asked_ms: Option<u64>) -> Duration {
        let ceiling = FIRST_DELAY_MS.saturating_mul(1 << times.min(20)).min(last_ms);
        let jittered = (self.cx.random)() % (ceiling + 1);
        let asked = asked_ms.unwrap_or(0).min(MAX_RETRY_AFTER_MS);
        Duration::from_millis(jittered.max(asked))
    }
}

fn ms_since(from: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.as_millisecond() - from.as_millisecond()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use dirigent_protocol::run::{EffectOutcome, RetryTerms, Status, Usage, WorkflowError};
    use serde_json::json;

    use crate::testing::{Bench, done};

    fn refused(attempts: Option<u32>, within_ms: Option<u64>, waits: bool) -> EffectOutcome {
        EffectOutcome::Failed {
            error: WorkflowError::standard("communication", 502, "rate limited"),
            retryable: true,
            retry_after_ms: Some(3_600_000),
            usage: Usage::default(),
            retry: Some(Box::new(RetryTerms {
                attempts,
                within_ms,
                declared: false,
                waits_for: waits.then(|| "the limit of p".to_owned()),
            })),
        }
    }

    const AGENT: &str = "do: [ { a: { call: agent, with: { agent: x } } } ]\n";

    #[test]
    fn a_refusal_waits_on_a_timer_without_a_place_and_is_bounded_by_its_terms() {
        let mut run = Bench::yaml(AGENT).start(json!({}));
        // Nobody declared a number: 23 refusals of an hour each fit a day, however few attempts are usual.
        for hour in 0..23 {
            run.settle(run.intended()[0], refused(None, None, true));
            assert!(run.intended().is_empty(), "hour {hour}: it keeps its place");
            let waiting = run.state.waiting().unwrap();
            assert_eq!((waiting.what.as_str(), waiting.steps), ("the limit of p", 1));
            run.advance();
        }
        // What went through the door is an attempt of its own: refusals have taken none of the five.
        let crashed = EffectOutcome::Failed {
            error: WorkflowError::standard("communication", 500, "crashed"),
            retryable: true,
            retry_after_ms: None,
            usage: Usage::default(),
            retry: None,
        };
        run.settle(run.intended()[0], crashed);
        assert_eq!(
            run.state.waiting(),
            None,
            "a pause after a crash is no wait at a door"
        );
        run.advance();
        run.settle(run.intended()[0], done(json!("yes")));
        assert_eq!(run.state.status(), Status::Completed);

        for terms in [refused(Some(3), None, true), refused(None, Some(7_200_000), true)] {
            let mut run = Bench::yaml(AGENT).start(json!({}));
            for _ in 0..2 {
                run.settle(run.intended()[0], terms.clone());
                run.advance();
            }
            run.settle(run.intended()[0], terms);
            assert_eq!(run.error().title, "rate limited");
        }
    }

    #[test]
    fn an_agents_number_of_attempts_holds_and_the_tasks_own_goes_before() {
        let mut run = Bench::yaml(AGENT).start(json!({}));
        run.settle(run.intended()[0], refused(Some(2), None, false));
        run.advance();
        run.settle(run.intended()[0], refused(Some(2), None, false));
        assert_eq!(run.error().title, "rate limited");
        let once = AGENT.replace(
            "with: { agent: x } }",
            "with: { agent: x }, metadata: { dirigent: { max_attempts: 1 } } }",
        );
        let mut run = Bench::yaml(&once).start(json!({}));
        run.settle(run.intended()[0], refused(Some(9), None, true));
        assert_eq!(run.error().title, "rate limited");
    }

    #[test]
    fn refusals_are_asked_about_ever_more_seldom_and_a_policys_time_bounds_every_failure() {
        let soon = |terms: RetryTerms| EffectOutcome::Failed {
            error: WorkflowError::standard("communication", 503, "busy"),
            retryable: true,
            retry_after_ms: Some(1_000),
            usage: Usage::default(),
            retry: Some(Box::new(terms)),
        };
        let refused = || {
            soon(RetryTerms {
                waits_for: Some("room at p".into()),
                ..RetryTerms::default()
            })
        };
        let mut run = Bench::yaml(AGENT).start(json!({}));
        let begun = run.now;
        for _ in 0..40 {
            run.settle(run.intended()[0], refused());
            run.advance();
        }
        let took = run.now.as_second() - begun.as_second();
        assert!(took > 300, "forty refusals in {took} s");
        // No refusal: an ordinary failure, again and again, ends with the time that the policy gives.
        let mut run = Bench::yaml(AGENT).start(json!({}));
        let failed = || {
            soon(RetryTerms {
                within_ms: Some(3_500),
                attempts: Some(1_000),
                declared: true,
                waits_for: None,
            })
        };
        let mut times = 0;
        while let Some(effect) = run.intended().first().copied() {
            run.settle(effect, failed());
            times += 1;
            assert!(times < 10, "nothing ends it");
            if run.state.status() == Status::Faulted {
                break;
            }
            run.advance();
        }
        assert_eq!(times, 4);
        assert_eq!(run.error().title, "busy");
    }
}
