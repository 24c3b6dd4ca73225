//! A window held against its reference, all columns together.

use gristmill_core::{Error, Result};
use rayon::prelude::*;

use super::measure::{Measured, measure};
use super::report::{ColumnDrift, DriftReport, Rate, Reason};
use super::vectors::{MeasuredTogether, measure_together};
use super::{DriftSettings, TogetherDrift, VectorDrift};
use crate::{ColumnReference, ColumnWindow, Reference, Window};

/// From so many columns on they are measured by several threads.
const MANY_COLUMNS: usize = 64;

impl DriftSettings {
    /// Holds a window against its reference, column by column. Which columns that are, the reference says.
    ///
    /// A column has moved when its test says so, when 5 % of the rows more or fewer lack a value, or when
    /// 5 % of its values are categories that were never seen.
    ///
    /// # Errors
    /// As [`DriftSettings::check`]; [`Error::Bug`] when the window is not of this reference.
    pub fn judge(&self, reference: &Reference, window: &Window) -> Result<DriftReport> {
        self.check()?;
        if reference.columns.len() != window.columns.len() {
            return Err(Error::Bug("a window was held against another reference".into()));
        }
        let mut skipped = Vec::new();
        let pairs: Vec<_> = reference
            .columns
            .iter()
            .zip(&window.columns)
            .filter(|(column, _)| {
                let compared = column.is_compared();
                if !compared {
                    skipped.push(column.name.clone());
                }
                compared
            })
            .collect();
        let measure_one = |(column, of): &(&ColumnReference, &ColumnWindow)| {
            measure(self.test, (column, reference.rows), (of, window.rows))
        };
        // Other threads would take longer to wake than few columns take to measure.
        let measured = match pairs.len() {
            0..MANY_COLUMNS => pairs.iter().map(measure_one).collect::<Result<Vec<_>>>()?,
            _ => pairs.par_iter().map(measure_one).collect::<Result<Vec<_>>>()?,
        };
        let together = match &reference.together {
            Some(together) => measure_together(together, reference.rows, window)?,
            None => None,
        };
        let (columns, together) = self.columns_of(measured, together);
        let mut report = DriftReport {
            rows: window.rows,
            reference_rows: reference.rows,
            drifted: false,
            share: 0.0,
            enough: window.rows >= self.min_rows.max(1),
            columns,
            together,
            skipped,
        };
        report.share = report.moved() as f64 / report.compared().max(1) as f64;
        report.drifted = report.enough && report.moved() > 0 && report.share >= self.share;
        Ok(report)
    }

    /// All columns at once, since p-values are corrected for their number.
    fn columns_of(
        &self,
        measured: Vec<Measured>,
        together: Option<MeasuredTogether>,
    ) -> (Vec<ColumnDrift>, Option<TogetherDrift>) {
        // What columns are together stands last.
        let adjusted = |of: &dyn Fn(&Measured) -> Option<f64>, more: Option<f64>| {
            let p_values = measured.iter().map(|m| of(m).unwrap_or(f64::NAN)).chain(more);
            self.correction.adjusted(&p_values.collect::<Vec<f64>>())
        };
        let values = adjusted(&|m| m.p_value, None);
        let missing =
            adjusted(&|m| Some(m.missing.p_value), together.as_ref().map(|t| t.missing.p_value));
        let unseen = adjusted(&|m| m.unseen.map(|u| u.p_value), None);
        let of_vectors = together.as_ref().and_then(|t| t.found).map(|found| found.p_value);
        let content = adjusted(&|m| m.content.map(|c| c.p_value), of_vectors);
        let together = together.map(|measured| {
            let at = |of: &[f64]| of.last().copied().unwrap_or(f64::NAN);
            self.of_together(measured, at(&missing), at(&content))
        });
        let all =
            measured.into_iter().zip(values).zip(missing.into_iter().zip(unseen).zip(content));
        let columns = all.map(|((measured, value), ((missing, unseen), content))| {
            let missing = Rate::new(&measured.missing, missing);
            let unseen = measured.unseen.map(|found| Rate::new(&found, unseen));
            let found = measured.content;
            let content =
                found.map(|found| VectorDrift::new(found, content, self.embedding_threshold()));
            let value = if measured.test.is_p_value() {
                measured.p_value.map(|_| value)
            } else {
                measured.distance
            };
            self.column(measured, value, (missing, unseen, content))
        });
        (columns.collect(), together)
    }

    fn of_together(&self, measured: MeasuredTogether, missing: f64, vectors: f64) -> TogetherDrift {
        let missing = Rate::new(&measured.missing, missing);
        let threshold = self.embedding_threshold();
        let vectors = measured.found.map(|found| VectorDrift::new(found, vectors, threshold));
        let drifted = missing.changed || vectors.is_some_and(|v| v.moved);
        TogetherDrift { columns: measured.columns, vectors, missing, drifted }
    }

    fn column(
        &self,
        measured: Measured,
        value: Option<f64>,
        (missing, unseen, content): (Rate, Option<Rate>, Option<VectorDrift>),
    ) -> ColumnDrift {
        let threshold = self.threshold.unwrap_or(measured.test.usual_threshold());
        let reasons: Vec<Reason> = [
            (Reason::Values, value.is_some_and(|v| measured.test.has_moved(v, threshold))),
            (Reason::Missing, missing.changed),
            (Reason::Unseen, unseen.is_some_and(|u| u.changed)),
            (Reason::Content, content.is_some_and(|c| c.moved)),
        ]
        .into_iter()
        .filter_map(|(reason, holds)| holds.then_some(reason))
        .collect();
        ColumnDrift {
            name: measured.name,
            semantic: measured.semantic,
            test: measured.test,
            value,
            threshold,
            drifted: !reasons.is_empty(),
            reasons,
            statistic: measured.statistic,
            p_value: measured.p_value,
            within: measured.within,
            moved: measured.moved,
            mean: measured.mean,
            missing,
            unseen,
            unseen_categories: measured.unseen_categories,
            content,
            outside: measured.outside,
            shown: measured.shown,
        }
    }
}

#[cfg(test)]
mod tests;
