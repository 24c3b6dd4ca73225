//! Steps in order, and what they learned: the object that is evaluated and the object that serves.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use crate::{
    DenseMatrix, Error, Estimator, Field, FitContext, FittedTransform, Frame, Model, Notes,
    Prediction, Result, Role, Schema, Scope, Scores, Seed, SemanticType, Table, TargetSpec,
    TargetTransform, Task, Transform, Validation, row_weights, validation::hold_out,
};

/// How many rows go through a fitted pipeline at once; enough to keep every kernel busy, few
/// enough to stay in a processor's cache.
const BATCH_ROWS: usize = 4_096;

/// A transform with its name in the pipeline.
#[derive(Debug)]
pub struct Step {
    /// Names it in messages; the transform's kind unless someone says otherwise.
    pub name: String,
    /// Its settings.
    pub transform: Box<dyn Transform>,
}

/// Transforms in order and an estimator at the end: settings only, nothing learned.
///
/// ```no_run
/// # use gristmill_core::{Estimator, Pipeline, Result, Table, Transform};
/// # fn example(scale: impl Transform + 'static, forest: impl Estimator + 'static, train: Table, test: Table) -> Result<()> {
/// let fitted = Pipeline::new().then(scale).model(forest).fit(&train)?;
/// let prediction = fitted.predict(&test)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Pipeline {
    steps: Vec<Step>,
    estimator: Option<Box<dyn Estimator>>,
    seed: Seed,
    positive: Option<String>,
    target_transform: TargetTransform,
}

impl Pipeline {
    /// A pipeline without steps.
    pub fn new() -> Self {
        Self::default()
    }

    /// The pipeline with one more transform.
    #[must_use]
    pub fn then(self, transform: impl Transform + 'static) -> Self {
        self.then_boxed(Box::new(transform))
    }

    /// As [`Pipeline::then`], for a transform out of a catalog.
    #[must_use]
    pub fn then_boxed(mut self, transform: Box<dyn Transform>) -> Self {
        self.steps.push(Step { name: transform.kind().into(), transform });
        self
    }

    /// The pipeline with this estimator at its end.
    #[must_use]
    pub fn model(self, estimator: impl Estimator + 'static) -> Self {
        self.model_boxed(Box::new(estimator))
    }

    /// As [`Pipeline::model`], for an estimator out of a catalog.
    #[must_use]
    pub fn model_boxed(mut self, estimator: Box<dyn Estimator>) -> Self {
        self.estimator = Some(estimator);
        self
    }

