//! Budgets: how much a scope of a run may take, what of it is spent, reserved or in doubt.
//!
//! A scope is the run itself, a task with everything inside it, or an agent within a run. Invariant: `spent + reserved`
//! never exceeds a limit that was in force when the reservation was made.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EffectId, StepId, Usage};

/// How much there is of each thing; also how much a call may take at worst. Money is in millionths of a US dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Amounts {
    /// Money.
    #[serde(skip_serializing_if = "is_zero")]
    pub micro_usd: u64,
    /// Tokens, read and written.
    #[serde(skip_serializing_if = "is_zero")]
    pub tokens: u64,
    /// Calls of models.
    #[serde(skip_serializing_if = "is_zero")]
    pub calls: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Amounts {
    /// Nothing at all.
    #[must_use]
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }

    /// Both together; stays at the far end where it would be beyond.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            micro_usd: self.micro_usd.saturating_add(other.micro_usd),
            tokens: self.tokens.saturating_add(other.tokens),
            calls: self.calls.saturating_add(other.calls),
        }
    }

    /// What is left of it.
    #[must_use]
    pub const fn less(self, other: Self) -> Self {
        Self {
            micro_usd: self.micro_usd.saturating_sub(other.micro_usd),
            tokens: self.tokens.saturating_sub(other.tokens),
            calls: self.calls.saturating_sub(other.calls),
        }
    }
}

impl From<Usage> for Amounts {
    fn from(usage: Usage) -> Self {
        Self {
            micro_usd: usage.cost_micro_usd,
            tokens: usage.input_tokens.saturating_add(usage.output_tokens),
            calls: usage.calls,
        }
    }
}

/// What becomes of a step that the budget has no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnExceeded {
    /// It fails with the error `budget`, which the document can catch.
    #[default]
    Fail,
    /// A person is asked to raise it; the steps wait.
    Ask,
}

/// The most a scope may take; what is absent has no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Budget {
    /// Money, millionths of a US dollar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub micro_usd: Option<u64>,
    /// Tokens, read and written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Calls of models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<u64>,
    /// Milliseconds from the scope's begin after which nothing of it begins any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_ms: Option<u64>,
    /// What becomes of a step that finds no room.
    #[serde(skip_serializing_if = "is_fail")]
    pub on_exceeded: OnExceeded,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_fail(what: &OnExceeded) -> bool {
    *what == OnExceeded::Fail
}

/// A thing that a budget limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Limited {
    /// Money.
    Money,
    /// Tokens.
    Tokens,
    /// Calls.
    Calls,
    /// Time.
    Time,
}

impl Limited {
    /// The word: `money`, `tokens`, `calls`, `time`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Money => "money",
            Self::Tokens => "tokens",
            Self::Calls => "calls",
            Self::Time => "time",
        }
    }
}

impl Budget {
    /// An amount of US dollars in millionths; nothing below zero.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates; below zero and no number are zero"
    )]
    pub fn micro_of_usd(usd: f64) -> u64 {
        (usd * 1e6).round() as u64
    }

    /// Whether anything is limited.
    #[must_use]
    pub const fn limits(&self) -> bool {
        self.micro_usd.is_some() || self.tokens.is_some() || self.calls.is_some() || self.time_ms.is_some()
    }

    /// Both hold: the smaller of each; a person is asked where either says so.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let least = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Self {
            micro_usd: least(self.micro_usd, other.micro_usd),
            tokens: least(self.tokens, other.tokens),
            calls: least(self.calls, other.calls),
            time_ms: least(self.time_ms, other.time_ms),
            on_exceeded: if self.on_exceeded == OnExceeded::Ask {
                OnExceeded::Ask
            } else {
                other.on_exceeded
            },
        }
    }

    /// With these limits in the place of its own where they are given: what a person raised it to.
    #[must_use]
    pub fn raised(self, to: Self) -> Self {
        Self {
            micro_usd: to.micro_usd.or(self.micro_usd),
            tokens: to.tokens.or(self.tokens),
            calls: to.calls.or(self.calls),
            time_ms: to.time_ms.or(self.time_ms),
            on_exceeded: self.on_exceeded,
        }
    }

    /// The first limit that this much would exceed.
    #[must_use]
    pub fn exceeded_by(&self, amounts: Amounts) -> Option<Limited> {
        let over = |limit: Option<u64>, amount: u64| limit.is_some_and(|limit| amount > limit);
        if over(self.micro_usd, amounts.micro_usd) {
            Some(Limited::Money)
        } else if over(self.tokens, amounts.tokens) {
            Some(Limited::Tokens)
        } else if over(self.calls, amounts.calls) {
            Some(Limited::Calls)
        } else {
            None
        }
    }

    /// Whether the time is over.
    #[must_use]
    pub fn time_is_over(&self, elapsed: Duration) -> bool {
        self.time_ms
            .is_some_and(|limit| elapsed.as_millis() >= u128::from(limit))
    }
}

