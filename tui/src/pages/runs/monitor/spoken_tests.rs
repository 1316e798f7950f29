//! The monitor for the ear: every pane in words, and what happens told once.

use super::tests::{act, open};
use crate::keymap::Action;
use crate::pages::runs::samples::{Far, ctx, followed};
use crate::pages::{Input, Page};
use crate::theme::Theme;

#[test]
fn in_words_every_pane_says_what_it_shows() {
    let model = followed(Far::Asking, true);
    let mut page = open(&model);
    let theme = Theme::default();
    let mut parts = Vec::new();
    for _ in 0..4 {
        let speech = page.speech(&ctx(&model, &theme, 60_000));
        assert!(speech.title.contains("It asks you at review"), "{}", speech.title);
        assert!(!speech.rows.is_empty(), "{speech:?}");
        let text: String = speech.rows.iter().map(|row| row.text.as_str()).collect();
        assert!(!text.chars().any(|c| "│─●⚑◌✗✓→…".contains(c)), "{text}");
        parts.push(speech.part);
        act(&mut page, &model, Action::NextPane, 60_000);
    }
    assert_eq!(parts[..3], ["steps", "timeline", "stream, followed"]);
    assert!(parts[3].starts_with("detail of review"), "{parts:?}");
    let speech = page.speech(&ctx(&model, &theme, 60_000));
    let here: Vec<_> = speech.rows.iter().filter(|row| row.here).collect();
    assert_eq!(here.len(), 1, "{speech:?}");
    assert!(here[0].text.starts_with("review, "), "{here:?}");
    assert!(here[0].text.contains("waiting for a person"), "{here:?}");
}

#[test]
fn what_happens_is_told_once_and_only_behind_what_was_said() {
    let theme = Theme::default();
    let before = followed(Far::Live, true);
    let mut page = open(&before);
    assert!(
        page.happened(&ctx(&before, &theme, 0)).is_empty(),
        "nothing was said yet"
    );
    page.spoken(true, &ctx(&before, &theme, 0));
    assert!(
        page.happened(&ctx(&before, &theme, 0)).is_empty(),
        "it was just said"
    );
    let after = followed(Far::Asking, true);
    page.update(Input::Data, &ctx(&after, &theme, 0));
    let told = page.happened(&ctx(&after, &theme, 0));
    assert!(
        told.iter()
            .any(|line| line.starts_with("review: asks: ") || line.contains("asks: ")),
        "{told:?}"
    );
    assert!(
        page.happened(&ctx(&after, &theme, 0)).is_empty(),
        "nothing is told twice"
    );
}