    /// The pipeline with another root of random choices; it is 0 otherwise.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Seed(seed);
        self
    }

    /// The pipeline with this class as the one that binary metrics speak of.
    #[must_use]
    pub fn positive(mut self, word: impl Into<String>) -> Self {
        self.positive = Some(word.into());
        self
    }

    /// The pipeline whose model sees the target transformed.
    #[must_use]
    pub fn target_transform(mut self, transform: TargetTransform) -> Self {
        self.target_transform = transform;
        self
    }

    /// The transforms in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The root of its random choices.
    pub fn root_seed(&self) -> Seed {
        self.seed
    }

    /// The estimator, if there is one.
    pub fn estimator(&self) -> Option<&dyn Estimator> {
        self.estimator.as_deref()
    }

    /// The columns of `table` that the pipeline takes: its features, and the columns of group and
    /// time where a step names them, or goes by them unnamed ([`Transform::goes_by`]).
    ///
    /// # Errors
    /// As [`Pipeline::check`].
    pub fn input(&self, table: &Schema) -> Result<Schema> {
        let unnamed: Vec<Role> = self.steps.iter().flat_map(|s| s.transform.goes_by()).collect();
        let with = |roles: &[Role]| {
            let named = |f: &Field| f.semantic != SemanticType::Id && roles.contains(&f.role);
            table.filter(|f| f.is_feature() || named(f))
        };
        let narrow = with(&unnamed);
        match self.check_steps(&narrow) {
            Ok(_) => Ok(narrow),
            Err(_) => {
                let wider = with(&[Role::Feature, Role::Group, Role::Time]);
                self.check_steps(&wider)?;
                Ok(wider)
            }
        }
    }

    /// Whether the steps fit each other and the columns of `table`. Reads no rows.
    ///
    /// # Errors
    /// The error of the first step that cannot run, with its name.
    pub fn check(&self, table: &Schema, task: Task) -> Result<()> {
        let last = self.check_steps(&self.input(table)?)?;
        match &self.estimator {
            None => Ok(()),
            Some(estimator) => {
                estimator.check(&last.features(), task).map_err(|e| e.in_step(estimator.kind()))
            }
        }
    }

    fn check_steps(&self, input: &Schema) -> Result<Schema> {
        self.steps.iter().try_fold(input.clone(), |schema, step| {
            step.transform.check(&schema).map_err(|e| e.in_step(&step.name))
        })
    }

    /// What the target column of `table` asks for; nothing when the estimator learns without one.
    ///
    /// # Errors
    /// As [`TargetSpec::learn`].
    pub fn target(&self, table: &Table) -> Result<TargetSpec> {
        if self.estimator.as_ref().is_some_and(|estimator| estimator.unsupervised()) {
            return Ok(TargetSpec::absent());
        }
        TargetSpec::learn(table, self.positive.as_deref(), self.target_transform)
    }

    /// Fits every step to the rows of `train`, whose target column has the role of target.
    ///
    /// # Errors
    /// As [`Pipeline::check`], and when the rows do not allow a step to learn.
    pub fn fit(&self, train: &Table) -> Result<FittedPipeline> {
        self.fit_target(train, self.target(train)?, &Notes::default())
    }

    /// As [`Pipeline::fit`], for a target that is known from all rows, of which `train` are some;
    /// says in `notes` what a person should know.
    ///
    /// # Errors
    /// As [`Pipeline::fit`].
    pub fn fit_target(
        &self,
        train: &Table,
        target: TargetSpec,
        notes: &Notes,
    ) -> Result<FittedPipeline> {
        let held = self.hold_out(train, &target)?;
        let (train, validation) = held.as_ref().map_or((train, None), |(t, v)| (t, Some(v)));
        self.check(train.schema(), target.task())?;
        let input = self.input(train.schema())?;
        let (answers, weights) = (target.apply(train)?, row_weights(train)?);
        let context = FitContext::new(self.seed, notes)
            .with_target(&answers)
            .with_weights(weights.as_deref());
        let rows = Frame::from_table(&train.conform(&input)?)?;
        let (steps, rows) = self.fit_steps(rows, &context)?;
        let steps: Vec<Arc<dyn FittedTransform>> = steps.into_iter().map(Arc::from).collect();
        let validation =
            validation.map(|held| Validation::of(held, &input, &steps, &target)).transpose()?;
        let context = context.with_validation(validation.as_ref());
        let model = self.fit_model(Cow::Owned(rows.into_features()), &context)?;
        FittedPipeline::new(Arc::new(input), steps, model, target)
    }

    /// The rows of `train` to learn from and those to hold out, when the estimator asks for some.
    ///
    /// # Errors
    /// [`Error::Setting`] for a share beyond 0 and 1; [`Error::Data`] when there are too few rows.
    pub fn hold_out(&self, train: &Table, target: &TargetSpec) -> Result<Option<(Table, Table)>> {
        let share = self.estimator.as_ref().and_then(|e| e.validation_share());
        let Some(share) = share else { return Ok(None) };
        let (learn, held) = hold_out(&target.apply(train)?, share, self.seed)?;
        Ok(Some((train.take(&learn)?, train.take(&held)?)))
    }

    /// Fits the transforms in order and gives the training rows back as the last one leaves them.
    ///
    /// # Errors
    /// The error of the first step that cannot learn, with its name.
    pub fn fit_steps(
        &self,
        mut rows: Frame,
        context: &FitContext<'_>,
    ) -> Result<(Vec<Box<dyn FittedTransform>>, Frame)> {
        let mut fitted = Vec::with_capacity(self.steps.len());
        for at in 0..self.steps.len() {
            let (learned, transformed) = self.fit_step(at, rows, context)?;
            fitted.push(learned);
            rows = transformed;
        }
        Ok((fitted, rows))
    }

    /// Fits the transform number `at` to rows as the one before it leaves them.
    ///
    /// # Errors
    /// The error of the step when it cannot learn, with its name; [`Error::Bug`] when there is no
    /// such step.
    pub fn fit_step(
        &self,
        at: usize,
        rows: Frame,
        context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedTransform>, Frame)> {
        let count = self.steps.len();
        let step = self.steps.get(at).ok_or_else(|| Error::Bug(format!("step {at} of {count}")))?;
        let context = context.for_step(&format!("{at} {}", step.name));
        dense_unless(step.transform.takes_sparse(), rows)
            .and_then(|rows| step.transform.fit_apply(rows, &context))
            .map_err(|e| e.in_step(&step.name))
    }

    /// Fits the estimator to transformed rows.
    ///
    /// # Errors
    /// [`Error::Data`] when the pipeline has no estimator or the context no target; the error of
    /// the estimator.
    pub fn fit_model(
        &self,
        rows: Cow<'_, Frame>,
        context: &FitContext<'_>,
    ) -> Result<Box<dyn Model>> {
        let estimator = self.estimator.as_deref().ok_or_else(|| {
            Error::data_hint("the pipeline has no model", "add one with `model:`")
        })?;
        let target = context
            .target
            .ok_or_else(|| Error::Bug("a model was fitted without a target".into()))?;
        let rows = match estimator.takes_sparse() || !rows.has_sparse() {
            true => Ok(rows),
            false => rows.into_owned().dense().map(Cow::Owned),
        };
        rows.and_then(|rows| estimator.fit(&rows, target, &context.for_step(estimator.kind())))
            .map_err(|e| e.in_step(estimator.kind()))
    }
}

