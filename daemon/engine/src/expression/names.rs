//! Names in an expression: free variables are collected, functions that do not exist are refused.

use std::collections::BTreeSet;

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::path::Part;

use super::error::ExpressionError;
use super::functions;

/// Variables an expression reads and does not bind, without `$`; an error for a function that does not exist.
pub(super) fn free_variables<'a>(
    code: &'a str,
    term: &Term<&'a str>,
) -> Result<BTreeSet<String>, ExpressionError> {
    let mut names = Names {
        code,
        bound: Vec::new(),
        local: Vec::new(),
        free: BTreeSet::new(),
    };
    names.term(term)?;
    Ok(names.free)
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
            Term::Str(format, parts) => self.text(*format, parts),
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
            Term::Call(name, arguments) => self.call(name, arguments),
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

    fn text(
        &mut self,
        format: Option<&'a str>,
        parts: &[StrPart<&'a str, Term<&'a str>>],
    ) -> Result<(), ExpressionError> {
        if let Some(format) = format
            && !functions::FORMATS.iter().any(|(name, _)| *name == format)
        {
            return Err(self.unknown(format, 0));
        }
        parts.iter().try_for_each(|part| match part {
            StrPart::Term(term) => self.term(term),
            _ => Ok(()),
        })
    }

    fn call(&mut self, name: &'a str, arguments: &[Term<&'a str>]) -> Result<(), ExpressionError> {
        let arity = arguments.len();
        let local = self.local.iter().any(|(local, n)| *local == name && *n == arity);
        if !local && functions::cost(name, arity).is_none() {
            return Err(self.unknown(name, arity));
        }
        arguments.iter().try_for_each(|argument| self.term(argument))
    }

    fn definitions(
        &mut self,
        definitions: &[Def<&'a str, Term<&'a str>>],
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
