//! Reads an expression's text before it may run: limits, names, and whether it can run inline.
//!
//! The bound for inline expressions is found on the syntax tree: every construct that could repeat work (loops,
//! definitions, recursion, regular expressions, products of streams, repetition of text) sends the expression to the
//! worker, and so does a chain whose result could be more than 64 times its data.

use std::collections::BTreeSet;

use jaq_core::load::lex::{Lexer, StrPart, Tok, Token};
use jaq_core::load::parse::{BinaryOp, Parser, Pattern, Term};
use jaq_core::load::span;
use jaq_core::ops::Math;
use jaq_core::path::Part;

use super::functions::{self, Cost};
use super::program::ExpressionError;

const MAX_BYTES: usize = 8 * 1024;
const MAX_BRACKETS: usize = 128;
const MAX_TOKENS: usize = 1_000;
/// Words and signs that may put what follows one level deeper; reading them recurses.
const MAX_NESTING: usize = 200;
const NESTING: [&str; 13] = [
    "and", "as", "catch", "def", "elif", "else", "foreach", "if", "label", "or", "reduce", "then", "try",
];
const MAX_FACTOR: u64 = 64;

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
    let mut names = Names {
        code,
        bound: Vec::new(),
        local: Vec::new(),
        free: BTreeSet::new(),
    };
    names.term(&term)?;
    let inline = shape(&term).is_some_and(|shape| shape.factor <= MAX_FACTOR);
    Ok(Checked {
        variables: names.free,
        inline,
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

fn describe_lex(expected: &jaq_core::load::lex::Expect<&str>) -> &'static str {
    use jaq_core::load::lex::Expect;
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

/// Collects free variables and refuses unknown functions.
struct Names<'a> {
    code: &'a str,
    bound: Vec<&'a str>,
    local: Vec<(&'a str, usize)>,
    free: BTreeSet<String>,
}

impl<'a> Names<'a> {
    fn term(&mut self, term: &Term<&'a str>) -> Result<(), ExpressionError> {
        match term {
            Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Arr(None) => Ok(()),
            Term::Str(format, parts) => {
                if let Some(format) = format
                    && !functions::FORMATS.iter().any(|(name, _)| name == format)
                {
                    return Err(self.unknown(format, 0));
                }
                parts.iter().try_for_each(|part| match part {
                    StrPart::Term(term) => self.term(term),
                    _ => Ok(()),
                })
            }
            Term::Arr(Some(inner)) | Term::Neg(inner) | Term::Label(_, inner) => self.term(inner),
            Term::Obj(entries) => entries.iter().try_for_each(|(key, value)| {
                self.term(key)?;
                value.as_ref().map_or(Ok(()), |value| self.term(value))
            }),
            Term::BinOp(left, BinaryOp::Pipe(Some(pattern)), right) => {
                self.term(left)?;
                self.bind(pattern, |names| names.term(right))
            }
            Term::BinOp(left, _, right) => {
                self.term(left)?;
                self.term(right)
            }
            Term::Fold(_, source, pattern, bodies) => {
                self.term(source)?;
                self.bind(pattern, |names| {
                    bodies.iter().try_for_each(|body| names.term(body))
                })
            }
            Term::TryCatch(body, catch) => {
                self.term(body)?;
                catch.as_ref().map_or(Ok(()), |catch| self.term(catch))
            }
            Term::IfThenElse(cases, otherwise) => {
                for (condition, then) in cases {
                    self.term(condition)?;
                    self.term(then)?;
                }
                otherwise
                    .as_ref()
                    .map_or(Ok(()), |otherwise| self.term(otherwise))
            }
            Term::Def(definitions, body) => self.definitions(definitions, body),
            Term::Call(name, arguments) => {
                let arity = arguments.len();
                let known = self.local.iter().any(|(local, n)| local == name && *n == arity)
                    || functions::cost(name, arity).is_some();
                if !known {
                    return Err(self.unknown(name, arity));
                }
                arguments.iter().try_for_each(|argument| self.term(argument))
            }
            Term::Var(name) => {
                if !self.bound.contains(name) {
                    self.free.insert(name.trim_start_matches('$').to_owned());
                }
                Ok(())
            }
            Term::Path(base, path) => {
                self.term(base)?;
                path.0.iter().try_for_each(|(part, _)| match part {
                    Part::Index(index) => self.term(index),
                    Part::Range(from, to) => from.iter().chain(to).try_for_each(|bound| self.term(bound)),
                })
            }
        }
    }

    fn definitions(
        &mut self,
        definitions: &[jaq_core::load::parse::Def<&'a str, Term<&'a str>>],
        body: &Term<&'a str>,
    ) -> Result<(), ExpressionError> {
        let outer = self.local.len();
        for definition in definitions {
            self.local.push((definition.name, definition.args.len()));
            let (locals, bound) = (self.local.len(), self.bound.len());
            for argument in &definition.args {
                match argument.strip_prefix('$') {
                    Some(name) => {
                        self.bound.push(argument);
                        self.local.push((name, 0));
                    }
                    None => self.local.push((argument, 0)),
                }
            }
            self.term(&definition.body)?;
            self.local.truncate(locals);
            self.bound.truncate(bound);
        }
        self.term(body)?;
        self.local.truncate(outer);
        Ok(())
    }

    fn bind(
        &mut self,
        pattern: &Pattern<&'a str>,
        inside: impl FnOnce(&mut Self) -> Result<(), ExpressionError>,
    ) -> Result<(), ExpressionError> {
        let before = self.bound.len();
        self.pattern(pattern)?;
        let result = inside(self);
        self.bound.truncate(before);
        result
    }

    fn pattern(&mut self, pattern: &Pattern<&'a str>) -> Result<(), ExpressionError> {
        match pattern {
            Pattern::Var(name) => self.bound.push(name),
            Pattern::Arr(items) => items.iter().try_for_each(|item| self.pattern(item))?,
            Pattern::Obj(entries) => {
                for (key, value) in entries {
                    self.term(key)?;
                    self.pattern(value)?;
                }
            }
        }
        Ok(())
    }

    fn unknown(&self, name: &str, arity: usize) -> ExpressionError {
        let offset = self.code.find(name).unwrap_or(0);
        if let Some((_, why)) = functions::REFUSED.iter().find(|(refused, _)| *refused == name) {
            let message = format!("the function `{name}` is not available");
            return ExpressionError::new("forbidden_function", message, offset).help(*why);
        }
        let error = ExpressionError::new(
            "unknown_function",
            format!("there is no function `{name}`"),
            offset,
        );
        let counts: Vec<String> = functions::FUNCTIONS
            .iter()
            .filter(|(known, _, _)| *known == name)
            .map(|(_, arity, _)| arity.to_string())
            .collect();
        if !counts.is_empty() {
            return error.help(format!(
                "`{name}` takes {} argument(s), not {arity}",
                counts.join(" or ")
            ));
        }
        let names = functions::FUNCTIONS.iter().map(|(name, _, _)| *name);
        let names = names.chain(functions::FORMATS.iter().map(|(name, _)| *name));
        match dirigent_protocol::source::nearest(name, names) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error.help("text needs quotes: \"text\""),
        }
    }
}

/// What an inline expression can make of its data.
#[derive(Clone, Copy)]
struct Shape {
    /// Largest size of all results together, times the data.
    factor: u64,
    /// May have several results.
    stream: bool,
    /// Reads variables (which a stream must not multiply).
    variables: bool,
}

const CONSTANT: Shape = Shape {
    factor: 1,
    stream: false,
    variables: false,
};

impl Shape {
    /// Both happen; at most one of them may be a stream.
    fn with(self, other: Self) -> Option<Self> {
        (!(self.stream && other.stream)).then(|| Self {
            factor: self.factor.saturating_add(other.factor),
            stream: self.stream || other.stream,
            variables: self.variables || other.variables,
        })
    }

    /// The other runs on each result of this.
    fn then(self, other: Self) -> Option<Self> {
        (!(self.stream && other.variables)).then(|| Self {
            factor: self.factor.saturating_mul(other.factor),
            stream: self.stream || other.stream,
            variables: self.variables || other.variables,
        })
    }

    fn times(self, factor: u64) -> Self {
        Self {
            factor: self.factor.saturating_mul(factor),
            ..self
        }
    }
}

fn all<'t, 'a: 't>(terms: impl IntoIterator<Item = &'t Term<&'a str>>) -> Option<Shape> {
    let mut sum = Shape {
        factor: 0,
        ..CONSTANT
    };
    for term in terms {
        sum = sum.with(shape(term)?)?;
    }
    Some(Shape {
        factor: sum.factor.max(1),
        ..sum
    })
}

