//! Rows on their way through steps that several pipelines have in common.
//!
//! A [`Stem`] is what the first steps of a pipeline come to on some rows: those that it learns from and
//! those that it is asked about. Growing it by one more step leaves it as it is, so that any number of
//! pipelines can go on from it.

use std::borrow::Cow;
use std::sync::Arc;

use crate::pipeline::transform;
use crate::{
    Error, FitContext, FittedPipeline, FittedTransform, Frame, Notes, Pipeline, Prediction, Result,
    Schema, Scope, Seed, Table, Target, TargetSpec, Validation, row_weights,
};

/// The first steps of a pipeline, fitted, with the rows as they leave them.
#[derive(Clone, Debug)]
pub struct Stem {
    root: Arc<Root>,
    steps: Vec<Arc<dyn FittedTransform>>,
    /// The rows that are learned from.
    rows: Frame,
    /// The rows that are held out for the estimator.
    held: Option<Frame>,
    asked: Asked,
}

/// Where the rows come from.
#[derive(Debug)]
struct Root {
    input: Arc<Schema>,
    target: TargetSpec,
    answers: Target,
    weights: Option<Vec<f64>>,
    held: Option<(Target, Option<Vec<f64>>)>,
    seed: Seed,
    /// All rows, for steps that look at those before the ones that are asked about.
    table: Table,
    asked: Vec<u32>,
}

/// The rows that are asked about.
#[derive(Clone, Debug)]
enum Asked {
    /// They alone.
    Alone(Frame),
    /// They among all rows, since a step looks at other rows too.
    Among(Frame),
}

impl Stem {
    /// The rows `train` of `table` to learn from and `asked` to ask about, as they come before the first
    /// step of `pipeline`, whose estimator says how many of `train` are held out for it.
    ///
    /// # Errors
    /// As [`Pipeline::check`] and [`Pipeline::hold_out`].
    pub fn new(
        pipeline: &Pipeline,
        table: &Table,
        target: &TargetSpec,
        train: &[u32],
        asked: &[u32],
    ) -> Result<Self> {
        let input = Arc::new(pipeline.input(table.schema())?);
        let (learn, held) = match pipeline.hold_out(&table.take(train)?, target)? {
            Some((learn, held)) => (learn, Some(held)),
            None => (table.take(train)?, None),
        };
        let frame = |table: &Table| Frame::from_table(&table.conform(&input)?);
        let rows = frame(&learn)?;
        let held_rows = held.as_ref().map(frame).transpose()?;
        let known = |held: &Table| Ok((target.apply(held)?, row_weights(held)?));
        let root = Root {
            input: Arc::clone(&input),
            target: target.clone(),
            answers: target.apply(&learn)?,
            weights: row_weights(&learn)?,
            held: held.as_ref().map(known).transpose()?,
            seed: pipeline.root_seed(),
            table: table.clone(),
            asked: asked.to_vec(),
        };
        let asked = Asked::Alone(frame(&table.take(asked)?)?);
        Ok(Self { root: Arc::new(root), steps: Vec::new(), rows, held: held_rows, asked })
    }

    /// The stem with one more step of `pipeline`, the next one, fitted; `notes` hears what a person
    /// should know.
    ///
    /// # Errors
    /// The error of the step when it cannot learn, with its name.
    pub fn grow(&self, pipeline: &Pipeline, notes: &Notes) -> Result<Self> {
        let at = self.steps.len();
        let context = self.root.context(notes);
        let (learned, rows) = pipeline.fit_step(at, self.rows.clone(), &context)?;
        let learned: Arc<dyn FittedTransform> = Arc::from(learned);
        let last = std::slice::from_ref(&learned);
        let held = self.held.clone().map(|held| transform(last, held)).transpose()?;
        let asked = match (&self.asked, learned.scope()) {
            (Asked::Alone(rows), Scope::RowWise) => Asked::Alone(transform(last, rows.clone())?),
            (Asked::Among(rows), _) => Asked::Among(transform(last, rows.clone())?),
            (Asked::Alone(_), Scope::Windowed { .. }) => {
                let all = Frame::from_table(&self.root.table.conform(&self.root.input)?)?;
                Asked::Among(transform(last, transform(&self.steps, all)?)?)
            }
        };
        let mut steps = self.steps.clone();
        steps.push(learned);
        Ok(Self { root: Arc::clone(&self.root), steps, rows, held, asked })
    }

