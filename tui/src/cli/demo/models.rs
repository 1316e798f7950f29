//! Which model the demo's agents use: what the daemon can reach, or the rehearsal, plainly said.

use dirigent_protocol::fault::Fault;
use dirigent_protocol::query::DaemonStatus;

use crate::cli::ask;

/// The built-in stand-in.
pub const REHEARSAL: &str = "rehearsal/rehearsal";

/// The model to use. A person at a terminal is asked when there is a choice; otherwise the daemon's default is taken.
///
/// # Errors
/// The terminal cannot be read.
pub async fn choose(status: &DaemonStatus, may_ask: bool) -> Result<String, Fault> {
    let choices = choices(status);
    if !may_ask || choices.len() < 2 || !ask::can_ask() {
        return Ok(status.default_model.clone());
    }
    let mut question = String::from("Which model should the agents use?\n");
    for (at, model) in choices.iter().enumerate() {
        let note = if is_rehearsal(model) {
            "  (built in, offline: extracts, does not think)"
        } else {
            ""
        };
        question.push_str(&format!(
            "  {}  {}{note}\n",
            at + 1,
            crate::text::clean_line(model)
        ));
    }
    question.push_str("Number [1]: ");
    let answer = ask::line(&question).await?.unwrap_or_default();
    Ok(pick(&choices, &answer).unwrap_or(&choices[0]).clone())
}

/// What can be chosen, real models first, the rehearsal last.
fn choices(status: &DaemonStatus) -> Vec<String> {
    let mut all: Vec<String> = status
        .providers
        .iter()
        .filter(|name| name.contains('/') && !is_rehearsal(name))
        .cloned()
        .collect();
    if !is_rehearsal(&status.default_model) && !all.contains(&status.default_model) {
        all.insert(0, status.default_model.clone());
    }
    all.push(REHEARSAL.to_owned());
    all
}

fn pick<'a>(choices: &'a [String], answer: &str) -> Option<&'a String> {
    let number: usize = answer.parse().ok()?;
    choices.get(number.checked_sub(1)?)
}

/// Whether answers of this model are a rehearsal's.
#[must_use]
pub fn is_rehearsal(model: &str) -> bool {
    model.split('/').next() == Some("rehearsal")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_picks_by_number() {
        let choices = ["a/b".to_owned(), REHEARSAL.to_owned()];
        assert_eq!(pick(&choices, "2").map(String::as_str), Some(REHEARSAL));
        assert_eq!(pick(&choices, "0"), None);
        assert_eq!(pick(&choices, "3"), None);
        assert_eq!(pick(&choices, ""), None);
        assert!(is_rehearsal(REHEARSAL) && !is_rehearsal("openai/gpt"));
    }
}
