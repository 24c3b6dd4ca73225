//! Gradient boosting: by hand where a head suffices, against LightGBM where it does not.

use std::collections::BTreeMap;

use gristmill_core::{
    Estimator, Field, FitContext, Frame, Labels, Load, Model, Notes, Schema, Scores, Seed, Target,
    Task, Validation,
};
use gristmill_models::{
    ClassWeight, DecisionTree, EarlyStopping, ExtraTrees, FittedBoosting, GradientBoosting, Loss,
    MaxFeatures, Monotone, RandomForest,
};
use gristmill_testkit::table;

use crate::support::{
    auc, classes, fingerprint, fit, log_loss, mixed, r2, refused, telco, try_fit, values,
};

fn one_tree() -> GradientBoosting {
    GradientBoosting { learning_rate: 1.0, min_leaf_rows: 1, ..GradientBoosting::trees(1) }
}

#[test] // by hand: the base is 4, leaves add −4 and 4
fn one_tree_of_rate_one_gives_the_means_of_its_leaves() {
    let train = table().numbers("x", [1., 2., 3., 4.]).frame();
    let model = fit(&one_tree(), &train, &Target::Numbers(vec![0., 0., 8., 8.]));
    assert_eq!(values(model.as_ref(), &train), [0., 0., 8., 8.]);
    let asked = table().numbers("x", [2.5, 2.51, f64::NAN]).frame();
    assert_eq!(values(model.as_ref(), &asked), [0., 8., 0.]);
}

#[test] // by hand: residuals −3 and 5 are divided by 2 + 1 and 2 + 2 rows' weight and `l2`
fn l2_draws_answers_towards_zero() {
    let train = table().numbers("x", [1., 1., 2., 2.]).frame();
    let settings = GradientBoosting { l2: 2.0, ..one_tree() };
    let model = fit(&settings, &train, &Target::Numbers(vec![0., 0., 8., 8.]));
    assert_eq!(values(model.as_ref(), &train), [2., 2., 6., 6.]);
}

#[test] // by hand: p = 3/4 at the start; g = −3/4 and 1/4 a row, h = 3/16
fn a_newton_step_of_the_logistic_loss() {
    let train = table().numbers("x", [1., 2., 2., 2.]).frame();
    let model = fit(&one_tree(), &train, &classes(&[0, 1, 1, 1]));
    let model = model.downcast_ref::<FittedBoosting>().unwrap();
    let found = model.raw_scores(&train).unwrap();
    let base = 3f64.ln();
    for (found, expected) in found.iter().zip([base - 4.0, base + 4.0 / 3.0]) {
        assert!((found - expected).abs() < 1e-6, "{found}, not {expected}");
    }
}

// --- Real rows: the telco table, 5 folds (row number modulo 5), LightGBM 4.7.0 on the same. ---

fn cross_validate(
    rows: &Frame,
    target: &Target,
    settings: &impl Estimator,
    score: impl Fn(&Scores, &Target) -> f64,
) -> f64 {
    let part = |keep: &dyn Fn(u32) -> bool| {
        (0..rows.rows() as u32).filter(|&r| keep(r)).collect::<Vec<u32>>()
    };
    let folds = (0..5).map(|fold| {
        let (train, test) = (part(&|r| r % 5 != fold), part(&|r| r % 5 == fold));
        let model = fit(settings, &rows.take(&train), &target.take(&train));
        score(&model.predict(&rows.take(&test)).unwrap(), &target.take(&test))
    });
    folds.sum::<f64>() / 5.0
}

fn rank(scores: &Scores, target: &Target) -> f64 {
    let (Scores::Probabilities(p), Target::Classes { codes, .. }) = (scores, target) else {
        panic!("classes")
    };
    auc(p.column(1), codes)
}

/// The mean of what `loss` says of each answer and truth.
fn mean(loss: impl Fn(f64, f64) -> f64) -> impl Fn(&Scores, &Target) -> f64 {
    move |scores, target| {
        let (Scores::Values(answers), Target::Numbers(truth)) = (scores, target) else {
            panic!("numbers")
        };
        let sum: f64 = answers.iter().zip(truth).map(|(a, t)| loss(*a, *t)).sum();
        sum / truth.len() as f64
    }
}

