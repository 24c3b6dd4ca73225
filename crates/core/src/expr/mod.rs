//! Row-wise SQL expressions: what serving must repeat of a computation over columns.
//!
//! [`Expr::parse`] reads the text into a tree of our own, [`Expr::check`] types it against a
//! [`Schema`] before any row is read, [`Expr::bind`] resolves its columns to positions, and
//! [`BoundExpr::evaluate`] computes it for one row and for a million by the same path. The stored
//! form is the tree with a version, so a stored model does not change with the parser's release.
//!
//! # The subset
//!
//! - columns, plain or `"quoted"`; numbers, `'words'`, `TRUE`, `FALSE`, `NULL`,
//!   `DATE '2024-05-01'`, `TIMESTAMP '2024-05-01 12:30:00'`
//! - `+ - * / %`, `||`, `= <> < <= > >=`, `AND OR NOT` (three-valued), `IS [NOT] NULL`,
//!   `[NOT] IN (..)`, `[NOT] BETWEEN`, `[NOT] LIKE` and `ILIKE` (`%`, `_`, `\` before either)
//! - `CASE` in both forms, `CAST(x AS double | bigint | varchar | boolean | timestamp)`
//! - `COALESCE`, `NULLIF`, `GREATEST`, `LEAST`
//! - `ABS`, `CEIL`, `FLOOR`, `ROUND(x[, digits])`, `SQRT`, `EXP`, `LN`, `LOG10`, `LOG2`, `POWER`,
//!   `SIGN`
//! - `LENGTH`, `LOWER`, `UPPER`, `TRIM`, `LTRIM`, `RTRIM`, `SUBSTR`, `REPLACE`, `CONCAT`,
//!   `STARTS_WITH`
//! - `EXTRACT(part FROM t)`, `DATE_TRUNC('part', t)`, `SECONDS_BETWEEN(earlier, later)`
//!
//! # What differs from SQL as DataFusion speaks it
//!
//! - Every number is a 64-bit float: `7 / 2` is 3.5, also for columns of integers, and integers
//!   beyond 2⁵³ lose their last digits. `CAST(x AS bigint)` cuts toward zero.
//! - A result that is no finite number is missing: a division by zero, the logarithm or root of
//!   a negative number, `LN(0)`, an overflow.
//! - No value stops the run: a `CAST` of words that are no number is missing, as `TRY_CAST` is;
//!   so is `SUBSTR` with a negative length.
//! - A name is found as it is written; without quotes it is not turned to lower case.
//! - Nothing changes its kind by itself. `plan = 1` on words, `flag + 1` on a boolean and
//!   `1 || 'a'` are refused with the cast that helps. Only words that are compared with a moment
//!   are read as one, before any row is.
//! - `CAST(3.0 AS varchar)` is `3`: a number is spelled as a category is.
//! - `CASE WHEN`, `COALESCE` and `NULLIF` compute all their operands; none of them can fail.
//! - A moment minus a moment is `SECONDS_BETWEEN(earlier, later)`, a number.

mod bind;
mod evaluate;
mod express;
mod express_calls;
mod functions;
mod moments;
mod parse;
mod print;
mod text;
mod tree;
mod values;

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, Result, Schema, SemanticType};

pub use bind::BoundExpr;
use tree::{Node, validate};

/// The version of the stored form: raised when an older reader would misread a newer tree.
const VERSION: u32 = 1;

/// A row-wise expression as it was written: names of columns, not yet positions.
///
/// It prints as SQL that parses to an equal expression, and is stored as JSON with a version.
/// Nothing in a stored form can make reading or evaluating it overflow the stack.
///
/// ```
/// # use gristmill_core::{Error, Field, Schema, SemanticType, expr::Expr};
/// let expr = Expr::parse("total / 12 >= 5 AND plan <> 'free'")?;
/// let schema = Schema::new(vec![
///     Field::number("total"),
///     Field::number("plan").meaning(SemanticType::Text),
/// ])?;
/// assert_eq!(expr.check(&schema)?, SemanticType::Boolean);
/// assert!(Expr::parse("total / (12").is_err());
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Expr {
    /// Children before their parents, the root last.
    nodes: Vec<Node>,
    /// Where each node stands in `source`; empty when the expression was not parsed.
    places: Vec<Place>,
    source: String,
}

