//! Rows of several requests that are answered together. Each request gets what it gets alone, to the bit:
//! a model's kernels answer a row alike in whatever company it comes.

use gristmill_core::{Column, DenseMatrix, Error, Frame, Prediction, Words};

use crate::{Answers, Question, Recall, Refusal, Result, Served};

/// What a version that looks at no other rows answers to each of these requests, as [`Served::answer`] would to each alone. Where it
/// refuses them together, each is asked alone, so that nobody is refused for another's rows.
pub fn answer_together(served: &Served, requests: Vec<Frame>) -> Vec<Result<Answers>> {
    each(requests, |rows| served.answer(Question::new(rows, Recall::default())?))
}

fn each(requests: Vec<Frame>, answer: impl Fn(Frame) -> Result<Answers>) -> Vec<Result<Answers>> {
    if requests.len() > 1 {
        let together = stack(&requests).map_err(Refusal::from).and_then(&answer);
        if let Ok(answers) = together {
            return split(&answers, &requests).into_iter().map(Ok).collect();
        }
    }
    requests.into_iter().map(answer).collect()
}

/// The rows of all frames of one schema, one after the other.
fn stack(frames: &[Frame]) -> Result<Frame, Error> {
    let Some(first) = frames.first() else { return Err(Error::Bug("no rows are stacked".into())) };
    let columns = (0..first.columns().len()).map(|at| column(frames, at));
    let rows = frames.iter().map(Frame::rows).sum();
    Frame::new(first.schema().clone(), columns.collect::<Result<_, _>>()?, rows)
}

fn column(frames: &[Frame], at: usize) -> Result<Column, Error> {
    let parts = frames.iter().map(|frame| frame.columns().get(at));
    let parts: Vec<&Column> = parts.collect::<Option<_>>().ok_or_else(mixed)?;
    match parts.first() {
        Some(Column::Numbers(_)) => Ok(Column::Numbers(joined(&parts, |part| match part {
            Column::Numbers(numbers) => Some(numbers),
            _ => None,
        })?)),
        Some(Column::Times(_)) => Ok(Column::Times(joined(&parts, |part| match part {
            Column::Times(times) => Some(times),
            _ => None,
        })?)),
        Some(Column::Images(_)) => Ok(Column::Images(joined(&parts, |part| match part {
            Column::Images(images) => Some(images),
            _ => None,
        })?)),
        Some(Column::Words(_)) => {
            let words = parts.iter().map(|part| match part {
                Column::Words(words) => Some(words),
                _ => None,
            });
            let words: Vec<&Words> = words.collect::<Option<_>>().ok_or_else(mixed)?;
            Ok(Column::Words(Words::new(words.into_iter().flat_map(Words::iter))))
        }
        Some(Column::Sparse(_)) | None => Err(mixed()),
    }
}

fn joined<T: Clone>(
    parts: &[&Column],
    values: impl for<'a> Fn(&'a Column) -> Option<&'a Vec<T>>,
) -> Result<Vec<T>, Error> {
    let mut all = Vec::new();
    for part in parts {
        all.extend_from_slice(values(part).ok_or_else(mixed)?);
    }
    Ok(all)
}

fn mixed() -> Error {
    Error::Bug("rows of different forms are stacked".into())
}

/// The answers to each of the requests whose rows were stacked.
fn split(answers: &Answers, requests: &[Frame]) -> Vec<Answers> {
    let mut first = 0;
    let part = |rows: &Frame| {
        let range = first..first + rows.rows();
        first = range.end;
        let prediction = match &answers.prediction {
            Prediction::Numbers(numbers) => {
                Prediction::Numbers(numbers.get(range).unwrap_or_default().to_vec())
            }
            Prediction::Classes { codes, probabilities, labels } => {
                let mut of_part = DenseMatrix::zeros(range.len(), probabilities.columns());
                for class in 0..probabilities.columns() {
                    let from = probabilities.column(class).get(range.clone()).unwrap_or_default();
                    of_part.column_mut(class).copy_from_slice(from);
                }
                Prediction::Classes {
                    codes: codes.get(range).unwrap_or_default().to_vec(),
                    probabilities: of_part,
                    labels: labels.clone(),
                }
            }
        };
        Answers { prediction, explained: None }
    };
    requests.iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Arc;

    use gristmill_core::{Field, PhysicalType, Schema, SemanticType};

    use super::*;

    /// Rows of a number and a word.
    fn rows(rows: &[(f64, Option<&str>)]) -> Frame {
        let schema = Schema::new(vec![
            Field::new("x", PhysicalType::Float64).meaning(SemanticType::Numeric),
            Field::new("w", PhysicalType::Utf8).meaning(SemanticType::Categorical),
        ]);
        let numbers = Column::Numbers(rows.iter().map(|row| row.0).collect());
        let words = Column::Words(Words::new(rows.iter().map(|row| row.1)));
        Frame::new(Arc::new(schema.unwrap()), vec![numbers, words], rows.len()).unwrap()
    }

    /// Answers with the number and the length of the word; refuses the number 13.
    fn answer(rows: Frame) -> Result<Answers> {
        let (numbers, words) = (rows.numbers(0).unwrap(), rows.words(1).unwrap());
        let pairs = numbers.iter().zip(words.iter());
        let sums = pairs.map(|(number, word)| match *number == 13.0 {
            true => Err(Refusal::bad("13 is no number for this")),
            false => Ok(number + word.map_or(0.5, |word| word.len() as f64)),
        });
        let numbers = sums.collect::<Result<_>>()?;
        Ok(Answers { prediction: Prediction::Numbers(numbers), explained: None })
    }

    #[test] // by hand
    fn each_gets_what_it_gets_alone_by_one_call() {
        let requests = vec![
            rows(&[(1.0, Some("ab")), (2.0, None)]),
            rows(&[]),
            rows(&[(3.0, Some("c")), (4.0, Some("ab"))]),
        ];
        let alone: Vec<_> = requests.clone().into_iter().map(answer).collect();
        let calls = Cell::new(0);
        let together = each(requests, |rows| {
            calls.set(calls.get() + 1);
            answer(rows)
        });
        assert_eq!((together.clone(), calls.get()), (alone, 1));
        let last = together[2].clone().unwrap().prediction;
        assert_eq!(last, Prediction::Numbers(vec![4.0, 6.0]));
    }

    #[test]
    fn nobody_is_refused_for_the_rows_of_another() {
        let requests = vec![rows(&[(1.0, None)]), rows(&[(13.0, None)]), rows(&[(2.0, None)])];
        let found: Vec<bool> = each(requests, answer).iter().map(Result::is_ok).collect();
        assert_eq!(found, [true, false, true]);
    }
}