#[test] // LightGBM with 127 to 511 bins: 0.8360 to 0.8378; scikit-learn 1.9.1: 0.8353
fn churn_is_ranked_as_well_as_by_lightgbm() {
    let Some(telco) = telco() else { return };
    let rows = telco.features(&["churn"]);
    let found = cross_validate(&rows, &telco.churn(), &GradientBoosting::default(), rank);
    println!("mean AUC {found}");
    assert!(found > 0.834, "{found}");
}

#[test] // LightGBM: 0.58427
fn three_classes_are_told_apart_as_well_as_by_lightgbm() {
    let Some(telco) = telco() else { return };
    let rows = telco.features(&["contract"]);
    let found = cross_validate(&rows, &telco.contract(), &GradientBoosting::default(), log_loss);
    println!("mean log loss {found}");
    assert!(found < 0.59, "{found}");
}

/// Boosting on the monthly charges with a loss, scored by `score`.
#[track_caller]
fn charges(loss: Loss, score: impl Fn(&Scores, &Target) -> f64) -> Option<f64> {
    let telco = telco()?;
    let rows = telco.features(&["monthly_charges"]);
    let charges = Target::Numbers(telco.numbers("monthly_charges"));
    let settings = GradientBoosting { loss: Some(loss), ..Default::default() };
    let found = cross_validate(&rows, &charges, &settings, score);
    println!("{loss:?}: {found}");
    Some(found)
}

#[test] // LightGBM: R² 0.99864
fn charges_are_fitted_as_well_as_by_lightgbm() {
    let score = |scores: &Scores, target: &Target| match (scores, target) {
        (Scores::Values(answers), Target::Numbers(truth)) => r2(answers, truth),
        _ => panic!("numbers"),
    };
    let Some(found) = charges(Loss::SquaredError, score) else { return };
    assert!(found > 0.998, "{found}");
}

#[test] // LightGBM: mean absolute error 0.897; its huber with the fixed bound 0.9 is no match
fn robust_losses_are_as_good_as_those_of_lightgbm() {
    let error = |a: f64, t: f64| (a - t).abs();
    let Some(found) = charges(Loss::AbsoluteError, mean(error)) else { return };
    assert!(found < 0.93, "{found}");
    let Some(found) = charges(Loss::Huber { alpha: 0.9 }, mean(error)) else { return };
    assert!(found < 0.93, "{found}");
}

#[test] // LightGBM: pinball loss 0.278
fn quantiles_are_as_good_as_those_of_lightgbm() {
    let pinball = |a: f64, t: f64| if t >= a { 0.9 * (t - a) } else { 0.1 * (a - t) };
    let Some(found) = charges(Loss::Quantile { alpha: 0.9 }, mean(pinball)) else { return };
    assert!(found < 0.29, "{found}");
}

#[test] // LightGBM: mean Poisson deviance 0.0226, mean gamma deviance 0.000358
fn deviances_are_as_good_as_those_of_lightgbm() {
    let poisson = |a: f64, t: f64| 2.0 * (t * (t / a).ln() - t + a);
    let Some(found) = charges(Loss::Poisson, mean(poisson)) else { return };
    assert!(found < 0.0238, "{found}");
    let gamma = |a: f64, t: f64| 2.0 * (t / a - 1.0 - (t / a).ln());
    let Some(found) = charges(Loss::Gamma, mean(gamma)) else { return };
    assert!(found < 0.00038, "{found}");
}

#[test] // scikit-learn 1.9.1 on one-hot columns, 100 trees, min_samples_leaf=5: 0.8370
fn extra_trees_rank_churn_as_well_as_scikit_learn() {
    let Some(telco) = telco() else { return };
    let settings = ExtraTrees { min_samples_leaf: 5, ..Default::default() };
    let rows = telco.features(&["churn"]);
    let found = cross_validate(&rows, &telco.churn(), &settings, rank);
    println!("mean AUC {found}");
    assert!(found > 0.832, "{found}");
}

// --- Settings. ---

/// A column that the target follows with noise, and one of noise.
fn noisy(rows: usize) -> (Frame, Vec<f64>) {
    let mut random = Seed(9).random();
    let x: Vec<f64> = (0..rows).map(|_| random.normal()).collect();
    let noise: Vec<f64> = (0..rows).map(|_| random.normal()).collect();
    let y = x.iter().map(|x| x + random.normal()).collect();
    (table().numbers("x", x).numbers("noise", noise).frame(), y)
}

