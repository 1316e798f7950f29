//! Skipping, loudly.

/// Says that a test was not run and why. Where `DIRIGENT_NO_SKIP` is set, that is a failure.
///
/// # Panics
/// Where skips are failures.
#[expect(clippy::print_stderr, reason = "a skip nobody hears of is a lie")]
pub fn skip(why: &str) {
    assert!(std::env::var_os("DIRIGENT_NO_SKIP").is_none(), "skipped: {why}");
    eprintln!("SKIPPED: {why}");
}
