//! Objectives of many numbers, in variables in which all are about equally steep.
//!
//! With standardised columns a loss bends about equally in every direction, but a penalty on the
//! scale of the data does not: a rare word has a small deviation, so its standardised weight costs
//! much. For a loss that bends by b and penalties λⱼ, the variables vⱼ = uⱼ √(1 + λⱼ/b) bend by b
//! in all directions, and a search needs far fewer steps. The tolerance is on slopes by v.

use gristmill_core::Result;

use super::design::Rows;
use super::objective::{Found, Objective, Slope, Until};
use super::{lbfgs, orthant};

/// What is known of an objective before any search.
#[derive(Debug)]
pub(super) struct Steepness<'a> {
    /// λⱼ for each number of a point.
    pub penalties: Vec<f64>,
    /// About how much the loss itself bends in the direction of each number.
    pub bend: f64,
    /// What |uⱼ| costs for each number, or nothing where none does.
    pub costs: &'a [f64],
}

/// Goes from the start to where no slope, costs included, is too steep.
pub(super) fn minimise(
    loss: &impl Objective,
    known: &Steepness<'_>,
    until: Until,
) -> Result<Found> {
    let factor = |penalty: &f64| (1.0 + penalty / known.bend).sqrt().recip();
    let even = Even { loss, factors: known.penalties.iter().map(factor).collect() };
    let mut found = if known.costs.is_empty() {
        lbfgs::minimise(&even, until)?
    } else {
        let costs: Vec<f64> = even.times_factors(known.costs);
        orthant::minimise(&even, &costs, until)?
    };
    found.point = even.times_factors(&found.point);
    Ok(found)
}

/// An objective by vⱼ = uⱼ/`factors`ⱼ.
struct Even<'a, O> {
    loss: &'a O,
    factors: Vec<f64>,
}

impl<O> Even<'_, O> {
    fn times_factors(&self, values: &[f64]) -> Vec<f64> {
        values.iter().zip(&self.factors).map(|(v, f)| v * f).collect()
    }
}

impl<O: Objective> Objective for Even<'_, O> {
    fn start(&self) -> Vec<f64> {
        self.loss.start().iter().zip(&self.factors).map(|(u, f)| u / f).collect()
    }

    fn slope(&self, point: &[f64], rows: Rows) -> Result<Slope> {
        let Slope { value, gradient } = self.loss.slope(&self.times_factors(point), rows)?;
        Ok(Slope { value, gradient: self.times_factors(&gradient) })
    }
}
