//! One file of the prediction log while it grows: it is written anew, whole, each time that rows were added, and
//! takes the place of what it was before.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use gristmill_core::{Field, Frame, PhysicalType, Prediction, Result, Schema, Table, Timestamp};
use jiff::civil::Date;

use super::batch::{Asked, Batch};
use super::values::{Values, fits};

/// How many rows and about how many bytes a file has before the next one begins, and how long it grows.
const MOST_ROWS: usize = 16_384;
const MOST_BYTES: usize = 16 << 20;
const MOST_MICROS: i64 = 600_000_000;
/// What a row takes beside its values: its ids and numbers.
const ROW_BYTES: usize = 96;

/// What stands before the answers of a row.
const HEAD: [(&str, PhysicalType); 6] = [
    ("prediction_id", PhysicalType::Utf8),
    ("request_id", PhysicalType::Utf8),
    ("request_row", PhysicalType::Int64),
    ("predicted_at", PhysicalType::Timestamp),
    ("model_version", PhysicalType::Utf8),
    ("latency_micros", PhysicalType::Int64),
];

/// One file of the log.
pub(super) struct Part {
    /// Where it stands once it is written.
    pub path: PathBuf,
    /// The day of its rows.
    pub day: Date,
    /// When the oldest row came that is not written; nothing when all are.
    pub waits_since: Option<Timestamp>,
    /// How many of its rows are written.
    pub written: usize,
    began: Timestamp,
    /// The columns of the requests, as they come.
    asked: Arc<Schema>,
    /// What the classes are called; nothing for numbers.
    classes: Option<Vec<String>>,
    fields: Vec<Field>,
    values: Vec<Values>,
    /// Which columns of the requests are kept.
    kept: Vec<usize>,
    rows: usize,
    bytes: usize,
}

impl Part {
    /// A file for rows such as these.
    pub fn new(path: PathBuf, day: Date, batch: &Batch, redact: &BTreeSet<String>) -> Result<Self> {
        let classes = classes(&batch.prediction);
        let mut fields: Vec<Field> =
            HEAD.iter().map(|(name, physical)| Field::new(*name, *physical)).collect();
        fields.push(match classes {
            Some(_) => Field::new("prediction", PhysicalType::Utf8),
            None => Field::number("prediction"),
        });
        let probability = |class: &String| Field::number(format!("probability_{class}"));
        fields.extend(classes.iter().flatten().map(probability));
        let asked = Arc::clone(batch.rows.schema());
        let kept: Vec<usize> =
            (0..asked.len()).filter(|&at| !redact.contains(&asked.fields()[at].name)).collect();
        for &at in &kept {
            let field = &asked.fields()[at];
            fields.push(Field::new(free(&field.name, &fields), field.physical));
        }
        let values =
            fields.iter().map(|field| Values::new(field.physical)).collect::<Result<_>>()?;
        let (waits_since, began) = (None, batch.began());
        let (written, rows, bytes) = (0, 0, 0);
        Ok(Self {
            path,
            day,
            waits_since,
            written,
            began,
            asked,
            classes,
            fields,
            values,
            kept,
            rows,
            bytes,
        })
    }

    /// Whether it has the columns of these requests and of their answers.
    pub fn takes(&self, batch: &Batch) -> bool {
        let same =
            Arc::ptr_eq(&self.asked, batch.rows.schema()) || self.asked == *batch.rows.schema();
        same && match (&self.classes, &batch.prediction) {
            (Some(classes), Prediction::Classes { labels, .. }) => classes == labels.names(),
            (None, Prediction::Numbers(_)) => true,
            _ => false,
        }
    }

    /// Adds the rows of requests that it [`Part::takes`].
    ///
    /// # Errors
    /// When a value is not of the type of its column; then no row is added.
    pub fn add(&mut self, batch: &Batch, now: Timestamp) -> Result<()> {
        for &at in &self.kept {
            fits(&self.asked.fields()[at], &batch.rows.columns()[at])?;
        }
        for asked in &batch.requests {
            self.add_head(asked, batch.served.version());
            self.bytes += asked.rows * (ROW_BYTES + 2 * asked.id.len());
        }
        let behind = self.add_answers(&batch.prediction);
        for (values, &at) in self.values[behind..].iter_mut().zip(&self.kept) {
            values.add(&batch.rows.columns()[at]);
        }
        self.rows += batch.rows.rows();
        self.bytes += bytes(&batch.rows, &self.kept);
        self.waits_since.get_or_insert(now);
        Ok(())
    }

