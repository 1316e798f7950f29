//! Budgets in words: what is set aside, what is spent, what a step waits for.

use dirigent_protocol::run::{Amounts, Budget, Limited};

use crate::text::amount;
use crate::widgets::timeline::short;

/// `$0.12, 300 tok, 2 calls`; nothing is `nothing`.
pub(super) fn amounts(amounts: Amounts) -> String {
    let mut words = Vec::new();
    if amounts.micro_usd > 0 {
        words.push(amount::usd(amounts.micro_usd));
    }
    if amounts.tokens > 0 {
        words.push(format!("{} tok", amount::tokens(amounts.tokens)));
    }
    match amounts.calls {
        0 => {}
        1 => words.push("1 call".to_owned()),
        calls => words.push(format!("{} calls", amount::count(calls))),
    }
    if words.is_empty() {
        return "nothing".to_owned();
    }
    words.join(", ")
}

/// Each limit with what is gone and what is set aside: `$0.38+0.10 of $1.00`.
pub(super) fn standing(limit: Budget, spent: Amounts, reserved: Amounts) -> String {
    let one = |limit: Option<u64>, spent: u64, reserved: u64, show: fn(u64) -> String, unit: &str| {
        let limit = limit?;
        let aside = if reserved > 0 {
            format!("+{}", show(reserved))
        } else {
            String::new()
        };
        Some(format!("{}{aside} of {}{unit}", show(spent), show(limit)))
    };
    let parts = [
        one(
            limit.micro_usd,
            spent.micro_usd,
            reserved.micro_usd,
            amount::usd,
            "",
        ),
        one(
            limit.tokens,
            spent.tokens,
            reserved.tokens,
            amount::tokens,
            " tok",
        ),
        one(limit.calls, spent.calls, reserved.calls, amount::count, " calls"),
        limit.time_ms.map(|time| format!("{} at most", short(time))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("  ")
}

/// What a held step waits for.
pub(super) fn held(limited: Option<Limited>) -> String {
    limited.map_or_else(
        || "for room in a budget".to_owned(),
        |limited| format!("for budget: {}", limited.as_str()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_says_what_is_set_spent_and_set_aside() {
        let limit = Budget {
            micro_usd: Some(1_000_000),
            calls: Some(20),
            ..Budget::default()
        };
        let spent = Amounts {
            micro_usd: 380_000,
            tokens: 900,
            calls: 4,
        };
        let reserved = Amounts {
            micro_usd: 100_000,
            tokens: 500,
            calls: 1,
        };
        assert_eq!(
            standing(limit, spent, reserved),
            "$0.38+$0.10 of $1.00  4+1 of 20 calls"
        );
        assert_eq!(
            standing(limit, Amounts::default(), Amounts::default()),
            "$0.00 of $1.00  0 of 20 calls"
        );
        assert_eq!(amounts(reserved), "$0.10, 500 tok, 1 call");
        assert_eq!(amounts(Amounts::default()), "nothing");
    }
}
