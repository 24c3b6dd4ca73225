//! Adds powers and products of columns.

use std::collections::HashSet;
use std::sync::Arc;

use gristmill_core::graph::{Graph, Wire};
use gristmill_core::{
    Error, Field, FitContext, FittedTransform, Frame, Load, Result, Schema, Selector, Signature,
    State, Transform,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::columns;
use crate::taken::{self, Taken};

pub(crate) const VERSION: u32 = 1;
const KIND: &str = "polynomial";

/// More columns than this are a mistake in the settings.
const MOST_COLUMNS: usize = 100_000;
const DEGREES: std::ops::RangeInclusive<usize> = 2..=16;

/// Adds the powers and the products of columns up to a degree: of `a` and `b` with degree 2 the
/// columns `a^2`, `a*b` and `b^2`.
///
/// The columns themselves stay where they are; the new ones stand at the end, in the order of
/// scikit-learn's `PolynomialFeatures` without its column of ones: by degree, then by the order of
/// the columns. With `terms: interactions` no column is multiplied by itself. Nothing is learned.
/// A product of a missing value is missing. Boolean columns count as 0 and 1.
///
/// # Errors
/// A degree that is not 2 to 16; more than 100,000 new columns; a column that is neither numeric nor boolean; a
/// selector that selects nothing; a product beyond 64-bit floats; a new name that is taken.
///
/// ```
/// # use gristmill_core::{FitContext, Notes, Seed, Transform};
/// # use gristmill_features::Polynomial;
/// # use gristmill_testkit::table;
/// let rows = table().numbers("a", [2.0]).numbers("b", [5.0]).frame();
/// let notes = Notes::default();
/// let (_, wider) = Polynomial::default().fit_apply(rows, &FitContext::new(Seed(0), &notes))?;
/// assert_eq!(wider.schema().names(), ["a", "b", "a^2", "a*b", "b^2"]);
/// assert_eq!(wider.numbers(3)?, [10.0]);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Polynomial {
    /// Which columns; all numeric ones unless said otherwise.
    pub columns: Selector,
    /// How many values are multiplied at most.
    pub degree: usize,
    /// Which products are made.
    pub terms: PolynomialTerms,
}

impl Default for Polynomial {
    fn default() -> Self {
        let columns = Selector::word("numeric");
        Self { columns, degree: 2, terms: PolynomialTerms::default() }
    }
}

/// Which products of columns are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PolynomialTerms {
    /// All of them.
    #[default]
    All,
    /// Those of different columns only.
    Interactions,
}

impl Polynomial {
    fn positions(&self, input: &Schema) -> Result<Vec<usize>> {
        if !DEGREES.contains(&self.degree) {
            return Err(Error::setting("degree", self.degree, "2 to 16"));
        }
        let positions = columns::taken(&self.columns, input, columns::numeric)?;
        let count = count(positions.len(), self.degree, self.terms);
        if count.is_none_or(|c| c > MOST_COLUMNS) {
            let found = format!("{} for {} columns", self.degree, positions.len());
            let wanted = format!("one that makes at most {MOST_COLUMNS} columns");
            return Err(Error::setting("degree", found, wanted));
        }
        Ok(positions)
    }
}

/// How many products of at least two of `width` columns there are; nothing when it is beyond count.
fn count(width: usize, degree: usize, terms: PolynomialTerms) -> Option<usize> {
    let mut of_degree: usize = 1;
    let mut count: usize = 0;
    for d in 1..=degree {
        let more = match terms {
            PolynomialTerms::All => width.checked_add(d - 1)?,
            PolynomialTerms::Interactions => (width + 1).saturating_sub(d),
        };
        of_degree = of_degree.checked_mul(more)? / d;
        if d > 1 {
            count = count.checked_add(of_degree)?;
        }
        if of_degree == 0 || count > MOST_COLUMNS {
            break;
        }
    }
    Some(count)
}

/// For each product the columns that are multiplied, as numbers of those taken, never falling.
fn products(width: usize, degree: usize, terms: PolynomialTerms) -> Vec<Vec<usize>> {
    let mut all = Vec::new();
    let mut latest: Vec<Vec<usize>> = (0..width).map(|at| vec![at]).collect();
    for _ in 2..=degree {
        latest = latest
            .iter()
            .flat_map(|product| {
                let last = product.last().copied().unwrap_or(0);
                let from = if terms == PolynomialTerms::All { last } else { last + 1 };
                (from..width).map(move |at| product.iter().copied().chain([at]).collect())
            })
            .collect();
        if latest.is_empty() {
            break;
        }
        all.extend(latest.iter().cloned());
    }
    all
}

/// The name of a product, such as `a^2*b`.
fn name(product: &[usize], fields: &[&Field]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for same in product.chunk_by(|a, b| a == b) {
        let name = fields.get(same[0]).map_or("?", |f| f.name.as_str());
        parts.push(if same.len() > 1 { format!("{name}^{}", same.len()) } else { name.into() });
    }
    parts.join("*")
}

