//! What support vector machines learn.

use std::sync::Arc;

use gristmill_core::graph::{Answers, Graph, Value, Wire, no_form};
use gristmill_core::{DenseMatrix, Error, Frame, Load, Model, Result, Schema, Scores, State, Task};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::kernel::{KernelSettings, Panels};
use super::platt::{Sigmoid, couple};
use super::rows::row_by_row;
use crate::linear::{columns, softmax, spread, stored, two_probabilities};
use crate::simd::{DotPair, wide};

/// Rows of training with their coefficients: a score is f = b + Σ βᵢ K(xᵢ, x).
///
/// A number has one score. Of classes each pair has one, above 0 for the later class; the support
/// vectors stand class after class, and each has a coefficient against every other class.
#[derive(Clone, Debug)]
pub struct SvmModel {
    input: Arc<Schema>,
    facts: Facts,
    /// `[vectors, columns]`, row after row, shifted by `centers`.
    vectors: Vec<f64>,
    centers: Vec<f64>,
    /// `[classes - 1, vectors]`, or `[1, vectors]` for numbers.
    coefficients: Vec<f64>,
    /// One a score.
    intercepts: Vec<f64>,
    /// One a score, or none.
    sigmoids: Vec<Sigmoid>,
    panels: Panels,
}

/// What is stored of it besides numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Facts {
    pub kernel: KernelSettings,
    /// How many classes there are; 0 for numbers.
    pub classes: usize,
    /// The classes that had training rows.
    pub present: Vec<usize>,
    /// How many vectors each of these has; one count for numbers.
    pub counts: Vec<usize>,
    /// Whether margins become probabilities by curves that were learned.
    pub calibrated: bool,
}

/// The numbers of a model.
#[derive(Clone, Debug)]
pub(super) struct Numbers {
    pub vectors: Vec<f64>,
    pub centers: Vec<f64>,
    pub coefficients: Vec<f64>,
    pub intercepts: Vec<f64>,
    pub sigmoids: Vec<Sigmoid>,
}

impl SvmModel {
    pub(super) const KIND: &'static str = "svm";

    pub(super) fn new(input: &Arc<Schema>, facts: Facts, numbers: Numbers) -> Self {
        let Numbers { vectors, centers, coefficients, intercepts, sigmoids } = numbers;
        let panels = Panels::new(facts.kernel, input.len(), &vectors);
        let input = Arc::clone(input);
        Self { input, facts, vectors, centers, coefficients, intercepts, sigmoids, panels }
    }

    /// How many rows of training the model keeps.
    pub fn vectors(&self) -> usize {
        self.panels.rows()
    }

    /// The scores of each row, row after row: one for numbers, one a pair for classes.
    ///
    /// # Errors
    /// As [`Model::predict`].
    pub fn decisions(&self, rows: &Frame) -> Result<Vec<f64>> {
        let width = self.input.len();
        let mut values = row_by_row(&columns::numbers(rows, &self.input)?, rows.rows());
        values.par_chunks_mut(width).for_each(|row| {
            row.iter_mut().zip(&self.centers).for_each(|(x, center)| *x -= center);
        });
        let scores = self.intercepts.len();
        let mut all = vec![0.0; rows.rows() * scores];
        let each = all.par_chunks_mut(scores).zip(values.par_chunks(width));
        each.for_each_init(
            || vec![0.0; self.vectors()],
            |kernels, (out, row)| self.decide(row, kernels, out),
        );
        Ok(all)
    }

    fn decide(&self, row: &[f64], kernels: &mut [f64], out: &mut [f64]) {
        self.panels.compare_into(row, 0, kernels);
        if self.facts.classes == 0 {
            out[0] = self.intercepts[0] + wide(DotPair, (&self.coefficients, kernels));
            return;
        }
        let starts: Vec<usize> = starts(&self.facts.counts);
        let vectors = self.vectors();
        // The coefficients of one class against another, times the kernels of its vectors.
        let part = |class: usize, place: usize| {
            let range = starts[class]..starts[class + 1];
            let coefficients = &self.coefficients[place * vectors..(place + 1) * vectors];
            wide(DotPair, (&coefficients[range.clone()], &kernels[range]))
        };
        let present = self.facts.present.len();
        for (at, (first, second)) in pairs(present).enumerate() {
            out[at] = self.intercepts[at] + part(first, second - 1) + part(second, first);
        }
    }

