//! Answers as frames, in which they are counted.

use std::sync::Arc;

use gristmill_core::{Column, Frame, Prediction, Schema, Words};

use crate::Result;

/// What the answers of one version look like as a frame: known from its first answer on, so that each later one
/// costs no more than its values.
#[derive(Debug, Default)]
pub(super) struct AnswerFrames(Option<Shape>);

#[derive(Debug)]
struct Shape {
    schema: Arc<Schema>,
    /// What the classes are called; nothing for numbers.
    classes: Option<Arc<Vec<String>>>,
}

impl AnswerFrames {
    /// The frame that the table of these answers makes.
    ///
    /// # Errors
    /// When two classes would share a column.
    pub fn of(&mut self, answers: &Prediction) -> Result<Frame> {
        if let Some(shape) = &self.0 {
            return shape.frame(answers);
        }
        let frame = Frame::from_table(&answers.to_table()?)?;
        let classes = match answers {
            Prediction::Classes { labels, .. } => Some(Arc::new(labels.names().to_vec())),
            Prediction::Numbers(_) => None,
        };
        self.0 = Some(Shape { schema: Arc::clone(frame.schema()), classes });
        Ok(frame)
    }
}

impl Shape {
    fn frame(&self, answers: &Prediction) -> Result<Frame> {
        let columns = match (answers, &self.classes) {
            (Prediction::Classes { codes, probabilities, .. }, Some(classes)) => {
                let words = Words { codes: codes.clone(), dictionary: Arc::clone(classes) };
                let numbers = (0..probabilities.columns())
                    .map(|class| Column::Numbers(probabilities.column(class).to_vec()));
                std::iter::once(Column::Words(words)).chain(numbers).collect()
            }
            (Prediction::Numbers(values), None) => vec![Column::Numbers(values.clone())],
            _ => return Ok(Frame::from_table(&answers.to_table()?)?),
        };
        Ok(Frame::new(Arc::clone(&self.schema), columns, answers.rows())?)
    }
}

#[cfg(test)]
mod tests {
    use gristmill_core::{DenseMatrix, Labels};

    use super::*;

    #[track_caller]
    fn check(answers: &[Prediction]) {
        let mut frames = AnswerFrames::default();
        for answer in answers {
            let expected = Frame::from_table(&answer.to_table().unwrap()).unwrap();
            let frame = frames.of(answer).unwrap();
            assert_eq!(frame.schema(), expected.schema());
            for (mine, theirs) in frame.columns().iter().zip(expected.columns()) {
                match (mine, theirs) {
                    (Column::Words(mine), Column::Words(theirs)) => {
                        let words = |of: &Words| -> Vec<String> {
                            of.codes.iter().map(|c| of.dictionary[*c as usize].clone()).collect()
                        };
                        assert_eq!(words(mine), words(theirs));
                    }
                    (mine, theirs) => assert_eq!(mine, theirs),
                }
            }
        }
    }

    #[test]
    fn every_answer_is_the_frame_of_its_table() {
        check(&[Prediction::Numbers(vec![1.0]), Prediction::Numbers(vec![2.0, -3.5])]);
        let labels = Arc::new(Labels::new(vec!["no".into(), "yes".into()], None).unwrap());
        let classes = |codes: Vec<u32>, values: Vec<f64>| Prediction::Classes {
            probabilities: DenseMatrix::from_columns(codes.len(), 2, values).unwrap(),
            codes,
            labels: Arc::clone(&labels),
        };
        check(&[classes(vec![1], vec![0.2, 0.8]), classes(vec![0, 1], vec![0.9, 0.3, 0.1, 0.7])]);
    }
}