fn output(input: &Schema, positions: &[usize], products: &[Vec<usize>]) -> Result<Schema> {
    let taken: Vec<&Field> = positions.iter().filter_map(|&at| input.fields().get(at)).collect();
    let mut fields = input.fields().to_vec();
    let names: HashSet<&str> = input.fields().iter().map(|f| f.name.as_str()).collect();
    for product in products {
        let name = name(product, &taken);
        if names.contains(name.as_str()) {
            return Err(Error::data_hint(
                format!("there is a column `{name}` already"),
                "give it another name with `sql`, or take other columns",
            ));
        }
        let of = || product.iter().filter_map(|&at| taken.get(at));
        let mut field = Field::number(name).nullable(of().any(|f| f.nullable));
        field.expands = of().any(|f| f.expands);
        fields.push(field);
    }
    Schema::new(fields)
}

impl Transform for Polynomial {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        let positions = self.positions(input)?;
        output(input, &positions, &products(positions.len(), self.degree, self.terms))
    }

    fn fit_apply(
        &self,
        train: Frame,
        _context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedTransform>, Frame)> {
        let positions = self.positions(train.schema())?;
        let fitted = FittedPolynomial::new(train.schema(), positions, self.degree, self.terms)?;
        let applied = fitted.apply(train)?;
        Ok((Box::new(fitted), applied))
    }
}

/// A [`Polynomial`] that knows its columns.
#[derive(Clone, Debug)]
pub struct FittedPolynomial {
    taken: Taken,
    degree: usize,
    terms: PolynomialTerms,
    products: Vec<Vec<usize>>,
}

impl FittedPolynomial {
    fn new(
        input: &Arc<Schema>,
        positions: Vec<usize>,
        degree: usize,
        terms: PolynomialTerms,
    ) -> Result<Self> {
        let products = products(positions.len(), degree, terms);
        let output = output(input, &positions, &products)?;
        Ok(Self { taken: Taken::new(KIND, input, positions, output), degree, terms, products })
    }

    /// One product of `columns`, row by row.
    fn multiply(&self, product: &[usize], columns: &[&[f64]]) -> Result<Vec<f64>> {
        let (first, others) = product.split_first().map_or((0, product), |(f, o)| (*f, o));
        let mut values = columns[first].to_vec();
        for &at in others {
            values.iter_mut().zip(columns[at]).for_each(|(v, factor)| *v *= factor);
        }
        if values.iter().any(|v| v.is_infinite()) {
            let at = self.taken.positions[first];
            return Err(taken::beyond(&self.taken.signature.input.fields()[at]));
        }
        Ok(values)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    columns: Vec<String>,
    degree: usize,
    terms: PolynomialTerms,
}

impl FittedTransform for FittedPolynomial {
    fn signature(&self) -> &Signature {
        &self.taken.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.taken.signature.require(&rows)?;
        let columns: Vec<&[f64]> =
            self.taken.positions.iter().map(|&at| rows.numbers(at)).collect::<Result<_>>()?;
        taken::learn_each(&rows, &self.taken.positions, taken::finite)?;
        let made = self.products.par_iter().map(|product| self.multiply(product, &columns));
        let made = made.collect::<Result<_>>()?;
        self.taken.append(rows, made)
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Vec<Wire>> {
        let x = graph.taken(columns, &self.taken.positions);
        let mut columns = columns.to_vec();
        for same in self.products.chunk_by(|a, b| a.len() == b.len()) {
            let factor = |at: usize| {
                let places: Vec<usize> = same.iter().map(|product| product[at]).collect();
                graph.columns(x, &places)
            };
            let others = (1..same[0].len()).map(factor);
            let product = others.fold(factor(0), |product, next| graph.multiply(product, next));
            columns.extend(product.wires());
        }
        Ok(columns)
    }

    fn state(&self) -> State {
        let columns = self.taken.columns.clone();
        State::new(&Facts { columns, degree: self.degree, terms: self.terms })
    }
}

impl Load for FittedPolynomial {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let Facts { columns, degree, terms } = state.facts()?;
        let positions = columns::stored(KIND, &columns, input, columns::numeric)?;
        if !DEGREES.contains(&degree)
            || count(positions.len(), degree, terms).is_none_or(|c| c > MOST_COLUMNS)
        {
            let found = format!("its degree is {degree}");
            return Err(Error::damaged(format!("step `{KIND}`"), found));
        }
        Self::new(input, positions, degree, terms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_counted_before_they_are_made() {
        for terms in [PolynomialTerms::All, PolynomialTerms::Interactions] {
            for width in 0..6 {
                for degree in 2..5 {
                    let made = products(width, degree, terms).len();
                    assert_eq!(count(width, degree, terms), Some(made), "{width} {degree}");
                }
            }
        }
        assert!(count(1_000, 9, PolynomialTerms::All).is_none_or(|c| c > MOST_COLUMNS));
    }
}
