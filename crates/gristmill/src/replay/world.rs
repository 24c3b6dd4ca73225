//! The home in which a file is replayed, and the time that passes there.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use gristmill_core::{Notes, Prediction, Table, TargetSpec, Timestamp};
use gristmill_evaluate::{Metric, Split};
use gristmill_track::{Label, RunStatus, Store};

use super::answers::{Version, id};
use super::{PeriodScore, Progress, Replay, ReplayOptions};
use crate::check::{Checked, check};
use crate::deploy::deploy_at;
use crate::job::{Job, record_end};
use crate::keeper::Keeper;
use crate::models::{self, history};
use crate::monitor::Loops;
use crate::predictions::Onlooker;
use crate::recorder::Start;
use crate::report::Silent;
use crate::run::{RunOptions, run};
use crate::runs::moment_words;
use crate::{Error, Home, Kind, Result};

/// The rows that one window of drift has where the file does not say it.
const WINDOW: u64 = 1_000;
/// A loop that still takes steps after so many has gone astray.
const MOST_STEPS: usize = 50;

/// A stretch of time and the rows of it, in the order of time.
type Period = (Range<Timestamp>, Vec<u32>);

/// A home in which time passes as rows do.
pub(super) struct World<'a> {
    home: Home,
    keeper: Arc<Keeper>,
    loops: Loops,
    onlooker: Onlooker,
    checked: Checked,
    model: String,
    table: Table,
    /// The moment of each row.
    moments: Vec<Timestamp>,
    /// The rows that are answered, by period.
    periods: Vec<Period>,
    trained_on: usize,
    first: Version,
    progress: Progress<'a>,
}

impl<'a> World<'a> {
    /// Trains the first version and deploys the file.
    pub fn begin(
        home: &Home,
        path: &Path,
        options: &ReplayOptions,
        progress: Progress<'a>,
    ) -> Result<Self> {
        let checked = check(path, &options.settings)?;
        let model = watched(&checked)?;
        let table = checked.table(&Notes::default())?;
        let time = time_of(&checked, options)?;
        let moments = moments(&table, &time)?;
        let (first, periods) = cut(&moments, options)?;
        // Time begins where the first version is trained: when its rows are over.
        let now = periods.first().map_or(Timestamp(0), |(period, _)| period.start);
        let home = home.absolute()?;
        fs_err::create_dir_all(home.root())?;
        let source = home.root().join("replay-first.parquet");
        gristmill_ingest::write(&table.take(&first)?, &source)?;
        let settings = settings(&checked, options, &source);
        run_at(path, &settings, &home, now)?;
        deploy_at(&home, path, &settings, now)?;
        let keeper = Arc::new(Keeper::open(&home)?);
        let version = keeper.wait(|s| s.newest_version(&model))?;
        let tell = Arc::new(|_: &crate::serve::ServeEvent| ());
        Ok(Self {
            loops: Loops::new(&home, Arc::clone(&keeper)),
            onlooker: Onlooker::new(&home, WINDOW, tell)?,
            first: Version::load(&keeper, &version)?,
            trained_on: first.len(),
            home,
            keeper,
            checked,
            model,
            table,
            moments,
            periods,
            progress,
        })
    }

    /// Goes through all periods.
    pub fn replay(mut self) -> Result<Replay> {
        let spec = self.first.package().pipeline.target().clone();
        let metric = self.metric(&spec)?;
        let (mut periods, mut all) = (Vec::new(), [Vec::new(), Vec::new()]);
        let mut rows = Vec::new();
        let mut champion = self.champion()?;
        let all_periods = self.periods.len();
        for (at, (period, of_it)) in std::mem::take(&mut self.periods).into_iter().enumerate() {
            self.tell(at + 1, all_periods, period.start);
            let answered = champion.answer(&self.table, &of_it)?;
            let once = match champion.number == self.first.number {
                true => answered.clone(),
                false => self.first.answer(&self.table, &of_it)?,
            };
            for seen in champion.seen(&self.table, &of_it, &answered, &self.moments)? {
                self.onlooker.see(&seen);
            }
            let score = |answer: &Prediction| score(&spec, metric, &self.table, &of_it, answer);
            let (with_loop, trained_once) = (score(&answered)?, score(&once)?);
            let steps = self.end_of(&period, &of_it, &spec)?;
            let version = champion.number;
            let (from, to) = (period.start, period.end);
            periods.push(PeriodScore {
                from,
                to,
                rows: of_it.len(),
                version,
                with_loop,
                trained_once,
                steps,
            });
            rows.extend(of_it);
            all[0].push(answered);
            all[1].push(once);
            champion = self.champion_after(champion)?;
        }
        self.told(spec, metric, periods, &rows, &all)
    }

