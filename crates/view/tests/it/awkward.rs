//! Every chart with data that no one would choose: nothing, one value, constants, gaps, far too
//! much, far too long, far too large.

use gristmill_view::*;

/// Names of every length and script, and some that would like to be markup.
pub const NAMES: [&str; 8] = [
    "a",
    "",
    "<script>alert(1)</script>",
    "\" onmouseover=\"alert(1)",
    "a name that goes on and on and on, for as long as anyone would care to read it, and on",
    "größe_日本語の長い列名前です_🦀🦀🦀",
    "x\u{0}\u{1b}[31m\u{202e}desrever\u{ffff}&amp;",
    "two\nlines\tand a tab",
];

/// Sets of values that come up sooner or later.
pub fn values() -> Vec<(&'static str, Vec<f64>)> {
    let wave = |i: i32| f64::from(i).sin() * f64::from(i % 97);
    vec![
        ("nothing", vec![]),
        ("one value", vec![3.5]),
        ("one gap", vec![f64::NAN]),
        ("constant", vec![7.0; 50]),
        ("zeros", vec![0.0; 5]),
        ("negative", (1..40).map(|i| -f64::from(i)).collect()),
        ("gaps", (0..40).map(|i| if i % 7 == 0 { f64::NAN } else { wave(i) }).collect()),
        ("infinite", vec![1.0, f64::INFINITY, 2.0, f64::NEG_INFINITY, 4.0]),
        ("huge", vec![-1.7e308, 0.0, 1.7e308]),
        ("tiny", vec![5e-324, 1e-300, 3e-280]),
        ("far apart", vec![1e-12, 1.0, 1e12]),
        ("neighbours", vec![1e9, 1e9 + 1e-6, 1e9 + 2e-6]),
        ("ten thousand", (0..10_000).map(wave).collect()),
    ]
}

fn points(values: &[f64]) -> Vec<Point> {
    values.iter().enumerate().map(|(i, &y)| Point::new(i as f64, y)).collect()
}

fn name(i: usize) -> String {
    NAMES[i % NAMES.len()].to_string()
}

/// Every chart over every set of values.
pub fn figures() -> Vec<Figure> {
    let sets = values();
    let mut figures: Vec<Figure> = sets
        .iter()
        .flat_map(|(title, values)| {
            let charts = numeric(values).into_iter().chain(listed(values));
            charts.map(move |(kind, chart)| Figure::new(format!("{kind}: {title}"), chart))
        })
        .collect();
    figures.extend(classes());
    figures.extend(tasks());
    figures
}

fn numeric(values: &[f64]) -> Vec<(&'static str, Chart)> {
    let line = |stroke| Series { stroke, ..Series::new(name(4), points(values)) };
    let curve =
        |n| Curve { name: name(n), points: points(values), area: Some(values.len() as f64) };
    let bins: Vec<CalibrationBin> = values
        .iter()
        .map(|&v| CalibrationBin { predicted: v, observed: v, count: 1, interval: Some((v, v)) })
        .collect();
    let calibration = Calibration {
        curves: vec![CalibrationCurve { name: name(2), bins }],
        scores: Bin::of(values, 20),
    };
    let bands = values.iter().enumerate();
    let band: Vec<Band> =
        bands.map(|(i, &v)| Band { x: i as f64, low: v - 1.0, high: v + 1.0 }).collect();
    let dependence = NumberDependence {
        x: Axis::number(name(4)),
        mean: points(values),
        band: band.clone(),
        rows: vec![points(values); 2],
        seen: values.to_vec(),
        ..NumberDependence::default()
    };
    let timed =
        vec![Series { band, ..line(Stroke::Solid) }, line(Stroke::Dashed), line(Stroke::Dots)];
    let logarithmic = Lines {
        x: Axis::log("log"),
        y: Axis::log("log"),
        series: vec![Series::new("", Point::zip(values, values))],
        guides: vec![Guide::Upright {
            at: values.first().copied().unwrap_or(f64::NAN),
            label: name(4),
        }],
        ..Lines::default()
    };
    vec![
        ("roc", Lines::roc(vec![curve(0)]).into()),
        (
            "precision and recall",
            Lines::precision_recall(vec![curve(1), curve(2)], f64::NAN).into(),
        ),
        ("gains", Lines::gains(vec![curve(3)]).into()),
        ("lift", Lines::lift((0..12).map(curve).collect()).into()),
        ("over time", Lines::over_time(name(4), timed).into()),
        ("log", logarithmic.into()),
        ("calibration", calibration.into()),
        ("dependence", Dependence::Number(dependence).into()),
        ("predicted and actual", Scatter::predicted_actual(&name(4), values, values).into()),
        ("residuals", Scatter::residuals(&name(2), values, values).into()),
        (
            "histogram",
            Histogram::of(Axis::number(name(4)), &[(NAMES[2], values)], 20)
                .marked(1.0, name(4))
                .into(),
        ),
        ("histograms", Histogram::of(Axis::number(""), &[("a", values), ("", &[1.0])], 20).into()),
    ]
}

