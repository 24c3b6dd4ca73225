//! Curves over real data against scikit-learn, and what they refuse.

use gristmill_core::{Column, Frame, SemanticType};
use gristmill_evaluate::curves::{
    CalibrationBins, CalibrationCurve, LiftCurve, PrecisionRecallCurve, RocCurve,
};
use gristmill_testkit::shared_csv;

/// Who left, and a score out of the tenure: (largest − tenure) / largest.
fn telco() -> Option<(Vec<bool>, Vec<f64>)> {
    let table = shared_csv("telco.csv")?;
    let at = |name: &str| table.schema().position(name).unwrap();
    let rows = table.select(&[at("churn"), at("tenure")]);
    let rows = rows.with_meaning("churn", SemanticType::Categorical).unwrap();
    let frame = Frame::from_table(&rows).unwrap();
    let [Column::Words(churn), Column::Numbers(tenure)] = frame.columns() else { panic!() };
    let largest = tenure.iter().copied().fold(0.0, f64::max);
    let truth = churn.iter().map(|word| word == Some("Yes")).collect();
    Some((truth, tenure.iter().map(|t| (largest - t) / largest).collect()))
}

#[track_caller]
fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
}

#[test] // scikit-learn 1.9.1: roc_curve, precision_recall_curve
fn points_agree_with_scikit_learn() {
    let Some((truth, scores)) = telco() else { return };
    let curve = RocCurve::new(&truth, &scores, 1_000).unwrap();
    assert!(curve.points.len() <= 74);
    let near =
        |x: f64| curve.points.iter().find(|p| (p.false_positive_rate - x).abs() < 1e-12).unwrap();
    close(near(0.17993815229996135).true_positive_rate, 0.4938469769930444);
    close(curve.area, 0.7398671755286288);
    let curve = PrecisionRecallCurve::new(&truth, &scores, 1_000).unwrap();
    close(curve.base_rate, 0.2653698707936959);
    close(curve.average_precision, 0.4837368870121712);
    assert_eq!(curve.points.last().unwrap().recall, 1.0);
}

#[test] // scikit-learn 1.9.1: calibration_curve
fn calibration_agrees_with_scikit_learn() {
    let Some((truth, scores)) = telco() else { return };
    let check = |kind, observed: [f64; 5], predicted: [f64; 5]| {
        let curve = CalibrationCurve::new(&truth, &scores, 5, kind).unwrap();
        assert_eq!(curve.bins.len(), 5);
        for ((bin, observed), predicted) in curve.bins.iter().zip(observed).zip(predicted) {
            close(bin.observed, observed);
            close(bin.predicted, predicted);
        }
    };
    check(
        CalibrationBins::Uniform,
        [
            0.07329192546583851,
            0.14994720168954592,
            0.21739130434782608,
            0.2619893428063943,
            0.46351750316322227,
        ],
        [
            0.06990165631469943,
            0.2958758653056439,
            0.5020362880575218,
            0.7054470100651278,
            0.9248793289282455,
        ],
    );
    check(
        CalibrationBins::Quantile,
        [
            0.0667565745111261,
            0.16218236173393125,
            0.22614840989399293,
            0.34052924791086353,
            0.5426695842450766,
        ],
        [
            0.05979808196598458,
            0.31083914632120907,
            0.5974970553592466,
            0.8341941349427435,
            0.9690209903557673,
        ],
    );
}

#[test]
fn thinned_curves_keep_their_ends_and_their_area() {
    let Some((truth, scores)) = telco() else { return };
    let jittered: Vec<f64> =
        scores.iter().enumerate().map(|(row, s)| s + (row as f64).sin() * 0.1).collect();
    let curve = RocCurve::new(&truth, &jittered, 100).unwrap();
    assert!(curve.points.len() <= 100);
    let ends = [curve.points[0], curve.points[curve.points.len() - 1]];
    let ends = ends.map(|p| (p.false_positive_rate, p.true_positive_rate));
    assert_eq!(ends, [(0.0, 0.0), (1.0, 1.0)]);
    let area: f64 = curve
        .points
        .windows(2)
        .map(|p| {
            (p[1].false_positive_rate - p[0].false_positive_rate)
                * (p[0].true_positive_rate + p[1].true_positive_rate)
                / 2.0
        })
        .sum();
    assert!((area - curve.area).abs() < 0.01, "{area} is not {}", curve.area);
    let lift = LiftCurve::new(&truth, &jittered, 100).unwrap();
    let last = lift.points.last().unwrap();
    assert!(lift.points.len() <= 100);
    assert_eq!((last.rows, last.gain, last.lift), (1.0, 1.0, 1.0));
}

#[test]
fn what_has_no_curve_is_refused() {
    assert!(RocCurve::new(&[], &[], 10).is_err());
    assert!(RocCurve::new(&[true], &[0.5], 10).is_err());
    assert!(PrecisionRecallCurve::new(&[true, false], &[0.5, f64::NAN], 10).is_err());
    let calibration =
        |p: f64, bins| CalibrationCurve::new(&[true], &[p], bins, CalibrationBins::Quantile);
    assert!(calibration(1.5, 5).is_err());
    assert!(calibration(0.5, 0).is_err());
    assert_eq!(calibration(0.5, 5).unwrap().bins.len(), 1);
}
