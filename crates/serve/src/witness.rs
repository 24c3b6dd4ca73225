//! Who looks on while models answer.

use std::sync::Arc;

use gristmill_core::{Frame, Prediction, Timestamp};

use crate::Served;

/// Looks on while models answer, to keep or to judge what they are asked and what they answer.
///
/// No request waits for it or fails by it: `wants`, `saw` and `figures` come back at once, and what a witness has
/// no room for it lets go and counts.
pub trait Witness: Send + Sync {
    /// Whether it wants to see what `served` answers to the request `id` of so many rows. Only where it
    /// does are the rows kept until then.
    fn wants(&self, served: &Served, id: &str, rows: usize) -> bool;

    /// What a model was asked and answered, once its answer has been written.
    fn saw(&self, seen: Seen<'_>);

    /// How many of these predictions of a model it does not have among those that it keeps; nothing where it keeps none. It
    /// may take its time.
    fn unknown(&self, model: &str, ids: &[String]) -> Option<u64>;

    /// What there is to know of what it saw.
    fn figures(&self) -> Vec<Figure>;
}

/// A request that was answered.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Who answered.
    pub served: &'a Arc<Served>,
    /// What the request is called.
    pub id: &'a str,
    /// The rows that were asked about.
    pub rows: &'a Frame,
    /// What was answered to them.
    pub prediction: &'a Prediction,
    /// When the request had come.
    pub at: Timestamp,
    /// How long it took from then on, in microseconds.
    pub micros: u64,
}

/// A figure that is watched over time, for one thing or for several that labels tell apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What it is called.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// How it moves.
    pub kind: FigureKind,
    /// Its values by their labels.
    pub values: Vec<(Vec<(&'static str, String)>, f64)>,
}

/// How a figure moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FigureKind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
}
