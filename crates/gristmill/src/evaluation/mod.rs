//! What is known of a model beside its metrics: curves, slices, importances, findings. A run keeps
//! it as an artifact, and its report is drawn from it.

mod explain;
mod learning;
mod look;

use std::collections::BTreeMap;

use gristmill_core::Profile;
use gristmill_evaluate::compare::Interval;
use gristmill_evaluate::curves::{
    CalibrationCurve, LiftCurve, PrecisionRecallCurve, Residuals, RocCurve, ScoreHistogram,
};
use gristmill_evaluate::{Finding, Slices};
use serde::{Deserialize, Serialize};

pub use explain::ExplainSettings;
pub(crate) use explain::Explanation;
pub use learning::LearningCurveSettings;
pub(crate) use learning::{Learning, RoundLoss, RoundLosses};
pub(crate) use look::{Again, Look, look};

use crate::comparison::Comparison;
use crate::report::Metrics;
use crate::{Error, Result};

/// The form in which it is stored; a newer one is refused by name.
pub(crate) const FORMAT: u32 = 1;

/// The name under which a run keeps it.
pub(crate) const FILE: &str = "evaluation.json";

/// What is known of a model beside its metrics.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Evaluation {
    /// The version of this form.
    pub format: u32,
    /// Which rows were looked at: `test`, or `train` when none were held out.
    pub part: String,
    /// How many they are.
    pub rows: usize,
    /// What is predicted; nothing for models without a target.
    pub target: Option<String>,
    /// The metrics of all parts.
    pub metrics: Metrics,
    /// Between what bounds each metric lies on these rows.
    pub intervals: BTreeMap<String, Interval>,
    /// The curves of each class, or of the positive one of two.
    pub classes: Vec<ClassCurves>,
    /// Truths by row, answers by column.
    pub confusion: Option<Confusion>,
    /// How far numbers are off.
    pub residuals: Option<Residuals>,
    /// Metrics by the values of columns.
    pub slices: Vec<Slices>,
    /// What the model goes by.
    pub explanation: Explanation,
    /// How it learned.
    #[serde(default)]
    pub learning: Learning,
    /// What a person should look at.
    pub findings: Vec<Finding>,
    /// What the training rows looked like.
    pub profile: Option<Profile>,
    /// How the version that was registered met the one that held its alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
}

/// The curves of one class against all others.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ClassCurves {
    /// The class.
    pub class: String,
    pub roc: RocCurve,
    pub precision_recall: PrecisionRecallCurve,
    pub lift: LiftCurve,
    pub calibration: CalibrationCurve,
    pub scores: ScoreHistogram,
}

/// How often each class was answered with each.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Confusion {
    pub classes: Vec<String>,
    pub counts: Vec<Vec<u64>>,
}

impl Evaluation {
    /// As it is stored.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|e| Error::bug(format!("an evaluation: {e}")))
    }

    /// What [`Evaluation::to_json`] gave.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let damaged = |e: serde_json::Error| {
            Error::new(crate::Kind::Stored, format!("the evaluation of the run is damaged: {e}"))
        };
        let version: Version = serde_json::from_slice(json).map_err(damaged)?;
        if version.format > FORMAT {
            let found = version.format;
            let message = format!("the evaluation has format {found}, this version reads {FORMAT}");
            return Err(Error::new(crate::Kind::Stored, message).with_hint("upgrade Gristmill"));
        }
        serde_json::from_slice(json).map_err(damaged)
    }
}
