//! What holds for any numbers and words.

use gristmill_core::Frame;
use gristmill_features::*;
use gristmill_testkit::table;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{fit, own, row};

fn frame(values: &[f64]) -> Frame {
    table().numbers("x", values.to_vec()).frame()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn standardizing_can_be_undone(values in vec(-1e6..1e6f64, 1..200)) {
        let (fitted, rows, _) = fit(&StandardScaler::default(), frame(&values));
        let fitted: &FittedStandardScaler = own(fitted.as_ref());
        let (center, scale) = (fitted.centers()[0], fitted.scales()[0]);
        for (scaled, value) in rows.numbers(0).unwrap().iter().zip(&values) {
            prop_assert!((scaled * scale + center - value).abs() <= 1e-9 * value.abs().max(1e3));
        }
    }

    #[test]
    fn standardized_numbers_have_mean_zero_and_variance_one(values in vec(-1e3..1e3f64, 2..200)) {
        let (_, rows, _) = fit(&StandardScaler::default(), frame(&values));
        let scaled = rows.numbers(0).unwrap();
        let count = scaled.len() as f64;
        let mean = scaled.iter().sum::<f64>() / count;
        let variance = scaled.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
        prop_assert!(mean.abs() < 1e-6, "mean {mean}");
        prop_assert!((variance - 1.0).abs() < 1e-6, "variance {variance}");
    }

    #[test]
    fn training_rows_fill_the_range_and_never_leave_it(
        values in vec(prop::num::f64::NORMAL.prop_filter("sums", |v| v.abs() < 1e150), 2..200),
        low in -10.0..10.0f64,
        extent in 0.1..10.0f64,
    ) {
        let range = [low, low + extent];
        let clip = true;
        let (_, rows, _) =
            fit(&MinMaxScaler { range, clip, ..Default::default() }, frame(&values));
        let scaled = rows.numbers(0).unwrap();
        prop_assert!(scaled.iter().all(|v| (range[0]..=range[1]).contains(v)), "{scaled:?}");
        prop_assert!(scaled.contains(&range[0]));
    }

    #[test]
    fn one_hot_columns_of_a_seen_category_sum_to_one(
        words in vec(prop::option::of("[a-c]{0,2}"), 1..100),
        max_categories in 2..6usize,
    ) {
        let rows = table().words("w", words.iter().map(Option::as_deref)).frame();
        let max_categories = Some(max_categories);
        let settings = OneHotEncoder { max_categories, ..Default::default() };
        let (_, encoded, _) = fit(&settings, rows);
        prop_assert!(encoded.schema().len() <= settings.max_categories.unwrap());
        for at in 0..encoded.rows() {
            prop_assert_eq!(row(&encoded, at).iter().sum::<f64>(), 1.0);
        }
    }

    #[test]
    fn all_principal_components_keep_every_distance_from_the_mean(
        pairs in vec((-1e3..1e3f64, -1e3..1e3f64), 2..100),
    ) {
        let (x, y): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        let (mx, my) = (mean(&x), mean(&y));
        let rows = table().numbers("x", x.clone()).numbers("y", y.clone()).frame();
        let (_, projected, _) = fit(&Pca::new(2), rows);
        for at in 0..projected.rows() {
            let found = row(&projected, at).iter().map(|v| v * v).sum::<f64>();
            let expected = (x[at] - mx).powi(2) + (y[at] - my).powi(2);
            prop_assert!((found - expected).abs() < 1e-6 * expected.max(1.0));
        }
    }
}
