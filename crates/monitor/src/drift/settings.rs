//! What counts as drift.

use gristmill_core::{Error, Result, Schema, Selector, SemanticType};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::vectors::THRESHOLD;
use crate::statistics::Correction;
use crate::{Places, Season};

/// How a column is held against its reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DriftTest {
    /// Population stability index over ten groups of values, or over categories.
    #[default]
    Psi,
    /// Two-sample Kolmogorov-Smirnov test of numbers; categories are compared by `chi2`.
    Ks,
    /// Chi-squared test of categories, or of numbers in ten groups.
    Chi2,
    /// Jensen-Shannon distance, over the same groups as `psi`.
    Js,
    /// Wasserstein distance of numbers in deviations of the reference; categories are compared by `js`.
    Wasserstein,
}

impl DriftTest {
    /// Its name in a file and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Psi => "psi",
            Self::Ks => "ks",
            Self::Chi2 => "chi2",
            Self::Js => "js",
            Self::Wasserstein => "wasserstein",
        }
    }

    /// From where on a column has moved, unless said otherwise: for a test with a p-value below it, for
    /// a distance at it or above.
    pub fn usual_threshold(self) -> f64 {
        match self {
            Self::Psi => 0.2,
            Self::Ks | Self::Chi2 => 0.05,
            Self::Js | Self::Wasserstein => 0.1,
        }
    }

    /// Whether its value is a p-value, which is small where a column has moved.
    pub fn is_p_value(self) -> bool {
        matches!(self, Self::Ks | Self::Chi2)
    }

    /// The test of this kind that suits the values of a column.
    pub(super) fn suiting(self, places: &Places) -> Self {
        match (self, places) {
            (Self::Ks, Places::Words(_)) => Self::Chi2,
            (Self::Wasserstein, Places::Words(_)) => Self::Js,
            (test, _) => test,
        }
    }

    pub(super) fn has_moved(self, value: f64, threshold: f64) -> bool {
        if self.is_p_value() { value < threshold } else { value >= threshold }
    }
}

/// What counts as drift: which columns are looked at, how, and how many must have moved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DriftSettings {
    /// How each column is held against its reference.
    pub test: DriftTest,
    /// From where on a column has moved: 0.2 for `psi`, 0.1 for `js` and `wasserstein`, p-values below
    /// 0.05 for `ks` and `chi2`, unless it is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Which columns are looked at.
    pub columns: Selector,
    /// The share of the columns that must have moved.
    pub share: f64,
    /// How p-values are corrected for the number of columns.
    pub correction: Correction,
    /// Fewer rows than that are not judged.
    pub min_rows: u64,
    /// With rows of a reference that have moments: rows are compared with those of the same hours and
    /// days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub season: Option<SeasonSettings>,
    /// Columns that are one vector together, and from where on vectors, texts and images have moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embeddings: Option<EmbeddingSettings>,
    /// How all columns are held against the reference together, where they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<MultivariateWord>")]
    pub multivariate: Option<MultivariateSettings>,
}

/// How vectors are compared: those of texts and images, and those that columns are together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EmbeddingSettings {
    /// Columns of numbers that are one vector together, such as `emb_*`: they are compared as one, and not
    /// each by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<Selector>,
    /// From which area under the ROC curve on vectors have moved: 0.65 unless it is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
}

/// How all columns are held against the reference together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MultivariateMethod {
    /// What rows lose on the way through the principal components of the reference.
    Reconstruction,
    /// How well a classifier tells the rows from those of the reference.
    Domain,
}

impl MultivariateMethod {
    /// Its name in a file and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reconstruction => "reconstruction",
            Self::Domain => "domain",
        }
    }
}

/// How all columns are held against the reference together, and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "MultivariateWord")]
pub struct MultivariateSettings {
    /// How.
    pub method: MultivariateMethod,
    /// From where on they have moved: for `reconstruction` 0.1 deviations of what rows of the reference lose,
    /// for `domain` an area under the ROC curve of 0.65, unless it is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Whether rows have drifted when this says so, whatever share of the columns has moved.
    pub counts: bool,
}

/// The settings as a file spells them: the method alone, or all of them.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum MultivariateWord {
    /// How.
    Method(MultivariateMethod),
    /// How, and what follows.
    Settings(MultivariateFields),
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MultivariateFields {
    /// How.
    method: MultivariateMethod,
    /// From where on they have moved.
    #[serde(default)]
    threshold: Option<f64>,
    /// Whether rows have drifted when this says so, whatever share of the columns has moved.
    #[serde(default)]
    counts: bool,
}