/// Line and character in a text, both from 1; 0 when unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    line: u64,
    character: u64,
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.nodes == other.nodes
    }
}

impl Expr {
    /// The expression that `text` spells.
    ///
    /// # Errors
    /// [`Error::Data`] with the position in `text` when it is no SQL expression, is nested more
    /// than 50 deep or holds more than 1000 operators, or asks for what is no row-wise expression:
    /// subqueries, aggregates, window functions, unknown functions (with the nearest known name).
    pub fn parse(text: &str) -> Result<Self> {
        parse::parse(text)
    }

    /// The kind of values it gives for rows that look like `schema`: numeric, boolean,
    /// categorical, text (when a text column went in) or datetime. Reads no rows.
    ///
    /// # Errors
    /// [`Error::Data`] with the position in the text when a column is missing (with the nearest
    /// name), an operand has the wrong kind, or no kind can be told, as of a bare `NULL`.
    pub fn check(&self, schema: &Schema) -> Result<SemanticType> {
        Ok(self.bind(schema)?.kind())
    }

    /// The expression with its columns resolved to positions in `schema`.
    ///
    /// # Errors
    /// As [`Expr::check`].
    pub fn bind(&self, schema: &Schema) -> Result<BoundExpr> {
        bind::bind(self, schema)
    }

    /// The names of the columns it reads, each once, sorted.
    pub fn columns(&self) -> BTreeSet<&str> {
        self.nodes
            .iter()
            .filter_map(|node| match node {
                Node::Column(name) => Some(name.as_str()),
                _ => None,
            })
            .collect()
    }

    /// A refusal that says where in the text it happened.
    fn refuse(&self, node: usize, problem: &str, hint: Option<String>) -> Error {
        let place = self.places.get(node).copied().unwrap_or_default();
        let text = if self.source.is_empty() { self.to_string() } else { self.source.clone() };
        refuse(&text, place, problem, hint)
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print::print(&self.nodes))
    }
}

/// [`Expr`] as it is stored.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    /// Read only after the version was understood.
    nodes: Value,
}

impl From<Expr> for Stored {
    fn from(expr: Expr) -> Self {
        // Nodes hold strings, finite numbers and positions, all of which JSON can hold.
        Self { version: VERSION, nodes: serde_json::to_value(&expr.nodes).unwrap_or_default() }
    }
}

impl TryFrom<Stored> for Expr {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self> {
        let damaged = |found: String| Error::damaged("stored expression", found);
        if stored.version != VERSION {
            return Err(damaged(format!(
                "it has version {}, this Gristmill reads version {VERSION}",
                stored.version
            )));
        }
        let nodes = Vec::<Node>::deserialize(stored.nodes).map_err(|e| damaged(e.to_string()))?;
        validate(&nodes).map_err(damaged)?;
        Ok(Self { nodes, places: Vec::new(), source: String::new() })
    }
}

/// A refusal of something at `place` in `text`.
fn refuse(text: &str, place: Place, problem: &str, hint: Option<String>) -> Error {
    const SHOWN: usize = 80;
    let mut shown: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = shown.char_indices().nth(SHOWN) {
        shown.truncate(cut);
        shown.push('…');
    }
    let place = match place {
        Place { line: 0, .. } => String::new(),
        Place { line: 1, character } => format!(", character {character}"),
        Place { line, character } => format!(", line {line}, character {character}"),
    };
    Error::Data { message: format!("{problem} (in `{shown}`{place})"), hint }
}