/// The account of a scope.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Account {
    /// Known to be taken, and what is in doubt at its worst.
    pub spent: Amounts,
    /// Set aside for calls in flight, at their worst.
    pub reserved: Amounts,
    /// A part of `spent`: calls that nobody knows the bill of, counted at their worst.
    #[serde(skip_serializing_if = "Amounts::is_nothing_ref")]
    pub in_doubt: Amounts,
    /// A person raised the budget to this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raised: Option<Budget>,
    /// A person said no to more: nobody is asked again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
}

/// Where a step with a budget of its own stands in it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ScopeBudget {
    /// The step, with everything inside it.
    #[schemars(with = "String")]
    pub step: String,
    /// The most it may take now.
    pub limit: Budget,
    /// Known to be taken, and what is in doubt at its worst.
    pub spent: Amounts,
    /// Set aside for what is in flight.
    pub reserved: Amounts,
}

/// Where a run stands in its budget, for people and scripts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RunBudget {
    /// The most it may take now.
    pub limit: Budget,
    /// Known to be taken, and what is in doubt at its worst.
    pub spent: Amounts,
    /// Set aside for calls in flight.
    pub reserved: Amounts,
    /// The part of `spent` that is in doubt.
    pub in_doubt: Amounts,
    /// The calls in doubt by name, newest last; the newest hundred of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub open_bills: Vec<OpenBill>,
    /// Budgets of steps that go on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<ScopeBudget>,
    /// Steps that wait until a budget has room for them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<String>,
}

/// A call whose bill nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OpenBill {
    /// The effect's number in its run.
    pub effect: u64,
    /// Its step.
    pub step: String,
    /// The idempotency key it carried.
    pub key: String,
    /// What it may have taken at worst, and counts as.
    pub worst: Amounts,
}

impl From<&Doubt> for OpenBill {
    fn from(doubt: &Doubt) -> Self {
        Self {
            effect: doubt.effect.0,
            step: doubt.step.to_string(),
            key: doubt.key.clone(),
            worst: doubt.worst,
        }
    }
}

/// A call that nobody knows the bill of: the daemon died, or the connection was cut, while it was in flight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// Which effect.
    pub effect: EffectId,
    /// Of which step.
    pub step: StepId,
    /// The idempotency key it carried.
    pub key: String,
    /// What it may have taken at worst, and is counted as.
    pub worst: Amounts,
}

impl Amounts {
    fn is_nothing_ref(amounts: &Self) -> bool {
        amounts.is_nothing()
    }
}

impl Account {
    /// What is taken or set aside.
    #[must_use]
    pub const fn used(&self) -> Amounts {
        self.spent.plus(self.reserved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(micro_usd: u64) -> Amounts {
        Amounts {
            micro_usd,
            ..Amounts::default()
        }
    }

    #[test]
    fn a_budget_is_exceeded_by_one_more_and_not_by_all_of_it() {
        let budget = Budget {
            micro_usd: Some(10),
            ..Budget::default()
        };
        assert_eq!(budget.exceeded_by(money(10)), None);
        assert_eq!(budget.exceeded_by(money(11)), Some(Limited::Money));
        let both = budget.and(Budget {
            micro_usd: Some(4),
            calls: Some(0),
            ..Budget::default()
        });
        assert_eq!(both.exceeded_by(money(5)), Some(Limited::Money));
        let call = Amounts {
            calls: 1,
            ..Amounts::default()
        };
        assert_eq!(both.exceeded_by(call), Some(Limited::Calls));
        assert!(
            Budget {
                time_ms: Some(5),
                ..budget
            }
            .time_is_over(Duration::from_millis(5))
        );
    }
}
