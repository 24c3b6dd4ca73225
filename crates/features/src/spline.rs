//! Turns each column into basis splines, so that linear models can follow curves.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use gristmill_core::graph::{Graph, Wire};
use gristmill_core::{
    Error, Field, FitContext, FittedTransform, Frame, Load, Result, Schema, Selector, Signature,
    State, Transform,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bspline::{Basis, MOST_DEGREE, Scratch};
use crate::columns;
use crate::order;
use crate::taken::{self, Taken};
use crate::wires;

pub(crate) const VERSION: u32 = 1;
const KIND: &str = "spline";

/// More knots than this are no splines any more.
const MOST_KNOTS: usize = 10_000;

/// Replaces each column by the values of its basis splines: smooth bumps, each over a few
/// neighbouring knots, which sum to 1. A linear model of them is a smooth curve.
///
/// A column becomes `knots` + `degree` − 1 columns (`knots` − 1 where the splines are periodic), one
/// fewer without the bias, called `<column>_spline_1` and so on, which stand where the column stood.
/// Knots lie equally far apart between the least and the greatest training value, or at its
/// quantiles, as in scikit-learn's `SplineTransformer`. A column that is constant in training gets
/// knots one apart from its value on.
///
/// Missing values are left out and stay missing. Boolean columns count as 0 and 1. Learning needs
/// all rows at once.
///
/// # Errors
/// Fewer than 2 knots; a degree above 9; periodic splines with no more knots than their degree; a
/// column that is neither numeric nor boolean; a selector that selects nothing; infinite values;
/// values beyond those of training if `extrapolation` is `error`.
///
/// ```
/// # use gristmill_core::{FitContext, Notes, Seed, Transform};
/// # use gristmill_features::Spline;
/// # use gristmill_testkit::table;
/// let rows = table().numbers("x", [0.0, 0.5, 1.0]).frame();
/// let settings = Spline { knots: 2, degree: 1, ..Spline::default() };
/// let notes = Notes::default();
/// let (_, splines) = settings.fit_apply(rows, &FitContext::new(Seed(0), &notes))?;
/// assert_eq!(splines.schema().names(), ["x_spline_1", "x_spline_2"]);
/// assert_eq!(splines.numbers(0)?, [1.0, 0.5, 0.0]);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spline {
    /// Which columns; all numeric ones unless said otherwise.
    pub columns: Selector,
    /// How many knots there are within the training values, both ends included.
    pub knots: usize,
    /// The degree of the polynomials between knots.
    pub degree: usize,
    /// Where the knots lie.
    pub placement: KnotPlacement,
    /// What later values beyond the training values become.
    pub extrapolation: Extrapolation,
    /// Whether to keep the last spline of each column, which follows from the others.
    pub include_bias: bool,
}

impl Default for Spline {
    fn default() -> Self {
        Self {
            columns: Selector::word("numeric"),
            knots: 5,
            degree: 3,
            placement: KnotPlacement::default(),
            extrapolation: Extrapolation::default(),
            include_bias: true,
        }
    }
}

/// Where knots lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KnotPlacement {
    /// Equally far apart.
    #[default]
    Uniform,
    /// With equally many training values between them.
    Quantile,
}

/// What values beyond those of training become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Extrapolation {
    /// What the nearer end becomes.
    #[default]
    Constant,
    /// The splines go on as straight lines.
    Linear,
    /// The splines go on as the polynomials that they are.
    Continue,
    /// The splines repeat, with the training values as one period, such as hours from 0 to 24.
    Periodic,
    /// They are refused.
    Error,
}

impl fmt::Display for Extrapolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Constant => "constant",
            Self::Linear => "linear",
            Self::Continue => "continue",
            Self::Periodic => "periodic",
            Self::Error => "error",
        })
    }
}

/// What decides how many columns there are.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    knots: usize,
    degree: usize,
    extrapolation: Extrapolation,
    include_bias: bool,
}

impl Form {
    fn check(self) -> Result<()> {
        if !(2..=MOST_KNOTS).contains(&self.knots) {
            return Err(Error::setting("knots", self.knots, format!("2 to {MOST_KNOTS}")));
        }
        if self.degree > MOST_DEGREE {
            return Err(Error::setting("degree", self.degree, format!("at most {MOST_DEGREE}")));
        }
        if self.extrapolation == Extrapolation::Periodic && self.knots <= self.degree {
            let wanted = format!("more than the degree {} for periodic splines", self.degree);
            return Err(Error::setting("knots", self.knots, wanted));
        }
        if self.width() == 0 {
            let wanted = "true, or more knots: nothing would be left of a column";
            return Err(Error::setting("include_bias", false, wanted));
        }
        Ok(())
    }

    /// How many columns a column becomes.
    fn width(self) -> usize {
        Basis::count(self.knots, self.degree, self.extrapolation) - usize::from(!self.include_bias)
    }

    fn output(self, input: &Schema, positions: &[usize]) -> Result<Schema> {
        let taken = |at: &usize| positions.binary_search(at).is_ok();
        let others = input.fields().iter().enumerate().filter(|(at, _)| !taken(at));
        let mut names: HashSet<String> = others.map(|(_, f)| f.name.clone()).collect();
        columns::spliced(input, |at, field| {
            if !taken(&at) {
                return vec![field.clone()];
            }
            let made = (1..=self.width()).map(|i| {
                let name = columns::unused(format!("{}_spline_{i}", field.name), &mut names);
                Field { name, ..columns::number(field) }
            });
            made.collect()
        })
    }
}

impl Spline {
    fn form(&self) -> Form {
        let Self { knots, degree, extrapolation, include_bias, .. } = *self;
        Form { knots, degree, extrapolation, include_bias }
    }