    /// The coefficients of all pairs of classes, `[vectors, pairs]`; those of other classes are 0.
    fn by_vector(&self) -> Vec<f64> {
        let (starts, vectors) = (starts(&self.facts.counts), self.vectors());
        let pairs: Vec<(usize, usize)> = pairs(self.facts.present.len()).collect();
        let mut all = vec![0.0; vectors * pairs.len()];
        for (at, &(first, second)) in pairs.iter().enumerate() {
            for (class, place) in [(first, second - 1), (second, first)] {
                for vector in starts[class]..starts[class + 1] {
                    all[vector * pairs.len() + at] = self.coefficients[place * vectors + vector];
                }
            }
        }
        all
    }

    /// As [`SvmModel::probabilities`], as a graph.
    fn express_probabilities(&self, graph: &Graph, decisions: Value) -> Result<Value> {
        let present = self.facts.present.len();
        if present == 2 {
            let score = match self.sigmoids.first() {
                Some(sigmoid) => {
                    let sloped = graph.multiply(decisions, graph.number(-sigmoid.slope));
                    graph.subtract(sloped, graph.number(sigmoid.shift))
                }
                None => decisions,
            };
            return Ok(graph.join(&[graph.logistic(graph.negate(score)), graph.logistic(score)]));
        }
        if !self.sigmoids.is_empty() {
            let what = "`svm` of more than two classes with `probability: platt`";
            return Err(no_form(what, "its probabilities are searched for; `margin` has a form"));
        }
        Ok(express_votes(graph, decisions, present))
    }

    /// The probabilities of the present classes for the scores of a row.
    fn probabilities(&self, decisions: &[f64]) -> Vec<f64> {
        let present = self.facts.present.len();
        let curve = |at: usize| match self.sigmoids.get(at) {
            Some(sigmoid) => sigmoid.at(decisions[at]),
            None => two_probabilities(decisions[at]),
        };
        if present == 2 {
            let (second, first) = curve(0);
            return vec![first, second];
        }
        if self.sigmoids.is_empty() {
            return votes(decisions, present);
        }
        const LEAST: f64 = 1e-7;
        let mut against = vec![0.0; present * present];
        for (at, (first, second)) in pairs(present).enumerate() {
            let (later, earlier) = curve(at);
            against[second * present + first] = later.clamp(LEAST, 1.0 - LEAST);
            against[first * present + second] = earlier.clamp(LEAST, 1.0 - LEAST);
        }
        couple(&against, present)
    }
}

/// Where the vectors of each class start, and one more for the end.
fn starts(counts: &[usize]) -> Vec<usize> {
    let mut starts = vec![0];
    for count in counts {
        starts.push(starts.last().copied().unwrap_or_default() + count);
    }
    starts
}

/// All pairs of classes, the earlier first.
pub(super) fn pairs(classes: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..classes).flat_map(move |first| (first + 1..classes).map(move |second| (first, second)))
}

/// Softmax of how many pairs each class wins; where they are equal, of by how much.
fn votes(decisions: &[f64], classes: usize) -> Vec<f64> {
    let (mut votes, mut margins) = (vec![0.0; classes], vec![0.0; classes]);
    for (decision, (first, second)) in decisions.iter().zip(pairs(classes)) {
        votes[if *decision > 0.0 { second } else { first }] += 1.0;
        margins[second] += decision;
        margins[first] -= decision;
    }
    // Less than half a vote, so that it decides between equals alone.
    let tip =
        |margin: f64| if margin.is_finite() { margin / (3.0 * (margin.abs() + 1.0)) } else { 0.0 };
    votes.iter_mut().zip(margins).for_each(|(vote, margin)| *vote += tip(margin));
    softmax(&mut votes, 0, 1);
    votes
}

/// As [`votes`], as a graph.
fn express_votes(graph: &Graph, decisions: Value, classes: usize) -> Value {
    let (zero, one) = (graph.number(0.0), graph.number(1.0));
    let (mut won, mut margins) = (vec![zero; classes], vec![zero; classes]);
    for (at, (first, second)) in pairs(classes).enumerate() {
        let decision = graph.columns(decisions, &[at]);
        let later = graph.to_numbers(graph.less(zero, decision));
        won[second] = graph.add(won[second], later);
        won[first] = graph.add(won[first], graph.subtract(one, later));
        margins[second] = graph.add(margins[second], decision);
        margins[first] = graph.subtract(margins[first], decision);
    }
    let (won, margins) = (graph.join(&won), graph.join(&margins));
    let size = graph.multiply(graph.number(3.0), graph.add(graph.absolute(margins), one));
    graph.softmax(graph.add(won, graph.divide(margins, size)))
}

