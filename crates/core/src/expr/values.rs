//! The values of a node while an expression is evaluated: one for all rows, or one for each.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::{Column, Error, MISSING_CODE, MISSING_TIME, Result, SemanticType, Words};

/// The longest word that an expression may make, in bytes.
const MAX_WORD: usize = 1 << 20;

/// A value that can be missing.
pub(super) trait Cell: Copy + PartialOrd {
    const MISSING: Self;
    fn is_missing(self) -> bool;
}

impl Cell for f64 {
    const MISSING: Self = f64::NAN;
    fn is_missing(self) -> bool {
        self.is_nan()
    }
}

impl Cell for i64 {
    const MISSING: Self = MISSING_TIME;
    fn is_missing(self) -> bool {
        self == MISSING_TIME
    }
}

/// A code into a sorted dictionary, so that codes compare as words do.
impl Cell for u32 {
    const MISSING: Self = MISSING_CODE;
    fn is_missing(self) -> bool {
        self == MISSING_CODE
    }
}

/// Plain values.
#[derive(Clone, Debug)]
pub(super) enum Cells<'a, T: Copy> {
    One(T),
    Many(Cow<'a, [T]>),
}

impl<'a, T: Copy> Cells<'a, T> {
    pub fn at(&self, row: usize) -> T {
        match self {
            Self::One(value) => *value,
            Self::Many(values) => values[row],
        }
    }

    pub fn map<U: Copy>(self, f: impl Fn(T) -> U) -> Cells<'a, U> {
        match self {
            Self::One(value) => Cells::One(f(value)),
            Self::Many(values) => Cells::Many(values.iter().map(|&v| f(v)).collect()),
        }
    }

    pub fn zip<U: Copy, V: Copy>(self, other: Cells<'a, U>, f: impl Fn(T, U) -> V) -> Cells<'a, V> {
        use Cells::{Many, One};
        match (self, other) {
            (One(a), One(b)) => One(f(a, b)),
            (Many(a), One(b)) => Many(a.iter().map(|&a| f(a, b)).collect()),
            (One(a), Many(b)) => Many(b.iter().map(|&b| f(a, b)).collect()),
            (Many(a), Many(b)) => Many(a.iter().zip(b.iter()).map(|(&a, &b)| f(a, b)).collect()),
        }
    }

    /// For each row the value of `then` where `self` is `test`, else that of `otherwise`.
    pub fn choose<U: Copy>(
        &self,
        test: impl Fn(T) -> bool,
        then: &Cells<'a, U>,
        otherwise: &Cells<'a, U>,
    ) -> Cells<'a, U> {
        match self {
            Self::One(value) => if test(*value) { then } else { otherwise }.clone(),
            Self::Many(values) => Cells::Many(
                values
                    .iter()
                    .enumerate()
                    .map(|(row, &v)| if test(v) { then.at(row) } else { otherwise.at(row) })
                    .collect(),
            ),
        }
    }

    /// A value for each of `rows` rows.
    pub fn spread(self, rows: usize) -> Vec<T> {
        match self {
            Self::One(value) => vec![value; rows],
            Self::Many(values) => values.into_owned(),
        }
    }
}

/// Words.
#[derive(Clone, Debug)]
pub(super) enum WordCells<'a> {
    One(Option<String>),
    Many(Cow<'a, Words>),
}

impl WordCells<'_> {
    fn at(&self, row: usize) -> Option<&str> {
        match self {
            Self::One(word) => word.as_deref(),
            Self::Many(words) => words.get(row),
        }
    }
}

