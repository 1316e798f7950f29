//! The jq interpreter: compiles checked text and runs it. The only file that runs jaq.

use std::sync::{Arc, LazyLock};

use dirigent_protocol::Payload;
use jaq_core::data::{DataT, HasLut};
use jaq_core::load::parse::Def;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::native::{bome, run, v};
use jaq_core::{Compiler, Ctx, Error, Filter, Lut, Vars};
use jaq_json::Val;
use jiff::Timestamp;
use serde_json::Value;

use super::check::check;
use super::error::ExpressionError;
use super::value::{from_jaq, to_jaq};
use super::worker::{EvalReply, EvalRequest, EvalResult};

/// What our functions may know beside their input: the time.
#[derive(Clone)]
struct World<'a> {
    lut: &'a Lut<Kind>,
    now: f64,
}

struct Kind;

impl DataT for Kind {
    type V<'a> = Val;
    type Data<'a> = World<'a>;
}

impl<'a> HasLut<'a, Kind> for World<'a> {
    fn lut(&self) -> &'a Lut<Kind> {
        self.lut
    }
}

/// A compiled expression.
pub(super) struct Program {
    filter: Filter<Kind>,
}

impl Program {
    /// Compiles text that was checked; variables are bound in the order given.
    pub(super) fn compile(code: &str, variables: &[String]) -> Result<Self, ExpressionError> {
        let arena = Arena::default();
        let loader = Loader::new(definitions());
        let failed = |what: &str| ExpressionError::new("bad_expression", what.to_owned(), 0);
        let modules = loader
            .load(&arena, File { code, path: () })
            .map_err(|_| failed("the expression cannot be read"))?;
        let names: Vec<String> = variables.iter().map(|name| format!("${name}")).collect();
        let filter = Compiler::default()
            .with_funs(natives())
            .with_global_vars(names.iter().map(String::as_str))
            .compile(modules)
            .map_err(|errors| {
                let first = errors.into_iter().flat_map(|(_, errors)| errors).next();
                match first {
                    Some((symbol, undefined)) => {
                        failed(&format!("there is no {} `{symbol}`", undefined.as_str()))
                    }
                    None => failed("the expression cannot be compiled"),
                }
            })?;
        Ok(Self { filter })
    }

    /// Its first value, or its error in jq's words.
    pub(super) fn run(
        &self,
        input: &Value,
        variables: &[Payload],
        now: Timestamp,
    ) -> Result<Payload, String> {
        let variables = Vars::new(variables.iter().map(|value| to_jaq(value)));
        #[expect(clippy::cast_precision_loss, reason = "jq's `now` is a float")]
        let now = now.as_microsecond() as f64 / 1e6;
        let context = Ctx::<Kind>::new(
            World {
                lut: &self.filter.lut,
                now,
            },
            variables,
        );
        let Some(first) = self.filter.id.run((context, to_jaq(input))).next() else {
            return Ok(Arc::new(Value::Null));
        };
        match first {
            Ok(value) => from_jaq(&value).map(Arc::new),
            Err(exception) => match exception.get_err() {
                Ok(error) => Err(shorten(&in_words(&error.to_string()))),
                Err(_) => Err("the expression left its own control flow".to_owned()),
            },
        }
    }
}

/// Runs one request; what the worker process does. Checks the text again: the worker trusts nobody.
#[must_use]
pub fn evaluate(request: &EvalRequest) -> EvalReply {
    let run = || -> Result<Payload, String> {
        let checked = check(&request.expression).map_err(|error| error.message)?;
        let names: Vec<String> = checked.variables.into_iter().collect();
        let values: Vec<Payload> = names
            .iter()
            .map(|name| request.variables.get(name).cloned().unwrap_or_default())
            .collect();
        let program = Program::compile(&request.expression, &names).map_err(|error| error.message)?;
        program.run(&request.input, &values, request.now)
    };
    let result = match run() {
        Ok(value) => EvalResult::Value(value),
        Err(why) => EvalResult::Error(why),
    };
    EvalReply {
        id: request.id,
        result,
    }
}

/// An error's words: jq errors are values, and text comes in quotes.
fn in_words(text: &str) -> String {
    let plain = serde_json::from_str::<String>(text).unwrap_or_else(|_| text.to_owned());
    if plain.contains("exceeded size limit") || plain.contains("exceeds size limit") {
        return format!("regex_too_big: {plain}");
    }
    plain
}

fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(400).collect();
    if short.len() < text.len() {
        short.push_str(" ...");
    }
    short
}

/// The standard definitions, without those replaced below and those kept out.
fn definitions() -> impl Iterator<Item = Def<&'static str>> {
    static ALL: LazyLock<Vec<Def<&'static str>>> = LazyLock::new(|| {
        let kept_out = ["tonumber", "debug", "stderr", "halt", "halt_error"];
        jaq_core::defs()
            .chain(jaq_std::defs())
            .chain(jaq_json::defs())
            .filter(|def| !(kept_out.contains(&def.name) || def.name == "add" && def.args.is_empty()))
            .collect()
    });
    ALL.iter().cloned()
}

/// Native functions: jaq's own, less the ones that reach outside, plus ours.
fn natives() -> impl Iterator<Item = jaq_core::native::Fun<Kind>> {
    const OUTSIDE: [&str; 7] = [
        "env",
        "now",
        "halt",
        "debug_empty",
        "stderr_empty",
        "localtime",
        "strflocaltime",
    ];
    jaq_core::funs::<Kind>()
        .chain(jaq_std::funs::<Kind>())
        .chain(jaq_json::funs::<Kind>())
        .filter(|(name, _, _)| !OUTSIDE.contains(name))
        .chain(ours().into_iter().map(|ours| run::<Kind>(ours)))
}

fn ours() -> [jaq_core::native::Filter<jaq_core::RunPtr<Kind>>; 3] {
    [
        ("now", v(0), |cv| {
            let now = cv.0.data().now;
            bome(Ok(Val::from(now)))
        }),
        ("tonumber", v(0), |cv| bome(to_number(cv.1))),
        ("add", v(0), |cv| bome(sum(cv.1))),
    ]
}

/// Text that is a JSON number of at most 64 characters; never parses anything deeper.
fn to_number(value: Val) -> Result<Val, Error<Val>> {
    match &value {
        Val::Num(_) => Ok(value),
        Val::TStr(bytes) => {
            let text = std::str::from_utf8(bytes).unwrap_or("").trim();
            let number = (text.len() <= 64).then(|| serde_json::from_str::<serde_json::Number>(text).ok());
            number
                .flatten()
                .map(|number| to_jaq(&Value::Number(number)))
                .ok_or_else(|| Error::str("cannot parse as number"))
        }
        _ => Err(Error::str("cannot parse as number")),
    }
}

/// `add` over an array or the values of an object; joins texts in one pass.
fn sum(value: Val) -> Result<Val, Error<Val>> {
    let items: Vec<Val> = match &value {
        Val::Null => return Ok(Val::Null),
        Val::Arr(items) => items.iter().cloned().collect(),
        Val::Obj(members) => members.values().cloned().collect(),
        _ => return Err(Error::typ(value, "array")),
    };
    if !items.is_empty() && items.iter().all(|item| matches!(item, Val::TStr(_))) {
        let mut text = Vec::new();
        for item in &items {
            if let Val::TStr(bytes) = item {
                text.extend_from_slice(bytes);
            }
        }
        return Ok(Val::utf8_str(text));
    }
    drop(value);
    items.into_iter().try_fold(Val::Null, |sum, item| sum + item)
}