impl Model for SvmModel {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn input(&self) -> &Arc<Schema> {
        &self.input
    }

    fn task(&self) -> Task {
        match self.facts.classes {
            0 => Task::Regression,
            classes => Task::Classification { classes },
        }
    }

    fn predict(&self, rows: &Frame) -> Result<Scores> {
        let decisions = self.decisions(rows)?;
        if self.facts.classes == 0 {
            return Ok(Scores::Values(decisions));
        }
        let mut probabilities = DenseMatrix::zeros(rows.rows(), self.facts.classes);
        for (row, decisions) in decisions.chunks(self.intercepts.len()).enumerate() {
            for (p, &class) in self.probabilities(decisions).into_iter().zip(&self.facts.present) {
                probabilities.set(row, class, p);
            }
        }
        Ok(Scores::Probabilities(probabilities))
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Answers> {
        let centred = graph.subtract(graph.matrix(columns), graph.row(&self.centers));
        let kernels = self.facts.kernel.express(graph, centred, &self.vectors);
        if self.facts.classes == 0 {
            let sum = graph.times(kernels, &self.coefficients, 1);
            return Ok(Answers::Values(graph.add(sum, graph.row(&self.intercepts))));
        }
        let decisions = graph.times(kernels, &self.by_vector(), self.intercepts.len());
        let decisions = graph.add(decisions, graph.row(&self.intercepts));
        let shares = self.express_probabilities(graph, decisions)?;
        Ok(Answers::Probabilities(spread(graph, shares, &self.facts.present, self.facts.classes)))
    }

    fn state(&self) -> State {
        let curves = |number: fn(&Sigmoid) -> f64| self.sigmoids.iter().map(number).collect();
        State::new(&self.facts)
            .with_f64("vectors", self.vectors.clone())
            .with_f64("centers", self.centers.clone())
            .with_f64("coefficients", self.coefficients.clone())
            .with_f64("intercepts", self.intercepts.clone())
            .with_f64("slopes", curves(|s| s.slope))
            .with_f64("shifts", curves(|s| s.shift))
    }
}

impl Load for SvmModel {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let facts: Facts = state.facts()?;
        columns::check_stored(input)?;
        facts.kernel.check_stored()?;
        let rises = facts.present.windows(2).all(|pair| pair[0] < pair[1]);
        let inside = facts.present.last().is_none_or(|&last| last < facts.classes);
        let parts = if facts.classes == 0 { 1 } else { facts.present.len() };
        let numbers = facts.classes == 0 && facts.present.is_empty();
        let classes = facts.classes >= 2 && parts >= 2;
        if !(rises && inside && (numbers || classes) && facts.counts.len() == parts) {
            return Err(Error::damaged("support vectors", "their classes contradict each other"));
        }
        let (scores, places) = if numbers { (1, 1) } else { (parts * (parts - 1) / 2, parts - 1) };
        let size = |factor: usize| {
            let vectors = facts.counts.iter().try_fold(0_usize, |sum, c| sum.checked_add(*c));
            vectors
                .and_then(|vectors| vectors.checked_mul(factor))
                .ok_or_else(|| Error::damaged("support vectors", "they are too many"))
        };
        let curves = if facts.calibrated { scores } else { 0 };
        let slopes = stored(state, "slopes", curves)?;
        let shifts = stored(state, "shifts", curves)?;
        let curve = |(slope, shift)| Sigmoid { slope, shift };
        let numbers = Numbers {
            vectors: stored(state, "vectors", size(input.len())?)?,
            centers: stored(state, "centers", input.len())?,
            coefficients: stored(state, "coefficients", size(places)?)?,
            intercepts: stored(state, "intercepts", scores)?,
            sigmoids: slopes.into_iter().zip(shifts).map(curve).collect(),
        };
        Ok(Self::new(input, facts, numbers))
    }
}
