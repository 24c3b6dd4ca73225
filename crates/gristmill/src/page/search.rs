//! What a search came to, as a report shows it.

use std::collections::BTreeMap;

use gristmill_evaluate::search::{Binning, End, Search, parameter_importance, pareto_front};
use gristmill_view::{
    Axis, Bar, Bars, Better, Block, Fact, Figure, Finding, Goal, History, HistoryTrial, Level,
    Lines, Parallel, ParallelAxis, ParallelTrial, Pareto, Point, Section, Series, Setting, Shape,
    Standing, Table, Trial, Value, count, number, percent,
};

use crate::paste;
use crate::select::{Judge, Parameter, SearchOutcome, TrialOutcome};
use crate::trials::{Tried, short_names};

/// How many of the best trials are listed.
const BEST: usize = 10;
/// A kind of model has a picture of its own when so many trials of it have their scores.
const ENOUGH: usize = 4;
/// How many settings stand beside each other; those that count most.
const MOST_AXES: usize = 8;
/// How many points are followed from few rows to all.
const MOST_CLIMBS: usize = 6;
/// How many kinds of failure are told.
const MOST_NOTES: usize = 5;
/// A cost whose greatest value is so many times the least is drawn by its logarithm.
const FAR_APART: f64 = 20.0;

/// What a model costs where it answers, as trials measure it.
const COSTS: [(&str, &str); 3] = [
    ("serving.p99_ms", "p99 latency in ms"),
    ("serving.size_mb", "Size in MB"),
    ("serving.memory_mb", "Memory in MB"),
];

pub(super) fn section(found: &SearchOutcome) -> Section {
    let Some(judge) = found.metrics.first() else { return Section::new("Search") };
    let page = SearchPage::new(found, judge);
    let mut section = Section::new("Search").led(page.lead()).with(Block::Facts(page.facts()));
    let notes = page.findings();
    if !notes.is_empty() {
        section = section.with(Block::Findings(notes));
    }
    section = section.with(Block::Figures(page.figures()));
    section = section.with(Block::Title("Best trials".into())).with(Block::Table(page.best()));
    if let Some(front) = page.front() {
        let title = "Trials that no other beats in everything";
        section = section.with(Block::Title(title.into())).with(Block::Table(front));
    }
    let title = format!("Steps of trial {}, for a pipeline file", found.best);
    section.with(Block::Title(title)).with(Block::Code(paste::steps(&found.steps)))
}

struct SearchPage<'a> {
    found: &'a SearchOutcome,
    /// The metric that decides most.
    judge: &'a Judge,
    /// The trials with all their scores on equally many rows, those on most rows where several
    /// shares have as many: only these can be held against each other.
    alike: Vec<(usize, &'a TrialOutcome)>,
    tried: Tried,
    /// How much each parameter counts, the most first.
    importances: Vec<Importance<'a>>,
}

struct Importance<'a> {
    parameter: &'a Parameter,
    /// The share of the variance that it explains, and of how many trials that have it.
    value: f64,
    trials: usize,
}

impl<'a> SearchPage<'a> {
    fn new(found: &'a SearchOutcome, judge: &'a Judge) -> Self {
        let labels: Vec<_> = found.trials.iter().map(|trial| &trial.labels).collect();
        let alike = alike(found);
        let importances = importances(found, judge, &alike);
        Self { found, judge, alike, tried: Tried::of(&labels), importances }
    }

    fn score(&self, trial: &TrialOutcome) -> f64 {
        mean(trial, &self.judge.name)
    }

    fn better(&self) -> Better {
        better(self.judge)
    }

    fn lead(&self) -> String {
        let first = &self.judge.name;
        let others: Vec<String> =
            self.found.metrics.iter().skip(1).map(|judge| format!("`{}`", judge.name)).collect();
        let others = match others.as_slice() {
            [] => String::new(),
            others => format!("; {} counted while searching", others.join(" and ")),
        };
        let best = self.found.trials.get(self.found.best);
        let folds = best.and_then(|trial| trial.scores.get(first));
        let folds = folds.map_or(0, |scores| scores.folds.len());
        format!(
            "{}, judged by `{first}` over {folds} folds of the training rows{others}. The best of many \
             scores is a little too good: what the choice is worth is told by rows that it did not see.",
            how(&self.found.search),
        )
    }

