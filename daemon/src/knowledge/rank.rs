//! Which passages answer a question best: BM25 (Robertson and Walker), k1 1.2, b 0.75.

use std::collections::BTreeSet;

use super::passages::{Passage, words};

const K1: f64 = 1.2;
const B: f64 = 0.75;
/// Most words of a question that count.
const MAX_WORDS: usize = 32;
/// Words that say nothing of what is asked for.
const EMPTY: [&str; 34] = [
    "a", "an", "and", "are", "as", "at", "be", "by", "can", "do", "does", "for", "from", "how", "i", "if",
    "in", "is", "it", "my", "of", "on", "or", "that", "the", "thi", "this", "to", "what", "when", "where",
    "which", "who", "with",
];

/// Places of the best passages with their scores, best first; those that share no word with the question are not among
/// them. Of two that score the same the earlier one stands first.
pub(super) fn rank<'a>(
    question: &str,
    passages: impl Iterator<Item = &'a Passage> + Clone,
    most: usize,
) -> Vec<(usize, f64)> {
    let all: BTreeSet<Box<str>> = words(question).take(MAX_WORDS).collect();
    let telling: Vec<Box<str>> = all
        .iter()
        .filter(|word| !EMPTY.contains(&&***word))
        .cloned()
        .collect();
    let asked = if telling.is_empty() {
        all.into_iter().collect()
    } else {
        telling
    };
    let (mut count, mut length) = (0.0, 0.0);
    let mut holding = vec![0.0_f64; asked.len()];
    for passage in passages.clone() {
        count += 1.0;
        length += f64::from(passage.length);
        for (held, word) in holding.iter_mut().zip(&asked) {
            *held += f64::from(u8::from(passage.words.contains_key(word)));
        }
    }
    let average = if count > 0.0 { length / count } else { 1.0 };
    let weights: Vec<f64> = holding
        .iter()
        .map(|held| ((count - held + 0.5) / (held + 0.5)).ln_1p())
        .collect();
    let score = |passage: &Passage| -> f64 {
        let norm = K1 * (1.0 - B + B * f64::from(passage.length) / average);
        let pairs = asked.iter().zip(&weights);
        let scores = pairs.map(|(word, weight)| {
            let often = f64::from(passage.words.get(word).copied().unwrap_or(0));
            weight * often * (K1 + 1.0) / (often + norm)
        });
        scores.sum()
    };
    let mut found: Vec<(usize, f64)> = passages
        .enumerate()
        .map(|(at, passage)| (at, score(passage)))
        .filter(|(_, score)| *score > 0.0)
        .collect();
    found.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
    found.truncate(most);
    found
}

#[cfg(test)]
mod tests {
    use super::super::passages::{Shape, cut};
    use super::*;

    /// A handbook, and questions with the headings that answer them.
    const HANDBOOK: &str = include_str!("handbook.md");
    const KNOWN: [(&str, &str); 12] = [
        ("how long do I have to return a purchase", "Returns"),
        ("when is an invoice overdue", "Overdue invoices"),
        ("fee for paying late", "Overdue invoices"),
        ("who approves a refund above 500 dollars", "Refunds"),
        ("what to do when the database is down", "Database outage"),
        ("restore from a backup", "Backups"),
        ("rotate the signing key", "Keys"),
        ("password requirements", "Passwords"),
        ("working from home policies", "Remote work"),
        ("how many vacation days", "Holidays"),
        ("ship to another country, customs", "Shipping abroad"),
        ("track a parcel", "Tracking"),
    ];

    #[test]
    fn questions_with_known_answers_find_them_among_the_first_three() {
        let passages = cut(Shape::Markdown, HANDBOOK);
        let (mut first, mut third) = (0, 0);
        for (question, heading) in KNOWN {
            let found = rank(question, passages.iter(), 3);
            let titles: Vec<&str> = found.iter().map(|(at, _)| &*passages[*at].title).collect();
            let at = titles.iter().position(|title| title.ends_with(heading));
            first += usize::from(at == Some(0));
            third += usize::from(at.is_some());
            println!("{question:<44} {titles:?}");
        }
        println!("first {first} of {0}, among three {third} of {0}", KNOWN.len());
        assert!(
            first >= 11 && third == KNOWN.len(),
            "first {first}, among three {third}"
        );
    }

    #[test]
    fn nothing_in_common_is_no_answer() {
        let passages = cut(Shape::Markdown, HANDBOOK);
        assert!(rank("xylophone quartz", passages.iter(), 3).is_empty());
        assert!(rank("", passages.iter(), 3).is_empty());
        assert!(rank("fee", [].iter(), 3).is_empty());
    }
}
