//! What each transform learns from the same few rows. When one of these changes on purpose, raise
//! the `VERSION` of the transform: what is in caches and models was learned differently.

use std::fmt::Write;

use gristmill_core::{
    FitContext, Frame, Notes, Seed, Selector, Table, Target, TensorData, Transform,
};
use gristmill_features::*;
use insta::assert_snapshot;

use crate::support::{awkward, full};

/// Its kind, the version that the catalog has for it, and its state; numbers to 12 digits, so that
/// another processor's rounding does not count.
pub fn learned(settings: &dyn Transform) -> String {
    let complete = ["pca", "normalize", "truncated_svd", "random_projection", "cluster_distance"];
    let table = if complete.contains(&settings.kind()) { full() } else { awkward() };
    learned_from(settings, &table)
}

fn learned_from(settings: &dyn Transform, table: &Table) -> String {
    let rows = Frame::from_table(table).unwrap().features();
    let target = (0..rows.rows() as u32).map(|i| f64::from(i * i % 5));
    let target = Target::Numbers(target.collect());
    let notes = Notes::default();
    let context = FitContext::new(Seed(0), &notes).with_target(&target);
    let state = settings.fit_apply(rows, &context).unwrap().0.state();
    let version = crate::support::catalog().transforms()[settings.kind()].version;
    let mut text = format!("{} {version}\n{}", settings.kind(), state.facts);
    for (name, tensor) in &state.tensors {
        let values = match &tensor.data {
            TensorData::F64(values) => values.clone(),
            TensorData::U32(values) => values.iter().map(|v| f64::from(*v)).collect(),
            other => panic!("{name} is of {other:?}"),
        };
        let rounded = values.iter().map(|&v| if v.abs() < 1e-12 { 0.0 } else { v });
        let values: Vec<String> = rounded.map(|v| format!("{v:.11e}")).collect();
        write!(text, "\n{name} {:?} {}", tensor.shape, values.join(" ")).unwrap();
    }
    text
}