#[test]
fn monotone_answers_never_turn_back() {
    let (rows, y) = noisy(2000);
    let asked: Vec<f64> = (0..400).map(|i| f64::from(i) * 0.02 - 4.0).collect();
    let falls = |monotone: &[(&str, Monotone)]| {
        let monotone = monotone.iter().map(|(name, way)| ((*name).to_string(), *way)).collect();
        let settings = GradientBoosting { monotone, min_leaf_rows: 5, ..Default::default() };
        let model = fit(&settings, &rows, &Target::Numbers(y.clone()));
        let mut falls = 0;
        for noise in [-1.0, 0.0, 0.7] {
            let asked = table().numbers("x", asked.clone()).numbers("noise", vec![noise; 400]);
            let answers = values(model.as_ref(), &asked.frame());
            falls += answers.windows(2).filter(|pair| pair[1] < pair[0]).count();
        }
        falls
    };
    assert!(falls(&[]) > 10);
    assert_eq!(falls(&[("x", Monotone::Increasing)]), 0);
    assert!(falls(&[("x", Monotone::Decreasing)]) == 0, "a constant is all that is left");
}

#[test]
fn boosting_stops_when_held_out_rows_get_no_better() {
    let (rows, y) = noisy(1000);
    let target = Target::Numbers(y);
    let settings = GradientBoosting {
        early_stopping: Some(EarlyStopping { rounds: 5, validation: 0.2 }),
        ..GradientBoosting::trees(1000)
    };
    assert_eq!(settings.validation_share(), Some(0.2));
    let model = fit(&settings, &rows, &target);
    let rounds = model.downcast_ref::<FittedBoosting>().unwrap().rounds();
    assert!((3..200).contains(&rounds), "{rounds}");

    // Rows that come with the context are watched instead: those of another pattern get worse at once.
    let turned = match &target {
        Target::Numbers(y) => Target::Numbers(y.iter().map(|y| -y).collect()),
        _ => panic!("numbers"),
    };
    let validation = Validation { rows: rows.clone(), target: turned, weights: None };
    let notes = Notes::default();
    let context = FitContext::new(Seed(7), &notes).with_validation(Some(&validation));
    let model = settings.fit(&rows, &target, &context).unwrap();
    assert_eq!(model.downcast_ref::<FittedBoosting>().unwrap().rounds(), 0);
}

#[test]
fn rows_of_weight_zero_are_as_if_they_were_not_there() {
    let (rows, codes) = mixed(900);
    let weights: Vec<f64> = (0..900).map(|row| f64::from(u8::from(row % 3 > 0)) * 5.0).collect();
    let notes = Notes::default();
    let context = FitContext { weights: Some(&weights), ..FitContext::new(Seed(7), &notes) };
    let kept: Vec<u32> = (0..900).filter(|row| row % 3 > 0).collect();
    for target in [classes(&codes), Target::Numbers(codes.iter().map(|&c| f64::from(c)).collect())]
    {
        let with = GradientBoosting::trees(5).fit(&rows, &target, &context).unwrap();
        let without = fit(&GradientBoosting::trees(5), &rows.take(&kept), &target.take(&kept));
        assert_eq!(with.state(), without.state());
    }
}

#[test]
fn balanced_classes_raise_the_rare_one() {
    let (rows, y) = noisy(3000);
    let target = classes(&y.iter().map(|y| u32::from(*y > 2.0)).collect::<Vec<_>>());
    let mean = |class_weight| {
        let settings = GradientBoosting { class_weight, ..GradientBoosting::trees(20) };
        let found = values(fit(&settings, &rows, &target).as_ref(), &rows);
        found.iter().sum::<f64>() / 3000.0
    };
    assert!((mean(ClassWeight::None) - 0.08).abs() < 0.02);
    assert!(mean(ClassWeight::Balanced) > 0.2);
}

