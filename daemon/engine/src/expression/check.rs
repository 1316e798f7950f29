//! Reads an expression's text before it may run: limits, syntax, names, and whether it can run inline.

use std::collections::BTreeSet;

use jaq_core::load::lex::{Expect, Lexer, StrPart, Tok, Token};
use jaq_core::load::parse::Parser;
use jaq_core::load::span;

use super::bound::is_inline;
use super::error::ExpressionError;
use super::names::free_variables;

const MAX_BYTES: usize = 8 * 1024;
const MAX_BRACKETS: usize = 128;
const MAX_TOKENS: usize = 1_000;
/// Words and signs that may put what follows one level deeper; reading them recurses.
const MAX_NESTING: usize = 200;
const NESTING: [&str; 13] = [
    "and", "as", "catch", "def", "elif", "else", "foreach", "if", "label", "or", "reduce", "then", "try",
];

/// What is known of an expression before it runs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Checked {
    /// Variables it reads and does not bind, without `$`.
    pub(super) variables: BTreeSet<String>,
    /// Whether it may run in the daemon.
    pub(super) inline: bool,
}

/// Checks an expression.
pub(super) fn check(code: &str) -> Result<Checked, ExpressionError> {
    limits(code)?;
    let tokens = Lexer::new(code)
        .lex()
        .map_err(|errors| match errors.into_iter().next() {
            Some((expected, found)) => syntax(code, found, &format!("expected {}", describe_lex(&expected))),
            None => ExpressionError::new("bad_expression", "cannot be read", 0),
        })?;
    if count(&tokens) > MAX_TOKENS {
        let message = format!("the expression has more than {MAX_TOKENS} words and signs");
        return Err(ExpressionError::new("expression_too_large", message, 0).help(SPLIT));
    }
    if nesting(&tokens) > MAX_NESTING {
        let message = format!("the expression has more than {MAX_NESTING} stages and conditions");
        return Err(ExpressionError::new("expression_too_large", message, 0).help(SPLIT));
    }
    let term =
        Parser::new(&tokens)
            .parse(|p| p.term())
            .map_err(|errors| match errors.into_iter().next() {
                Some((expected, found)) => {
                    let found = Token::opt_as_str(found, code);
                    syntax(code, found, &format!("expected {}", expected.as_str()))
                }
                None => ExpressionError::new("bad_expression", "cannot be read", 0),
            })?;
    let variables = free_variables(code, &term)?;
    Ok(Checked {
        variables,
        inline: is_inline(&term),
    })
}

const SPLIT: &str =
    "split it into several `set` tasks, or move the work into an agent, a command or a service";

fn limits(code: &str) -> Result<(), ExpressionError> {
    if code.trim().is_empty() {
        let error = ExpressionError::new("bad_expression", "the expression is empty", 0);
        return Err(error.help("write a jq expression such as `.name`"));
    }
    if code.len() > MAX_BYTES {
        let message = format!(
            "the expression has {} bytes; the limit is {MAX_BYTES}",
            code.len()
        );
        return Err(ExpressionError::new("expression_too_large", message, 0).help(SPLIT));
    }
    if code.chars().filter(|c| matches!(c, '(' | '[' | '{')).count() > MAX_BRACKETS {
        let message = format!("the expression opens more than {MAX_BRACKETS} brackets");
        return Err(ExpressionError::new("expression_too_large", message, 0).help(SPLIT));
    }
    Ok(())
}

fn describe_lex(expected: &Expect<&str>) -> &'static str {
    match expected {
        Expect::Delim("(" | "[" | "{" | "\"") => expected.as_str(),
        Expect::Delim(_) => "a closing bracket",
        other => other.as_str(),
    }
}

fn syntax(code: &str, found: &str, expected: &str) -> ExpressionError {
    let offset = span(code, found).start;
    let rest: String = found.chars().take(12).collect();
    let message = if rest.trim().is_empty() {
        format!("{expected} at the end")
    } else {
        format!("{expected} at `{}`", rest.trim())
    };
    ExpressionError::new("bad_expression", message, offset)
}

fn count(tokens: &[Token<&str>]) -> usize {
    total(tokens, false, |_| true)
}

fn nesting(tokens: &[Token<&str>]) -> usize {
    total(tokens, false, |text| {
        NESTING.contains(&text) || text.starts_with(|c| "|=!<>+-*/%,?".contains(c))
    })
}

/// Tokens that count, those inside of blocks and texts included. Commas right inside braces part the fields
/// of an object and do not count.
fn total(tokens: &[Token<&str>], braces: bool, counts: fn(&str) -> bool) -> usize {
    let own = |token: &Token<&str>| usize::from(counts(token.0) && !(braces && token.0 == ","));
    tokens
        .iter()
        .map(|token| match &token.1 {
            Tok::Block(inner) => own(token) + total(inner, token.0.starts_with('{'), counts),
            Tok::Str(parts) => {
                let inner = parts.iter().map(|part| match part {
                    StrPart::Term(token) => total(std::slice::from_ref(token), false, counts),
                    _ => 0,
                });
                own(token) + inner.sum::<usize>()
            }
            _ => own(token),
        })
        .sum()
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