#[test]
fn impute() {
    assert_snapshot!(learned(&SimpleImputer { indicator: true, ..Default::default() }), @r#"
    impute 1
    {"columns":[{"column":"x","outcome":"indicated"},{"column":"constant","outcome":"filled"},{"column":"code","outcome":"filled"},{"column":"nothing","outcome":"dropped"}],"strategy":"median"}
    fills [3] 1.50000000000e0 1.00000000000e-1 3.00000000000e0
    "#);
    let columns = Selector::from(["plan", "yes", "code"]);
    let strategy = ImputeStrategy::MostFrequent;
    assert_snapshot!(learned(&SimpleImputer { columns, strategy, ..Default::default() }), @r#"
    impute 1
    {"columns":[{"column":"plan","outcome":"filled","word":"b"},{"column":"yes","outcome":"filled"},{"column":"code","outcome":"filled"}],"strategy":"most_frequent"}
    fills [2] 1.00000000000e0 3.00000000000e0
    "#);
}

#[test]
fn standardize() {
    assert_snapshot!(learned(&StandardScaler::default()), @r#"
    standardize 1
    {"columns":["x","constant","code","nothing"]}
    centers [4] 2.00000000000e8 1.00000000000e-1 3.00000000000e0 0.00000000000e0
    scales [4] 4.00000000000e8 1.00000000000e0 3.16227766017e0 1.00000000000e0
    "#);
}

#[test]
fn min_max() {
    assert_snapshot!(learned(&MinMaxScaler::default()), @r#"
    min_max 1
    {"clip":"never","columns":["x","constant","code","nothing"],"range":[0.0,1.0]}
    highs [4] 1.00000000000e9 1.00000000000e-1 1.00000000000e1 0.00000000000e0
    lows [4] -3.00000000000e0 1.00000000000e-1 -1.00000000000e0 0.00000000000e0
    "#);
}

#[test]
fn one_hot() {
    let min_frequency = Some(Frequency::Count(2));
    assert_snapshot!(learned(&OneHotEncoder { min_frequency, ..Default::default() }), @r#"
    one_hot 1
    {"columns":[{"categories":["b"],"column":"plan","dropped":null,"infrequent":["","10","9","a"],"missing":"infrequent"},{"categories":[],"column":"empty","dropped":null,"infrequent":[],"missing":"own"}],"unknown":"ignore"}
    "#);
}

#[test]
fn ordinal() {
    assert_snapshot!(learned(&OrdinalEncoder::default()), @r#"
    ordinal 1
    {"columns":[{"categories":["","10","9","a","b"],"column":"plan"},{"categories":[],"column":"empty"}],"unknown":"error"}
    "#);
}

#[test]
fn pca() {
    assert_snapshot!(learned(&Pca { whiten: true, ..Pca::new(2) }), @r#"
    pca 1
    {"columns":["x","constant","code"],"prefix":"pca"}
    directions [2, 3] 1.00000000000e0 0.00000000000e0 0.00000000000e0 0.00000000000e0 0.00000000000e0 1.00000000000e0
    means [3] 1.42857144357e8 1.00000000000e-1 3.00000000000e0
    scales [2] 3.77964472348e8 3.41565025532e0
    total_variance [1] 1.42857142357e17
    variances [2] 1.42857142357e17 1.16666666667e1
    "#);
}

#[test]
fn drop() {
    assert_snapshot!(learned(&Drop::new(["x", "plan"])), @r#"
    drop 1
    {"columns":["x","plan"]}
    "#);
}

#[test]
fn target_encode() {
    assert_snapshot!(learned(&TargetEncoder { columns: ["plan", "yes"].into(), ..Default::default() }), @r#"
    target_encode 1
    {"classes":null,"columns":[{"categories":["","10","9","a","b"],"column":"plan"},{"categories":["false","true"],"column":"yes"}]}
    encodings [9] 1.00000000000e0 1.00000000000e0 0.00000000000e0 1.00000000000e0 1.81081081081e0 4.00000000000e0 4.00000000000e0 3.68543238537e-1 1.91063829787e0
    means [1] 1.57142857143e0
    "#);
}

#[test]
fn frequency_encode() {
    assert_snapshot!(learned(&FrequencyEncoder::default()), @r#"
    frequency_encode 1
    {"columns":[{"categories":["","10","9","a","b"],"column":"plan","counts":[1,1,1,1,2,1]},{"categories":[],"column":"empty","counts":[7]}],"measure":"share","rows":7}
    "#);
}

#[test]
fn hash() {
    assert_snapshot!(learned(&HashEncoder { features: 3, ..Default::default() }), @r#"
    hash 1
    {"columns":["plan","empty"],"settings":{"columns":"categorical","features":3,"prefix":"hash","sign":"alternating","sparse":"auto"}}
    "#);
}

#[test]
fn datetime() {
    let cyclic = vec![Part::Hour];
    assert_snapshot!(learned(&Datetime { cyclic, ..Default::default() }), @r#"
    datetime 1
    {"columns":["when"],"settings":{"columns":"datetime","cyclic":["hour"],"parts":["year","month","day","weekday","hour"]}}
    "#);
}

#[test]
fn windows() {
    let (order, group) = (|| Some("when".to_string()), || Some(Group::from("plan")));
    let columns = || Selector::from(["x", "code"]);
    let lag = Lag { columns: columns(), order: order(), group: group(), ..Default::default() };
    assert_snapshot!(learned(&lag), @r#"
    lag 2
    {"columns":["x","code"],"lags":[1],"sequence":{"group":"plan","order":"when"}}
    "#);
    let difference = Difference { columns: columns(), order: order(), ..Default::default() };
    assert_snapshot!(learned(&difference), @r#"
    difference 2
    {"columns":["x","code"],"form":"absolute","lags":[1],"sequence":{"group":null,"order":"when"}}
    "#);
    let window = Window::Time("36h".parse().unwrap());
    let rolling = Rolling { columns: columns(), window, order: order(), ..Default::default() };
    assert_snapshot!(learned(&rolling), @r#"
    rolling 2
    {"columns":["x","code"],"current":"included","functions":["mean"],"min_periods":1,"sequence":{"group":null,"order":"when"},"window":"36h"}
    "#);
    let condition = Some("x > 1".to_string());
    let since = TimeSince { condition, order: order(), group: group(), ..Default::default() };
    assert_snapshot!(learned(&since), @r#"
    time_since 2
    {"condition":{"nodes":[{"column":"x"},{"number":1.0},{"binary":["greater",0,1]}],"version":1},"current":"included","name":"time_since","sequence":{"group":"plan","order":"when"},"unit":null}
    "#);
}

#[test]
fn images() {
    let rows = gristmill_testkit::table().images("i", [gristmill_testkit::grey_png(1, &[7])]);
    let pixels = Pixels { width: 4, height: 3, ..Default::default() };
    assert_snapshot!(learned_from(&pixels, &rows.build()), @r#"
    pixels 1
    {"columns":["i"],"settings":{"colors":"grey","columns":"image","height":3,"width":4}}
    "#);
}

#[test]
fn texts() {
    let columns = || Selector::from("plan");
    let min_length = 0;
    let count = CountWords { columns: columns(), min_length, ..Default::default() };
    assert_snapshot!(learned(&count), @r#"
    count_words 1
    {"about":{"kind":"count_words","sparse":"auto","tokens":{"analyzer":"word","case":"lower","min_length":0,"ngrams":[1,1],"stop_words":[]},"weighting":{"idf":"none","norm":"none","term_frequency":"count"}},"columns":[{"column":"plan","terms":["10","9","a","b"]}]}
    idf [4] 1.00000000000e0 1.00000000000e0 1.00000000000e0 1.00000000000e0
    "#);
    let tfidf = Tfidf { columns: columns(), min_length, ngrams: [1, 2], ..Default::default() };
    assert_snapshot!(learned(&tfidf), @r#"
    tfidf 1
    {"about":{"kind":"tfidf","sparse":"auto","tokens":{"analyzer":"word","case":"lower","min_length":0,"ngrams":[1,2],"stop_words":[]},"weighting":{"idf":"smooth","norm":"l2","term_frequency":"count"}},"columns":[{"column":"plan","terms":["10","9","a","b"]}]}
    idf [4] 2.38629436112e0 2.38629436112e0 2.38629436112e0 1.98082925301e0
    "#);
    let hash = HashText { columns: columns(), features: 3, ..Default::default() };
    assert_snapshot!(learned(&hash), @r#"
    hash_text 1
    {"columns":["plan"],"settings":{"analyzer":"word","case":"lower","columns":"plan","features":3,"min_length":2,"ngrams":[1,1],"norm":"l2","sign":"alternating","sparse":"auto","stop_words":[]}}
    "#);
}
