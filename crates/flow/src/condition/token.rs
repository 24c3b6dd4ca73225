//! A condition's text as words.

use serde_json::Number;

use super::error::ConditionError;

/// A word of a condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A dotted path, or a keyword, which is a path of one part.
    Path(Vec<String>),
    Number(Number),
    Text(String),
    Sign(&'static str),
    End,
}

/// A word and its place: the column of its first character, from 1, and what was written.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) column: usize,
    pub(super) written: String,
}

/// Signs, each before those that it begins with.
const SIGNS: [&str; 12] = ["==", "!=", "<=", ">=", "=", "<", ">", "(", ")", "[", "]", ","];

/// What other languages write, and what is written here.
const FOREIGN: [(&str, &str); 6] =
    [("&&", "and"), ("||", "or"), ("<>", "!="), ("=>", ">="), ("=<", "<="), ("!", "not")];

/// The words of `text`; the last one is [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, ConditionError> {
    let mut reader = Reader { rest: text, column: 1 };
    let mut tokens = Vec::new();
    loop {
        reader.skip(|c| c.is_whitespace());
        let (start, column) = (reader.rest, reader.column);
        let token = reader.token()?;
        let written = start[..start.len() - reader.rest.len()].to_owned();
        let last = token == Token::End;
        tokens.push(Placed { token, column, written });
        if last {
            return Ok(tokens);
        }
    }
}

/// Whether a character may stand in a name.
pub(super) fn in_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

struct Reader<'a> {
    rest: &'a str,
    column: usize,
}

impl<'a> Reader<'a> {
    fn token(&mut self) -> Result<Token, ConditionError> {
        let Some(first) = self.rest.chars().next() else { return Ok(Token::End) };
        if first == '\'' || first == '"' {
            return self.text().map(Token::Text);
        }
        if let Some(number) = self.number()? {
            return Ok(Token::Number(number));
        }
        if in_name(first) && first != '-' {
            return self.path().map(Token::Path);
        }
        for (foreign, ours) in FOREIGN {
            let unequal = foreign == "!" && self.rest.starts_with("!=");
            if self.rest.starts_with(foreign) && !unequal {
                let hint = format!("write `{ours}` for `{foreign}`");
                return Err(self.unexpected(foreign, "a word of a condition").with_hint(hint));
            }
        }
        match SIGNS.into_iter().find(|sign| self.rest.starts_with(sign)) {
            Some(sign) => {
                self.take(sign.len());
                Ok(Token::Sign(sign))
            }
            None => Err(self.unexpected(
                &first.to_string(),
                "a name, a number, a text in quotes or a comparison",
            )),
        }
    }

    /// The number that stands here; nothing when what begins like one is a name, as `2nd` is.
    fn number(&mut self) -> Result<Option<Number>, ConditionError> {
        let length = number_length(self.rest);
        let (written, after) = self.rest.split_at(length);
        if length == 0 || after.starts_with(in_name) {
            return Ok(None);
        }
        let number = match (written.parse::<i64>(), written.parse::<u64>()) {
            (Ok(integer), _) => Some(Number::from(integer)),
            (_, Ok(integer)) => Some(Number::from(integer)),
            _ => written.parse().ok().and_then(Number::from_f64),
        };
        let Some(number) = number else {
            return Err(self.unexpected(written, "a number below 1.8e308"));
        };
        self.take(length);
        Ok(Some(number))
    }

    fn path(&mut self) -> Result<Vec<String>, ConditionError> {
        let mut parts = vec![self.name()];
        loop {
            if self.rest.starts_with('.') {
                self.take(1);
                if !self.rest.starts_with(in_name) {
                    let found = self.here();
                    return Err(ConditionError::syntax(self.column, found, "a name after `.`"));
                }
                parts.push(self.name());
            } else if self.rest.starts_with('[') {
                self.take(1);
                parts.push(self.in_brackets()?);
            } else {
                return Ok(parts);
            }
        }
    }

    /// What stands between brackets behind a path: a position, or a name in quotes.
    fn in_brackets(&mut self) -> Result<String, ConditionError> {
        let part = match self.rest.chars().next() {
            Some('\'' | '"') => self.text()?,
            _ => self.skip(|c| c.is_ascii_digit()).to_owned(),
        };
        let expected = if part.is_empty() { "a position or a name in quotes" } else { "`]`" };
        if part.is_empty() || !self.rest.starts_with(']') {
            return Err(ConditionError::syntax(self.column, self.here(), expected));
        }
        self.take(1);
        Ok(part)
    }

    fn text(&mut self) -> Result<String, ConditionError> {
        let column = self.column;
        let quote = self.next().unwrap_or('\'');
        let mut text = String::new();
        while let Some(c) = self.next() {
            match c {
                c if c == quote => return Ok(text),
                '\\' => text.push(self.escaped()?),
                c => text.push(c),
            }
        }
        let expected = format!("another `{quote}` at its end");
        Err(ConditionError::syntax(column, "a text that does not end", &expected))
    }

    fn escaped(&mut self) -> Result<char, ConditionError> {
        let column = self.column;
        match self.next() {
            Some('n') => Ok('\n'),
            Some('t') => Ok('\t'),
            Some(c @ ('\\' | '\'' | '"')) => Ok(c),
            found => {
                let found = found.map_or_else(|| "the end".to_owned(), |c| format!("`{c}`"));
                Err(ConditionError::syntax(column, found, r#"one of \ ' " n t after `\`"#))
            }
        }
    }

    fn name(&mut self) -> String {
        self.skip(in_name).to_owned()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.take(c.len_utf8());
        Some(c)
    }

    fn skip(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        self.take(end)
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        self.column += taken.chars().count();
        taken
    }

    fn here(&self) -> String {
        self.rest.chars().next().map_or_else(|| "the end".to_owned(), |c| format!("`{c}`"))
    }

    fn unexpected(&self, found: &str, expected: &str) -> ConditionError {
        ConditionError::syntax(self.column, format!("`{found}`"), expected)
    }
}

/// How many bytes at the start of `text` are a number: a sign, digits, a fraction, an exponent.
fn number_length(text: &str) -> usize {
    let digits = |from: usize| {
        let rest = text.get(from..).unwrap_or_default();
        rest.bytes().take_while(u8::is_ascii_digit).count()
    };
    let sign = usize::from(text.starts_with('-'));
    let whole = digits(sign);
    if whole == 0 {
        return 0;
    }
    let mut end = sign + whole;
    if text[end..].starts_with('.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if text[end..].starts_with(['e', 'E']) {
        let signed = usize::from(text[end + 1..].starts_with(['+', '-']));
        let exponent = digits(end + 1 + signed);
        if exponent > 0 {
            end += 1 + signed + exponent;
        }
    }
    end
}
