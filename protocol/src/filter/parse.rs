//! Text to filter.

use std::str::FromStr;

use serde_json::Value;

use super::{Filter, MAX_DEPTH, Op};

/// Where a filter's text stops making sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: expected {expected}, found {found}")]
pub struct ParseFilterError {
    /// Counted in characters, from 1.
    pub column: usize,
    /// What could stand there.
    pub expected: &'static str,
    /// What stands there.
    pub found: String,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Value(Value),
    Op(Op),
    Open,
    Close,
    ListOpen,
    ListClose,
    Comma,
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    at: usize,
    end: usize,
}

impl FromStr for Filter {
    type Err = ParseFilterError;

    fn from_str(text: &str) -> Result<Self, ParseFilterError> {
        let mut parser = Parser {
            tokens: tokens(text)?,
            at: 0,
            end: text.chars().count() + 1,
        };
        let filter = parser.any(0)?;
        if parser.at < parser.tokens.len() {
            return Err(parser.wrong("`and`, `or` or the end"));
        }
        Ok(filter)
    }
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    fn word(&mut self, word: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Word(found)) if found == word);
        self.at += usize::from(is);
        is
    }

    fn wrong(&self, expected: &'static str) -> ParseFilterError {
        let (column, found) = self
            .tokens
            .get(self.at)
            .map_or((self.end, "the end".to_owned()), |(column, token)| {
                (*column, describe(token))
            });
        ParseFilterError {
            column,
            expected,
            found,
        }
    }

    fn any(&mut self, depth: usize) -> Result<Filter, ParseFilterError> {
        let mut filters = vec![self.all(depth)?];
        while self.word("or") {
            filters.push(self.all(depth)?);
        }
        Ok(single(filters, Filter::Or))
    }

    fn all(&mut self, depth: usize) -> Result<Filter, ParseFilterError> {
        let mut filters = vec![self.one(depth)?];
        while self.word("and") {
            filters.push(self.one(depth)?);
        }
        Ok(single(filters, Filter::And))
    }

    fn one(&mut self, depth: usize) -> Result<Filter, ParseFilterError> {
        if depth > MAX_DEPTH {
            return Err(self.wrong("fewer than 16 levels of nesting"));
        }
        if self.word("not") {
            return Ok(Filter::Not(Box::new(self.one(depth + 1)?)));
        }
        match self.peek().cloned() {
            Some(Token::Open) => {
                self.at += 1;
                let inner = self.any(depth + 1)?;
                if self.peek() != Some(&Token::Close) {
                    return Err(self.wrong("`)`"));
                }
                self.at += 1;
                Ok(inner)
            }
            Some(Token::Word(field)) => {
                self.at += 1;
                let op = self.op()?;
                let value = self.value(op)?;
                Ok(Filter::Is { field, op, value })
            }
            _ => Err(self.wrong("a field name, `not` or `(`")),
        }
    }

    fn op(&mut self) -> Result<Op, ParseFilterError> {
        if self.word("in") {
            return Ok(Op::In);
        }
        match self.peek() {
            Some(Token::Op(op)) => {
                let op = *op;
                self.at += 1;
                Ok(op)
            }
            _ => Err(self.wrong("one of == != < <= > >= ~ in")),
        }
    }

    fn value(&mut self, op: Op) -> Result<Value, ParseFilterError> {
        if op != Op::In {
            return self.scalar();
        }
        if self.peek() != Some(&Token::ListOpen) {
            return Err(self.wrong("a list such as [\"a\", \"b\"]"));
        }
        self.at += 1;
        let mut items = Vec::new();
        loop {
            items.push(self.scalar()?);
            match self.peek() {
                Some(Token::Comma) => self.at += 1,
                Some(Token::ListClose) => break,
                _ => return Err(self.wrong("`,` or `]`")),
            }
        }
        self.at += 1;
        Ok(Value::Array(items))
    }

    fn scalar(&mut self) -> Result<Value, ParseFilterError> {
        let value = match self.peek() {
            Some(Token::Value(value)) => value.clone(),
            Some(Token::Word(word)) => match word.as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "null" => Value::Null,
                word => Value::String(word.to_owned()),
            },
            _ => return Err(self.wrong("a value")),
        };
        self.at += 1;
        Ok(value)
    }
}

