//! Filling missing values from other columns: the shared suite, and values of real rows.
//! Figures are those of scikit-learn 1.9.1.

use gristmill_core::{Frame, Selector, Transform};
use gristmill_features::*;
use gristmill_testkit::{conformance, table};
use insta::assert_snapshot;
use serde::Serialize;

use crate::support::{
    ames, awkward, catalog, column_sum, fit, full, own, quantities_of, telco, try_fit,
};

#[track_caller]
fn check(settings: impl Transform + Serialize + Clone) {
    conformance::transform(&catalog(), settings.clone(), &awkward());
    conformance::transform(&catalog(), settings.clone(), &full());
    let one_row = table().numbers("x", [3.0]).words("plan", ["a"]).build();
    conformance::transform(&catalog(), settings.clone(), &one_row);
    if let Some(table) = telco() {
        conformance::transform(&catalog(), settings, &table);
    }
}

#[test]
fn imputers_by_other_columns_pass_the_suite() {
    let numbers = || Selector::from(["numeric", "boolean"]);
    for weights in [NeighborWeights::Uniform, NeighborWeights::Distance] {
        check(KnnImputer { columns: numbers(), weights, max_donors: 300, ..Default::default() });
    }
    check(IterativeImputer::default());
    check(IterativeImputer { columns: numbers(), alpha: 0.0, max_iter: 3, ..Default::default() });
}

const HOUSES: [&str; 10] = [
    "area",
    "Lot.Frontage",
    "Lot.Area",
    "Overall.Qual",
    "Year.Built",
    "Mas.Vnr.Area",
    "Total.Bsmt.SF",
    "X1st.Flr.SF",
    "Garage.Yr.Blt",
    "Garage.Area",
];

fn standardized_houses() -> Option<Frame> {
    Some(fit(&StandardScaler::default(), quantities_of(ames()?, &HOUSES)).1)
}

/// The columns with missing values, of which the sums are known.
const INCOMPLETE: [&str; 4] = ["Lot.Frontage", "Mas.Vnr.Area", "Total.Bsmt.SF", "Garage.Yr.Blt"];

/// Sums may differ by `tolerance`.
#[track_caller]
fn check_houses(settings: &dyn Transform, sums: [f64; 4], rows_11_14_22: [f64; 3], tolerance: f64) {
    let Some(rows) = standardized_houses() else { return };
    let (_, filled, _) = fit(settings, rows);
    for (name, expected) in INCOMPLETE.iter().zip(sums) {
        let found = column_sum(&filled, name);
        assert!((found - expected).abs() < tolerance, "{name} sums to {found}, not {expected}");
    }
    let frontage = filled.numbers(filled.schema().position("Lot.Frontage").unwrap()).unwrap();
    for (row, expected) in [11, 14, 22].into_iter().zip(rows_11_14_22) {
        assert!((frontage[row] - expected).abs() < 1e-9, "{}", frontage[row]);
    }
}

#[test] // KNNImputer, KNNImputer(weights="distance") after StandardScaler
fn houses_are_filled_from_their_neighbours() {
    check_houses(
        &KnnImputer::default(),
        [67.51343849386186, 3.227427792291955, -1.271654655301461, -195.95270235782795],
        [0.02463169412298325, -0.8657584341744788, -0.0781056283728778],
        1e-6,
    );
    // Of houses that are equal in all columns scikit-learn finds some at 1e-8 by rounding, and
    // gives those no weight beside others at 0.
    check_houses(
        &KnnImputer { weights: NeighborWeights::Distance, ..Default::default() },
        [64.87536264520247, 3.100125579903313, -1.1544312453981007, -196.16987874125067],
        [-0.18400822641198034, -0.8743466126013746, -0.08728641062213126],
        0.005,
    );
}

#[test] // IterativeImputer(Ridge(alpha), min_value=least, max_value=greatest) after StandardScaler
fn houses_are_filled_in_rounds() {
    for (alpha, sums, rows) in [
        (
            1e-3,
            [95.90394731003434, 6.138963549732573, -0.7611117710725921, -222.60822404413204],
            [-0.2378616727643644, -0.04894217715251489, -0.1977609041644811],
        ),
        (
            100.0,
            [89.86747829749723, 6.239461371216571, -0.7455290563062817, -216.3182110366685],
            [-0.22877026876060408, -0.032508178228558754, -0.20372569032377869],
        ),
    ] {
        check_houses(&IterativeImputer { alpha, ..Default::default() }, sums, rows, 1e-6);
    }
    let Some(rows) = standardized_houses() else { return };
    let (fitted, _, notes) = fit(&IterativeImputer::default(), rows);
    assert_eq!(own::<FittedIterativeImputer>(fitted.as_ref()).rounds(), 4);
    assert!(notes.is_empty(), "{notes:?}");
}

