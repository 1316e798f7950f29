//! An expression of a document, ready to run many times.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use dirigent_protocol::Payload;
use jiff::Timestamp;

use super::check::check;
use super::error::ExpressionError;
use super::jaq::Program;
use super::path::Path;
use super::worker::{Answers, EvalRequest, EvalResult};

/// Why an expression gave no value.
#[derive(Debug, Clone, PartialEq)]
pub enum EvalError {
    /// It failed; jq's words.
    Failed(String),
    /// The worker must run it first.
    Worker(Box<EvalRequest>),
}

/// What an expression sees.
pub trait Scope {
    /// `.`
    fn input(&self) -> Payload;
    /// `$name`, without `$`.
    fn variable(&self, name: &str) -> Payload;
    /// `now`
    fn now(&self) -> Timestamp;
}

/// A checked expression.
#[derive(Clone)]
pub struct Expression {
    text: Arc<str>,
    variables: Arc<[String]>,
    how: How,
}

#[derive(Clone)]
enum How {
    Path(Arc<Path>),
    Inline(Arc<Program>),
    Worker,
}

impl Expression {
    /// Checks and compiles jq (without `${ }`).
    ///
    /// # Errors
    /// What is wrong with it and where; see the codes in the module's tests.
    pub fn compile(text: &str) -> Result<Self, ExpressionError> {
        if let Some(path) = Path::parse(text) {
            let variables = path.variable.iter().cloned().collect();
            return Ok(Self {
                text: Arc::from(text),
                variables,
                how: How::Path(Arc::new(path)),
            });
        }
        let checked = check(text)?;
        let variables: Arc<[String]> = checked.variables.into_iter().collect();
        let program = Program::compile(text, &variables)?;
        let how = if checked.inline {
            How::Inline(Arc::new(program))
        } else {
            How::Worker
        };
        Ok(Self {
            text: Arc::from(text),
            variables,
            how,
        })
    }

    /// As written, without `${ }`.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Variables it reads, without `$`.
    #[must_use]
    pub fn variables(&self) -> &[String] {
        &self.variables
    }

    /// Whether it runs in the daemon's own process.
    #[must_use]
    pub fn is_inline(&self) -> bool {
        !matches!(self.how, How::Worker)
    }

    /// Where it walks to, if it is nothing but a walk through names: the variable it starts at (none is the input), and
    /// the names.
    #[must_use]
    pub fn plain_path(&self) -> Option<(Option<&str>, Vec<String>)> {
        match &self.how {
            How::Path(path) => Some((path.variable.as_deref(), path.names()?)),
            How::Inline(_) | How::Worker => None,
        }
    }

    /// Its first value; `null` when it has none.
    ///
    /// # Errors
    /// It failed, or the worker must run it and its reply is not among the answers.
    pub fn evaluate(&self, scope: &dyn Scope, answers: &Answers) -> Result<Payload, EvalError> {
        match &self.how {
            How::Path(path) => {
                let root = match &path.variable {
                    Some(name) => scope.variable(name),
                    None => scope.input(),
                };
                path.walk(&root).map_err(EvalError::Failed)
            }
            How::Inline(program) => {
                let values: Vec<Payload> = self.variables.iter().map(|name| scope.variable(name)).collect();
                program
                    .run(&scope.input(), &values, scope.now())
                    .map_err(EvalError::Failed)
            }
            How::Worker => {
                let variables: BTreeMap<String, Payload> = self
                    .variables
                    .iter()
                    .map(|name| (name.clone(), scope.variable(name)))
                    .collect();
                let request = EvalRequest::new(&self.text, scope.input(), variables, scope.now());
                match answers.get(&request.id) {
                    Some(EvalResult::Value(value)) => Ok(value.clone()),
                    Some(EvalResult::Error(why)) => Err(EvalError::Failed(why.clone())),
                    Some(EvalResult::Exceeded(why)) => {
                        Err(EvalError::Failed(format!("stopped by its limits: {why}")))
                    }
                    None => Err(EvalError::Worker(Box::new(request))),
                }
            }
        }
    }
}

/// The same text means the same.
impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${{ {} }}", self.text)
    }
}

/// The inside of `${ ... }`, and where it starts; none when the text is no runtime expression.
#[must_use]
pub fn strip(text: &str) -> Option<(usize, &str)> {
    let trimmed = text.trim();
    let inside = trimmed.strip_prefix("${")?.strip_suffix('}')?;
    let start = text.len() - text.trim_start().len() + 2;
    Some((start, inside))
}