fn single(mut filters: Vec<Filter>, join: fn(Vec<Filter>) -> Filter) -> Filter {
    if filters.len() == 1 {
        filters.swap_remove(0)
    } else {
        join(filters)
    }
}

fn describe(token: &Token) -> String {
    match token {
        Token::Word(word) => format!("`{word}`"),
        Token::Value(value) => format!("`{value}`"),
        Token::Op(op) => format!("{op:?}").to_lowercase(),
        Token::Open => "`(`".into(),
        Token::Close => "`)`".into(),
        Token::ListOpen => "`[`".into(),
        Token::ListClose => "`]`".into(),
        Token::Comma => "`,`".into(),
    }
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, ParseFilterError> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let column = at + 1;
        if c.is_whitespace() {
            at += 1;
            continue;
        }
        let two: String = chars[at..chars.len().min(at + 2)].iter().collect();
        let (token, length) = match (c, two.as_str()) {
            (_, "==") => (Token::Op(Op::Eq), 2),
            (_, "!=") => (Token::Op(Op::Ne), 2),
            (_, "<=") => (Token::Op(Op::Le), 2),
            (_, ">=") => (Token::Op(Op::Ge), 2),
            ('<', _) => (Token::Op(Op::Lt), 1),
            ('>', _) => (Token::Op(Op::Gt), 1),
            ('=', _) => (Token::Op(Op::Eq), 1),
            ('~', _) => (Token::Op(Op::Contains), 1),
            ('(', _) => (Token::Open, 1),
            (')', _) => (Token::Close, 1),
            ('[', _) => (Token::ListOpen, 1),
            (']', _) => (Token::ListClose, 1),
            (',', _) => (Token::Comma, 1),
            ('"' | '\'', _) => quoted(&chars[at..], column)?,
            _ => bare(&chars[at..], column)?,
        };
        out.push((column, token));
        at += length;
    }
    Ok(out)
}

fn quoted(chars: &[char], column: usize) -> Result<(Token, usize), ParseFilterError> {
    let mut text = String::new();
    let mut at = 1;
    while let Some(&c) = chars.get(at) {
        match c {
            c if c == chars[0] => return Ok((Token::Value(Value::String(text)), at + 1)),
            '\\' if at + 1 < chars.len() => {
                text.push(chars[at + 1]);
                at += 2;
            }
            c => {
                text.push(c);
                at += 1;
            }
        }
    }
    Err(ParseFilterError {
        column,
        expected: "a closing quote",
        found: "the end".into(),
    })
}

fn bare(chars: &[char], column: usize) -> Result<(Token, usize), ParseFilterError> {
    let word: String = chars
        .iter()
        .take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | ':' | '/' | '@' | '+'))
        .collect();
    if word.is_empty() {
        return Err(ParseFilterError {
            column,
            expected: "a field, a value or an operator",
            found: format!("`{}`", chars[0]),
        });
    }
    let length = word.chars().count();
    let number = word.parse::<i64>().map(Value::from).ok().or_else(|| {
        word.starts_with(|c: char| c.is_ascii_digit() || c == '-')
            .then(|| {
                word.parse::<f64>()
                    .ok()
                    .filter(|n| n.is_finite())
                    .map(Value::from)
            })
            .flatten()
    });
    Ok((number.map_or(Token::Word(word), Token::Value), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binds_and_tighter_than_or() {
        let filter: Filter = "a == 1 or b == 2 and not c ~ \"x\"".parse().unwrap();
        let Filter::Or(parts) = filter else {
            unreachable!("{filter:?}")
        };
        assert_eq!(parts.len(), 2);
        assert!(matches!(&parts[1], Filter::And(all) if all.len() == 2));
    }

    #[test]
    fn says_where_it_stops_making_sense() {
        let wrong = "status = = 1".parse::<Filter>().unwrap_err();
        assert_eq!((wrong.column, wrong.expected), (10, "a value"));
        assert_eq!("a == \"x".parse::<Filter>().unwrap_err().column, 6);
        assert!("(".repeat(100).parse::<Filter>().is_err());
        assert!("".parse::<Filter>().is_err());
    }

    #[test]
    fn reads_lists_and_bare_words() {
        assert_eq!(
            "status in [running, \"waiting\"]".parse::<Filter>().unwrap(),
            Filter::Is {
                field: "status".into(),
                op: Op::In,
                value: serde_json::json!(["running", "waiting"])
            }
        );
    }
}