    fn facts(&self) -> Vec<Fact> {
        let trials = &self.found.trials;
        let ended = |wanted: fn(&End) -> bool| trials.iter().filter(|t| wanted(&t.end)).count();
        let counts = [
            ("scored", ended(|end| *end == End::Scored)),
            ("given up", ended(|end| *end == End::GivenUp)),
            ("unfinished", ended(|end| *end == End::Unfinished)),
            ("refused", ended(|end| matches!(end, End::Refused(_)))),
            ("failed", ended(|end| matches!(end, End::Failed(_)))),
        ];
        let mut facts = vec![Fact::new("trials", Value::Count(trials.len() as u64))];
        let some = counts.into_iter().filter(|(_, count)| *count > 0);
        facts.extend(some.map(|(name, count)| Fact::new(name, Value::Count(count as u64))));
        if let Some(best) = trials.get(self.found.best) {
            facts.push(Fact::new("best", format!("trial {}, {}", self.found.best, best.model)));
            facts.push(Fact::new(self.judge.name.clone(), spread(best, &self.judge.name)));
        }
        facts
    }

    fn findings(&self) -> Vec<Finding> {
        let finding = |level, title| Finding { level, title, detail: None };
        let notes = self.found.notes();
        let more = notes.len().saturating_sub(MOST_NOTES);
        let shown = notes.into_iter().take(MOST_NOTES).map(|note| finding(Level::Warning, note));
        let rest = (more > 0)
            .then(|| finding(Level::Note, format!("{} more kinds of failure", count(more as u64))));
        shown.chain(rest).collect()
    }

    fn figures(&self) -> Vec<Figure> {
        let mut figures = vec![self.history()];
        figures.extend(self.importance());
        figures.extend(self.climbs());
        figures.extend(self.trade_offs());
        figures.extend(self.settings());
        figures
    }

    /// The score of each trial by its number.
    fn history(&self) -> Figure {
        let trial = |(at, trial): (usize, &TrialOutcome)| HistoryTrial {
            name: format!("trial {at}"),
            group: trial.model.clone(),
            score: self.level(trial),
            standing: match &trial.end {
                End::Scored if trial.share < 1.0 => Standing::Partial,
                End::Scored => Standing::Scored,
                End::GivenUp | End::Unfinished => Standing::GivenUp,
                End::Refused(_) => Standing::Refused,
                End::Failed(_) => Standing::Failed,
            },
        };
        let trials = self.found.trials.iter().enumerate().map(trial).collect();
        let score = Axis::number(self.judge.name.clone());
        let figure =
            Figure::new("Trials in their order", History { score, better: self.better(), trials });
        match self.found.trials.iter().any(|trial| trial.end == End::GivenUp) {
            true => figure.captioned(
                "What was given up stands where the folds that it came to put it beside the others.",
            ),
            false => figure,
        }
    }

    /// The score of a trial; of one that was given up, as if its further folds differed from the others'
    /// as those before did: folds are not equally hard.
    fn level(&self, trial: &TrialOutcome) -> f64 {
        let name = &self.judge.name;
        let Some(scores) = trial.scores.get(name) else { return f64::NAN };
        let came = scores.folds.len();
        let others = self.found.trials.iter().filter(|t| t.is_complete() && t.share == trial.share);
        let others: Vec<&[f64]> = others
            .filter_map(|other| Some(other.scores.get(name)?.folds.as_slice()))
            .filter(|folds| folds.len() > came)
            .collect();
        let mean = |folds: &[f64]| folds.iter().sum::<f64>() / folds.len() as f64;
        let ahead = others.iter().map(|folds| mean(folds) - mean(folds.split_at(came).0));
        match others.len() {
            0 => scores.mean,
            count => scores.mean + ahead.sum::<f64>() / count as f64,
        }
    }

