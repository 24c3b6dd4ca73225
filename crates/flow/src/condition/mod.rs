//! When a task runs: `metrics.test.roc_auc > 0.8 and status.fetch == 'succeeded'`.
//!
//! A small language of its own, without arithmetic, functions or assignment, so that a condition
//! can be read aloud, always ends, and tells before the run which tasks it depends on.

mod error;
mod evaluate;
mod parse;
mod token;
mod tree;

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

pub use error::ConditionError;
use tree::{Path, Question};

/// The first part of paths that ask how a task ended: `status.train`.
const STATUS: &str = "status";

/// A question about earlier tasks with the answer yes or no.
///
/// | written | meaning |
/// |---|---|
/// | `fetch.rows`, `fetch.files[0]`, `fetch['odd name'].rows` | a path; names hold letters, digits, `_` and `-` |
/// | `0.8`, `-3`, `'text'`, `"text"`, `true`, `false`, `null` | values; `\` escapes `\ ' " n t` in a text |
/// | `==` (or `=`), `!=`, `<`, `<=`, `>`, `>=` | numbers with numbers, texts with texts by their characters' codes |
/// | `a in ['x', 'y']`, `a not in b.list` | membership |
/// | `a == null`, `a != null` | whether it is there: absent and `null` are the same |
/// | `not`, `and`, `or`, `( )` | in this order of strength; `and` and `or` look no further than they have to |
/// | `status.train == 'failed'` | how a task ended: `succeeded`, `failed`, `skipped`, `cancelled` |
///
/// Since `-` belongs to names, `a-b` is one name. Two conditions are equal when they ask the
/// same in the same order, however they are spaced; [`fmt::Display`] gives one spelling of it.
///
/// ```
/// # use gristmill_flow::{Condition, ConditionError};
/// # use serde_json::json;
/// let condition = Condition::parse("metrics.test.roc_auc > 0.8")?;
/// assert_eq!(condition.names(), ["metrics"]);
/// assert!(condition.holds(&|path| (path == ["metrics", "test", "roc_auc"]).then(|| json!(0.84)))?);
/// # Ok::<(), ConditionError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    question: Question,
}

impl Condition {
    /// The condition that `text` spells.
    ///
    /// # Errors
    /// [`ConditionError::Syntax`] with the column, what was found and what was expected; also
    /// for more than 4,000 characters, more than 64 levels of parentheses and `not`, and for
    /// a status that no task ends with.
    pub fn parse(text: &str) -> Result<Self, ConditionError> {
        Ok(Self { question: parse::parse(text)? })
    }

    /// The first parts of its paths, each once, in the order in which they are written: tasks,
    /// and words such as `metrics` or `status` to which the caller gives a meaning.
    pub fn names(&self) -> Vec<&str> {
        unique(self.question.paths().into_iter().filter_map(|path| path.0.first()))
    }

    /// The tasks whose status it asks for, each once.
    pub fn statuses(&self) -> Vec<&str> {
        unique(self.question.paths().into_iter().filter_map(Path::state_of))
    }

    /// Whether it holds, where `look_up` gives the value on a path, part by part; a position in
    /// a list comes as its digits.
    ///
    /// # Errors
    /// [`ConditionError::Absent`] for a path that leads nowhere, unless it is only asked whether
    /// it is there; [`ConditionError::WrongType`] where a value cannot be compared so.
    pub fn holds(
        &self,
        look_up: &dyn Fn(&[&str]) -> Option<Value>,
    ) -> Result<bool, ConditionError> {
        evaluate::holds(&self.question, look_up)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.question)
    }
}

impl FromStr for Condition {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        Self::parse(text)
    }
}

impl Path {
    fn parts(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }

    /// The task whose status is asked for, if that is what the path does.
    fn state_of(&self) -> Option<&String> {
        match &self.0[..] {
            [first, task] if first == STATUS => Some(task),
            _ => None,
        }
    }
}

fn unique<'a>(names: impl Iterator<Item = &'a String>) -> Vec<&'a str> {
    let mut unique: Vec<&str> = Vec::new();
    for name in names {
        if !unique.contains(&name.as_str()) {
            unique.push(name);
        }
    }
    unique
}

#[cfg(test)]
mod tests;