/// A pipeline that has learned: the object that is evaluated, saved, loaded and served.
#[derive(Debug)]
pub struct FittedPipeline {
    input: Arc<Schema>,
    steps: Vec<Arc<dyn FittedTransform>>,
    model: Arc<dyn Model>,
    target: TargetSpec,
    windowed: bool,
}

impl FittedPipeline {
    /// Fitted steps in order, put together.
    ///
    /// # Errors
    /// [`Error::Damaged`] when one step does not give what the next one takes.
    pub fn new(
        input: Arc<Schema>,
        steps: impl IntoIterator<Item = impl Into<Arc<dyn FittedTransform>>>,
        model: impl Into<Arc<dyn Model>>,
        target: TargetSpec,
    ) -> Result<Self> {
        let steps: Vec<Arc<dyn FittedTransform>> = steps.into_iter().map(Into::into).collect();
        let model = model.into();
        let mut columns: &Schema = &input;
        for step in &steps {
            same_columns(step.kind(), columns, step.input())?;
            columns = step.output();
        }
        same_columns(model.kind(), &columns.features(), model.input())?;
        if model.task() != target.task() {
            return Err(Error::damaged(model.kind(), "its classes are not those of the target"));
        }
        let target = target.answered_by(model.as_ref())?;
        let windowed = steps.iter().any(|s| s.scope() != Scope::RowWise);
        Ok(Self { input, steps, model, target, windowed })
    }

    /// The columns that [`FittedPipeline::predict`] needs; more are left aside.
    pub fn input(&self) -> &Arc<Schema> {
        &self.input
    }

    /// The fitted transforms in order.
    pub fn steps(&self) -> &[Arc<dyn FittedTransform>] {
        &self.steps
    }

    /// The model at the end.
    pub fn model(&self) -> &dyn Model {
        self.model.as_ref()
    }

    /// What is predicted.
    pub fn target(&self) -> &TargetSpec {
        &self.target
    }

    /// Whether a step looks at other rows than the one it is asked about.
    pub fn is_windowed(&self) -> bool {
        self.windowed
    }

    /// An answer for each row of `table`, which may have further columns, in any order.
    ///
    /// # Errors
    /// As [`Table::conform`], and as the steps refuse values.
    pub fn predict(&self, table: &Table) -> Result<Prediction> {
        let table = table.conform_shared(&self.input)?;
        let scores = self.predict_conformed(&table)?;
        Ok(Prediction::new(scores, &self.target))
    }