#[test] // 16 classes of letters that matter by pairs only: no order of bytes helps
fn subsets_of_many_categories_are_found() {
    let words: Vec<String> = (0..4000).map(|row| format!("w{}", row % 40)).collect();
    let target: Vec<f64> = (0..4000).map(|row| f64::from((row % 40) * 7 % 3 == 1)).collect();
    let rows = table().words("w", words.iter().map(|w| w.as_str())).frame();
    let model = fit(&GradientBoosting::trees(60), &rows, &Target::Numbers(target.clone()));
    assert!(r2(&values(model.as_ref(), &rows), &target) > 0.99);
}

// --- Explanation. ---

fn sums(model: &dyn Model, rows: &Frame) -> Vec<Vec<f64>> {
    let explained = model.explain(rows).expect("trees can explain").expect("an explanation");
    let outputs = explained.base.iter().zip(&explained.values);
    let sum = |(base, values): (&f64, &gristmill_core::DenseMatrix)| {
        let row = |row| base + (0..values.columns()).map(|c| values.get(row, c)).sum::<f64>();
        (0..rows.rows()).map(row).collect()
    };
    outputs.map(sum).collect()
}

#[test]
fn contributions_and_base_sum_to_the_raw_score() {
    let (rows, codes) = mixed(600);
    let two: Vec<u32> = codes.iter().map(|&c| c.min(1)).collect();
    let numbers = Target::Numbers(codes.iter().map(|&c| f64::from(c)).collect());
    for target in [classes(&codes), classes(&two), numbers] {
        let model = fit(&GradientBoosting::trees(10), &rows, &target);
        let raw = model.downcast_ref::<FittedBoosting>().unwrap().raw_scores(&rows).unwrap();
        let found = sums(model.as_ref(), &rows);
        for (output, sums) in found.iter().enumerate() {
            for (row, sum) in sums.iter().enumerate() {
                let expected = raw[row * found.len() + output];
                assert!((sum - expected).abs() < 1e-9, "{sum}, not {expected}");
            }
        }
    }
}

#[test]
fn contributions_and_base_sum_to_the_answer_of_forests() {
    let (rows, codes) = mixed(300);
    let two: Vec<u32> = codes.iter().map(|&c| c.min(1)).collect();
    for target in [classes(&codes), classes(&two)] {
        for model in [
            fit(&RandomForest::trees(5), &rows, &target),
            fit(&ExtraTrees::trees(5), &rows, &target),
            fit(&DecisionTree::default(), &rows, &target),
        ] {
            let Scores::Probabilities(p) = model.predict(&rows).unwrap() else { panic!("classes") };
            let found = sums(model.as_ref(), &rows);
            for (output, sums) in found.iter().enumerate() {
                let class = p.columns() - found.len() + output;
                let class = if found.len() == 1 { 1 } else { class };
                for (row, sum) in sums.iter().enumerate() {
                    assert!((sum - p.get(row, class)).abs() < 1e-9, "{sum}");
                }
            }
        }
    }
}

// --- Awkward rows, and what is refused. ---

#[test]
fn awkward_rows_are_learned_from() {
    let million = table().numbers("x", vec![1.0; 1_000_000]).frame();
    let model = fit(&GradientBoosting::trees(2), &million, &Target::Numbers(vec![3.5; 1_000_000]));
    assert_eq!(values(model.as_ref(), &million.slice(0..1)), [3.5]);

    let words: Vec<String> = (0..50_000).map(|i| format!("w{i}")).collect();
    let rows = table().words("w", words.iter().map(|w| w.as_str())).frame();
    let codes: Vec<u32> = (0..50_000).map(|i| i % 2).collect();
    let model = fit(&GradientBoosting::trees(2), &rows, &classes(&codes));
    let found = values(model.as_ref(), &rows);
    assert!(found.iter().all(|p| (p - 0.5).abs() < 0.4));

    let one = table().numbers("x", [1.0]).frame();
    let model = fit(&GradientBoosting::default(), &one, &Target::Numbers(vec![2.0]));
    assert_eq!(values(model.as_ref(), &one), [2.0]);

    let infinite = table().numbers("x", [f64::NEG_INFINITY, f64::INFINITY, 1.0, f64::NAN]).frame();
    let target = [1., 2., 3., 4.];
    let model = fit(&one_tree(), &infinite, &Target::Numbers(target.to_vec()));
    assert_eq!(values(model.as_ref(), &infinite), target);
}

