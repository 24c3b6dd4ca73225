//! A condition's words as a tree, by recursive descent:
//!
//! ```text
//! any      = all ("or" all)*
//! all      = one ("and" one)*
//! one      = "not" one | "(" any ")" | operand [comparison operand | ["not"] "in" operand]
//! operand  = path | number | text | "true" | "false" | "null" | "[" literal, ... "]"
//! ```

use serde_json::Value;

use super::error::ConditionError;
use super::token::{Placed, Token, tokens};
use super::tree::{Comparison, Operand, Path, Question, literal};
use crate::nearest::{list, nearest};

/// How deep parentheses and `not` may stand in each other.
const MAX_DEPTH: usize = 64;
/// The most characters that a condition may have.
const MAX_LENGTH: usize = 4_000;

const KEYWORDS: [&str; 4] = ["and", "or", "not", "in"];

/// The words of `TaskStatus`.
pub(super) const STATES: [&str; 4] = ["succeeded", "failed", "skipped", "cancelled"];

pub(super) fn parse(text: &str) -> Result<Question, ConditionError> {
    if text.chars().take(MAX_LENGTH + 1).count() > MAX_LENGTH {
        let expected = format!("at most {MAX_LENGTH} characters");
        return Err(ConditionError::syntax(MAX_LENGTH + 1, "more text", &expected));
    }
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    let question = parser.any()?;
    match parser.here().token {
        Token::End => Ok(question),
        _ => Err(parser.unexpected("`and`, `or` or the end")),
    }
}

struct Parser {
    tokens: Vec<Placed>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn any(&mut self) -> Result<Question, ConditionError> {
        let mut parts = vec![self.all()?];
        while self.takes_word("or") {
            parts.push(self.all()?);
        }
        Ok(only(parts).unwrap_or_else(Question::Any))
    }

    fn all(&mut self) -> Result<Question, ConditionError> {
        let mut parts = vec![self.one()?];
        while self.takes_word("and") {
            parts.push(self.one()?);
        }
        Ok(only(parts).unwrap_or_else(Question::All))
    }

    fn one(&mut self) -> Result<Question, ConditionError> {
        if self.takes_word("not") {
            return self.deeper(|p| Ok(Question::Not(Box::new(p.one()?))));
        }
        if self.takes_sign("(") {
            return self.deeper(|p| {
                let question = p.any()?;
                if p.takes_sign(")") { Ok(question) } else { Err(p.unexpected("`)`")) }
            });
        }
        self.comparison()
    }