    fn tell(&self, at: usize, all: usize, from: Timestamp) {
        let day: String = moment_words(from).chars().take(10).collect();
        (self.progress)(at, all, &day);
    }

    fn told(
        &self,
        spec: TargetSpec,
        metric: Metric,
        periods: Vec<PeriodScore>,
        rows: &[u32],
        all: &[Vec<Prediction>; 2],
    ) -> Result<Replay> {
        let score = |answers: &[Prediction]| -> Result<f64> {
            let known = spec.apply(&self.table.take(rows)?)?;
            Ok(metric.compute(&spec, &known, &Prediction::together(answers.to_vec())?)?)
        };
        let (with_loop, trained_once) = (score(&all[0])?, score(&all[1])?);
        let better = match metric.greater_is_better() {
            true => with_loop - trained_once,
            false => trained_once - with_loop,
        };
        Ok(Replay {
            pipeline: self.checked.file.name.clone(),
            model: self.model.clone(),
            metric: metric.name().into(),
            greater_is_better: metric.greater_is_better(),
            trained_on: self.trained_on,
            rows: rows.len(),
            with_loop,
            trained_once,
            gain: better / trained_once.abs(),
            periods,
            history: history(&self.home, &self.model)?,
            notes: Vec::new(),
        })
    }

    /// The figure that the file watches.
    fn metric(&self, spec: &TargetSpec) -> Result<Metric> {
        let file = &self.checked.file;
        let performance = file.monitor.as_ref().and_then(|monitor| monitor.performance.as_ref());
        let named =
            performance.map(|asked| &asked.metric).or_else(|| file.evaluate.metrics.first());
        match named {
            Some(name) => Ok(Metric::named(name)?),
            None => Metric::defaults(spec.task()).into_iter().next().ok_or_else(|| {
                Error::input("no metric is named").with_hint("add `evaluate: {metrics: [...]}`")
            }),
        }
    }

    /// Labels come, and the loop takes all steps that it would have taken by then.
    fn end_of(
        &mut self,
        period: &Range<Timestamp>,
        rows: &[u32],
        spec: &TargetSpec,
    ) -> Result<Vec<String>> {
        let now = period.end;
        self.onlooker.settle(now)?;
        let labels = labels(&self.table, rows, spec)?;
        for some in labels.chunks(5_000) {
            self.keeper.wait(|s| s.add_labels(&self.model, some.to_vec(), now))?;
        }
        let mut steps = Vec::new();
        for _ in 0..MOST_STEPS {
            let round = self.loops.round(now)?;
            if let Some((_, why)) = round.trouble.into_iter().next() {
                return Err(Error::input(format!("the loop cannot go on: {why}")));
            }
            steps.extend(round.steps.into_iter().map(|(_, words)| words));
            if self.run_dues(now)? == 0 && round.taken == 0 {
                return Ok(steps);
            }
        }
        Err(Error::bug(format!("the loop took more than {MOST_STEPS} steps at one moment")))
    }

    /// Runs what was claimed; how many there were.
    fn run_dues(&self, now: Timestamp) -> Result<usize> {
        let open = self.keeper.wait(Store::open_dues)?;
        for due in &open {
            let job = Job::of(due)?;
            let options = RunOptions {
                settings: job.ticket.set.clone(),
                start: Start::As(job.run),
                folder: Some(job.ticket.folder.clone()),
                tags: job.all_tags().into_iter().collect::<BTreeMap<_, _>>(),
                at: Some(now),
                ..RunOptions::default()
            };
            match run(&job.ticket.file, &options, &self.home, &Silent) {
                Err(error) if error.kind == Kind::Bug => return Err(error),
                // As `up` does: one that could not even begin is recorded, so that the loop finds what became of it.
                Err(error) => {
                    record_end(&self.keeper, &job, RunStatus::Failed, &error.message)?;
                }
                Ok(_) => {}
            }
        }
        Ok(open.len())
    }

    fn champion(&self) -> Result<Version> {
        Version::load(&self.keeper, &models::referred(&self.keeper, &self.model)?)
    }

    fn champion_after(&self, before: Version) -> Result<Version> {
        let now = models::referred(&self.keeper, &self.model)?;
        if now.version == before.number { Ok(before) } else { Version::load(&self.keeper, &now) }
    }
}

/// The name of the model that the file watches.
fn watched(checked: &Checked) -> Result<String> {
    let retrains = checked.file.monitor.as_ref().is_some_and(|monitor| monitor.retrain.is_some());
    match &checked.file.register {
        Some(register) if retrains => Ok(register.model.clone()),
        _ => Err(Error::input("the file retrains no model, so there is no loop to replay")
            .with_hint("add `register: {model: NAME}` and `monitor: {retrain: {on: [...]}}`")),
    }
}

