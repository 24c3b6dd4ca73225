//! Columns that were probably meant to be numbers.

use arrow::array::AsArray;
use gristmill_core::{Notes, PhysicalType, SemanticType, Table};

use crate::cell::{Kinds, Spelling};

/// Values looked at in each column.
const LOOKED_AT: usize = 10_000;
/// One word among fewer numbers than this is no accident.
const NUMBERS_FOR_A_WORD: usize = 20;

/// Notes each column of words that holds numbers but for a few, with the first such word: the usual
/// trace of a missing value spelled in a way that nobody stated.
pub(crate) fn note_suspects(table: &Table, notes: &Notes) {
    let spelling = Spelling::new(b'.', &[]);
    for (at, field) in table.schema().fields().iter().enumerate() {
        if field.physical != PhysicalType::Utf8 || field.semantic != SemanticType::Categorical {
            continue;
        }
        let (mut numbers, mut words, mut first) = (0, 0, None);
        for value in table.column(at).as_string::<i32>().iter().flatten().take(LOOKED_AT) {
            let mut kinds = Kinds::default();
            kinds.add(spelling.read(value.trim().as_bytes()));
            if kinds.has_words() {
                words += 1;
                first = first.or(Some(value));
            } else {
                numbers += 1;
            }
        }
        if let Some(word) = first
            && words * NUMBERS_FOR_A_WORD <= numbers
        {
            notes.add(format!(
                "column `{}` holds numbers but for words such as `{word}`, so all of it was read as \
                 words; if they mean missing values, add them to `nulls`",
                field.name
            ));
        }
    }
}