/// The bound of a term; none where it is for the worker.
fn shape(term: &Term<&str>) -> Option<Shape> {
    match term {
        Term::Id | Term::Num(_) | Term::Arr(None) => Some(CONSTANT),
        Term::Var(_) => Some(Shape {
            variables: true,
            ..CONSTANT
        }),
        Term::Recurse | Term::Label(..) | Term::Break(_) | Term::Fold(..) | Term::Def(..) => None,
        Term::Str(format, parts) => {
            let inner = all(parts.iter().filter_map(|part| match part {
                StrPart::Term(term) => Some(term),
                _ => None,
            }))?;
            let of_format = |name: &&str| {
                functions::FORMATS
                    .iter()
                    .find(|(known, _)| known == name)
                    .map_or(4, |(_, factor)| *factor)
            };
            Some(inner.times(u64::from(format.as_ref().map_or(4, of_format))))
        }
        Term::Arr(Some(inner)) => Some(Shape {
            stream: false,
            ..shape(inner)?
        }),
        Term::Obj(entries) => all(entries
            .iter()
            .flat_map(|(key, value)| std::iter::once(key).chain(value))),
        Term::Neg(inner) => shape(inner),
        Term::BinOp(left, operator, right) => binary(left, operator, right),
        Term::TryCatch(body, catch) => {
            let body = shape(body)?;
            let catch = catch.as_ref().map_or(Some(CONSTANT), |catch| shape(catch))?;
            Some(Shape {
                stream: body.stream || catch.stream,
                ..alternative(body, catch)
            })
        }
        Term::IfThenElse(cases, otherwise) => {
            let mut sum = otherwise.as_ref().map_or(Some(CONSTANT), |term| shape(term))?;
            for (condition, then) in cases {
                let condition = shape(condition)?;
                if condition.stream {
                    return None;
                }
                sum = alternative(alternative(sum, condition), shape(then)?);
            }
            Some(sum)
        }
        Term::Call(name, arguments) => call(name, arguments),
        Term::Path(base, path) => {
            let mut sum = shape(base)?;
            for (part, _) in &path.0 {
                let bounds: Vec<&Term<&str>> = match part {
                    Part::Index(index) => vec![index],
                    Part::Range(None, None) => {
                        sum.stream = true;
                        continue;
                    }
                    Part::Range(from, to) => from.iter().chain(to).collect(),
                };
                let bounds = all(bounds)?;
                if bounds.stream {
                    return None;
                }
                sum.variables |= bounds.variables;
            }
            Some(sum)
        }
    }
}

