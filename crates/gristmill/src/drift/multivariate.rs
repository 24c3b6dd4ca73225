//! All columns of a file together, held against those of another file.

use std::path::Path;
use std::sync::Arc;

use gristmill_core::{
    Column, DenseMatrix, Estimator, Field, FitContext, Frame, Labels, Notes, Random, Schema,
    Scores, Seed, Table, Target,
};
use gristmill_models::GradientBoosting;
use gristmill_monitor::multivariate::{Encoder, Encoding, MultivariateDrift};
use gristmill_monitor::{MultivariateMethod, MultivariateSettings, Reference};

use super::Compared;
use super::rows::RowsOf;
use crate::{Error, Result};

/// How many rows of each side are looked at, drawn by chance where there are more.
const ROWS: usize = 20_000;
const ROWS_TO_CLASSIFY: usize = 10_000;
/// Trees that tell now from then: enough to find what moved, and few enough to find nothing where nothing did.
const TREES: usize = 50;
const LEAVES: usize = 15;
const SEED: Seed = Seed(0);

/// Holds the rows at `input` against those at `path`.
///
/// # Errors
/// When rows cannot be read, or are too few to say anything.
pub(super) fn judged(
    compared: &Compared<'_>,
    settings: &MultivariateSettings,
    (path, input): (&Path, &Path),
    reference: &Reference,
) -> Result<MultivariateDrift> {
    let (encoding, most) = match settings.method {
        MultivariateMethod::Reconstruction => (Encoding::Shares, ROWS),
        MultivariateMethod::Domain => (Encoding::Places, ROWS_TO_CLASSIFY),
    };
    let encoder = Encoder::new(reference, encoding)?;
    let drawn = |path: &Path| {
        let mut sample = Sample::new(&encoder, most);
        RowsOf::unasked(compared, path).each(|part, _| sample.draw(part))?;
        sample.matrix()
    };
    let (before, now) = (drawn(path)?, drawn(input)?);
    Ok(match settings.method {
        MultivariateMethod::Reconstruction => settings.reconstruct(&before, &now)?,
        MultivariateMethod::Domain => {
            settings.tell_apart((&before, &now), SEED.named("drift"), classified)?
        }
    })
}

/// What to say where there are no rows to compare with.
pub(super) fn refused() -> Error {
    Error::input("the package keeps what each column looked like, and too few rows to compare with")
        .with_hint("give the rows that the model learned from, or others, as `--reference FILE`")
}

/// Rows drawn with equal chance out of all that come by, in the numbers of an encoder.
struct Sample<'a> {
    encoder: &'a Encoder,
    most: usize,
    seen: usize,
    random: Random,
    columns: Vec<Vec<f64>>,
}

impl<'a> Sample<'a> {
    fn new(encoder: &'a Encoder, most: usize) -> Self {
        let columns = encoder.names().map(|_| Vec::new()).collect();
        Self { encoder, most, seen: 0, random: SEED.named("rows").random(), columns }
    }

    /// Draws from more rows: method R of Waterman, in Knuth, *The Art of Computer Programming* 2, 3.4.2.
    fn draw(&mut self, part: &Table) -> Result<()> {
        let (mut rows, mut places) = (Vec::new(), Vec::new());
        for row in 0..part.rows() {
            let place = match self.seen < self.most {
                true => self.seen,
                false => self.random.below(self.seen + 1),
            };
            self.seen += 1;
            if place < self.most {
                rows.push(row as u32);
                places.push(place);
            }
        }
        let at = self.encoder.names().map(|name| part.schema().position(name));
        let at = at.collect::<gristmill_core::Result<Vec<usize>>>()?;
        let drawn = Frame::from_table(&part.select(&at).take(&rows)?)?;
        for (column, values) in self.columns.iter_mut().zip(self.encoder.encode(&drawn)?) {
            column.resize(self.seen.min(self.most), f64::NAN);
            places.iter().zip(values).for_each(|(&place, value)| column[place] = value);
        }
        Ok(())
    }

    fn matrix(self) -> Result<DenseMatrix> {
        let rows = self.seen.min(self.most);
        let columns = self.columns.len();
        Ok(DenseMatrix::from_columns(rows, columns, self.columns.concat())?)
    }
}

/// How likely each row is one of now, by boosted trees that learned it from others.
fn classified(
    train: &DenseMatrix,
    is_current: &[bool],
    rows: &DenseMatrix,
) -> gristmill_core::Result<Vec<f64>> {
    let settings = GradientBoosting { trees: TREES, leaves: LEAVES, ..GradientBoosting::default() };
    let labels = Arc::new(Labels::new(vec!["0".into(), "1".into()], None)?);
    let codes = is_current.iter().map(|now| u32::from(*now)).collect();
    let notes = Notes::default();
    let context = FitContext::new(SEED, &notes);
    let model = settings.fit(&frame(train)?, &Target::Classes { codes, labels }, &context)?;
    match model.predict(&frame(rows)?)? {
        Scores::Probabilities(found) => Ok(found.column(1).to_vec()),
        Scores::Values(values) => Ok(values),
    }
}

fn frame(matrix: &DenseMatrix) -> gristmill_core::Result<Frame> {
    let columns = 0..matrix.columns();
    let field = |at: usize| Field::number(format!("c{at}")).nullable(true);
    let schema = Schema::new(columns.clone().map(field).collect())?;
    let values = columns.map(|at| Column::Numbers(matrix.column(at).to_vec())).collect();
    Frame::new(Arc::new(schema), values, matrix.rows())
}
