//! Makes columns more like normal ones by a power of each value.
//! Methods: Yeo and Johnson, *A New Family of Power Transformations to Improve Normality or
//! Symmetry*, 2000; Box and Cox, *An Analysis of Transformations*, 1964.

use std::fmt;
use std::sync::Arc;

use gristmill_core::graph::{Graph, Value, Wire};
use gristmill_core::{
    Error, Field, FitContext, FittedTransform, Frame, Load, Result, Schema, Selector, Signature,
    State, Transform,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::brent;
use crate::columns;
use crate::moments::Moments;
use crate::taken::{self, Taken};
use crate::wires;

pub(crate) const VERSION: u32 = 2;
const KIND: &str = "power";

/// Where exponents are looked for; beyond, one more outlier would change everything.
const LIMITS: [f64; 2] = [-100.0, 100.0];

/// Raises each column to a power that makes it as normal as a power can, then standardizes it.
///
/// With `yeo_johnson`, for any numbers, z = ((x + 1)^λ − 1) / λ from 0 on and
/// z = −((1 − x)^(2−λ) − 1) / (2 − λ) below; with `box_cox`, for numbers above 0, z = (x^λ − 1) / λ;
/// each with its limit, a logarithm, where the divisor is 0. λ is the one of greatest likelihood
/// of normal z, found by Brent's method, as in scikit-learn.
///
/// Missing values are left out and stay missing. A column that is constant in training keeps λ = 1.
/// Boolean columns count as 0 and 1. The columns keep their names and places. Learning needs all
/// rows at once.
///
/// # Errors
/// A column that is neither numeric nor boolean; a selector that selects nothing; infinite values;
/// with `box_cox` a value that is not above 0, in training and in later rows.
///
/// ```
/// # use gristmill_core::{FitContext, Notes, Seed, Transform};
/// # use gristmill_features::{FittedPowerTransformer, PowerMethod, PowerTransformer};
/// # use gristmill_testkit::table;
/// let e = std::f64::consts::E;
/// let rows = table().numbers("x", [1.0 / e, 1.0, e, 1.0 / e, 1.0, e]).frame();
/// let settings = PowerTransformer { method: PowerMethod::BoxCox, ..Default::default() };
/// let notes = Notes::default();
/// let (fitted, _) = settings.fit_apply(rows, &FitContext::new(Seed(0), &notes))?;
/// let fitted = fitted.downcast_ref::<FittedPowerTransformer>().unwrap();
/// assert!(fitted.lambdas()[0].abs() < 1e-6, "the logarithm");
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PowerTransformer {
    /// Which columns; all numeric ones unless said otherwise.
    pub columns: Selector,
    /// The family of powers.
    pub method: PowerMethod,
    /// Whether to scale the result to mean 0 and deviation 1.
    pub standardize: bool,
}

impl Default for PowerTransformer {
    fn default() -> Self {
        let columns = Selector::word("numeric");
        Self { columns, method: PowerMethod::default(), standardize: true }
    }
}

/// A family of powers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PowerMethod {
    /// For any numbers.
    #[default]
    YeoJohnson,
    /// For numbers above 0.
    BoxCox,
}

impl fmt::Display for PowerMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::YeoJohnson => "yeo_johnson",
            Self::BoxCox => "box_cox",
        })
    }
}

impl PowerMethod {
    /// The powers of `x` as a graph.
    fn express(self, graph: &Graph, x: Value, lambda: f64) -> Value {
        let power = |log: Value, lambda: f64| {
            if lambda.abs() < f64::EPSILON {
                return log;
            }
            let lambda = graph.number(lambda);
            graph.divide(graph.exp_m1(graph.multiply(log, lambda)), lambda)
        };
        if self == Self::BoxCox {
            return power(graph.ln(x), lambda);
        }
        let log = graph.multiply(graph.sign(x), graph.ln_1p(graph.absolute(x)));
        let below = graph.negate(power(graph.negate(log), 2.0 - lambda));
        graph.choose(graph.less(log, graph.number(0.0)), below, power(log, lambda))
    }

    /// The logarithm that powers are taken of, with the sign of the side that the value is on.
    fn logarithm(self, value: f64) -> f64 {
        match self {
            Self::BoxCox => value.ln(),
            Self::YeoJohnson => value.abs().ln_1p().copysign(value),
        }
    }

    /// The power of the value whose [`PowerMethod::logarithm`] is `log`.
    fn power(self, log: f64, lambda: f64) -> f64 {
        match self {
            Self::YeoJohnson if log < 0.0 => -power(-log, 2.0 - lambda),
            _ => power(log, lambda),
        }
    }

    /// Refuses values that have no power.
    fn accept(self, field: &Field, values: &[f64]) -> Result<()> {
        if self == Self::YeoJohnson {
            return Ok(());
        }
        let Some(value) = values.iter().find(|v| **v <= 0.0) else { return Ok(()) };
        Err(Error::data_hint(
            format!(
                "column `{}` has the value {value}, and `box_cox` needs values above 0",
                field.name
            ),
            "use `method: yeo_johnson`",
        ))
    }