fn alternative(one: Shape, other: Shape) -> Shape {
    Shape {
        factor: one.factor.saturating_add(other.factor),
        stream: one.stream || other.stream,
        variables: one.variables || other.variables,
    }
}

fn binary(left: &Term<&str>, operator: &BinaryOp<&str>, right: &Term<&str>) -> Option<Shape> {
    let (l, r) = (shape(left)?, shape(right)?);
    match operator {
        BinaryOp::Pipe(None) => l.then(r),
        BinaryOp::Pipe(Some(_)) => (!l.stream).then(|| Shape {
            factor: l.factor.saturating_mul(r.factor),
            stream: r.stream,
            variables: true,
        }),
        BinaryOp::Comma => Some(Shape {
            stream: true,
            ..alternative(l, r)
        }),
        BinaryOp::Alt | BinaryOp::Or | BinaryOp::And => l.with(r),
        BinaryOp::Cmp(_) => l.with(r).map(|both| {
            let plain = |term: &Term<&str>| {
                matches!(
                    term,
                    Term::Path(..) | Term::Var(_) | Term::Id | Term::Num(_) | Term::Str(None, _)
                )
            };
            Shape {
                variables: both.variables && !(plain(left) && plain(right)),
                ..both
            }
        }),
        BinaryOp::Math(Math::Mul) => {
            let small = |term: &Term<&str>| match term {
                Term::Num(text) => text.parse::<f64>().ok().filter(|value| value.abs() <= 16.0),
                _ => None,
            };
            small(left).or_else(|| small(right))?;
            l.with(r).map(|both| both.times(16))
        }
        BinaryOp::Math(Math::Div) => l.with(r).map(|both| both.times(8)),
        BinaryOp::Math(_) => l.with(r),
        BinaryOp::Update => (!r.stream && !(l.stream && r.variables)).then(|| Shape {
            factor: l.factor.saturating_mul(r.factor).saturating_add(1),
            stream: false,
            variables: l.variables || r.variables,
        }),
        BinaryOp::Assign | BinaryOp::UpdateMath(_) | BinaryOp::UpdateAlt => {
            let literal = matches!(right, Term::Num(_) | Term::Arr(None));
            let plus = !matches!(operator, BinaryOp::UpdateMath(Math::Mul));
            (plus && !r.stream && (!l.stream || literal)).then(|| Shape {
                stream: false,
                ..alternative(alternative(l, r), CONSTANT)
            })
        }
    }
}

fn call(name: &str, arguments: &[Term<&str>]) -> Option<Shape> {
    match functions::cost(name, arguments.len())? {
        Cost::Worker => None,
        Cost::Linear(factor) => {
            let inner = all(arguments)?;
            let base = if arguments.is_empty() {
                inner
            } else {
                inner.with(CONSTANT)?
            };
            (!inner.stream).then(|| base.times(u64::from(factor)))
        }
        Cost::Each => {
            let inner = all(arguments)?;
            (!inner.variables).then(|| {
                let factor = if name == "with_entries" { 8 } else { 1 };
                Shape {
                    stream: false,
                    ..inner.times(factor)
                }
            })
        }
        Cost::Stream => {
            let inner = all(arguments)?;
            if name == "select" && inner.stream {
                return None;
            }
            let stream = !matches!(name, "first" | "last" | "nth" | "isempty" | "add" | "del");
            Some(Shape { stream, ..inner })
        }
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