fn listed(values: &[f64]) -> Vec<(&'static str, Chart)> {
    let bar = |(i, &v): (usize, &f64)| Bar::new(name(i), v).within(v - 1.0, v * 2.0).noted(name(i));
    let bars: Vec<Bar> = values.iter().enumerate().map(bar).collect();
    let slices = Bars::slices(Axis::share(name(4)), bars.clone(), f64::NAN);
    let rows = (0..3).map(|i| FoldRow { name: name(i + 2), scores: values.to_vec() }).collect();
    let swarm = |i: usize| Swarm {
        name: name(i),
        contributions: values.to_vec(),
        values: values.iter().rev().skip(i).copied().collect(),
    };
    let trial = |(i, &v): (usize, &f64)| Trial { name: name(i), x: i as f64, y: v };
    let goal = |label: String, better| Goal { axis: Axis::number(label), better };
    let pareto = Pareto {
        x: goal(name(4), Better::Lower),
        y: goal(name(5), Better::Higher),
        trials: values.iter().enumerate().map(trial).collect(),
    };
    vec![
        ("importances", Bars::importances(name(4), bars).into()),
        ("slices", slices.into()),
        ("folds", Folds { axis: Axis::number(name(4)), rows }.into()),
        ("beeswarm", Beeswarm::of(name(4), (0..30).map(swarm).collect()).into()),
        ("pareto", pareto.into()),
        ("parallel", parallel(values).into()),
        ("history", history(values).into()),
        ("heat", heat(values).into()),
        ("shares", shares(values).into()),
        ("timeline", timeline(values).into()),
    ]
}

fn timeline(values: &[f64]) -> Timeline {
    use MarkKind::{Promoted, Refused, Retraining, RolledBack};
    let kinds = [Promoted, Refused, RolledBack, Retraining];
    let panel = |stroke| Panel {
        y: Axis::number(name(4)),
        series: vec![Series { stroke, ..Series::new(name(2), points(values)) }],
        guides: vec![Guide::Level { at: values.first().copied().unwrap_or(0.5), label: name(4) }],
    };
    let mark = |(i, &at): (usize, &f64)| Mark {
        at: if i % 5 == 0 { at } else { i as f64 },
        kind: kinds[i % kinds.len()],
        name: name(i),
        words: name(i + 1),
    };
    let marks = values.iter().enumerate().take(60).map(mark).collect();
    Timeline { panels: vec![panel(Stroke::Solid), panel(Stroke::Dashed), Panel::default()], marks }
}

fn shares(values: &[f64]) -> Shares {
    let row = |i: usize| ShareRow {
        name: name(i),
        shares: values.iter().skip(i).take(1 + i % 4).copied().collect(),
    };
    Shares {
        groups: (0..3).map(name).collect(),
        rows: (0..values.len().min(50)).map(row).collect(),
    }
}

fn parallel(values: &[f64]) -> Parallel {
    let words = NAMES.map(str::to_string).to_vec();
    let settings = |i: usize, v: f64| {
        vec![Setting::Number(v), Setting::Word(name(i)), Setting::Absent, Setting::Word("?".into())]
    };
    let trial =
        |(i, &v): (usize, &f64)| ParallelTrial { name: name(i), values: settings(i, v), score: v };
    Parallel {
        axes: vec![
            ParallelAxis::Number(Axis::log(name(4))),
            ParallelAxis::Words { label: name(5), words },
            ParallelAxis::Number(Axis::number(name(1))),
        ],
        score: Axis::number(name(2)),
        better: Better::Lower,
        trials: values.iter().enumerate().map(trial).collect(),
    }
}

fn history(values: &[f64]) -> History {
    use Standing::{Failed, GivenUp, Partial, Refused, Scored};
    let standings = [Scored, Partial, GivenUp, Refused, Failed];
    let trial = |(i, &score): (usize, &f64)| HistoryTrial {
        name: name(i),
        group: name(i / 3),
        score,
        standing: standings[i % standings.len()],
    };
    let trials = values.iter().enumerate().map(trial).collect();
    History { score: Axis::number(name(4)), better: Better::Higher, trials }
}

fn heat(values: &[f64]) -> HeatMap {
    let values = &values[..values.len().min(70)];
    let names: Vec<String> = (0..values.len()).map(name).collect();
    // One row is shorter than the others.
    let row = |i: usize| HeatRow(values.iter().skip(usize::from(i == 1)).copied().collect());
    HeatMap { rows: names.clone(), columns: names, values: (0..values.len()).map(row).collect() }
}

fn classes() -> Vec<Figure> {
    let counts = |n: usize| -> Vec<Vec<u64>> {
        let cell =
            |i: usize, j: usize| if i == j { 900 + i as u64 } else { ((i * 7 + j) % 11) as u64 };
        (0..n).map(|i| (0..n).map(|j| cell(i, j)).collect()).collect()
    };
    let classes = |n: usize| (0..n).map(|i| format!("class {i}{}", name(i))).collect();
    let made = |(title, n): (&str, usize)| {
        Figure::new(title, Confusion { classes: classes(n), counts: counts(n) })
    };
    let mut figures: Vec<Figure> = [
        ("no classes", 0),
        ("one class", 1),
        ("five classes", 5),
        ("30 classes", 30),
        ("100 classes", 100),
    ]
    .into_iter()
    .map(made)
    .collect();
    let ragged = Confusion { classes: classes(3), counts: vec![vec![u64::MAX / 4, 0], vec![]] };
    figures.push(Figure::new("counts that are not square", ragged));
    figures
}

fn tasks() -> Vec<Figure> {
    let task = |name: String, needs: &[&str], state| DagTask {
        needs: needs.iter().map(|n| n.to_string()).collect(),
        state,
        seconds: Some(86_400.0 * 3.5),
        note: Some(name.clone()),
        name,
    };
    let circle = vec![
        task("a".into(), &["b"], TaskState::Running),
        task("b".into(), &["a", "unknown", "b"], TaskState::Waiting),
        task(name(4), &["a", "b"], TaskState::Failed),
    ];
    let wide =
        (0..30).map(|i| task(format!("{i} {}", name(i)), &["0 a"], TaskState::Cached)).collect();
    vec![
        Figure::new("no tasks", Dag::default()),
        Figure::new("a circle", Dag { tasks: circle }),
        Figure::new("thirty at once", Dag { tasks: wide }),
    ]
}