    /// Which parameters the score hangs on.
    fn importance(&self) -> Option<Figure> {
        if self.importances.is_empty() {
            return None;
        }
        let paths: Vec<&str> = self.importances.iter().map(|i| i.parameter.path.as_str()).collect();
        // Here parameters of several models stand side by side.
        let names = short_names(&paths, |_, _| true);
        let all = self.alike.len();
        let bar = |found: &Importance<'_>| {
            let path = &found.parameter.path;
            let bar = Bar::new(names.get(path).unwrap_or(path).clone(), found.value);
            match found.trials < all {
                true => bar.noted(format!("of {} trials", count(found.trials as u64))),
                false => bar,
            }
        };
        let bars = self.importances.iter().map(bar).collect();
        let label = format!("Share of the variance of the ranks by {}", self.judge.name);
        let caption = format!(
            "How much of the order of {} the bins of a parameter explain by themselves (ε² of the ranks: \
             the correlation ratio less what chance would give). One that only some of them have counts \
             by their share.",
            self.compared()
        );
        Some(
            Figure::new("What the score hangs on", Bars::importances(label, bars))
                .captioned(caption),
        )
    }

    /// Which trials are held against each other.
    fn compared(&self) -> String {
        let trials = count(self.alike.len() as u64);
        match self.alike.first().map(|(_, trial)| trial.share) {
            Some(share) if share < 1.0 => {
                format!("{trials} trials with all their scores on {} of the rows", percent(share))
            }
            _ => format!("{trials} trials with all their scores"),
        }
    }

    /// Points that went on from few rows to more.
    fn climbs(&self) -> Option<Figure> {
        let climbs = climbs(self.found);
        if climbs.is_empty() {
            return None;
        }
        let line = |climb: &Vec<usize>| {
            let mut trials = climb.iter().filter_map(|at| self.found.trials.get(*at));
            let points = trials.clone().map(|t| Point::new(t.share, self.score(t))).collect();
            let name = match (climb.last(), trials.next_back()) {
                (Some(at), Some(last)) => format!("{at} {}", last.model),
                _ => String::new(),
            };
            Series::new(name, points)
        };
        let series = climbs.iter().take(MOST_CLIMBS).map(line).collect();
        let x = Axis::log("Share of the training rows");
        let y = Axis::number(self.judge.name.clone());
        let lines = Lines { x, y, series, guides: Vec::new(), shape: Shape::Normal };
        let shown = climbs.len().min(MOST_CLIMBS);
        let caption = match climbs.len() > shown {
            true => {
                format!("The best {shown} of {} points that went on to more rows.", climbs.len())
            }
            false => "The points that went on to more rows.".to_owned(),
        };
        Some(Figure::new("From few rows to all", lines).captioned(caption))
    }

    /// The first metric against each other thing that counts.
    fn trade_offs(&self) -> Vec<Figure> {
        let others = self.found.metrics.iter().skip(1).map(Aim::Metric);
        let costs = COSTS.into_iter().map(|(name, label)| Aim::Cost(name, label));
        let y = Aim::Metric(self.judge);
        others.chain(costs).filter_map(|x| self.trade_off(&x, &y)).collect()
    }

    fn trade_off(&self, x: &Aim<'_>, y: &Aim<'_>) -> Option<Figure> {
        let known = self.eligible().filter(|(_, trial)| x.value(trial).is_finite());
        let trials: Vec<Trial> = known
            .map(|(at, trial)| Trial {
                name: format!("trial {at}"),
                x: x.value(trial),
                y: y.value(trial),
            })
            .collect();
        let title = format!("{} against {}", y.label(), x.word());
        let values: Vec<f64> = trials.iter().map(|trial| trial.x).collect();
        let chart = Pareto { x: x.goal(&values), y: y.goal(&[]), trials };
        (values.len() > 1).then(|| Figure::new(title, chart))
    }

    /// The trials that could win.
    fn eligible(&self) -> impl Iterator<Item = (usize, &'a TrialOutcome)> {
        self.found.trials.iter().enumerate().filter(|(_, trial)| trial.is_eligible())
    }

    /// Settings and scores of all trials, and of each kind of model with enough of them.
    fn settings(&self) -> Vec<Figure> {
        let everyone: Vec<&Parameter> = self.axes(&self.alike);
        let (common, some): (Vec<&Parameter>, Vec<&Parameter>) = everyone
            .into_iter()
            .partition(|p| self.alike.iter().all(|(_, trial)| trial.point.contains_key(&p.path)));
        let mut figures = Vec::new();
        if self.alike.len() >= ENOUGH && !common.is_empty() {
            let figure = self.parallel("Settings", &self.alike, &common);
            figures.push(match some.is_empty() {
                true => figure,
                false => {
                    figure.captioned("What all trials have; the others below, model by model.")
                }
            });
        }
        if some.is_empty() {
            return figures;
        }
        let mut of_models = Vec::new();
        let mut models: BTreeMap<&str, Vec<(usize, &TrialOutcome)>> = BTreeMap::new();
        for (at, trial) in &self.alike {
            models.entry(trial.model.as_str()).or_default().push((*at, trial));
        }
        for (model, trials) in models.into_iter().filter(|(_, trials)| trials.len() >= ENOUGH) {
            let axes = self.axes(&trials);
            if axes.iter().any(|axis| some.iter().any(|parameter| parameter.path == axis.path)) {
                of_models.push((
                    axes.len(),
                    self.parallel(&format!("Settings of {model}"), &trials, &axes),
                ));
            }
        }
        // Those with few settings have room beside each other.
        of_models.sort_by_key(|(axes, _)| *axes);
        figures.extend(of_models.into_iter().map(|(_, figure)| figure));
        figures
    }

    /// The parameters in which these trials differ, in the order of the space.
    fn axes(&self, trials: &[(usize, &TrialOutcome)]) -> Vec<&'a Parameter> {
        let differs = |parameter: &&Parameter| {
            let mut at = trials.iter().map(|(_, trial)| trial.point.get(&parameter.path));
            let first = at.next().flatten();
            at.any(|other| other != first)
        };
        let mut axes: Vec<&Parameter> = self.found.parameters.iter().filter(differs).collect();
        let place = |axis: &&Parameter| {
            let same = |i: &Importance<'_>| i.parameter.path == axis.path;
            self.importances.iter().position(same).unwrap_or(usize::MAX)
        };
        if axes.len() > MOST_AXES {
            let mut places: Vec<usize> = axes.iter().map(place).collect();
            places.sort_unstable();
            let last = places.get(MOST_AXES - 1).copied().unwrap_or(usize::MAX);
            axes.retain(|axis| place(axis) <= last);
            axes.truncate(MOST_AXES);
        }
        axes
    }

    fn parallel(
        &self,
        title: &str,
        trials: &[(usize, &TrialOutcome)],
        axes: &[&Parameter],
    ) -> Figure {
        let axis = |parameter: &&Parameter| {
            let label = self.tried.name(&parameter.path).unwrap_or(&parameter.path).to_owned();
            match (parameter.alternatives.is_empty(), parameter.log) {
                (false, _) => ParallelAxis::Words { label, words: parameter.alternatives.clone() },
                (true, true) => ParallelAxis::Number(Axis::log(label)),
                (true, false) => ParallelAxis::Number(Axis::number(label)),
            }
        };
        let setting = |parameter: &Parameter, trial: &TrialOutcome| match (
            trial.point.get(&parameter.path),
            parameter.alternatives.as_slice(),
        ) {
            (None, _) => Setting::Absent,
            (Some(at), []) => Setting::Number(*at),
            (Some(at), words) => {
                words.get(*at as usize).map_or(Setting::Absent, |w| Setting::Word(w.clone()))
            }
        };
        let line = |(at, trial): &(usize, &TrialOutcome)| ParallelTrial {
            name: format!("trial {at}"),
            values: axes.iter().map(|parameter| setting(parameter, trial)).collect(),
            score: self.score(trial),
        };
        let chart = Parallel {
            axes: axes.iter().map(axis).collect(),
            score: Axis::number(self.judge.name.clone()),
            better: self.better(),
            trials: trials.iter().map(line).collect(),
        };
        Figure::new(title, chart)
    }

    /// The best trials with what they tried.
    fn best(&self) -> Table {
        let ranked = self.found.ranked();
        let trials: Vec<(usize, &TrialOutcome)> = ranked
            .into_iter()
            .take(BEST)
            .filter_map(|at| Some((at, self.found.trials.get(at)?)))
            .collect();
        self.table(&trials)
    }

    /// The trials that no other beats, where more than one thing counts.
    fn front(&self) -> Option<Table> {
        let metrics = self.found.metrics.iter().map(Aim::Metric);
        let measured = |name: &str| self.eligible().all(|(_, t)| t.figures.contains_key(name));
        let costs = COSTS.into_iter().filter(|(name, _)| measured(name));
        let aims: Vec<Aim<'_>> =
            metrics.chain(costs.map(|(name, label)| Aim::Cost(name, label))).collect();
        if aims.len() < 2 {
            return None;
        }
        let eligible: Vec<(usize, &TrialOutcome)> = self.eligible().collect();
        let losses: Vec<Vec<f64>> = eligible
            .iter()
            .map(|(_, trial)| aims.iter().map(|aim| aim.loss(trial)).collect())
            .collect();
        let front = pareto_front(&losses);
        let mut front: Vec<(usize, &TrialOutcome)> =
            front.into_iter().filter_map(|at| eligible.get(at).copied()).collect();
        front.sort_by(|a, b| {
            let loss = |trial: &TrialOutcome| Aim::Metric(self.judge).loss(trial);
            loss(a.1).total_cmp(&loss(b.1)).then(a.0.cmp(&b.0))
        });
        Some(self.table(&front))
    }

    fn table(&self, trials: &[(usize, &TrialOutcome)]) -> Table {
        let any = |holds: &dyn Fn(&TrialOutcome) -> bool| trials.iter().any(|(_, t)| holds(t));
        let costs: Vec<(&str, &str)> =
            COSTS.into_iter().filter(|(name, _)| any(&|t| t.figures.contains_key(*name))).collect();
        let (partial, unscored) = (any(&|t| t.share < 1.0), any(&|t| t.end != End::Scored));
        let mut columns = vec!["trial".to_owned(), "model".to_owned()];
        columns.extend(self.found.metrics.iter().map(|judge| judge.name.clone()));
        columns.extend(costs.iter().map(|(_, label)| (*label).to_owned()));
        columns.extend(partial.then(|| "rows".to_owned()));
        columns.extend(unscored.then(|| "ended".to_owned()));
        columns.push("settings".into());
        let row = |(at, trial): &(usize, &TrialOutcome)| {
            let mut row = vec![Value::Count(*at as u64), trial.model.clone().into()];
            row.extend(self.found.metrics.iter().map(|judge| spread(trial, &judge.name)));
            row.extend(costs.iter().map(|(name, _)| {
                trial.figures.get(*name).map_or(Value::Absent, |figure| Value::Number(*figure))
            }));
            row.extend(partial.then_some(Value::Share(trial.share)));
            row.extend(unscored.then(|| ended(&trial.end).into()));
            row.push(self.settings_of(trial).into());
            row
        };
        Table { columns, rows: trials.iter().map(row).collect() }
    }

    fn settings_of(&self, trial: &TrialOutcome) -> String {
        match self.tried.words(&trial.labels) {
            words if words.is_empty() => "–".to_owned(),
            words => words,
        }
    }
}

