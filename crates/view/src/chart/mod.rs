//! Charts: one type for each kind, and the figure that carries any of them.

mod bars;
mod beeswarm;
mod calibration;
mod curves;
mod dag;
mod dependence;
mod figure;
mod folds;
mod heat;
pub(crate) mod histogram;
pub(crate) mod history;
mod layers;
mod lines;
mod parallel;
mod pareto;
mod scatter;
mod shares;
mod timeline;

pub use bars::{Bar, BarForm, Bars};
pub use beeswarm::{Beeswarm, Swarm};
pub use calibration::{Calibration, CalibrationBin, CalibrationCurve};
pub use curves::Curve;
pub use dag::{Dag, DagTask, TaskState};
pub use dependence::{CategoryDependence, Dependence, NumberDependence};
pub(crate) use figure::STYLE;
pub use figure::{Chart, Figure};
pub use folds::{FoldRow, Folds};
pub use heat::{Confusion, HeatMap, HeatRow};
pub use histogram::{Bin, Histogram, HistogramGroup};
pub use history::{History, HistoryTrial, Standing};
pub use lines::{Band, Guide, Lines, Series, Shape, Stroke};
pub use parallel::{Parallel, ParallelAxis, ParallelTrial, Setting};
pub use pareto::{Better, Goal, Pareto, Trial};
pub use scatter::{Scatter, ScatterGroup};
pub use shares::{ShareRow, Shares};
pub use timeline::{Mark, MarkKind, Panel, Timeline};
