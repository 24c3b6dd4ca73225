//! Values in a shell's text, so that none of them can ever be read as commands.
//!
//! A value of harmless characters is put in as it is. Any other reaches the shell by a variable
//! of its own: the text gets `"${GRISTMILL_VALUE_1}"`, quoted so as to fit the quotes that it
//! stands in. What those quotes are is found by a short reading of the shell's rules; were it
//! ever wrong (in a here-document with a quoted word, say), the value might come out as the name
//! of the variable, but it would still not run.

use super::template::{Piece, Scope, Template};
use crate::TaskError;

/// A text for the shell, and the variables that it speaks of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Script {
    pub(super) text: String,
    pub(super) variables: Vec<(String, String)>,
}

/// The template's text with its values for the shell.
///
/// # Errors
/// When a value is not there.
pub(super) fn script(template: &Template, scope: &Scope<'_>) -> Result<Script, TaskError> {
    let mut script = Script { text: String::new(), variables: Vec::new() };
    let mut quotes = Quotes::default();
    for piece in &template.pieces {
        match piece {
            Piece::Text(text) => {
                quotes.read(text);
                script.text.push_str(text);
            }
            Piece::Value(reference) => {
                let value = scope.text(reference)?;
                script.put(value, quotes.inner());
                quotes.word();
            }
        }
    }
    Ok(script)
}

impl Script {
    fn put(&mut self, value: String, quote: Quote) {
        if is_harmless(&value) {
            self.text.push_str(&value);
            return;
        }
        let name = format!("GRISTMILL_VALUE_{}", self.variables.len() + 1);
        let word = match quote {
            Quote::None | Quote::Parenthesis => format!("\"${{{name}}}\""),
            Quote::Double => format!("${{{name}}}"),
            Quote::Single => format!("'\"${{{name}}}\"'"),
        };
        self.text.push_str(&word);
        self.variables.push((name, value));
    }
}

/// A text as one word of a command line, for a person to copy.
pub(super) fn quoted(text: &str) -> String {
    if is_harmless(text) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// Whether every shell reads it as one word of just these characters, in quotes and outside.
fn is_harmless(text: &str) -> bool {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,".contains(c);
    !text.is_empty() && text.chars().all(harmless)
}

/// Within what a place in a script stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quote {
    None,
    Single,
    Double,
    /// `( .. )` or `$( .. )`, inside of which quotes begin anew.
    Parenthesis,
}

/// The quotes that are open at a place in a script.
#[derive(Debug)]
struct Quotes {
    open: Vec<Quote>,
    escaped: bool,
    comment: bool,
    /// The character before, which decides what `(` and `#` mean.
    before: char,
}

impl Default for Quotes {
    fn default() -> Self {
        Self { open: Vec::new(), escaped: false, comment: false, before: ' ' }
    }
}

impl Quotes {
    fn inner(&self) -> Quote {
        self.open.last().copied().unwrap_or(Quote::None)
    }

    /// Goes on over this text.
    fn read(&mut self, text: &str) {
        for c in text.chars() {
            self.step(c);
            self.before = c;
        }
    }

    /// Goes on over a value.
    fn word(&mut self) {
        (self.escaped, self.before) = (false, 'x');
    }

    fn step(&mut self, c: char) {
        if std::mem::take(&mut self.escaped) {
            return;
        }
        if self.comment {
            self.comment = c != '\n';
            return;
        }
        match (self.inner(), c) {
            (Quote::Single, '\'') | (Quote::Double, '"') | (Quote::Parenthesis, ')') => {
                self.open.pop();
            }
            (Quote::Single, _) => {}
            (_, '\\') => self.escaped = true,
            (Quote::Double, '(') if self.before == '$' => self.open.push(Quote::Parenthesis),
            (Quote::Double, _) => {}
            (_, '\'') => self.open.push(Quote::Single),
            (_, '"') => self.open.push(Quote::Double),
            (_, '(') => self.open.push(Quote::Parenthesis),
            (_, '#') => self.comment = self.before.is_whitespace() || self.before == ';',
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use serde_json::{Value, json};

    use super::super::template::ITEM;
    use super::*;

    fn filled(text: &str, item: &Value) -> Script {
        script(&Template::parse(text).unwrap(), &Scope::default().with(ITEM, item)).unwrap()
    }

    /// What a real shell makes of it.
    #[track_caller]
    fn check(text: &str, item: Value, expected: &str) {
        let script = filled(text, &item);
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(&script.text).envs(script.variables);
        let output = shell.output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{}", script.text);
        assert!(output.status.success(), "{}", script.text);
    }

    const EVIL: [&str; 9] = [
        "a b",
        "$(echo gone)",
        "`echo gone`",
        "'; echo gone; '",
        "\"; echo gone; \"",
        "a\nb",
        "*",
        "~",
        "; echo 'gone' # \\",
    ];

    #[test]
    fn evil_values_are_one_word_in_all_quotes() {
        for evil in EVIL {
            let item = || json!(evil);
            check("printf '<%s>' {{item}}", item(), &format!("<{evil}>"));
            check("printf '<%s>' x{{item}}y", item(), &format!("<x{evil}y>"));
            check("printf '<%s>' \"{{item}} !\"", item(), &format!("<{evil} !>"));
            check("printf '<%s>' '{{item}} !'", item(), &format!("<{evil} !>"));
            check("printf '<%s>' \"$(printf %s {{item}})\"", item(), &format!("<{evil}>"));
            check("printf '<%s>' \"$(printf %s \"{{item}}\")\"", item(), &format!("<{evil}>"));
            check("printf '<%s>' \"a\\\"{{item}}\"", item(), &format!("<a\"{evil}>"));
            check("cat <<END\n{{item}}\nEND", item(), &format!("\"{evil}\"\n"));
        }
    }

    #[test]
    fn an_apostrophe_in_a_comment_opens_nothing() {
        check("# don't\nprintf '<%s>' \"{{item}}\"", json!("a 'b'"), "<a 'b'>");
    }

    #[test]
    fn harmless_values_stand_in_the_text() {
        assert_eq!(filled("cat {{item}}", &json!("data/a-1.csv")).text, "cat data/a-1.csv");
        check("echo $(( {{item}} + 1 ))", json!(41), "42\n");
        check("printf '<%s>' {{item}}", json!(""), "<>");
        check("printf '<%s>' {{item}}", json!({"a": [1, "b c"]}), "<{\"a\":[1,\"b c\"]}>");
    }

    #[test]
    fn a_person_can_copy_a_quoted_name() {
        assert_eq!(quoted("fetch"), "fetch");
        assert_eq!(quoted("fetch[0]"), "'fetch[0]'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