impl From<MultivariateMethod> for MultivariateSettings {
    fn from(method: MultivariateMethod) -> Self {
        Self { method, threshold: None, counts: false }
    }
}

impl From<MultivariateWord> for MultivariateSettings {
    fn from(word: MultivariateWord) -> Self {
        match word {
            MultivariateWord::Method(method) => method.into(),
            MultivariateWord::Settings(MultivariateFields { method, threshold, counts }) => {
                Self { method, threshold, counts }
            }
        }
    }
}

impl MultivariateSettings {
    /// From where on the columns together have moved.
    pub fn limit(&self) -> f64 {
        self.threshold.unwrap_or(match self.method {
            MultivariateMethod::Reconstruction => 0.1,
            MultivariateMethod::Domain => THRESHOLD,
        })
    }

    fn check(&self) -> Result<()> {
        let (sound, expected) = match self.method {
            MultivariateMethod::Reconstruction => {
                (self.limit() > 0.0, "a distance in deviations above 0, such as 0.1")
            }
            MultivariateMethod::Domain => (is_area(self.limit()), AREA),
        };
        if sound {
            Ok(())
        } else {
            Err(Error::setting("multivariate.threshold", self.limit(), expected))
        }
    }
}

/// What an area under the ROC curve is expected to be.
const AREA: &str = "an area under the ROC curve between 0.5 and 1, such as 0.65";

fn is_area(value: f64) -> bool {
    value > 0.5 && value < 1.0
}

/// By which hours and days rows are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeasonSettings {
    /// What repeats itself.
    pub by: Season,
    /// The column that says when a row was.
    pub time: String,
}

impl Default for DriftSettings {
    fn default() -> Self {
        Self {
            test: DriftTest::default(),
            threshold: None,
            columns: Selector::All,
            share: 0.3,
            correction: Correction::default(),
            min_rows: 100,
            season: None,
            embeddings: None,
            multivariate: None,
        }
    }
}

impl DriftSettings {
    /// Refuses settings that make no sense.
    ///
    /// # Errors
    /// [`Error::Setting`] when the threshold is no number above 0, or is a p-value of 1 or more, or the
    /// share does not lie above 0 and up to 1.
    pub fn check(&self) -> Result<()> {
        let most = if self.test.is_p_value() { 1.0 } else { f64::INFINITY };
        if let Some(threshold) = self.threshold.filter(|t| !(*t > 0.0 && *t < most)) {
            let expected = match self.test.is_p_value() {
                true => "a p-value between 0 and 1, such as 0.05",
                false => "a distance above 0, such as 0.2",
            };
            return Err(Error::setting("threshold", threshold, expected));
        }
        if !(self.share > 0.0 && self.share <= 1.0) {
            let expected = "a share of the columns above 0 and up to 1, such as 0.3";
            return Err(Error::setting("share", self.share, expected));
        }
        let area = self.embedding_threshold();
        if !is_area(area) {
            return Err(Error::setting("embeddings.threshold", area, AREA));
        }
        self.multivariate.as_ref().map_or(Ok(()), MultivariateSettings::check)
    }

    /// From which area under the ROC curve on vectors have moved.
    pub(super) fn embedding_threshold(&self) -> f64 {
        self.embeddings.as_ref().and_then(|e| e.threshold).unwrap_or(THRESHOLD)
    }

    /// The columns of `schema` that are one vector together, where there are any.
    ///
    /// # Errors
    /// [`Error::MissingColumn`] and [`Error::NothingSelected`]; [`Error::WrongType`] for one without numbers.
    pub fn together(&self, schema: &Schema) -> Result<Option<Vec<String>>> {
        let Some(selector) = self.embeddings.as_ref().and_then(|e| e.columns.as_ref()) else {
            return Ok(None);
        };
        let fields = selector.some_positions(schema)?.into_iter().map(|at| &schema.fields()[at]);
        let names = fields.map(|field| match field.semantic {
            SemanticType::Numeric | SemanticType::Boolean => Ok(field.name.clone()),
            found => Err(Error::WrongType {
                name: field.name.clone(),
                found,
                expected: "numeric",
                hint: Some("take columns of numbers into `embeddings`".into()),
            }),
        });
        names.collect::<Result<_>>().map(Some)
    }
}
