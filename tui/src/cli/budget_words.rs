//! Budgets in words: how they are typed and how they are shown.

use dirigent_protocol::run::{Amounts, Budget, OnExceeded, RunBudget};

use crate::text::amount::{count, usd};

/// Reads `usd=1.50,tokens=50000,calls=20,time=PT1H,ask`.
///
/// # Errors
/// A word that is none of these, or a number that cannot be read.
pub fn read(text: &str) -> Result<Budget, String> {
    let mut budget = Budget::default();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let number = || {
            value
                .parse::<u64>()
                .map_err(|_| format!("`{value}` is no whole number"))
        };
        match name {
            "usd" => {
                let amount: f64 = value.parse().map_err(|_| format!("`{value}` is no amount"))?;
                if !(0.0..=1e9).contains(&amount) {
                    return Err(format!("`{value}` is no amount from 0 to 1e9"));
                }
                budget.micro_usd = Some(Budget::micro_of_usd(amount));
            }
            "tokens" => budget.tokens = Some(number()?),
            "calls" => budget.calls = Some(number()?),
            "time" => budget.time_ms = Some(milliseconds(value)?),
            "ask" => budget.on_exceeded = OnExceeded::Ask,
            other => {
                return Err(format!("`{other}` is none of usd, tokens, calls, time, ask"));
            }
        }
    }
    if budget.limits() {
        Ok(budget)
    } else {
        Err("a budget limits at least one of usd, tokens, calls, time".to_owned())
    }
}

fn milliseconds(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no duration such as PT1H");
    let span: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    u64::try_from(span.as_millis()).map_err(|_| wrong())
}

/// Lines for `runs show`: the budget, those of steps, what waits for room, and each call whose bill nobody knows.
#[must_use]
pub fn lines(budget: &RunBudget) -> Vec<(&'static str, String)> {
    let mut parts = standing(&budget.limit, budget.spent, budget.reserved);
    if !budget.in_doubt.is_nothing() {
        parts.push(format!("{} in doubt", amounts(budget.in_doubt)));
    }
    let mut lines = vec![("budget", parts.join(", "))];
    lines.extend(budget.scopes.iter().map(|scope| {
        let parts = standing(&scope.limit, scope.spent, scope.reserved);
        ("budget", format!("{}: {}", scope.step, parts.join(", ")))
    }));
    lines.extend(
        budget
            .held
            .iter()
            .map(|step| ("held", format!("{step} waits for room in a budget"))),
    );
    lines.extend(budget.open_bills.iter().map(|bill| {
        let text = format!(
            "effect {} of {} ({}): at most {}",
            bill.effect,
            bill.step,
            bill.key,
            amounts(bill.worst)
        );
        ("in doubt", text)
    }));
    lines
}

/// What is spent of each limit, and what is set aside.
fn standing(limit: &Budget, spent: Amounts, reserved: Amounts) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = |limit: Option<u64>, spent: u64, show: &dyn Fn(u64) -> String| {
        if let Some(limit) = limit {
            parts.push(format!("{} of {}", show(spent), show(limit)));
        }
    };
    part(limit.micro_usd, spent.micro_usd, &usd);
    part(limit.tokens, spent.tokens, &|n| format!("{} tokens", count(n)));
    part(limit.calls, spent.calls, &|n| format!("{} calls", count(n)));
    if let Some(limit) = limit.time_ms {
        parts.push(format!("{} s of time", limit / 1_000));
    }
    if !reserved.is_nothing() {
        parts.push(format!("{} set aside", amounts(reserved)));
    }
    parts
}

fn amounts(amounts: Amounts) -> String {
    if amounts.micro_usd > 0 {
        usd(amounts.micro_usd)
    } else {
        format!("{} tokens", count(amounts.tokens))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_typed_in_words() {
        let budget = read("usd=1.5, calls=3,time=PT1H,ask").unwrap();
        assert_eq!(
            (budget.micro_usd, budget.calls, budget.time_ms, budget.on_exceeded),
            (Some(1_500_000), Some(3), Some(3_600_000), OnExceeded::Ask)
        );
        for wrong in ["", "ask", "usd=x", "usd=-1", "euro=1", "tokens=1.5", "time=soon"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
