//! The functions that an expression can call, by name.

use serde::{Deserialize, Serialize};

use crate::nearest;

/// A function of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Function {
    Abs,
    Ceil,
    Coalesce,
    Concat,
    Exp,
    Floor,
    Greatest,
    Least,
    Length,
    Ln,
    Log10,
    Log2,
    Lower,
    Ltrim,
    Nullif,
    Power,
    Replace,
    Round,
    Rtrim,
    SecondsBetween,
    Sign,
    Sqrt,
    StartsWith,
    Substr,
    Trim,
    Upper,
}

/// The most arguments that a call can have.
const MANY: usize = 1_000;

/// Name, function, fewest and most arguments. The first name of a function is the one printed.
const FUNCTIONS: &[(&str, Function, usize, usize)] = &[
    ("ABS", Function::Abs, 1, 1),
    ("CEIL", Function::Ceil, 1, 1),
    ("CEILING", Function::Ceil, 1, 1),
    ("COALESCE", Function::Coalesce, 1, MANY),
    ("CONCAT", Function::Concat, 1, MANY),
    ("EXP", Function::Exp, 1, 1),
    ("FLOOR", Function::Floor, 1, 1),
    ("GREATEST", Function::Greatest, 1, MANY),
    ("LEAST", Function::Least, 1, MANY),
    ("LENGTH", Function::Length, 1, 1),
    ("CHAR_LENGTH", Function::Length, 1, 1),
    ("CHARACTER_LENGTH", Function::Length, 1, 1),
    ("LN", Function::Ln, 1, 1),
    ("LOG10", Function::Log10, 1, 1),
    ("LOG2", Function::Log2, 1, 1),
    ("LOWER", Function::Lower, 1, 1),
    ("LTRIM", Function::Ltrim, 1, 1),
    ("NULLIF", Function::Nullif, 2, 2),
    ("POWER", Function::Power, 2, 2),
    ("POW", Function::Power, 2, 2),
    ("REPLACE", Function::Replace, 3, 3),
    ("ROUND", Function::Round, 1, 2),
    ("RTRIM", Function::Rtrim, 1, 1),
    ("SECONDS_BETWEEN", Function::SecondsBetween, 2, 2),
    ("SIGN", Function::Sign, 1, 1),
    ("SIGNUM", Function::Sign, 1, 1),
    ("SQRT", Function::Sqrt, 1, 1),
    ("STARTS_WITH", Function::StartsWith, 2, 2),
    ("SUBSTR", Function::Substr, 2, 3),
    ("SUBSTRING", Function::Substr, 2, 3),
    ("TRIM", Function::Trim, 1, 1),
    ("BTRIM", Function::Trim, 1, 1),
    ("UPPER", Function::Upper, 1, 1),
];

/// Functions that look at many rows, to be told apart from functions that do not exist.
const AGGREGATES: &[&str] = &[
    "ARRAY_AGG",
    "AVG",
    "CORR",
    "COUNT",
    "FIRST_VALUE",
    "LAG",
    "LAST_VALUE",
    "LEAD",
    "MAX",
    "MEAN",
    "MEDIAN",
    "MIN",
    "RANK",
    "ROW_NUMBER",
    "STDDEV",
    "STRING_AGG",
    "SUM",
    "VAR",
    "VARIANCE",
];

impl Function {
    /// The function called `name` in any case.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.to_ascii_uppercase();
        FUNCTIONS.iter().find(|(known, ..)| *known == name).map(|entry| entry.1)
    }

    /// The name it is printed with.
    pub fn name(self) -> &'static str {
        FUNCTIONS.iter().find(|entry| entry.1 == self).map_or("?", |entry| entry.0)
    }

    /// Whether it can be called with so many arguments.
    pub fn takes(self, arguments: usize) -> bool {
        let (fewest, most) = self.arity();
        (fewest..=most).contains(&arguments)
    }

    /// How many arguments it takes, in words.
    pub fn arity_words(self) -> String {
        match self.arity() {
            (1, MANY) => "one or more".into(),
            (fewest, most) if fewest == most => fewest.to_string(),
            (fewest, most) => format!("{fewest} to {most}"),
        }
    }

    fn arity(self) -> (usize, usize) {
        FUNCTIONS.iter().find(|entry| entry.1 == self).map_or((0, 0), |entry| (entry.2, entry.3))
    }
}

/// Whether `name` is a function that looks at many rows.
pub(super) fn is_aggregate(name: &str) -> bool {
    AGGREGATES.contains(&name.to_ascii_uppercase().as_str())
}

/// What to say to someone who wrote the unknown function `name`.
pub(super) fn hint_for(name: &str) -> String {
    let names: Vec<&str> =
        FUNCTIONS.iter().map(|entry| entry.0).chain(["DATE_TRUNC", "DATE_PART"]).collect();
    match nearest(name, &names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are {}", names.join(", ")),
    }
}