#[test]
fn a_column_complete_in_training_is_filled_later() {
    let train = table().numbers("x", [1.0, 2.0, 3.0, 4.0]).numbers("y", [3.0, 5.0, 7.0, 9.0]);
    let later = table().numbers("x", [Some(2.5), None]).numbers("y", [None, None::<f64>]).frame();
    let (fitted, _, _) = fit(&IterativeImputer::default(), train.frame());
    let filled = fitted.apply(later).unwrap();
    let y = filled.numbers(1).unwrap();
    assert!((y[0] - 6.0).abs() < 0.01 && (y[1] - 6.0).abs() < 0.5, "{y:?}");
}

#[test]
fn predictions_stay_within_the_values_of_training() {
    let train = table()
        .numbers("x", [Some(1.0), Some(2.0), Some(1e6)])
        .numbers("y", [Some(1.0), Some(2.0), None]);
    let (_, filled, _) = fit(&IterativeImputer::default(), train.frame());
    assert_eq!(filled.numbers(1).unwrap()[2], 2.0);
}

#[test]
fn where_nothing_is_shared_the_mean_is_filled_in() {
    let rows = table()
        .numbers("x", [Some(1.0), Some(3.0), None])
        .numbers("y", [Some(1.0), None, Some(9.0)]);
    let (fitted, _, _) = fit(&KnnImputer::default(), rows.frame());
    let later = table().numbers("x", [None::<f64>]).numbers("y", [None::<f64>]).frame();
    let filled = fitted.apply(later).unwrap();
    assert_eq!((filled.numbers(0).unwrap()[0], filled.numbers(1).unwrap()[0]), (2.0, 5.0));
}

#[test]
fn a_column_without_any_value_is_left_out_and_said_so() {
    let settings: [&dyn Transform; 2] = [&KnnImputer::default(), &IterativeImputer::default()];
    for settings in settings {
        let rows = table().numbers("x", [None::<f64>, None]).numbers("y", [1.0, 2.0]).frame();
        let (_, rows, notes) = fit(settings, rows);
        assert_eq!(rows.schema().names(), ["y"]);
        assert_eq!(notes, ["column `x` is left out: training saw no value of it"]);
    }
}

#[test]
fn donors_are_bounded_and_drawn_by_the_seed() {
    let values = (0..1000).map(|i| (i % 7 > 0).then_some(f64::from(i)));
    let rows = table().numbers("x", values).numbers("y", (0..1000).map(f64::from)).frame();
    let settings = KnnImputer { max_donors: 100, neighbors: 1, ..Default::default() };
    let (fitted, filled, _) = fit(&settings, rows);
    assert_eq!(own::<FittedKnnImputer>(fitted.as_ref()).donors(), 100);
    let far = filled.numbers(0).unwrap().iter().zip(0..).map(|(v, i)| (v - f64::from(i)).abs());
    assert!(far.fold(0.0, f64::max) < 100.0, "a neighbour is near");
}

#[test]
fn collinear_and_constant_columns_and_more_columns_than_rows_are_filled() {
    let mut rows = table();
    for at in 0..12 {
        let values = [Some(f64::from(at)), Some(2.0 * f64::from(at)), None, Some(3.0)];
        rows = rows.numbers(&format!("x{at}"), values);
    }
    let rows = rows.numbers("constant", [5.0; 4]).frame();
    for settings in
        [IterativeImputer::default(), IterativeImputer { alpha: 0.0, ..Default::default() }]
    {
        let (_, filled, _) = fit(&settings, rows.clone());
        for at in 0..13 {
            assert!(filled.numbers(at).unwrap().iter().all(|v| v.is_finite()));
        }
    }
}

#[track_caller]
fn refused(settings: &dyn Transform) -> String {
    let rows = table().numbers("x", [1.0, f64::INFINITY]).numbers("y", [1.0, 2.0]).frame();
    try_fit(settings, rows).expect_err("this is refused").to_string()
}

#[test]
fn what_cannot_be_filled_is_refused() {
    assert_snapshot!(refused(&KnnImputer::default()), @"column `x` has an infinite value, or values too large to add up");
    assert_snapshot!(refused(&IterativeImputer::default()), @"column `x` has an infinite value, or values too large to add up");
    assert_snapshot!(refused(&KnnImputer { neighbors: 0, ..Default::default() }), @"`neighbors` is 0, expected at least 1");
    assert_snapshot!(refused(&IterativeImputer { alpha: -1.0, ..Default::default() }), @"`alpha` is -1, expected 0 or more");
    assert_snapshot!(refused(&IterativeImputer { max_iter: 0, ..Default::default() }), @"`max_iter` is 0, expected 1 to 1000");
}