    fn deeper(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<Question, ConditionError>,
    ) -> Result<Question, ConditionError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.unexpected(&format!("no more than {MAX_DEPTH} levels")));
        }
        let question = parse(self);
        self.depth -= 1;
        question
    }

    fn comparison(&mut self) -> Result<Question, ConditionError> {
        let start = self.here().clone();
        let left = self.operand()?;
        if let Some(comparison) = self.takes_comparison() {
            let right = self.operand()?;
            self.refuse_chain(&left, comparison.0, &right)?;
            refuse_unknown_state(&left, &right, &start)?;
            return Ok(Question::Compare { left, comparison: comparison.1, right });
        }
        if self.is_word("not") {
            self.at += 1;
            if !self.is_word("in") {
                return Err(self.unexpected("`in` after `not`"));
            }
            self.at += 1;
            return Ok(Question::Not(Box::new(self.member(left, &start)?)));
        }
        if self.takes_word("in") {
            return self.member(left, &start);
        }
        match left {
            Operand::Literal(ref value) if !value.is_boolean() => {
                Err(self.unexpected("a comparison such as `==`, `>` or `in`"))
            }
            operand => Ok(Question::Is(operand)),
        }
    }

    fn member(&mut self, value: Operand, start: &Placed) -> Result<Question, ConditionError> {
        let place = self.here().clone();
        let list = self.operand()?;
        match &list {
            Operand::Literal(Value::Array(items)) => {
                for item in items {
                    refuse_unknown_state(&value, &Operand::Literal(item.clone()), start)?;
                }
            }
            Operand::Literal(_) => {
                let found = format!("`{}`", place.written);
                let expected = "a list such as `['a', 'b']` after `in`";
                return Err(ConditionError::syntax(place.column, found, expected));
            }
            Operand::Path(_) => {}
        }
        Ok(Question::Member { value, list })
    }

    fn operand(&mut self) -> Result<Operand, ConditionError> {
        if self.takes_sign("[") {
            return self.list().map(Operand::Literal);
        }
        match self.here().token.clone() {
            Token::Path(parts) if !is_keyword(&parts) => {
                self.at += 1;
                Ok(constant(&parts).map_or_else(|| Operand::Path(Path(parts)), Operand::Literal))
            }
            Token::Number(_) | Token::Text(_) => self.literal().map(Operand::Literal),
            _ => Err(self.unexpected("a name, a number or a text in quotes")),
        }
    }

    fn list(&mut self) -> Result<Value, ConditionError> {
        let mut items = Vec::new();
        while !self.takes_sign("]") {
            items.push(self.literal()?);
            if !self.takes_sign(",") && !self.is_sign("]") {
                return Err(self.unexpected("`,` or `]`"));
            }
        }
        Ok(Value::Array(items))
    }

    fn literal(&mut self) -> Result<Value, ConditionError> {
        let value = match &self.here().token {
            Token::Number(number) => Some(Value::Number(number.clone())),
            Token::Text(text) => Some(Value::String(text.clone())),
            Token::Path(parts) => constant(parts),
            Token::Sign(_) | Token::End => None,
        };
        match value {
            Some(value) => {
                self.at += 1;
                Ok(value)
            }
            None => Err(self.unexpected("a number, a text in quotes, `true`, `false` or `null`")),
        }
    }

    fn refuse_chain(
        &self,
        left: &Operand,
        sign: &str,
        right: &Operand,
    ) -> Result<(), ConditionError> {
        match &self.here().token {
            Token::Sign(next) if Comparison::ALL.iter().any(|(sign, _)| sign == next) => {
                let hint = format!("write `{left} {sign} {right} and {right} {next} ...`");
                Err(self.unexpected("`and`, `or` or the end").with_hint(hint))
            }
            _ => Ok(()),
        }
    }

    fn here(&self) -> &Placed {
        // The last word is `End`, and nothing steps over it.
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(&self.here().token, Token::Path(parts) if matches!(&parts[..], [p] if p == word))
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let there = self.is_word(word);
        self.at += usize::from(there);
        there
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.here().token, Token::Sign(s) if s == sign)
    }

    fn takes_sign(&mut self, sign: &str) -> bool {
        let there = self.is_sign(sign);
        self.at += usize::from(there);
        there
    }

    fn takes_comparison(&mut self) -> Option<(&'static str, Comparison)> {
        let found = Comparison::ALL.into_iter().find(|(sign, _)| self.is_sign(sign))?;
        self.at += 1;
        Some(found)
    }

    fn unexpected(&self, expected: &str) -> ConditionError {
        let here = self.here();
        let found = match here.token {
            Token::End => "the end".to_owned(),
            _ => format!("`{}`", here.written),
        };
        ConditionError::syntax(here.column, found, expected)
    }
}

/// The only part, or all of them.
fn only(mut parts: Vec<Question>) -> Result<Question, Vec<Question>> {
    match parts.pop() {
        Some(part) if parts.is_empty() => Ok(part),
        last => {
            parts.extend(last);
            Err(parts)
        }
    }
}

fn is_keyword(parts: &[String]) -> bool {
    matches!(parts, [only] if KEYWORDS.contains(&only.as_str()))
}

fn constant(parts: &[String]) -> Option<Value> {
    match parts {
        [only] if only == "true" => Some(Value::Bool(true)),
        [only] if only == "false" => Some(Value::Bool(false)),
        [only] if only == "null" => Some(Value::Null),
        _ => None,
    }
}

/// `status.train == 'success'` would never hold, and nobody would notice.
fn refuse_unknown_state(
    one: &Operand,
    other: &Operand,
    start: &Placed,
) -> Result<(), ConditionError> {
    let (path, word) = match (one, other) {
        (Operand::Path(path), Operand::Literal(word))
        | (Operand::Literal(word), Operand::Path(path)) => (path, word),
        _ => return Ok(()),
    };
    let known = word.as_str().is_some_and(|word| STATES.contains(&word));
    if path.state_of().is_none() || word.is_null() || known {
        return Ok(());
    }
    let expected = format!("one of {} for `{path}`", list(STATES, "and"));
    let found = format!("`{}`", literal(word));
    let error = ConditionError::syntax(start.column, found, &expected);
    match word.as_str().and_then(|word| nearest(word, STATES)) {
        Some(meant) => Err(error.with_hint(format!("did you mean `{meant}`?"))),
        None => Err(error),
    }
}