    /// The exponent under which the values with these logarithms are most likely normal.
    ///
    /// Among many values every sixteenth one is asked first: the exponent of all of them lies close
    /// to theirs, so few looks at all values are left.
    fn most_likely(self, logs: &[f64]) -> f64 {
        const SAMPLE: usize = 16;
        const MANY: usize = 4096 * SAMPLE;
        const CLOSE: f64 = 0.005;
        if logs.len() < MANY {
            return self.most_likely_near(logs, [-2.0, 2.0], 1.5e-8);
        }
        let some: Vec<f64> = logs.iter().step_by(SAMPLE).copied().collect();
        let about = self.most_likely_near(&some, [-2.0, 2.0], 1e-3);
        self.most_likely_near(logs, [about - CLOSE, about + CLOSE], 1e-6)
    }

    fn most_likely_near(self, logs: &[f64], near: [f64; 2], tolerance: f64) -> f64 {
        let sum: f64 = logs.iter().sum();
        let cost = |lambda: f64| {
            let powers: Vec<f64> = logs.iter().map(|&log| self.power(log, lambda)).collect();
            let variance = Moments::of(&powers).variance();
            logs.len() as f64 / 2.0 * variance.ln() - (lambda - 1.0) * sum
        };
        brent::minimum(cost, near, LIMITS, tolerance)
    }
}

/// (e^(log · λ) − 1) / λ, which tends to the logarithm.
fn power(log: f64, lambda: f64) -> f64 {
    if lambda.abs() < f64::EPSILON { log } else { (log * lambda).exp_m1() / lambda }
}

/// What is done to one column.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Power {
    lambda: f64,
    center: f64,
    scale: f64,
}

impl PowerTransformer {
    fn learn(&self, field: &Field, values: &[f64]) -> Result<Power> {
        self.method.accept(field, values)?;
        let present = values.iter().filter(|v| !v.is_nan());
        let logs: Vec<f64> = present.map(|&v| self.method.logarithm(v)).collect();
        let constant = logs.windows(2).all(|pair| pair[0] == pair[1]);
        let lambda = if constant { 1.0 } else { self.method.most_likely(&logs) };
        let powers: Vec<f64> = logs.iter().map(|&log| self.method.power(log, lambda)).collect();
        let moments = Moments::of(&powers);
        if !moments.mean.is_finite() || !moments.variance().is_finite() {
            return Err(taken::beyond(field));
        }
        Ok(match self.standardize {
            true => Power { lambda, center: moments.mean, scale: moments.scale() },
            false => Power { lambda, center: 0.0, scale: 1.0 },
        })
    }
}

impl Transform for PowerTransformer {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        let positions = columns::taken(&self.columns, input, columns::numeric)?;
        columns::with_numbers(input, &positions)
    }

    fn fit_apply(
        &self,
        train: Frame,
        _context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedTransform>, Frame)> {
        let input = Arc::clone(train.schema());
        let positions = columns::taken(&self.columns, &input, columns::numeric)?;
        let powers = taken::learn_each(&train, &positions, |f, v| self.learn(f, v))?;
        let taken = Taken::numbers(KIND, &input, positions)?;
        let fitted = FittedPowerTransformer { taken, method: self.method, powers };
        let applied = fitted.apply(train)?;
        Ok((Box::new(fitted), applied))
    }
}

/// What [`PowerTransformer`] learned: an exponent, a shift and a scale for each column.
#[derive(Clone, Debug)]
pub struct FittedPowerTransformer {
    taken: Taken,
    method: PowerMethod,
    powers: Vec<Power>,
}

impl FittedPowerTransformer {
    /// The columns that are transformed, in the order of the input.
    pub fn columns(&self) -> &[String] {
        &self.taken.columns
    }

    /// λ of each of [`FittedPowerTransformer::columns`].
    pub fn lambdas(&self) -> Vec<f64> {
        self.powers.iter().map(|p| p.lambda).collect()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    columns: Vec<String>,
    method: PowerMethod,
}

impl FittedTransform for FittedPowerTransformer {
    fn signature(&self) -> &Signature {
        &self.taken.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.taken.signature.require(&rows)?;
        taken::learn_each(&rows, &self.taken.positions, |f, v| self.method.accept(f, v))?;
        self.taken.map(rows, &self.powers, |plan, value| {
            let power = self.method.power(self.method.logarithm(value), plan.lambda);
            (power - plan.center) / plan.scale
        })
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Vec<Wire>> {
        Ok(wires::each(graph, columns, &self.taken.positions, &self.powers, |plan, x| {
            let power = self.method.express(graph, x, plan.lambda);
            let centred = graph.subtract(power, graph.number(plan.center));
            graph.divide(centred, graph.number(plan.scale))
        }))
    }

    fn state(&self) -> State {
        let numbers = |of: fn(&Power) -> f64| self.powers.iter().map(of).collect();
        State::new(&Facts { columns: self.taken.columns.clone(), method: self.method })
            .with_f64("lambdas", self.lambdas())
            .with_f64("centers", numbers(|p| p.center))
            .with_f64("scales", numbers(|p| p.scale))
    }
}

impl Load for FittedPowerTransformer {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let Facts { columns, method } = state.facts()?;
        let taken = taken::stored_numbers(KIND, &columns, input)?;
        let lambdas = taken.one_each(state, "lambdas")?.into_iter();
        let centers = taken.one_each(state, "centers")?;
        let scales = taken.scales(state, "scales")?;
        let powers = lambdas
            .zip(centers.into_iter().zip(scales))
            .map(|(lambda, (center, scale))| Power { lambda, center, scale })
            .collect();
        Ok(Self { taken, method, powers })
    }
}
