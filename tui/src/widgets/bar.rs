//! Bars and sparklines as text: one cell per step, eighths where the sign set has them.

/// A progress bar of exactly `cells` cells.
#[must_use]
pub fn progress(done: u64, total: u64, cells: usize) -> String {
    let full = if total == 0 {
        0
    } else {
        let share = u128::from(done.min(total)) * cells as u128 / u128::from(total);
        usize::try_from(share).unwrap_or(cells)
    };
    let mut out = "█".repeat(full);
    out.push_str(&"░".repeat(cells - full));
    out
}

/// A sparkline of exactly `cells` cells: the newest values at the right, each cell the highest of its share. It is
/// scaled to its own highest value; nothing at all is a flat line.
#[must_use]
pub fn spark(values: &[u64], cells: usize) -> String {
    const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let peak = values.iter().copied().max().unwrap_or(0);
    let mut out = String::with_capacity(cells * 3);
    for cell in 0..cells {
        let from = cell * values.len() / cells.max(1);
        let to = ((cell + 1) * values.len() / cells.max(1))
            .max(from + 1)
            .min(values.len());
        let value = values
            .get(from..to)
            .and_then(|share| share.iter().copied().max())
            .unwrap_or(0);
        let step = if peak == 0 {
            0
        } else {
            (u128::from(value) * 7).div_ceil(u128::from(peak))
        };
        out.push(STEPS[usize::try_from(step).unwrap_or(7).min(7)]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_fill_what_they_are_given() {
        assert_eq!(progress(0, 8, 8), "░░░░░░░░");
        assert_eq!(progress(4, 8, 8), "████░░░░");
        assert_eq!(progress(9, 8, 8), "████████");
        assert_eq!(progress(0, 0, 4), "░░░░");
        assert_eq!(progress(u64::MAX, u64::MAX, 4), "████");
    }

    #[test]
    fn sparks_show_the_peak_whatever_the_width() {
        assert_eq!(spark(&[0, 0, 7, 14], 4), "▁▁▅█");
        assert_eq!(spark(&[0; 60], 5), "▁▁▁▁▁");
        for cells in 1..90 {
            let line = spark(&(0..60).collect::<Vec<_>>(), cells);
            assert_eq!(line.chars().count(), cells);
            assert!(line.ends_with('█'), "{cells}: {line}");
        }
        assert_eq!(spark(&[], 3), "▁▁▁");
    }
}