/// Something that counts.
enum Aim<'a> {
    Metric(&'a Judge),
    /// A figure, with its name for people; less is better.
    Cost(&'a str, &'a str),
}

impl Aim<'_> {
    fn value(&self, trial: &TrialOutcome) -> f64 {
        match self {
            Self::Metric(judge) => mean(trial, &judge.name),
            Self::Cost(name, _) => trial.figures.get(*name).copied().unwrap_or(f64::NAN),
        }
    }

    fn loss(&self, trial: &TrialOutcome) -> f64 {
        match self {
            Self::Metric(judge) if judge.greater_is_better => -self.value(trial),
            Self::Metric(_) | Self::Cost(..) => self.value(trial),
        }
    }

    fn label(&self) -> &str {
        match self {
            Self::Metric(judge) => &judge.name,
            Self::Cost(_, label) => label,
        }
    }

    /// What it is called within a title.
    fn word(&self) -> String {
        match self {
            Self::Metric(judge) => judge.name.clone(),
            Self::Cost(_, label) => label.split(" in ").next().unwrap_or(label).to_lowercase(),
        }
    }

    fn goal(&self, values: &[f64]) -> Goal {
        let label = self.label();
        match self {
            Self::Metric(judge) => Goal { axis: Axis::number(label), better: better(judge) },
            Self::Cost(..) => {
                let least = values.iter().copied().fold(f64::INFINITY, f64::min);
                let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let apart = least > 0.0 && most > FAR_APART * least;
                let axis = if apart { Axis::log(label) } else { Axis::number(label) };
                Goal { axis, better: Better::Lower }
            }
        }
    }
}

