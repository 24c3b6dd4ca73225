//! What scaling, reduction, imputation by other columns and selection learn from the same few rows;
//! see `golden.rs`.

use gristmill_core::Selector;
use gristmill_features::*;
use insta::assert_snapshot;

use crate::golden::learned;

#[test]
fn max_abs() {
    assert_snapshot!(learned(&MaxAbsScaler::default()), @r#"
    max_abs 1
    {"columns":["x","constant","code","nothing"]}
    scales [4] 1.00000000000e9 1.00000000000e-1 1.00000000000e1 1.00000000000e0
    "#);
}

#[test]
fn robust() {
    assert_snapshot!(learned(&RobustScaler { unit_variance: true, ..Default::default() }), @r#"
    robust 1
    {"columns":["x","constant","code","nothing"]}
    centers [4] 1.50000000000e0 1.00000000000e-1 3.00000000000e0 0.00000000000e0
    scales [4] 1.11195166388e0 1.00000000000e0 1.11195166388e0 1.00000000000e0
    "#);
}

#[test]
fn normalize() {
    assert_snapshot!(learned(&Normalizer::default()), @r#"
    normalize 1
    {"columns":["x","constant","code"],"norm":"l2"}
    "#);
}

#[test]
fn quantile() {
    assert_snapshot!(learned(&QuantileTransformer { quantiles: 4, ..Default::default() }), @r#"
    quantile 1
    {"columns":["x","constant","code","nothing"],"output":"uniform"}
    quantiles [4, 4] -3.00000000000e0 5.00000000000e-1 1.50000000000e0 1.00000000000e9 1.00000000000e-1 1.00000000000e-1 1.00000000000e-1 1.00000000000e-1 -1.00000000000e0 2.00000000000e0 3.00000000000e0 1.00000000000e1 NaN NaN NaN NaN
    "#);
}

#[test]
fn power() {
    assert_snapshot!(learned(&PowerTransformer { columns: ["code", "constant"].into(), ..Default::default() }), @r#"
    power 2
    {"columns":["constant","code"],"method":"yeo_johnson"}
    centers [2] 1.00000000000e-1 1.72042757515e0
    lambdas [2] 1.00000000000e0 5.25532369788e-1
    scales [2] 1.00000000000e0 1.65760442031e0
    "#);
}

#[test]
fn clip() {
    assert_snapshot!(learned(&Clip { quantiles: Some([0.1, 0.9]), ..Default::default() }), @r#"
    clip 1
    {"columns":["x","constant","code","nothing"]}
    lower [4] -1.80000000000e0 1.00000000000e-1 2.00000000000e-1 -inf
    upper [4] 6.00000000600e8 1.00000000000e-1 5.80000000000e0 inf
    "#);
}

#[test]
fn log() {
    assert_snapshot!(learned(&Log { offset: 4.0, ..Default::default() }), @r#"
    log 1
    {"columns":["x","constant","code","nothing"],"offset":4.0}
    "#);
}

#[test]
fn bin() {
    assert_snapshot!(learned(&Bin { bins: 3, ..Default::default() }), @r#"
    bin 1
    {"columns":["x","constant","code","nothing"],"output":"ordinal"}
    counts [4] 2.00000000000e0 0.00000000000e0 2.00000000000e0 0.00000000000e0
    edges [4] 0.00000000000e0 1.50000000000e0 2.00000000000e0 3.00000000000e0
    "#);
    assert_snapshot!(learned(&Bin { bins: 3, strategy: BinStrategy::KMeans, output: BinOutput::OneHot, ..Default::default() }), @r#"
    bin 1
    {"columns":["x","constant","code","nothing"],"output":"one_hot"}
    counts [4] 2.00000000000e0 0.00000000000e0 2.00000000000e0 0.00000000000e0
    edges [4] 2.49999999250e8 7.49999999250e8 1.37500000000e0 6.37500000000e0
    "#);
}

#[test]
fn polynomial() {
    assert_snapshot!(learned(&Polynomial::default()), @r#"
    polynomial 1
    {"columns":["x","constant","code","nothing"],"degree":2,"terms":"all"}
    "#);
}

#[test]
fn spline() {
    assert_snapshot!(learned(&Spline { knots: 3, placement: KnotPlacement::Quantile, ..Default::default() }), @r#"
    spline 1
    {"columns":["x","constant","code","nothing"],"form":{"degree":3,"extrapolation":"constant","include_bias":true,"knots":3}}
    knots [4, 3] -3.00000000000e0 1.50000000000e0 1.00000000000e9 1.00000000000e-1 1.10000000000e0 2.10000000000e0 -1.00000000000e0 3.00000000000e0 1.00000000000e1 0.00000000000e0 1.00000000000e0 2.00000000000e0
    "#);
}

#[test]
fn truncated_svd() {
    let columns = Selector::from(["code", "constant", "yes"]);
    assert_snapshot!(learned(&TruncatedSvd { columns, ..Default::default() }), @r#"
    truncated_svd 1
    {"columns":["constant","yes","code"],"prefix":"svd"}
    directions [2, 3] 1.57886957043e-2 1.57863804977e-1 9.87334662699e-1 9.94302433750e-2 9.82315325047e-1 -1.58651280740e-1
    singular_values [2] 1.16786663390e1 1.28800345267e0
    total_variance [1] 1.02040816327e1
    variances [2] 1.00205794018e1 1.81465653862e-1
    "#);
}

#[test]
fn random_projection() {
    assert_snapshot!(learned(&RandomProjection { components: 2, ..Default::default() }), @r#"
    random_projection 1
    {"columns":["x","constant","code"],"prefix":"projection"}
    weights [3, 2] 3.70087984048e-1 5.76082300407e-1 1.59677980661e-1 9.40337748486e-1 1.03448317182e-1 -6.93489262358e-1
    "#);
    assert_snapshot!(learned(&RandomProjection { components: 2, method: ProjectionMethod::Sparse, ..Default::default() }), @r#"
    random_projection 1
    {"columns":["x","constant","code"],"prefix":"projection"}
    weights [3, 2] 9.30604859102e-1 0.00000000000e0 0.00000000000e0 0.00000000000e0 0.00000000000e0 9.30604859102e-1
    "#);
}

#[test]
fn cluster_distance() {
    assert_snapshot!(learned(&ClusterDistance { columns: "code".into(), clusters: 2, ..Default::default() }), @r#"
    cluster_distance 1
    {"columns":["code"],"prefix":"cluster"}
    centres [2, 1] 1.83333333333e0 1.00000000000e1
    "#);
}

#[test]
fn knn_impute() {
    assert_snapshot!(learned(&KnnImputer { neighbors: 2, ..Default::default() }), @r#"
    knn_impute 1
    {"columns":["x","constant","code"],"dropped":["nothing"],"neighbors":2,"weights":"uniform"}
    donors [3, 7] 1.50000000000e0 NaN -3.00000000000e0 1.00000000000e9 0.00000000000e0 1.50000000000e0 NaN 1.00000000000e-1 1.00000000000e-1 1.00000000000e-1 1.00000000000e-1 1.00000000000e-1 1.00000000000e-1 1.00000000000e-1 3.00000000000e0 1.00000000000e0 2.00000000000e0 3.00000000000e0 1.00000000000e1 -1.00000000000e0 3.00000000000e0
    means [3] 2.00000000000e8 1.00000000000e-1 3.00000000000e0
    "#);
}

#[test]
fn iterative_impute() {
    assert_snapshot!(learned(&IterativeImputer { columns: ["code", "yes", "constant"].into(), max_iter: 1, ..Default::default() }), @r#"
    iterative_impute 1
    {"columns":["constant","yes","code"],"dropped":[]}
    highs [3] 1.00000000000e-1 1.00000000000e0 1.00000000000e1
    intercepts [3] 1.00000000000e-1 1.50199733688e0 6.69232011815e-1
    lows [3] 1.00000000000e-1 0.00000000000e0 -1.00000000000e0
    means [3] 1.00000000000e-1 7.50000000000e-1 3.00000000000e0
    steps [3] 0.00000000000e0 2.00000000000e0 1.00000000000e0
    weights [3, 3] 0.00000000000e0 0.00000000000e0 0.00000000000e0 0.00000000000e0 1.99733688415e0 0.00000000000e0 0.00000000000e0 0.00000000000e0 2.30765680528e-2
    "#);
}

#[test]
fn select() {
    let catalog = crate::support::catalog();
    let select = catalog.build_transform("select", &serde_json::Value::Null).unwrap();
    assert_snapshot!(learned(select.as_ref()), @r#"
    select 1
    {"columns":["x","constant","code","nothing"],"dropped":["constant","nothing"]}
    scores [4] 1.60000000000e17 0.00000000000e0 1.00000000000e1 0.00000000000e0
    "#);
}
