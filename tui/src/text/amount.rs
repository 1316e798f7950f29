//! Amounts in few cells: counts, tokens, money, bytes.

/// A count with thousands marked: `1,204`.
#[must_use]
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// So many of something, in words: `1 run`, `1,204 runs`.
#[must_use]
pub fn many(n: u64, what: &str) -> String {
    format!("{} {what}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A count of tokens: `412`, `9.1 k`, `112 k`, `1.2 M`.
#[must_use]
pub fn tokens(n: u64) -> String {
    match n {
        0..1_000 => n.to_string(),
        1_000..10_000 => format!("{}.{} k", n / 1_000, n % 1_000 / 100),
        10_000..1_000_000 => format!("{} k", n / 1_000),
        _ => format!("{}.{} M", n / 1_000_000, n % 1_000_000 / 100_000),
    }
}

/// Money from millionths of a dollar: `$0.38`; what is less than a cent keeps more digits.
#[must_use]
pub fn usd(micro: u64) -> String {
    match micro {
        0 => "$0.00".to_owned(),
        1..10_000 => format!("${}.{:04}", micro / 1_000_000, micro % 1_000_000 / 100),
        _ => {
            let cents = (micro + 5_000) / 10_000;
            format!("${}.{:02}", count(cents / 100), cents % 100)
        }
    }
}

/// Bytes: `412 B`, `1.9 KB`, `12 MB`.
#[must_use]
pub fn bytes(n: u64) -> String {
    match n {
        0..1_000 => format!("{n} B"),
        1_000..10_000 => format!("{}.{} KB", n / 1_000, n % 1_000 / 100),
        10_000..1_000_000 => format!("{} KB", n / 1_000),
        1_000_000..1_000_000_000 => format!("{} MB", n / 1_000_000),
        _ => format!("{}.{} GB", n / 1_000_000_000, n % 1_000_000_000 / 100_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_well() {
        assert_eq!(
            [count(0), count(999), count(1_204), count(8_112_000)],
            ["0", "999", "1,204", "8,112,000"]
        );
        assert_eq!(
            [tokens(412), tokens(9_150), tokens(112_400), tokens(1_260_000)],
            ["412", "9.1 k", "112 k", "1.2 M"]
        );
        assert_eq!(
            [usd(0), usd(2_500), usd(380_000), usd(3_124_000)],
            ["$0.00", "$0.0025", "$0.38", "$3.12"]
        );
        assert_eq!(
            [bytes(412), bytes(1_950), bytes(12_000_000)],
            ["412 B", "1.9 KB", "12 MB"]
        );
    }
}