fn time_of(checked: &Checked, options: &ReplayOptions) -> Result<String> {
    let split = checked.file.data.as_ref().and_then(|data| data.split.as_ref());
    let of_split = match split {
        Some(Split::Time { column, .. }) => Some(column.clone()),
        _ => None,
    };
    options.time.clone().or(of_split).ok_or_else(|| {
        Error::input("nothing says when a row was").with_hint("name the column with `--time`")
    })
}

fn moments(table: &Table, time: &str) -> Result<Vec<Timestamp>> {
    let wanted = DataType::Timestamp(TimeUnit::Microsecond, None);
    let column = table.column_named(time)?;
    let moments = cast(column, &wanted)
        .ok()
        .filter(|found| found.null_count() == 0 && is_time(column.data_type()));
    let moments = moments.ok_or_else(|| {
        Error::input(format!("column `{time}` does not say of each row when it was"))
            .with_hint("name a column of moments or days without gaps with `--time`")
    })?;
    let values = moments.as_primitive::<TimestampMicrosecondType>().values();
    Ok(values.iter().map(|micros| Timestamp(*micros)).collect())
}

fn is_time(found: &DataType) -> bool {
    matches!(found, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64)
}

/// The rows that the first version is trained on, and those of each period after them in the order of time.
fn cut(moments: &[Timestamp], options: &ReplayOptions) -> Result<(Vec<u32>, Vec<Period>)> {
    let (Some(first), Some(last)) = (moments.iter().min(), moments.iter().max()) else {
        return Err(Error::input("there are no rows to replay"));
    };
    let periods = options.every.periods(*first, *last)?;
    let learned = options.first as usize;
    if learned == 0 || periods.len() <= learned {
        let found = format!(
            "the rows lie in {} periods, and the first version is trained on {learned}",
            periods.len()
        );
        return Err(Error::input(found)
            .with_hint("choose fewer with `--first`, or shorter ones with `--every`"));
    }
    let start = periods[learned].start;
    let mut order: Vec<u32> = (0..moments.len() as u32).collect();
    order.sort_by_key(|row| moments[*row as usize]);
    let at = |row: u32| moments[row as usize];
    let mut trained: Vec<u32> = order.iter().copied().filter(|row| at(*row) < start).collect();
    trained.sort_unstable();
    let of = |period: &Range<Timestamp>| -> Vec<u32> {
        order.iter().copied().filter(|row| period.contains(&at(*row))).collect()
    };
    let rest = periods[learned..].iter().map(|period| (period.clone(), of(period)));
    Ok((trained, rest.filter(|(_, rows)| !rows.is_empty()).collect()))
}

/// What the file says, over the rows of the first periods alone.
fn settings(checked: &Checked, options: &ReplayOptions, source: &Path) -> Vec<String> {
    let path = serde_json::Value::from(source.to_string_lossy());
    let mut settings = options.settings.clone();
    settings.push(format!("data.source={path}"));
    let data = checked.file.data.as_ref();
    if data.is_some_and(|data| data.sql.is_some()) {
        settings.push("data.sql=null".into());
    }
    if data.is_some_and(|data| !data.sources.is_empty()) {
        settings.push("data.sources={}".into());
    }
    if data.is_some_and(|data| !data.drop.is_empty()) {
        // They are dropped already.
        settings.push("data.drop=[]".into());
    }
    settings
}

fn run_at(path: &Path, settings: &[String], home: &Home, now: Timestamp) -> Result<()> {
    let settings = settings.to_vec();
    let options =
        RunOptions { settings, start: Start::Anew, at: Some(now), ..RunOptions::default() };
    let report = run(path, &options, home, &Silent)?;
    match report.model {
        Some(_) => Ok(()),
        None => Err(Error::new(Kind::Refused, report.gate.join("; ")).with_hint(
            "the first version misses its gate; train it on more periods with `--first`",
        )),
    }
}

fn labels(table: &Table, rows: &[u32], spec: &TargetSpec) -> Result<Vec<Label>> {
    let field = spec.field.as_ref().ok_or_else(|| Error::input("the model predicts nothing"))?;
    let words = cast(table.column_named(&field.name)?, &DataType::Utf8)
        .map_err(|error| Error::bug(format!("labels as words: {error}")))?;
    let words = words.as_string::<i32>();
    let label = |row: &u32| Label { id: id(*row), label: words.value(*row as usize).to_owned() };
    Ok(rows.iter().filter(|row| words.is_valid(**row as usize)).map(label).collect())
}

fn score(
    spec: &TargetSpec,
    metric: Metric,
    table: &Table,
    rows: &[u32],
    answer: &Prediction,
) -> Result<Option<f64>> {
    let known = spec.apply(&table.take(rows)?)?;
    Ok(metric.compute(spec, &known, answer).ok())
}