fn better(judge: &Judge) -> Better {
    if judge.greater_is_better { Better::Higher } else { Better::Lower }
}

fn mean(trial: &TrialOutcome, metric: &str) -> f64 {
    trial.scores.get(metric).map_or(f64::NAN, |scores| scores.mean)
}

fn spread(trial: &TrialOutcome, metric: &str) -> Value {
    match trial.scores.get(metric) {
        Some(scores) => Value::Spread { mean: scores.mean, deviation: scores.std },
        None => Value::Absent,
    }
}

fn ended(end: &End) -> &'static str {
    match end {
        End::Scored => "scored",
        End::GivenUp => "given up",
        End::Unfinished => "unfinished",
        End::Refused(_) => "refused",
        End::Failed(_) => "failed",
    }
}

fn how(search: &Search) -> String {
    let trials = |trials: usize| count(trials as u64);
    match search {
        Search::Grid => "Every combination".to_owned(),
        Search::Random(random) => format!("{} points drawn by chance", trials(random.trials)),
        Search::Tpe(tpe) => {
            format!("{} points near those that did well (TPE)", trials(tpe.trials))
        }
        Search::Halving(halving) => format!(
            "{} points on few rows, one of {} going on to more (successive halving)",
            trials(halving.trials),
            number(halving.factor as f64)
        ),
    }
}

