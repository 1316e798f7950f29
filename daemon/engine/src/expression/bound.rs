//! How large the result of an inline expression can be, found on its syntax tree.
//!
//! Every construct that could repeat work (loops, definitions, recursion, regular expressions, products of streams,
//! repetition of text) has no bound and sends the expression to the worker.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Term};
use jaq_core::ops::Math;
use jaq_core::path::{Part, Path};

use super::functions::{self, Cost};

/// An inline expression makes at most this many times its data.
const MAX_FACTOR: u64 = 64;

/// Whether the term is bounded well enough to run in the daemon.
pub(super) fn is_inline(term: &Term<&str>) -> bool {
    shape(term).is_some_and(|shape| shape.factor <= MAX_FACTOR)
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
        Term::Path(base, path) => path_shape(base, path),
    }
}

fn path_shape(base: &Term<&str>, path: &Path<Term<&str>>) -> Option<Shape> {
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
        BinaryOp::Update => (!(r.stream || l.stream && r.variables)).then(|| Shape {
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