/// What a node gives.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    /// Missing in every row, of whatever kind is wanted.
    Null,
    Numbers(Cells<'a, f64>),
    Times(Cells<'a, i64>),
    Words(WordCells<'a>),
}

impl<'a> Value<'a> {
    pub fn numbers(self) -> Result<Cells<'a, f64>> {
        match self {
            Self::Numbers(cells) => Ok(cells),
            Self::Null => Ok(Cells::One(f64::NAN)),
            _ => Err(untyped("numbers")),
        }
    }

    pub fn times(self) -> Result<Cells<'a, i64>> {
        match self {
            Self::Times(cells) => Ok(cells),
            Self::Null => Ok(Cells::One(MISSING_TIME)),
            _ => Err(untyped("moments")),
        }
    }

    pub fn words(self) -> Result<WordCells<'a>> {
        match self {
            Self::Words(words) => Ok(words),
            Self::Null => Ok(WordCells::One(None)),
            _ => Err(untyped("words")),
        }
    }

    /// A column of `rows` values of this kind. Words get the dictionary of the rows that are there, in the
    /// order of appearance.
    pub fn into_column(self, kind: SemanticType, rows: usize) -> Result<Column> {
        Ok(match self {
            Self::Null => match kind {
                SemanticType::Datetime => Column::Times(self.times()?.spread(rows)),
                SemanticType::Categorical | SemanticType::Text => {
                    Column::Words(Words::new((0..rows).map(|_| None)))
                }
                _ => Column::Numbers(self.numbers()?.spread(rows)),
            },
            Self::Numbers(cells) => Column::Numbers(cells.spread(rows)),
            Self::Times(cells) => Column::Times(cells.spread(rows)),
            Self::Words(WordCells::One(word)) => {
                Column::Words(Words::new((0..rows).map(|_| word.as_deref())))
            }
            Self::Words(WordCells::Many(words)) => Column::Words(in_order(&words)),
        })
    }
}

fn untyped(wanted: &str) -> Error {
    Error::Bug(format!("an expression that was checked met something else than {wanted}"))
}

/// The same words with a dictionary in the order of appearance that holds no other.
fn in_order(words: &Words) -> Words {
    if words.dictionary.len() > words.codes.len() {
        return Words::new(words.iter());
    }
    let mut fresh = vec![MISSING_CODE; words.dictionary.len()];
    let mut dictionary = Vec::new();
    let codes = words
        .codes
        .iter()
        .map(|&code| {
            let (Some(slot), Some(word)) =
                (fresh.get_mut(code as usize), words.dictionary.get(code as usize))
            else {
                return MISSING_CODE;
            };
            if *slot == MISSING_CODE {
                *slot = dictionary.len() as u32;
                dictionary.push(word.clone());
            }
            *slot
        })
        .collect();
    Words { codes, dictionary: Arc::new(dictionary) }
}

/// Several columns of words as codes into one sorted dictionary.
pub(super) struct Shared<'a> {
    pub columns: Vec<Cells<'a, u32>>,
    dictionary: Vec<String>,
}