#[test]
fn a_class_without_rows_is_improbable() {
    let (rows, codes) = mixed(300);
    let codes: Vec<u32> = codes.iter().map(|&c| c.min(1)).collect();
    let names = ["0", "1", "2"].map(String::from).to_vec();
    let labels = std::sync::Arc::new(Labels::new(names, None).unwrap());
    let model = fit(&GradientBoosting::trees(5), &rows, &Target::Classes { codes, labels });
    assert!(values(model.as_ref(), &rows).iter().all(|p| *p < 1e-6));

    let one = fit(&GradientBoosting::trees(5), &rows, &classes(&[0; 300]));
    assert!(values(one.as_ref(), &rows).iter().all(|p| *p < 1e-6));
}

#[test]
fn extreme_numbers_stay_finite() {
    let (rows, codes) = mixed(500);
    for factor in [1e98, 1e-290] {
        let target = Target::Numbers(codes.iter().map(|&c| f64::from(c) * factor).collect());
        let found = values(fit(&GradientBoosting::trees(5), &rows, &target).as_ref(), &rows);
        assert!(found.iter().all(|v| v.is_finite()));
    }
    let counts: Vec<f64> = (0..500).map(|i| if i % 50 == 0 { 1e12 } else { 0.0 }).collect();
    let settings = GradientBoosting { loss: Some(Loss::Poisson), ..Default::default() };
    let found = values(fit(&settings, &rows, &Target::Numbers(counts)).as_ref(), &rows);
    assert!(found.iter().all(|v| v.is_finite()));
}

