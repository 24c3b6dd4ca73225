//! A window held against its reference, all columns together.

use gristmill_core::{Error, Result};
use rayon::prelude::*;

use super::DriftSettings;
use super::measure::{Measured, measure};
use super::report::{ColumnDrift, DriftReport, Rate, Reason};
use crate::{Reference, Window};

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
        let measured = pairs
            .par_iter()
            .map(|(column, of)| measure(self.test, (column, reference.rows), (of, window.rows)))
            .collect::<Result<Vec<_>>>()?;
        let enough = window.rows >= self.min_rows.max(1);
        let columns = self.columns_of(measured);
        let moved = columns.iter().filter(|c| c.drifted).count();
        let share = moved as f64 / columns.len().max(1) as f64;
        Ok(DriftReport {
            rows: window.rows,
            reference_rows: reference.rows,
            drifted: enough && moved > 0 && share >= self.share,
            share,
            enough,
            columns,
            skipped,
        })
    }

    /// All columns together, since p-values are corrected for their number.
    fn columns_of(&self, measured: Vec<Measured>) -> Vec<ColumnDrift> {
        let adjusted = |of: &dyn Fn(&Measured) -> Option<f64>| {
            let p_values: Vec<f64> = measured.iter().map(|m| of(m).unwrap_or(f64::NAN)).collect();
            self.correction.adjusted(&p_values)
        };
        let values = adjusted(&|m| m.p_value);
        let missing = adjusted(&|m| Some(m.missing.p_value));
        let unseen = adjusted(&|m| m.unseen.map(|u| u.p_value));
        let all = measured.into_iter().zip(values).zip(missing.into_iter().zip(unseen));
        all.map(|((measured, value), (missing, unseen))| {
            let missing = Rate::new(&measured.missing, missing);
            let unseen = measured.unseen.map(|found| Rate::new(&found, unseen));
            let value = if measured.test.is_p_value() {
                measured.p_value.map(|_| value)
            } else {
                measured.distance
            };
            self.column(measured, value, missing, unseen)
        })
        .collect()
    }

    fn column(
        &self,
        measured: Measured,
        value: Option<f64>,
        missing: Rate,
        unseen: Option<Rate>,
    ) -> ColumnDrift {
        let threshold = self.threshold.unwrap_or(measured.test.usual_threshold());
        let reasons: Vec<Reason> = [
            (Reason::Values, value.is_some_and(|v| measured.test.has_moved(v, threshold))),
            (Reason::Missing, missing.changed),
            (Reason::Unseen, unseen.is_some_and(|u| u.changed)),
        ]
        .into_iter()
        .filter_map(|(reason, holds)| holds.then_some(reason))
        .collect();
        ColumnDrift {
            name: measured.name,
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
            outside: measured.outside,
            shown: measured.shown,
        }
    }
}

#[cfg(test)]
mod tests;
