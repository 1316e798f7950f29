//! Which model is asked next, when one does not answer: a pure decision over a list of models.
//!
//! A refusal that certainly cost nothing moves on to the next model of the list, and takes the refusing one out of it
//! where waiting cures nothing. Where every model that is left only wants time, the one that wants least is waited for.
//! Invariant: what may have been billed, or whose outcome nobody knows, is never asked for elsewhere.

use std::time::Duration;

use crate::ModelError;

/// A wait up to this is kept rather than asking another model: the first of the list is there for a reason.
const SHORT: Duration = Duration::from_secs(5);
/// The first wait where a provider names none; doubled at each refusal up to [`LAST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LAST_WAIT: Duration = Duration::from_secs(60);
/// Waits go on this long in all.
const PATIENCE: Duration = Duration::from_secs(24 * 3_600);

/// What to do after a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Ask the model at this place of the list, after this long.
    Ask {
        /// Place in the list.
        model: usize,
        /// How long to wait first; often zero.
        after: Duration,
    },
    /// Nothing is left to try: the error stands.
    Give,
}

/// One model of the list.
#[derive(Clone, Copy, Debug)]
struct Model {
    /// It may be asked from here on, as the caller's clock counts.
    from: Duration,
    /// The next wait where its provider names none.
    wait: Duration,
    /// Asking it again cures nothing.
    out: bool,
}

/// The list while one question is asked.
#[derive(Clone, Debug)]
pub struct Fallback {
    models: Vec<Model>,
    /// The model that is being asked.
    asked: usize,
}

impl Fallback {
    /// A list of `count` models, best first; the first one is asked.
    #[must_use]
    pub fn new(count: usize) -> Self {
        let fresh = Model {
            from: Duration::ZERO,
            wait: FIRST_WAIT,
            out: false,
        };
        Self {
            models: vec![fresh; count],
            asked: 0,
        }
    }

    /// What to do about `error` of the model that was asked. `now` is the time since the first question.
    pub fn after(&mut self, error: &ModelError, now: Duration) -> Next {
        if !error.elsewhere() {
            return Next::Give;
        }
        if let Some(model) = self.models.get_mut(self.asked) {
            if error.passes() {
                // Who says "at once" is not asked at the speed of the network.
                model.from = now
                    + error
                        .retry_after()
                        .map_or(model.wait, |wait| wait.max(FIRST_WAIT));
                model.wait = (model.wait * 2).min(LAST_WAIT);
            } else {
                model.out = true;
            }
        }
        let left = || self.models.iter().enumerate().filter(|(_, model)| !model.out);
        // The best one that answers soon; else the one that answers first.
        let soon = left().find(|(_, model)| model.from <= now + SHORT);
        let next = soon.or_else(|| left().min_by_key(|(_, model)| model.from));
        let Some((place, from)) = next.map(|(place, model)| (place, model.from)) else {
            return Next::Give;
        };
        if from > PATIENCE {
            return Next::Give;
        }
        self.asked = place;
        Next::Ask {
            model: place,
            after: from.saturating_sub(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConnectFault, ModelErrorKind as K, Phase};

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn error(kind: K) -> ModelError {
        ModelError {
            kind,
            provider: "p".into(),
            model: "m".into(),
            detail: None,
            partial: String::new(),
            usage: None,
        }
    }

    fn limited(seconds: u64) -> ModelError {
        error(K::RateLimited {
            retry_after: secs(seconds),
        })
    }

    fn ask(model: usize, seconds: u64) -> Next {
        Next::Ask {
            model,
            after: secs(seconds),
        }
    }

    #[test]
    fn one_model_is_waited_for_as_long_as_it_asks() {
        let mut one = Fallback::new(1);
        assert_eq!(one.after(&limited(30), secs(0)), ask(0, 30));
        let busy = || {
            error(K::Server {
                status: 529,
                retry_after: None,
            })
        };
        let waits: Vec<_> = (0..8).map(|_| one.after(&busy(), secs(40))).collect();
        let expected = [2, 4, 8, 16, 32, 60, 60, 60].map(|seconds| ask(0, seconds));
        assert_eq!(waits, expected);
        assert_eq!(one.after(&limited(3_600), secs(86_000)), Next::Give);
    }

    #[test]
    fn a_long_wait_moves_on_and_a_short_one_does_not() {
        let mut two = Fallback::new(2);
        assert_eq!(two.after(&limited(5), secs(0)), ask(0, 5));
        assert_eq!(two.after(&limited(60), secs(5)), ask(1, 0));
        // Both want time: the one that wants least, which is the second.
        assert_eq!(two.after(&limited(20), secs(6)), ask(1, 20));
        assert_eq!(two.after(&limited(50), secs(26)), ask(0, 39));
    }

    #[test]
    fn what_waiting_does_not_cure_is_not_asked_again() {
        let mut three = Fallback::new(3);
        assert_eq!(
            three.after(&error(K::AuthRefused { status: 401 }), secs(0)),
            ask(1, 0)
        );
        assert_eq!(three.after(&error(K::ContextTooLong), secs(1)), ask(2, 0));
        assert_eq!(three.after(&limited(7), secs(2)), ask(2, 7));
        assert_eq!(three.after(&error(K::UnknownModel), secs(9)), Next::Give);
    }

    #[test]
    fn billed_and_unknown_outcomes_are_never_asked_for_elsewhere() {
        let silence = K::Timeout {
            phase: Phase::Silence,
            after: secs(30),
        };
        let crashed = K::Server {
            status: 500,
            retry_after: None,
        };
        let never = [
            silence,
            crashed,
            K::Cut,
            K::BadResponse { reason: "x" },
            K::Cancelled { sent: false },
            K::Cancelled { sent: true },
        ];
        for kind in never {
            assert_eq!(
                Fallback::new(2).after(&error(kind.clone()), secs(0)),
                Next::Give,
                "{kind}"
            );
        }
        let refused = error(K::Connect {
            fault: ConnectFault::Refused,
        });
        assert_eq!(Fallback::new(2).after(&refused, secs(0)), ask(1, 0));
    }
}