    /// The whole of `pipeline`, whose steps are those of this stem.
    ///
    /// # Errors
    /// As [`Pipeline::fit_model`].
    pub fn fit(&self, pipeline: &Pipeline, notes: &Notes) -> Result<FittedPipeline> {
        let held = self.held.as_ref().zip(self.root.held.as_ref());
        let held = held.map(|(rows, (target, weights))| Validation {
            rows: rows.features(),
            target: target.clone(),
            weights: weights.clone(),
        });
        let context = self.root.context(notes).with_validation(held.as_ref());
        let model = pipeline.fit_model(features(&self.rows), &context)?;
        let (input, steps) = (Arc::clone(&self.root.input), self.steps.iter().map(Arc::clone));
        FittedPipeline::new(input, steps, model, self.root.target.clone())
    }

    /// What `fitted`, which [`Stem::fit`] gave, answers for the rows that are asked about.
    ///
    /// # Errors
    /// As [`FittedPipeline::predict`].
    pub fn answers(&self, fitted: &FittedPipeline) -> Result<Prediction> {
        let rows = match &self.asked {
            Asked::Alone(rows) => features(rows),
            Asked::Among(rows) => Cow::Owned(rows.features().take(&self.root.asked)),
        };
        let rows = match fitted.model().takes_sparse() || !rows.has_sparse() {
            true => rows,
            false => Cow::Owned(rows.into_owned().dense()?),
        };
        Ok(Prediction::new(fitted.model().predict(&rows)?, fitted.target()))
    }

    /// The columns that the first step takes.
    pub fn input(&self) -> &Schema {
        &self.root.input
    }

    /// The fitted steps.
    pub fn steps(&self) -> &[Arc<dyn FittedTransform>] {
        &self.steps
    }

    /// The rows as the steps leave them: those that are learned from; those that are asked about,
    /// and whether these stand among all rows.
    pub fn frames(&self) -> (&Frame, &Frame, bool) {
        match &self.asked {
            Asked::Alone(asked) => (&self.rows, asked, false),
            Asked::Among(asked) => (&self.rows, asked, true),
        }
    }

    /// A stem without steps as it was after `steps`, whose rows [`Stem::frames`] gave.
    ///
    /// # Errors
    /// [`Error::Damaged`] when rows are held out, since those are not among the frames.
    pub fn with_steps(
        self,
        steps: Vec<Arc<dyn FittedTransform>>,
        (rows, asked, among): (Frame, Frame, bool),
    ) -> Result<Self> {
        if self.held.is_some() {
            return Err(Error::damaged("a stem", "the rows held out are not kept"));
        }
        let asked = if among { Asked::Among(asked) } else { Asked::Alone(asked) };
        Ok(Self { steps, rows, asked, ..self })
    }

    /// About how many bytes the rows take.
    pub fn bytes(&self) -> usize {
        let (Asked::Alone(asked) | Asked::Among(asked)) = &self.asked;
        let held = self.held.as_ref().map_or(0, Frame::bytes);
        self.rows.bytes() + asked.bytes() + held
    }
}

impl Root {
    fn context<'a>(&'a self, notes: &'a Notes) -> FitContext<'a> {
        FitContext::new(self.seed, notes)
            .with_target(&self.answers)
            .with_weights(self.weights.as_deref())
    }
}

/// The columns that a model learns from; the frame itself when it has no others.
fn features(rows: &Frame) -> Cow<'_, Frame> {
    if rows.schema().fields().iter().all(crate::Field::is_feature) {
        Cow::Borrowed(rows)
    } else {
        Cow::Owned(rows.features())
    }
}