/// The trials with all their scores on the share of the rows that most of them have.
fn alike(found: &SearchOutcome) -> Vec<(usize, &TrialOutcome)> {
    let complete = || found.trials.iter().enumerate().filter(|(_, trial)| trial.is_complete());
    let many = |share: f64| complete().filter(|(_, trial)| trial.share == share).count();
    let shares = complete().map(|(_, trial)| trial.share);
    let share = shares.max_by(|a, b| many(*a).cmp(&many(*b)).then(a.total_cmp(b)));
    complete().filter(|(_, trial)| Some(trial.share) == share).collect()
}

fn importances<'a>(
    found: &'a SearchOutcome,
    judge: &Judge,
    alike: &[(usize, &TrialOutcome)],
) -> Vec<Importance<'a>> {
    let scores: Vec<f64> = alike.iter().map(|(_, trial)| mean(trial, &judge.name)).collect();
    let importance = |parameter: &'a Parameter| {
        let at: Vec<Option<f64>> =
            alike.iter().map(|(_, trial)| trial.point.get(&parameter.path).copied()).collect();
        let binning = match parameter.alternatives.is_empty() {
            true => Binning::Ranks,
            false => Binning::Values,
        };
        let found = parameter_importance(&at, &scores, binning)?;
        Some(Importance { parameter, value: found.importance, trials: found.trials })
    };
    let mut all: Vec<Importance<'a>> = found.parameters.iter().filter_map(importance).collect();
    all.sort_by(|a, b| b.value.total_cmp(&a.value));
    all
}