#[track_caller]
fn refused_setting(settings: &str, task: Task, expected: &str) {
    let columns = Schema::new(vec![Field::number("x")]).unwrap();
    let settings: GradientBoosting = serde_json::from_str(settings).unwrap();
    refused(settings.check(&columns, task), expected);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let two = Task::Classification { classes: 2 };
    refused_setting(r#"{"trees": 0}"#, two, "`trees` is 0, expected at least 1");
    refused_setting(r#"{"leaves": 1}"#, two, "`leaves` is 1, expected at least 2");
    refused_setting(r#"{"learning_rate": 0.0}"#, two, "`learning_rate` is 0");
    refused_setting(r#"{"l2": -1.0}"#, two, "`l2` is -1, expected a finite number, at least 0");
    refused_setting(r#"{"bins": 300}"#, two, "`bins` is 300, expected 2 to 255");
    refused_setting(r#"{"subsample": 1.5}"#, two, "`subsample` is 1.5");
    refused_setting(r#"{"loss": "poisson"}"#, two, "`loss` is poisson, expected log_loss");
    refused_setting(r#"{"loss": "log_loss"}"#, Task::Regression, "a loss for numbers");
    refused_setting(r#"{"loss": {"quantile": {"alpha": 1.0}}}"#, Task::Regression, "`alpha` is 1");
    refused_setting(r#"{"class_weight": "balanced"}"#, Task::Regression, "no classes");
    refused_setting(r#"{"monotone": {"age": "increasing"}}"#, two, "column `age` not found");
    refused_setting(
        r#"{"monotone": {"x": "increasing"}, "loss": "absolute_error"}"#,
        Task::Regression,
        "`monotone` is set",
    );
    refused_setting(
        r#"{"early_stopping": {"validation": 1.0}}"#,
        two,
        "`early_stopping.validation` is 1",
    );
    refused_setting("{}", Task::Unsupervised, "there is no target");
    refused_setting("{}", Task::Classification { classes: 257 }, "boosting tells 256 apart");
}

#[test]
fn targets_beyond_the_loss_are_refused() {
    let (rows, _) = noisy(30);
    let with = |loss, value| {
        let mut y = vec![1.0; 30];
        y[3] = value;
        let settings = GradientBoosting { loss: Some(loss), ..Default::default() };
        try_fit(&settings, &rows, &Target::Numbers(y))
    };
    refused(with(Loss::Poisson, -1.0), "the target is -1 in row 4; the loss `poisson` needs");
    refused(with(Loss::Gamma, 0.0), "the target is 0 in row 4; the loss `gamma` needs");
    refused(with(Loss::SquaredError, f64::NAN), "the target is NaN in row 4");
}

#[test]
fn settings_survive_being_written_and_read() {
    let settings = GradientBoosting {
        loss: Some(Loss::Quantile { alpha: 0.9 }),
        monotone: BTreeMap::from([("x".into(), Monotone::Decreasing)]),
        early_stopping: Some(EarlyStopping::default()),
        max_features: MaxFeatures::Share(0.5),
        ..Default::default()
    };
    let text = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<GradientBoosting>(&text).unwrap(), settings);
}

#[test]
fn a_damaged_model_is_refused() {
    let (rows, codes) = mixed(300);
    let model = fit(&GradientBoosting::trees(3), &rows, &classes(&codes));
    let damage = |change: &dyn Fn(&mut gristmill_core::State)| {
        let mut state = model.state();
        change(&mut state);
        FittedBoosting::load(&state, model.input())
    };
    assert!(damage(&|_| {}).is_ok());
    refused(damage(&|s| s.facts["objective"] = "squared".into()), "does not answer its task");
    refused(
        damage(&|s| s.facts["objective"]["softmax"]["classes"] = 4.into()),
        "does not answer its task",
    );
    refused(damage(&|s| drop(s.tensors.remove("shares"))), "it is missing");
}

#[test]
fn stages_end_with_the_whole_model_and_begin_with_fewer_trees() {
    let (rows, codes) = mixed(300);
    let target = classes(&codes);
    let model = fit(&GradientBoosting::trees(7), &rows, &target);
    let stages = model.staged(&rows, 3).expect("boosting has stages").unwrap();
    assert_eq!(stages.iter().map(|s| s.steps).collect::<Vec<_>>(), [2, 4, 7]);
    let fewer = fit(&GradientBoosting::trees(4), &rows, &target);
    for (stage, model) in [(&stages[1], &fewer), (&stages[2], &model)] {
        let (Scores::Probabilities(found), Scores::Probabilities(whole)) =
            (&stage.scores, model.predict(&rows).unwrap())
        else {
            panic!("classes have probabilities")
        };
        for class in 0..whole.columns() {
            let pairs = found.column(class).iter().zip(whole.column(class));
            pairs.for_each(|(a, b)| assert!((a - b).abs() < 1e-12, "{a} {b}"));
        }
    }
    assert_eq!(model.staged(&rows, 0).expect("boosting has stages").unwrap(), []);
}

#[test]
fn classes_of_a_few_rows_do_not_carry_the_others_away() {
    // By hand: a row belongs to the class that x names, all but nine to the first two.
    let class = |row: usize| match row {
        0..5 => 2,
        5..9 => 3,
        _ => row as u32 % 2,
    };
    let codes: Vec<u32> = (0..8000).map(class).collect();
    let mut random = Seed(5).random();
    let x = codes.iter().map(|&code| f64::from(code) + 0.8 * random.unit());
    let rows = table().numbers("x", x).numbers("z", (0..8000).map(|row| (row % 97) as f64)).frame();
    let model = fit(&GradientBoosting::trees(100), &rows, &classes(&codes));
    let Scores::Probabilities(p) = model.predict(&rows).unwrap() else {
        panic!("classes have probabilities")
    };
    let right = |&row: &usize| p.get(row, codes[row] as usize) > 0.5;
    let count = (0..8000).filter(right).count();
    assert!(count >= 7990, "{count} of 8000 rows are right");
}

// Where these numbers change, `VERSION` must rise, or caches would mix old models with new ones.
#[test]
fn what_version_2_learns_has_not_changed() {
    let mut random = Seed(3).random();
    let words = ["red", "green", "blue", "pink"];
    let x: Vec<f64> = (0..1500).map(|_| random.below(400) as f64).collect();
    let z: Vec<Option<&str>> = (0..1500).map(|_| words.get(random.below(5)).copied()).collect();
    let y: Vec<f64> = x.iter().map(|x| (x / 40.0).floor() + random.below(3) as f64).collect();
    let rows = table().numbers("x", x).words("z", z).frame();
    let model = fit(&GradientBoosting::trees(3), &rows, &Target::Numbers(y));
    assert_eq!(GradientBoosting::VERSION, 2);
    assert_eq!(fingerprint(&model.state()), 15036540797230405667);
}