impl<'a> Shared<'a> {
    pub fn new(columns: &[WordCells<'a>]) -> Self {
        let mut distinct: BTreeSet<&str> = BTreeSet::new();
        for column in columns {
            match column {
                WordCells::One(word) => distinct.extend(word.as_deref()),
                WordCells::Many(words) if words.dictionary.len() > words.codes.len() => {
                    distinct.extend(words.iter().flatten());
                }
                WordCells::Many(words) => distinct.extend(words.dictionary.iter().map(|w| &**w)),
            }
        }
        let sorted: Vec<&str> = distinct.into_iter().collect();
        let code = |word: &str| sorted.binary_search(&word).map_or(MISSING_CODE, |at| at as u32);
        let coded = columns
            .iter()
            .map(|column| match column {
                WordCells::One(word) => Cells::One(word.as_deref().map_or(MISSING_CODE, code)),
                WordCells::Many(words) => Cells::Many(by_word(words, MISSING_CODE, code).into()),
            })
            .collect();
        Self { columns: coded, dictionary: sorted.iter().map(ToString::to_string).collect() }
    }

    /// Words again.
    pub fn words(self, codes: Cells<'a, u32>) -> WordCells<'a> {
        match codes {
            Cells::One(code) => WordCells::One(self.dictionary.get(code as usize).cloned()),
            Cells::Many(codes) => WordCells::Many(Cow::Owned(Words {
                codes: codes.into_owned(),
                dictionary: Arc::new(self.dictionary),
            })),
        }
    }
}

/// `f` of the word in each row: once for each word where there are fewer words than rows.
fn by_word<T: Copy>(words: &Words, missing: T, f: impl Fn(&str) -> T) -> Vec<T> {
    if words.dictionary.len() > words.codes.len() {
        return words.iter().map(|word| word.map_or(missing, &f)).collect();
    }
    let known = words.translate(f);
    words.codes.iter().map(|&c| known.get(c as usize).copied().unwrap_or(missing)).collect()
}

/// `f` of the words and numbers in each row.
///
/// `f` gives equal answers for equal arguments, so where one column of words alone differs from
/// row to row and has fewer words than rows, `f` is asked once for each word.
pub(super) fn each<T: Cell>(
    words: &[WordCells<'_>],
    numbers: &[Cells<'_, f64>],
    rows: usize,
    f: impl Fn(&[Option<&str>], &[f64]) -> Result<T>,
) -> Result<Cells<'static, T>> {
    let (texts, codes) = each_distinct(words, numbers, rows, f)?;
    Ok(match codes {
        None => Cells::One(texts.first().copied().unwrap_or(T::MISSING)),
        Some(codes) => Cells::Many(
            codes
                .into_iter()
                .map(|code| texts.get(code as usize).copied().unwrap_or(T::MISSING))
                .collect(),
        ),
    })
}

/// As [`each`], for functions that give words.
pub(super) fn each_word(
    words: &[WordCells<'_>],
    numbers: &[Cells<'_, f64>],
    rows: usize,
    f: impl Fn(&[Option<&str>], &[f64]) -> Result<Option<String>>,
) -> Result<WordCells<'static>> {
    let (texts, codes) = each_distinct(words, numbers, rows, f)?;
    if let Some(word) = texts.iter().flatten().find(|word| word.len() > MAX_WORD) {
        return Err(too_long(word.len()));
    }
    let Some(codes) = codes else {
        return Ok(WordCells::One(texts.into_iter().next().flatten()));
    };
    // Two words may have become the same one.
    let mut seen: HashMap<String, u32> = HashMap::new();
    let mut dictionary = Vec::new();
    let merged: Vec<u32> = texts
        .into_iter()
        .map(|text| match text {
            None => MISSING_CODE,
            Some(word) => *seen.entry(word).or_insert_with_key(|word| {
                dictionary.push(word.clone());
                dictionary.len() as u32 - 1
            }),
        })
        .collect();
    let codes = codes
        .into_iter()
        .map(|c| merged.get(c as usize).copied().unwrap_or(MISSING_CODE))
        .collect();
    Ok(WordCells::Many(Cow::Owned(Words { codes, dictionary: Arc::new(dictionary) })))
}

/// The refusal of a word that grew to `bytes`.
pub(super) fn too_long(bytes: usize) -> Error {
    Error::data(format!("an expression made a word of {bytes} bytes, expected at most {MAX_WORD}"))
}

/// Whether a word of `bytes` may be made.
pub(super) fn bound_word(bytes: usize) -> Result<()> {
    if bytes > MAX_WORD { Err(too_long(bytes)) } else { Ok(()) }
}

/// Answers, and for each row which of them is its own; no positions when one answer is for all.
type Answers<T> = (Vec<T>, Option<Vec<u32>>);

fn each_distinct<T>(
    words: &[WordCells<'_>],
    numbers: &[Cells<'_, f64>],
    rows: usize,
    f: impl Fn(&[Option<&str>], &[f64]) -> Result<T>,
) -> Result<Answers<T>> {
    let fixed = numbers.iter().all(|cells| matches!(cells, Cells::One(_)));
    let changing: Vec<usize> =
        (0..words.len()).filter(|&i| matches!(words[i], WordCells::Many(_))).collect();
    let values = |row| -> Vec<f64> { numbers.iter().map(|cells| cells.at(row)).collect() };
    match (fixed, changing.as_slice()) {
        (true, []) => {
            let given: Vec<_> = words.iter().map(|w| w.at(0)).collect();
            Ok((vec![f(&given, &values(0))?], None))
        }
        (true, &[only]) if few_words(&words[only]) => {
            let WordCells::Many(column) = &words[only] else {
                return Err(untyped("a column of words"));
            };
            let constant = |cells: &'_ WordCells<'_>| matches!(cells, WordCells::One(_));
            let mut given: Vec<Option<&str>> =
                words.iter().map(|w| if constant(w) { w.at(0) } else { None }).collect();
            let values = values(0);
            let mut answers = Vec::with_capacity(column.dictionary.len() + 1);
            for word in column.dictionary.iter().map(|w| Some(w.as_str())).chain([None]) {
                given[only] = word;
                answers.push(f(&given, &values)?);
            }
            let missing = column.dictionary.len() as u32;
            let codes = column.codes.iter().map(|&c| c.min(missing)).collect();
            Ok((answers, Some(codes)))
        }
        _ => {
            let answers = (0..rows)
                .map(|row| {
                    let given: Vec<_> = words.iter().map(|w| w.at(row)).collect();
                    f(&given, &values(row))
                })
                .collect::<Result<_>>()?;
            Ok((answers, Some((0..rows as u32).collect())))
        }
    }
}

fn few_words(cells: &WordCells<'_>) -> bool {
    matches!(cells, WordCells::Many(words) if words.dictionary.len() <= words.codes.len())
}
