//! The values of a column while they gather, in the type in which they were asked.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Float64Builder, Int64Builder,
    StringBuilder, TimestampMicrosecondBuilder,
};
use gristmill_core::{Column, Error, Field, MISSING_CODE, MISSING_TIME, PhysicalType, Result};

const DAY_MICROS: i64 = 86_400_000_000;

/// Values that gather.
pub(super) enum Values {
    Numbers(Float64Builder),
    Whole(Int64Builder),
    Booleans(BooleanBuilder),
    Words(StringBuilder),
    Days(Date32Builder),
    Moments(TimestampMicrosecondBuilder),
    Bytes(BinaryBuilder),
}

impl Values {
    /// No values yet of this type.
    pub fn new(physical: PhysicalType) -> Result<Self> {
        Ok(match physical {
            PhysicalType::Float64 => Self::Numbers(Float64Builder::new()),
            PhysicalType::Int64 => Self::Whole(Int64Builder::new()),
            PhysicalType::Boolean => Self::Booleans(BooleanBuilder::new()),
            PhysicalType::Utf8 => Self::Words(StringBuilder::new()),
            PhysicalType::Date => Self::Days(Date32Builder::new()),
            PhysicalType::Timestamp => Self::Moments(TimestampMicrosecondBuilder::new()),
            PhysicalType::Binary => Self::Bytes(BinaryBuilder::new()),
        })
    }

    /// Adds the values of a column that [`fits`].
    pub fn add(&mut self, column: &Column) {
        match column {
            Column::Numbers(values) => self.numbers(values),
            Column::Sparse(numbers) => self.numbers(&numbers.to_dense()),
            Column::Times(times) => {
                times.iter().for_each(|at| self.moment((*at != MISSING_TIME).then_some(*at)))
            }
            Column::Words(words) => {
                for code in &words.codes {
                    let word = words.dictionary.get(*code as usize).map(String::as_str);
                    self.word(word.filter(|_| *code != MISSING_CODE));
                }
            }
            Column::Images(images) => images.iter().for_each(|image| self.bytes(image.as_deref())),
        }
    }

    fn bytes(&mut self, bytes: Option<&[u8]>) {
        match self {
            Self::Bytes(to) => to.append_option(bytes),
            _ => self.word(None),
        }
    }

    fn number(&mut self, value: f64) {
        let value = (!value.is_nan()).then_some(value);
        match self {
            Self::Numbers(to) => to.append_option(value),
            Self::Whole(to) => to.append_option(value.map(|value| value as i64)),
            Self::Booleans(to) => to.append_option(value.map(|value| value != 0.0)),
            Self::Words(to) => to.append_option(value.map(|value| value.to_string())),
            Self::Days(_) | Self::Moments(_) | Self::Bytes(_) => self.moment(None),
        }
    }

    fn moment(&mut self, at: Option<i64>) {
        match self {
            Self::Moments(to) => to.append_option(at),
            Self::Days(to) => {
                to.append_option(at.and_then(|at| i32::try_from(at.div_euclid(DAY_MICROS)).ok()))
            }
            Self::Whole(to) => to.append_option(at),
            Self::Numbers(to) => to.append_option(at.map(|at| at as f64)),
            Self::Booleans(to) => to.append_null(),
            Self::Bytes(to) => to.append_null(),
            Self::Words(to) => to.append_option(at.map(|at| at.to_string())),
        }
    }

    /// Adds numbers; NaN is missing.
    pub fn numbers(&mut self, values: &[f64]) {
        values.iter().for_each(|value| self.number(*value));
    }

    /// Adds a whole number, or a moment in microseconds.
    pub fn whole(&mut self, value: i64) {
        self.moment(Some(value));
    }