    fn positions(&self, input: &Schema) -> Result<Vec<usize>> {
        self.form().check()?;
        columns::taken(&self.columns, input, columns::numeric)
    }

    fn base(&self, field: &Field, values: &[f64]) -> Result<Vec<f64>> {
        let shares = (0..self.knots).map(|i| i as f64 / (self.knots - 1) as f64);
        let sorted = order::sorted(values);
        let least = sorted.first().copied().unwrap_or(0.0);
        let most = sorted.last().copied().unwrap_or(least);
        if !(most - least).is_finite() {
            return Err(taken::beyond(field));
        }
        if least == most {
            // One unit, or the least step that numbers of this size can make between two knots.
            let step = 1.0f64.max(least.abs() * f64::EPSILON * 4.0 * self.knots as f64);
            return Ok((0..self.knots).map(|i| least + step * i as f64).collect());
        }
        Ok(match self.placement {
            KnotPlacement::Uniform => shares.map(|s| order::between(least, most, s)).collect(),
            KnotPlacement::Quantile => {
                shares.map(|s| order::quantile(&sorted, s).unwrap_or(least)).collect()
            }
        })
    }
}

impl Transform for Spline {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        self.form().output(input, &self.positions(input)?)
    }

    fn fit_apply(
        &self,
        train: Frame,
        _context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedTransform>, Frame)> {
        let input = Arc::clone(train.schema());
        let positions = self.positions(&input)?;
        let bases = taken::learn_each(&train, &positions, |f, v| self.base(f, v))?;
        let fitted = FittedSpline::new(&input, positions, self.form(), bases)?;
        let applied = fitted.apply(train)?;
        Ok((Box::new(fitted), applied))
    }
}

/// What [`Spline`] learned: the knots of each column.
#[derive(Clone, Debug)]
pub struct FittedSpline {
    taken: Taken,
    form: Form,
    bases: Vec<Basis>,
}

impl FittedSpline {
    fn new(
        input: &Arc<Schema>,
        positions: Vec<usize>,
        form: Form,
        bases: Vec<Vec<f64>>,
    ) -> Result<Self> {
        let output = form.output(input, &positions)?;
        let basis = |base| Basis::new(base, form.degree, form.extrapolation);
        let bases = bases.into_iter().map(basis).collect();
        Ok(Self { taken: Taken::new(KIND, input, positions, output), form, bases })
    }

    /// The columns that are replaced, in the order of the input.
    pub fn columns(&self) -> &[String] {
        &self.taken.columns
    }

    /// The knots of each of [`FittedSpline::columns`].
    pub fn knots(&self) -> impl Iterator<Item = &[f64]> {
        self.bases.iter().map(Basis::base)
    }

    fn splines(&self, basis: &Basis, field: &Field, values: &[f64]) -> Result<Vec<Vec<f64>>> {
        taken::finite(field, values)?;
        if self.form.extrapolation == Extrapolation::Error
            && let Some(value) = values.iter().find(|v| basis.is_beyond(**v))
        {
            return Err(Error::data_hint(
                format!("column `{}` has {value}, which is beyond its training values", field.name),
                "set `extrapolation: constant`, or move such values with `clip` before",
            ));
        }
        let mut splines = vec![vec![0.0; values.len()]; self.form.width()];
        let mut scratch = Scratch::default();
        for (row, &value) in values.iter().enumerate() {
            if value.is_nan() {
                splines.iter_mut().for_each(|column| column[row] = f64::NAN);
                continue;
            }
            basis.evaluate(value, &mut scratch, |at, spline| {
                if let Some(column) = splines.get_mut(at) {
                    column[row] += spline;
                }
            });
        }
        Ok(splines)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    columns: Vec<String>,
    form: Form,
}

impl FittedTransform for FittedSpline {
    fn signature(&self) -> &Signature {
        &self.taken.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.taken
            .expand(rows, &self.bases, |basis, field, values| self.splines(basis, field, values))
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Vec<Wire>> {
        let positions = &self.taken.positions;
        let plan = columns::plan(columns.len(), positions, &self.bases);
        wires::replaced(columns, &plan, |_, basis, x| {
            let splines = basis.express(graph, graph.single(x)).wires();
            Ok(splines.into_iter().take(self.form.width()).collect())
        })
    }

    fn state(&self) -> State {
        let mut state = State::new(&Facts { columns: self.taken.columns.clone(), form: self.form });
        let knots = self.knots().flatten().copied().collect();
        let knots = taken::tensor(knots, self.bases.len(), self.form.knots);
        state.tensors.insert("knots".into(), knots);
        state
    }
}

impl Load for FittedSpline {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let damaged = |found: &str| Error::damaged(format!("step `{KIND}`"), found);
        let Facts { columns, form } = state.facts()?;
        form.check().map_err(|e| damaged(&e.to_string()))?;
        let positions = columns::stored(KIND, &columns, input, columns::numeric)?;
        let (knots, rows, count) = taken::matrix(KIND, state, "knots")?;
        if rows != positions.len() || count != form.knots {
            return Err(damaged("its knots are not equally many for each column"));
        }
        let bases: Vec<Vec<f64>> = knots.chunks(form.knots).map(<[f64]>::to_vec).collect();
        let rises = |base: &Vec<f64>| {
            base.iter().all(|k| k.is_finite())
                && base.windows(2).all(|pair| pair[0] <= pair[1])
                && base.first() < base.last()
        };
        if !bases.iter().all(rises) {
            return Err(damaged("the knots of a column do not rise"));
        }
        Self::new(input, positions, form, bases)
    }
}