/// Trials of one point on more and more rows, those that came furthest first.
fn climbs(found: &SearchOutcome) -> Vec<Vec<usize>> {
    let went_on = |at: usize| found.trials.iter().any(|trial| trial.promoted == Some(at));
    let from = |at: usize| found.trials.get(at).and_then(|trial| trial.promoted);
    let path = |last: usize| -> Vec<usize> {
        // A trial comes from an earlier one, so the way back ends.
        let back = std::iter::successors(Some(last), |at| from(*at).filter(|before| before < at));
        let mut path: Vec<usize> = back.collect();
        path.reverse();
        path
    };
    let ends = found.ranked().into_iter().filter(|at| from(*at).is_some() && !went_on(*at));
    ends.map(path).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A search by two metrics over two models, of which one has a setting that the other lacks.
    fn found() -> SearchOutcome {
        let scores = |roc_auc: f64, log_loss: f64| {
            let folds = |mean: f64| json!({"mean": mean, "std": 0.01, "folds": [mean, mean]});
            json!({"roc_auc": folds(roc_auc), "log_loss": folds(log_loss)})
        };
        let ridge = |c: f64, roc_auc: f64, log_loss: f64, end: serde_json::Value| {
            json!({
                "model": "logistic_regression",
                "point": {"model": 0.0, "model.logistic_regression.c": c},
                "labels": {"model": "logistic_regression", "model.logistic_regression.c": c.to_string()},
                "share": 1.0,
                "scores": scores(roc_auc, log_loss),
                "figures": {"serving.p99_ms": 0.1 * c, "serving.size_mb": 1.0},
                "end": end,
            })
        };
        let forest = |roc_auc: f64, log_loss: f64| {
            json!({
                "model": "random_forest",
                "point": {"model": 1.0},
                "labels": {"model": "random_forest"},
                "share": 1.0,
                "scores": scores(roc_auc, log_loss),
                "figures": {"serving.p99_ms": 9.0, "serving.size_mb": 30.0},
                "end": "scored",
            })
        };
        let mut failed = ridge(100.0, 0.0, 0.0, json!({"failed": "it <broke>"}));
        failed["scores"] = json!({});
        failed["figures"] = json!({});
        serde_json::from_value(json!({
            "format": 1,
            "id": "0123",
            "metrics": [
                {"name": "roc_auc", "greater_is_better": true},
                {"name": "log_loss", "greater_is_better": false},
            ],
            "search": {"random": {"trials": 7}},
            "parameters": [
                {"path": "model", "alternatives": ["logistic_regression", "random_forest"]},
                {"path": "model.logistic_regression.c", "log": true},
            ],
            "trials": [
                ridge(1.0, 0.80, 0.50, json!("scored")),
                ridge(2.0, 0.81, 0.52, json!("scored")),
                forest(0.85, 0.60),
                ridge(3.0, 0.70, 0.70, json!("given_up")),
                failed,
                ridge(4.0, 0.79, 0.51, json!("scored")),
                ridge(5.0, 0.90, 0.10, json!({"refused": "too slow"})),
                ridge(6.0, 0.78, 0.55, json!("scored")),
            ],
            "best": 2,
            "steps": {"features": [], "model": {"random_forest": {"trees": 20}}},
        }))
        .unwrap()
    }

    fn numbers(table: &Table) -> Vec<String> {
        table.rows.iter().filter_map(|row| row.first()).map(Value::words).collect()
    }

    fn page(found: &SearchOutcome) -> SearchPage<'_> {
        SearchPage::new(found, &found.metrics[0])
    }

    #[test] // by hand: by roc_auc among those that may win, then the refused, the given up, the failed
    fn the_best_trials_stand_first_and_the_failed_last() {
        let found = found();
        assert_eq!(numbers(&page(&found).best()), ["2", "1", "0", "5", "7", "6", "3", "4"]);
    }

    #[test] // by hand: 5 and 7 are worse than 0 in everything, 6 was refused; 1 is between 2 and 0
    fn the_front_lists_what_no_other_beats() {
        let found = found();
        let front = page(&found).front().unwrap();
        assert_eq!(numbers(&front), ["2", "1", "0"]);
        let columns = ["trial", "model", "roc_auc", "log_loss", COSTS[0].1, COSTS[1].1, "settings"];
        assert_eq!(front.columns, columns);
    }

    #[test]
    fn one_metric_alone_has_no_front() {
        let mut found = found();
        found.metrics.truncate(1);
        found.trials.iter_mut().for_each(|trial| trial.figures.clear());
        assert_eq!(page(&found).front(), None);
        assert!(page(&found).trade_offs().is_empty());
    }

    #[test]
    fn each_other_aim_has_a_picture() {
        let found = found();
        let titles: Vec<String> = page(&found).trade_offs().into_iter().map(|f| f.title).collect();
        let expected =
            ["roc_auc against log_loss", "roc_auc against p99 latency", "roc_auc against size"];
        assert_eq!(titles, expected);
    }

    #[test]
    fn a_model_with_settings_of_its_own_has_a_picture_of_its_own() {
        let found = found();
        let titles: Vec<String> = page(&found).settings().into_iter().map(|f| f.title).collect();
        assert_eq!(titles, ["Settings", "Settings of logistic_regression"]);
    }

    #[test] // by hand: the others gain 0.02 from the first fold to both, so 0.7 counts as 0.72
    fn what_was_given_up_is_held_against_the_same_folds() {
        let mut found = found();
        for trial in &mut found.trials {
            let Some(scores) = trial.scores.get_mut("roc_auc") else { continue };
            let mean = scores.mean;
            scores.folds = match trial.end {
                End::GivenUp => vec![mean],
                _ => vec![mean - 0.02, mean + 0.02],
            };
        }
        let page = page(&found);
        let levels: Vec<f64> = found.trials.iter().map(|trial| page.level(trial)).collect();
        assert!((levels[3] - 0.72).abs() < 1e-12 && levels[0] == 0.80, "{levels:?}");
        assert!(levels[4].is_nan());
    }

    #[test] // by hand: a climb for each point that went on, the one that ended on all rows first
    fn points_are_followed_from_few_rows_to_all() {
        let mut found = found();
        for (at, (share, promoted)) in
            [(0.25, None), (0.25, None), (0.5, Some(0)), (0.25, None), (0.25, None)]
                .into_iter()
                .chain([(0.5, Some(1)), (0.25, None), (1.0, Some(2))])
                .enumerate()
        {
            found.trials[at].share = share;
            found.trials[at].promoted = promoted;
        }
        assert_eq!(climbs(&found), [vec![0, 2, 7], vec![1, 5]]);
    }

    #[test]
    fn the_page_shows_the_search_and_escapes_what_it_says() {
        let found = found();
        let mut report = gristmill_view::Report::new("churn");
        report.sections.push(section(&found));
        let html = gristmill_view::render(&report);
        for said in [
            "7 points drawn by chance",
            "1 of 7 trials of `logistic_regression` failed: it &lt;broke&gt;",
            "trial 2, random_forest",
            "0.8500 ± 0.0100",
            "Steps of trial 2, for a pipeline file",
            "model:\n  random_forest: {trees: 20}",
            "best so far",
            "given up",
        ] {
            assert!(html.contains(said), "{said}");
        }
    }
}