    /// What holds the truth around the answer for each row of `table`, as columns; nothing for
    /// models that do not know it.
    ///
    /// # Errors
    /// As [`FittedPipeline::predict`].
    pub fn conformal(&self, table: &Table) -> Result<Option<Table>> {
        let rows = Frame::from_table(&table.conform(&self.input)?)?;
        let rows = self.transform_frame(rows)?.into_features();
        let rows = dense_unless(self.model.takes_sparse(), rows)?;
        match self.model.conformal(&rows).transpose()? {
            Some(answers) => answers.to_table(&self.target).map(Some),
            None => Ok(None),
        }
    }

    /// An answer for each of `rows` of `table`. Steps that look at earlier rows, such as lags, see
    /// all rows of the table, so that a row that is set aside has its history.
    ///
    /// # Errors
    /// As [`FittedPipeline::predict`].
    pub fn predict_rows(&self, table: &Table, rows: &[u32]) -> Result<Prediction> {
        if !self.windowed {
            return self.predict(&table.take(rows)?);
        }
        let scores = self.predict_conformed(&table.conform(&self.input)?)?;
        Ok(Prediction::new(scores.take(rows), &self.target))
    }

    /// The answers of the model for rows that already look like [`FittedPipeline::input`].
    ///
    /// # Errors
    /// As the steps refuse values.
    pub fn predict_conformed(&self, table: &Table) -> Result<Scores> {
        // A windowed step looks at other rows, so its rows must stay together.
        let batch = if self.windowed { table.rows().max(1) } else { BATCH_ROWS };
        if table.rows() <= batch {
            // Another thread would take longer to wake than a few rows take to answer.
            return self.predict_frame(Frame::from_table(table)?);
        }
        let ranges: Vec<Range<usize>> = (0..table.rows().div_ceil(batch))
            .map(|i| i * batch..((i + 1) * batch).min(table.rows()))
            .collect();
        let parts = ranges
            .into_par_iter()
            .map(|r| self.predict_frame(Frame::from_table(&table.slice(r.start, r.len()))?))
            .collect::<Result<Vec<_>>>();
        match parts {
            Ok(parts) => stack(parts),
            // The message of a batch counts rows from its own first one; asked as a whole, the same
            // refusal names the row of the table.
            Err(_) => self.predict_frame(Frame::from_table(table)?),
        }
    }

    /// The answers of the model for one frame: every prediction takes this path.
    ///
    /// # Errors
    /// As the steps refuse values.
    pub fn predict_frame(&self, rows: Frame) -> Result<Scores> {
        let rows = self.transform_frame(rows)?.into_features();
        self.model.predict(&dense_unless(self.model.takes_sparse(), rows)?)
    }

    /// The rows as the last transform leaves them.
    ///
    /// # Errors
    /// As the steps refuse values.
    pub fn transform_frame(&self, rows: Frame) -> Result<Frame> {
        transform(&self.steps, rows)
    }
}

/// The rows as the last of `steps` leaves them.
///
/// # Errors
/// As the steps refuse values.
pub(crate) fn transform(steps: &[Arc<dyn FittedTransform>], rows: Frame) -> Result<Frame> {
    steps.iter().try_fold(rows, |rows, step| {
        dense_unless(step.takes_sparse(), rows)
            .and_then(|rows| step.apply(rows))
            .map_err(|e| e.in_step(step.kind()))
    })
}

/// The rows as a step takes them that does not know sparse columns.
fn dense_unless(takes_sparse: bool, rows: Frame) -> Result<Frame> {
    if takes_sparse { Ok(rows) } else { rows.dense() }
}

fn same_columns(step: &str, given: &Schema, wanted: &Schema) -> Result<()> {
    let key =
        |s: &Schema| s.fields().iter().map(|f| (f.name.clone(), f.semantic)).collect::<Vec<_>>();
    if key(given) == key(wanted) {
        return Ok(());
    }
    Err(Error::damaged(format!("step `{step}`"), "it does not take the columns that it is given"))
}

fn stack(parts: Vec<Scores>) -> Result<Scores> {
    let mut values = Vec::new();
    let mut matrices = Vec::new();
    for part in parts {
        match part {
            Scores::Values(v) => values.extend(v),
            Scores::Probabilities(p) => matrices.push(p),
        }
    }
    if matrices.is_empty() {
        return Ok(Scores::Values(values));
    }
    Ok(Scores::Probabilities(DenseMatrix::stack(&matrices)?))
}