    fn add_head(&mut self, asked: &Asked, version: &str) {
        let micros = i64::try_from(asked.micros).unwrap_or(i64::MAX);
        let [ids, requests, numbers, moments, versions, latencies, ..] = &mut self.values[..]
        else {
            return;
        };
        for row in 0..asked.rows {
            ids.word(Some(&prediction_id(&asked.id, row, asked.rows)));
            requests.word(Some(&asked.id));
            numbers.whole(i64::try_from(row + 1).unwrap_or(i64::MAX));
            moments.whole(asked.at.0);
            versions.word(Some(version));
            latencies.whole(micros);
        }
    }

    /// Adds answers, and says where the columns behind them begin.
    fn add_answers(&mut self, prediction: &Prediction) -> usize {
        let at = HEAD.len();
        match prediction {
            Prediction::Numbers(numbers) => {
                self.values[at].numbers(numbers);
                at + 1
            }
            Prediction::Classes { probabilities, .. } => {
                let words = prediction.words().unwrap_or_default();
                words.iter().for_each(|word| self.values[at].word(Some(word)));
                let classes = probabilities.columns();
                for (class, values) in self.values[at + 1..].iter_mut().take(classes).enumerate() {
                    values.numbers(probabilities.column(class));
                }
                at + 1 + classes
            }
        }
    }

    /// All its rows.
    pub fn table(&self) -> Result<Table> {
        let columns = self.values.iter().map(Values::array).collect();
        Table::new(Schema::new(self.fields.clone())?, columns)
    }

    /// Notes that all its rows are written; how many were not before comes back.
    pub fn wrote(&mut self) -> usize {
        let new = self.unwritten();
        (self.written, self.waits_since) = (self.rows, None);
        new
    }

    /// How many of its rows are not written.
    pub fn unwritten(&self) -> usize {
        self.rows - self.written
    }

    /// Whether further rows belong to the next file.
    pub fn is_full(&self, now: Timestamp) -> bool {
        let old = now.0.saturating_sub(self.began.0) >= MOST_MICROS;
        old || self.rows >= MOST_ROWS || self.bytes >= MOST_BYTES
    }
}

/// What the answer to a row is called: as its request, and behind a stroke which of its rows it is where there
/// are several, counted from 1.
fn prediction_id(request: &str, row: usize, rows: usize) -> Cow<'_, str> {
    match rows {
        1 => Cow::Borrowed(request),
        _ => Cow::Owned(format!("{request}/{}", row + 1)),
    }
}

/// A name for a column of the requests that no other column has.
fn free(name: &str, taken: &[Field]) -> String {
    let mut free = name.to_owned();
    while taken.iter().any(|field| field.name == free) {
        free = format!("input_{free}");
    }
    free
}

fn classes(prediction: &Prediction) -> Option<Vec<String>> {
    match prediction {
        Prediction::Classes { labels, .. } => Some(labels.names().to_vec()),
        Prediction::Numbers(_) => None,
    }
}

fn bytes(rows: &Frame, kept: &[usize]) -> usize {
    let column = |at: &usize| match &rows.columns()[*at] {
        gristmill_core::Column::Words(words) => {
            let length = |code: &u32| words.dictionary.get(*code as usize).map_or(0, String::len);
            words.codes.iter().map(|code| 4 + length(code)).sum()
        }
        gristmill_core::Column::Images(images) => {
            images.iter().map(|image| 4 + image.as_ref().map_or(0, |image| image.len())).sum()
        }
        column => 8 * column.len(),
    };
    kept.iter().map(column).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand
    fn a_prediction_is_called_as_its_request_and_its_row() {
        let ids =
            |rows| (0..rows).map(|row| prediction_id("order-7", row, rows)).collect::<Vec<_>>();
        assert_eq!(ids(1), ["order-7"]);
        assert_eq!(ids(2), ["order-7/1", "order-7/2"]);
    }

    #[test]
    fn a_column_that_is_called_like_one_of_ours_keeps_its_values_under_another_name() {
        let taken = [Field::number("prediction"), Field::number("input_prediction")];
        assert_eq!(free("prediction", &taken), "input_input_prediction");
        assert_eq!(free("age", &taken), "age");
    }
}
