//! Leaks: what makes a score look better than the model will be.
//! Sources: Kaufman, Rosset and Perlich, *ACM Transactions on Knowledge Discovery from Data* 6 (2012);
//! Kapoor and Narayanan, *Patterns* 4 (2023).

mod alone;
mod names;
mod shared;
mod time;

use gristmill_core::{Error, Field, Result, SemanticType, Table, TargetSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Parts;

/// From where on something counts as a leak. The defaults are meant to be quiet on sound data.
///
/// ```
/// # use gristmill_evaluate::{LeakKind, LeakageChecks, Parts};
/// # use gristmill_core::TargetSpec;
/// # use gristmill_testkit::table;
/// let y: Vec<f64> = (0..100).map(|i| f64::from(i).sin()).collect();
/// let rows = table().numbers("x", y.iter().map(|y| 3.0 * y)).numbers("y", y.clone()).target("y");
/// let parts = Parts { train: (0..60).collect(), test: (60..100).collect(), validation: vec![] };
/// let spec = TargetSpec::learn(&rows, None, Default::default())?;
/// let found = LeakageChecks::default().find(&rows, &parts, &spec)?;
/// assert_eq!((found[0].kind, found[0].column.as_deref()), (LeakKind::PredictsAlone, Some("x")));
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LeakageChecks {
    /// The area under the ROC curve, or for numbers the R², that a single column may reach on test
    /// rows.
    pub alone: f64,
    /// The share of test rows whose features may equal those of a training row.
    pub shared: f64,
    /// The share of different values from which on a column names rows.
    pub distinct: f64,
    /// How many rows of each part are looked at to see what a column predicts; drawn evenly from
    /// more.
    #[schemars(range(min = 1))]
    pub rows: usize,
}

impl Default for LeakageChecks {
    fn default() -> Self {
        Self { alone: 0.99, shared: 0.01, distinct: 0.95, rows: 100_000 }
    }
}

/// Something that makes scores look too good, or might.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What was found.
    pub kind: LeakKind,
    /// How sure it is.
    pub severity: Severity,
    /// The column, unless all of them together are meant.
    pub column: Option<String>,
    /// What was seen, with numbers.
    pub evidence: String,
    /// What to do about it.
    pub remedy: String,
}

/// What can leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeakKind {
    /// A column alone predicts the target almost perfectly.
    PredictsAlone,
    /// Test rows have the same features as training rows.
    SharedRows,
    /// Test rows are earlier than training rows.
    TimeBackwards,
    /// A column is different in nearly every row.
    NamesRows,
}

/// How sure a finding is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth a look: sound data can look like this too.
    Notice,
    /// Scores on the test rows should not be believed before it is explained.
    Warning,
}

impl LeakageChecks {
    /// What leaks from the training rows of `parts` into its test rows: columns in the order of the
    /// table, then what concerns rows as a whole. Too few rows to tell find nothing.
    ///
    /// Without a known target only shared rows, time and names are looked at.
    ///
    /// # Errors
    /// [`Error::Setting`] for a bound that is no share, or no rows; as [`TargetSpec::apply`].
    pub fn find(&self, table: &Table, parts: &Parts, target: &TargetSpec) -> Result<Vec<Finding>> {
        self.check()?;
        let mut findings = alone::find(self, table, parts, target)?;
        findings.extend(names::find(self, table)?);
        findings.extend(shared::find(self, table, parts, target)?);
        findings.extend(time::find(table, parts)?);
        Ok(findings)
    }

    fn check(&self) -> Result<()> {
        for (name, share) in
            [("alone", self.alone), ("shared", self.shared), ("distinct", self.distinct)]
        {
            if !(0.0..=1.0).contains(&share) {
                return Err(Error::setting(name, share, "a share between 0 and 1"));
            }
        }
        if self.rows == 0 {
            return Err(Error::setting("rows", self.rows, "at least 1"));
        }
        Ok(())
    }
}

/// The positions and fields of the features that have a place in a frame.
fn features(table: &Table) -> impl Iterator<Item = (usize, &Field)> {
    let fields = table.schema().fields().iter().enumerate();
    fields.filter(|(_, f)| {
        f.is_feature() && !matches!(f.semantic, SemanticType::Id | SemanticType::Image)
    })
}

/// A share in words.
fn percent(part: usize, whole: usize) -> String {
    format!("{:.1} %", 100.0 * part as f64 / whole.max(1) as f64)
}
