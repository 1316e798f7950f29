//! An agent's retry policy, on a failure that is known: how many attempts, when the next one is, and when there is none.
//!
//! Decides nothing itself: the engine does, by what this writes beside the failure.

use std::time::Duration;

use dirigent_protocol::entity::{AgentRetry, RetryBackoff};
use dirigent_protocol::run::{EffectOutcome, RetryTerms};

/// Before the first repeat, where the policy names no delay.
const DELAY: Duration = Duration::from_secs(1);

/// The outcome, with what the agent declares about trying again.
pub(super) fn with_policy(
    outcome: EffectOutcome,
    policy: Option<&AgentRetry>,
    attempt: u32,
) -> EffectOutcome {
    let (
        Some(policy),
        EffectOutcome::Failed {
            error,
            retryable: true,
            retry_after_ms,
            usage,
            retry,
        },
    ) = (policy, &outcome)
    else {
        return outcome;
    };
    let limit = policy.limit.unwrap_or_default();
    let own = millis(delay(policy, attempt));
    let terms = RetryTerms {
        // The policy counts repeats, as the standard does.
        attempts: limit.attempt.map(|attempt| attempt.count.saturating_add(1)),
        within_ms: limit.duration.map(|most| millis(most.0)),
        declared: true,
        waits_for: retry.as_ref().and_then(|terms| terms.waits_for.clone()),
    };
    EffectOutcome::Failed {
        error: error.clone(),
        retryable: true,
        retry_after_ms: Some(retry_after_ms.unwrap_or(0).max(own)),
        usage: *usage,
        retry: Some(Box::new(terms)),
    }
}

fn delay(policy: &AgentRetry, attempt: u32) -> Duration {
    let base = policy.delay.map_or(DELAY, |delay| delay.0);
    let steps = attempt.saturating_sub(1).min(63);
    match policy.backoff.unwrap_or_default() {
        RetryBackoff::Constant {} => base,
        RetryBackoff::Linear { increment } => {
            base.saturating_add(increment.map_or(base, |more| more.0).saturating_mul(steps))
        }
        RetryBackoff::Exponential { factor, max_delay } => {
            let factor = factor.unwrap_or(2.0).clamp(1.0, 10.0);
            let most = max_delay.map_or(Duration::from_secs(24 * 3_600), |most| most.0);
            let grown = base.as_secs_f64() * factor.powi(i32::try_from(steps).unwrap_or(63));
            Duration::try_from_secs_f64(grown).map_or(most, |grown| grown.min(most))
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn delays_grow_as_the_policy_says() {
        for (policy, expected) in [
            (json!({ "delay": "PT2S" }), [2_000, 2_000, 2_000]),
            (
                json!({ "delay": "PT2S", "backoff": { "linear": { "increment": "PT0.5S" } } }),
                [2_000, 2_500, 3_000],
            ),
            (
                json!({ "backoff": { "exponential": { "factor": 3, "maxDelay": "PT5S" } } }),
                [1_000, 3_000, 5_000],
            ),
            (
                json!({ "delay": { "milliseconds": 10 }, "backoff": { "exponential": {} } }),
                [10, 20, 40],
            ),
        ] {
            let policy: AgentRetry = serde_json::from_value(policy).unwrap();
            let delays = [1, 2, 3].map(|attempt| millis(delay(&policy, attempt)));
            assert_eq!(delays, expected, "{policy:?}");
        }
    }
}