    /// A word in the type of the column, as a frame spells it.
    pub fn word(&mut self, word: Option<&str>) {
        match self {
            Self::Words(to) => to.append_option(word),
            Self::Numbers(to) => to.append_option(word.and_then(|word| word.parse().ok())),
            Self::Whole(to) => to.append_option(word.and_then(|word| word.parse().ok())),
            Self::Booleans(to) => to.append_option(word.and_then(|word| word.parse().ok())),
            Self::Days(_) | Self::Moments(_) | Self::Bytes(_) => {
                self.moment(word.and_then(|word| word.parse().ok()));
            }
        }
    }

    /// All values so far.
    pub fn array(&self) -> ArrayRef {
        match self {
            Self::Numbers(from) => Arc::new(from.finish_cloned()),
            Self::Whole(from) => Arc::new(from.finish_cloned()),
            Self::Booleans(from) => Arc::new(from.finish_cloned()),
            Self::Words(from) => Arc::new(from.finish_cloned()),
            Self::Days(from) => Arc::new(from.finish_cloned()),
            Self::Moments(from) => Arc::new(from.finish_cloned()),
            Self::Bytes(from) => Arc::new(from.finish_cloned()),
        }
    }
}

/// Refuses a column whose values are not of the type that its field says: nothing would be left of them.
pub(super) fn fits(field: &Field, column: &Column) -> Result<()> {
    let is_spelled = |word: &String| match field.physical {
        PhysicalType::Utf8 => true,
        PhysicalType::Int64 | PhysicalType::Date | PhysicalType::Timestamp => {
            word.parse::<i64>().is_ok()
        }
        PhysicalType::Float64 => word.parse::<f64>().is_ok(),
        PhysicalType::Boolean => word.parse::<bool>().is_ok(),
        PhysicalType::Binary => false,
    };
    let is_time = matches!(field.physical, PhysicalType::Date | PhysicalType::Timestamp);
    let fits = match column {
        Column::Numbers(_) | Column::Sparse(_) => {
            matches!(
                field.physical,
                PhysicalType::Float64 | PhysicalType::Int64 | PhysicalType::Boolean
            )
        }
        Column::Times(_) => is_time,
        Column::Images(_) => field.physical == PhysicalType::Binary,
        Column::Words(words) => words.dictionary.iter().all(is_spelled),
    };
    match fits {
        true => Ok(()),
        false => {
            let (name, physical) = (&field.name, field.physical);
            Err(Error::Bug(format!("column `{name}` was asked with values that are no {physical}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use gristmill_core::{Frame, SemanticType, Table};
    use gristmill_testkit::table;

    use super::*;

    /// What gathers of the rows of a table that became frames is the table.
    #[track_caller]
    fn check(table: &Table) {
        let frame = Frame::from_table(table).unwrap();
        for (at, field) in frame.schema().fields().iter().enumerate() {
            let mut values = Values::new(field.physical).unwrap();
            for row in 0..frame.rows() {
                let one = frame.columns()[at].slice(row..row + 1);
                fits(field, &one).unwrap();
                values.add(&one);
            }
            assert_eq!(&*values.array(), &**table.column(at), "{}", field.name);
        }
    }

    #[test]
    fn values_come_out_in_the_type_in_which_they_were_asked() {
        let rows = table()
            .numbers("price", [Some(0.1), None, Some(-3.5)])
            .words("plan", ["pro", "", "basic ä"])
            .booleans("paid", [true, false, true])
            .times("at", [0, 1_796_056_740_000_001, -1])
            .build();
        check(&rows);
        check(&rows.with_meaning("price", SemanticType::Categorical).unwrap());
        check(&rows.with_meaning("paid", SemanticType::Categorical).unwrap());
        check(&table().images("i", [Some(vec![0x89, 0]), None, Some(Vec::new())]).build());
    }

    #[test]
    fn words_that_are_no_numbers_are_refused_where_numbers_are_kept() {
        let words = table().words("plan", ["pro"]).build();
        let frame = Frame::from_table(&words).unwrap();
        assert!(fits(&Field::number("plan"), &frame.columns()[0]).is_err());
    }
}
