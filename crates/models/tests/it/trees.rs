//! Trees and forests: by hand where a head suffices, against scikit-learn where it does not.

use gristmill_core::{
    Catalog, DenseMatrix, Estimator, Field, FitContext, Frame, Load, Model, Notes, PhysicalType,
    Result, Schema, Scores, Seed, SemanticType, State, Target, Task, TensorData,
};
use gristmill_models::{
    Amount, ClassWeight, Criterion, DecisionTree, ExtraTrees, FittedForest, MaxFeatures,
    RandomForest,
};
use gristmill_testkit::table;

use crate::support::{
    Telco, auc, classes, fingerprint, fit, log_loss, mixed, r2, refused, telco, try_fit, values,
    with_threads,
};

fn numbers(name: &str, values: &[f64]) -> Frame {
    table().numbers(name, values.iter().copied()).frame()
}

/// Fits a tree to one column and checks its answers for `asked`.
#[track_caller]
fn check(train: Frame, target: &[f64], asked: Frame, expected: &[f64]) {
    let model = fit(&DecisionTree::default(), &train, &Target::Numbers(target.to_vec()));
    assert_eq!(values(model.as_ref(), &asked), expected);
}

#[test] // by hand: the border lies at 2.5
fn a_border_lies_halfway_between_values() {
    let train = numbers("x", &[1., 2., 3., 4.]);
    check(train, &[0., 0., 8., 8.], numbers("x", &[-9., 2.5, 2.51, 99.]), &[0., 0., 8., 8.]);
}

#[test] // by hand
fn missing_values_go_where_training_sent_them() {
    let gap = f64::NAN;
    let train = numbers("x", &[1., 2., 3., 4., gap]);
    check(train.clone(), &[0., 0., 8., 8., 8.], numbers("x", &[1., gap]), &[0., 8.]);
    check(train, &[0., 0., 8., 8., 0.], numbers("x", &[4., gap]), &[8., 0.]);
}

#[test] // by hand: two rows on the left, three on the right
fn without_missing_values_in_training_they_go_to_the_heavier_side() {
    let train = numbers("x", &[1., 2., 3., 4., 5.]);
    check(train, &[0., 0., 8., 8., 8.], numbers("x", &[f64::NAN]), &[8.]);
}

#[test] // by hand: a and c are alike, and are more rows than b; d is unseen
fn categories_are_split_into_subsets() {
    let train = table().words("x", ["a", "b", "c", "b", "a"]).frame();
    let asked = table().words("x", [Some("c"), Some("b"), Some("d"), None]).frame();
    check(train, &[1., 5., 1., 5., 1.], asked, &[1., 5., 1., 1.]);
}

#[test] // by hand: every second word answers 1, so that a border leaves three groups and sets two
fn only_few_categories_of_a_forest_are_split_into_sets() {
    let splits = |count: usize| {
        let names: Vec<String> = (0..count).map(|at| format!("{at:02}")).collect();
        let rows = table().words("x", names.iter().map(String::as_str)).frame();
        let codes: Vec<u32> = (0..count as u32).map(|at| at % 2).collect();
        let settings =
            RandomForest { bootstrap: false, max_depth: Some(1), ..RandomForest::trees(1) };
        let model = fit(&settings, &rows, &classes(&codes));
        values(model.as_ref(), &rows).iter().filter(|p| **p == 0.0 || **p == 1.0).count()
    };
    assert_eq!(splits(12), 12);
    assert!(splits(14) < 14);
}

#[test]
fn booleans_are_split_like_numbers() {
    let train = table().booleans("x", [true, false, true]).frame();
    let asked = table().booleans("x", [false, true]).frame();
    check(train, &[2., 1., 2.], asked, &[1., 2.]);
}

#[test]
fn a_column_that_does_not_vary_gives_the_mean() {
    check(numbers("x", &[7., 7., 7., 7.]), &[1., 2., 3., 6.], numbers("x", &[0., 7.]), &[3., 3.]);
}

#[test]
fn a_far_off_mean_costs_no_precision() {
    let train = numbers("x", &[1., 2., 3., 4.]);
    let far = 1e12;
    check(train, &[far, far, far + 1., far + 1.], numbers("x", &[2., 3.]), &[far, far + 1.]);
}

#[test] // exclusive or: the first split gains nothing, and is made all the same
fn a_split_that_gains_nothing_may_lead_to_one_that_does() {
    let train = table().numbers("x", [0., 0., 1., 1.]).numbers("y", [0., 1., 0., 1.]).frame();
    check(train.clone(), &[0., 1., 1., 0.], train, &[0., 1., 1., 0.]);
}

#[test]
fn one_row_of_each_class_is_told_apart() {
    let train = numbers("x", &[3., 1., 2.]);
    let model = fit(&DecisionTree::default(), &train, &classes(&[2, 0, 1]));
    let Scores::Probabilities(p) = model.predict(&train).unwrap() else { panic!("classes") };
    assert_eq!(p.values(), [0., 1., 0., 0., 0., 1., 1., 0., 0.]);
}

#[test] // a fold may lack a class that the labels know
fn a_class_without_rows_has_probability_zero() {
    let train = numbers("x", &[1., 2., 3.]);
    let Target::Classes { labels, .. } = classes(&[0, 1, 2]) else { panic!("classes") };
    let target = Target::Classes { codes: vec![0, 2, 2], labels };
    let settings = DecisionTree { class_weight: ClassWeight::Balanced, ..Default::default() };
    let Scores::Probabilities(p) = fit(&settings, &train, &target).predict(&train).unwrap() else {
        panic!("classes")
    };
    assert_eq!(p.column(1), [0.; 3]);
}

#[test]
fn no_rows_give_no_answers() {
    let train = numbers("x", &[1., 2.]);
    let model = fit(&RandomForest::trees(3), &train, &classes(&[0, 1]));
    let none = train.slice(0..0);
    assert_eq!(model.predict(&none).unwrap(), Scores::Probabilities(DenseMatrix::zeros(0, 2)));
}

// --- Real rows: the telco table, and scikit-learn 1.9.1 on it. ---

const NUMERIC: [&str; 7] = [
    "female",
    "senior_citizen",
    "partner",
    "dependents",
    "tenure",
    "phone_service",
    "paperless_billing",
];

/// Checks the log loss of a tree on its own training rows.
#[track_caller]
fn check_log_loss(settings: DecisionTree, target: fn(&Telco) -> Target, expected: f64) {
    let Some(telco) = telco() else { return };
    let (rows, target) = (telco.frame(&NUMERIC), target(&telco));
    let found = log_loss(&fit(&settings, &rows, &target).predict(&rows).unwrap(), &target);
    // Weights of rows are kept with 24 bits, so fractions of them are not exact.
    assert!((found - expected).abs() < 1e-7, "{found}, not {expected}");
}

#[test] // scikit-learn 1.9.1: DecisionTreeClassifier(max_depth=4)
fn a_tree_is_the_one_of_scikit_learn() {
    let settings = DecisionTree { max_depth: Some(4), ..Default::default() };
    check_log_loss(settings.clone(), Telco::churn, 0.4735429588162521);
    check_log_loss(settings, Telco::contract, 0.664573386327776);
}

#[test] // scikit-learn 1.9.1: criterion="entropy"
fn an_entropy_tree_is_the_one_of_scikit_learn() {
    let criterion = Some(Criterion::Entropy);
    let settings = DecisionTree { max_depth: Some(4), criterion, ..Default::default() };
    check_log_loss(settings, Telco::churn, 0.4740872827133095);
}

#[test] // scikit-learn 1.9.1: max_leaf_nodes=7
fn the_most_gainful_leaves_are_those_of_scikit_learn() {
    let settings = DecisionTree { max_leaves: Some(7), ..Default::default() };
    check_log_loss(settings, Telco::churn, 0.48872896455516235);
}

#[test] // scikit-learn 1.9.1: class_weight="balanced"
fn balanced_classes_weigh_as_in_scikit_learn() {
    let class_weight = ClassWeight::Balanced;
    let settings = DecisionTree { max_depth: Some(4), class_weight, ..Default::default() };
    check_log_loss(settings, Telco::churn, 0.5610245431748094);
}

#[test] // scikit-learn 1.9.1: max_depth=6, min_samples_leaf=50
fn small_leaves_are_refused_as_in_scikit_learn() {
    let settings = DecisionTree { max_depth: Some(6), min_samples_leaf: 50, ..Default::default() };
    check_log_loss(settings, Telco::churn, 0.46290604699054655);
}

#[test] // scikit-learn 1.9.1: sample_weight = 1 + tenure % 3
fn rows_weigh_as_in_scikit_learn() {
    let Some(telco) = telco() else { return };
    let (rows, target) = (telco.frame(&NUMERIC), telco.churn());
    let weights: Vec<f64> = telco.numbers("tenure").iter().map(|t| 1.0 + t % 3.0).collect();
    let notes = Notes::default();
    let context = FitContext { weights: Some(&weights), ..FitContext::new(Seed(0), &notes) };
    let settings = DecisionTree { max_depth: Some(4), ..Default::default() };
    let model = settings.fit(&rows, &target, &context).unwrap();
    let found = log_loss(&model.predict(&rows).unwrap(), &target);
    assert!((found - 0.4756143800172039).abs() < 1e-9, "{found}");
}

#[test] // scikit-learn 1.9.1: feature_importances_ of DecisionTreeClassifier(max_depth=4)
fn importances_are_those_of_scikit_learn() {
    let Some(telco) = telco() else { return };
    let settings = DecisionTree { max_depth: Some(4), ..Default::default() };
    let model = fit(&settings, &telco.frame(&NUMERIC), &telco.churn());
    let expected = [
        0.,
        0.05724298211728316,
        0.,
        0.03001333035911185,
        0.6911686582317226,
        0.,
        0.22157502929188239,
    ];
    for (found, expected) in model.importances().unwrap().iter().zip(expected) {
        assert!((found - expected).abs() < 1e-9, "{found}, not {expected}");
    }
}

#[test] // scikit-learn 1.9.1: DecisionTreeRegressor(max_depth=4)
fn a_regression_tree_is_the_one_of_scikit_learn() {
    let Some(telco) = telco() else { return };
    let (rows, charges) = (telco.frame(&NUMERIC), telco.numbers("monthly_charges"));
    let settings = DecisionTree { max_depth: Some(4), ..Default::default() };
    let model = fit(&settings, &rows, &Target::Numbers(charges.clone()));
    let found = r2(&values(model.as_ref(), &rows), &charges);
    assert!((found - 0.27449203144316603).abs() < 1e-9, "{found}");
}

/// The mean over 5 folds (row number modulo 5) of what `score` says of each.
fn cross_validate(
    rows: &Frame,
    target: &Target,
    settings: &RandomForest,
    score: impl Fn(&[f64], &Target) -> f64,
) -> f64 {
    let part = |keep: &dyn Fn(u32) -> bool| {
        (0..rows.rows() as u32).filter(|&r| keep(r)).collect::<Vec<u32>>()
    };
    let folds = (0..5).map(|fold| {
        let (train, test) = (part(&|r| r % 5 != fold), part(&|r| r % 5 == fold));
        let model = fit(settings, &rows.take(&train), &target.take(&train));
        score(&values(model.as_ref(), &rows.take(&test)), &target.take(&test))
    });
    folds.sum::<f64>() / 5.0
}

#[test] // scikit-learn 1.9.1 on one-hot columns, same folds: 0.8430
fn a_forest_ranks_churn_as_well_as_scikit_learn() {
    let Some(telco) = telco() else { return };
    let settings = RandomForest { trees: 100, min_samples_leaf: 5, ..Default::default() };
    let rows = telco.features(&["churn"]);
    let found = cross_validate(&rows, &telco.churn(), &settings, |scores, target| {
        let Target::Classes { codes, .. } = target else { panic!("classes") };
        auc(scores, codes)
    });
    println!("mean AUC {found}");
    assert!(found > 0.838, "{found}");
}

#[test] // scikit-learn 1.9.1 on one-hot columns, 30 trees, same folds: 0.9972
fn a_forest_fits_charges_as_well_as_scikit_learn() {
    let Some(telco) = telco() else { return };
    let settings = RandomForest { trees: 30, min_samples_leaf: 5, ..Default::default() };
    let rows = telco.features(&["churn", "monthly_charges"]);
    let charges = Target::Numbers(telco.numbers("monthly_charges"));
    let found = cross_validate(&rows, &charges, &settings, |answers, target| {
        let Target::Numbers(truth) = target else { panic!("numbers") };
        r2(answers, truth)
    });
    println!("mean R² {found}");
    assert!(found > 0.99, "{found}");
}

// --- Promises. ---

/// Models of both kinds for both tasks.
fn models(rows: &Frame, codes: &[u32]) -> Vec<Box<dyn Model>> {
    let numbers = Target::Numbers(codes.iter().map(|&c| f64::from(c)).collect());
    let targets = [classes(codes), numbers];
    let (forest, extra) = (RandomForest::trees(12), ExtraTrees::trees(5));
    let fitted = targets.iter().flat_map(|target| {
        [
            fit(&forest, rows, target),
            fit(&DecisionTree::default(), rows, target),
            fit(&extra, rows, target),
        ]
    });
    fitted.collect()
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let (rows, codes) = mixed(3000);
    let states = |threads| {
        with_threads(threads, || {
            models(&rows, &codes).iter().map(|m| m.state()).collect::<Vec<_>>()
        })
    };
    let one = states(1);
    assert_eq!(one, states(3));
    assert_eq!(one, states(2));
}

#[test]
fn a_row_alone_gets_the_answer_it_gets_among_others() {
    let (rows, codes) = mixed(500);
    for model in models(&rows, &codes) {
        let all = values(model.as_ref(), &rows);
        for (row, among_others) in all.iter().enumerate() {
            assert_eq!(values(model.as_ref(), &rows.slice(row..row + 1)), [*among_others]);
        }
    }
}

#[test]
fn a_loaded_model_is_the_one_that_was_stored() {
    let (rows, codes) = mixed(500);
    let mut catalog = Catalog::new();
    gristmill_models::register(&mut catalog);
    for model in models(&rows, &codes) {
        let loaded = catalog.load_model(model.kind(), &model.state(), model.input()).unwrap();
        assert_eq!(loaded.predict(&rows).unwrap(), model.predict(&rows).unwrap());
        assert_eq!(loaded.state(), model.state());
        assert_eq!((loaded.task(), loaded.importances()), (model.task(), model.importances()));
    }
}

#[test]
fn another_seed_grows_another_forest() {
    let (rows, codes) = mixed(200);
    let notes = Notes::default();
    let state = |seed| {
        let context = FitContext::new(Seed(seed), &notes);
        RandomForest::trees(3).fit(&rows, &classes(&codes), &context).unwrap().state()
    };
    assert_eq!(state(1), state(1));
    assert_ne!(state(1), state(2));
}

#[test]
fn rows_of_weight_zero_are_as_if_they_were_not_there() {
    let (rows, codes) = mixed(250);
    let notes = Notes::default();
    let weights: Vec<f64> = (0..250).map(|row| f64::from(u8::from(row < 150))).collect();
    let context = FitContext { weights: Some(&weights), ..FitContext::new(Seed(7), &notes) };
    let settings = DecisionTree { min_samples_leaf: 3, ..Default::default() };
    let target = classes(&codes);
    let kept: Vec<u32> = (0..150).collect();
    let with = settings.fit(&rows, &target, &context).unwrap();
    // Borders are learned from all rows, so they may lie elsewhere between two values of the rest.
    let without = fit(&settings, &rows.take(&kept), &target.take(&kept));
    let asked = rows.take(&kept);
    assert_eq!(values(with.as_ref(), &asked), values(without.as_ref(), &asked));
}

#[test]
fn categories_beyond_the_bins_are_grouped_and_said_so() {
    let words: Vec<String> = (0..600).map(|i| format!("w{}", i % 300)).collect();
    let rows = table().words("x", words.iter().map(|w| w.as_str())).frame();
    let notes = Notes::default();
    let codes: Vec<u32> = (0..600).map(|i| (i % 300) % 2).collect();
    let context = FitContext::new(Seed(0), &notes);
    let model = DecisionTree::default().fit(&rows, &classes(&codes), &context).unwrap();
    assert!(notes.all()[0].contains("column `x` has 300 categories"), "{:?}", notes.all());
    assert_eq!(values(model.as_ref(), &rows.slice(0..2)), [0., 1.]);
}

// --- What is refused. ---

const TWO_CLASSES: Task = Task::Classification { classes: 2 };

#[track_caller]
fn refused_setting(settings: &str, task: Task, expected: &str) {
    let columns = Schema::new(vec![Field::number("x")]).unwrap();
    let forest: RandomForest = serde_json::from_str(settings).unwrap();
    refused(forest.check(&columns, task), expected);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    refused_setting(r#"{"trees": 0}"#, TWO_CLASSES, "`trees` is 0, expected at least 1");
    refused_setting(r#"{"max_depth": 0}"#, TWO_CLASSES, "`max_depth` is 0, expected at least 1");
    refused_setting(r#"{"max_leaves": 1}"#, TWO_CLASSES, "expected at least 2");
    refused_setting(r#"{"min_samples_leaf": 0}"#, TWO_CLASSES, "`min_samples_leaf` is 0");
    refused_setting(r#"{"min_samples_split": 1}"#, TWO_CLASSES, "expected at least 2");
    refused_setting(r#"{"bins": 256}"#, TWO_CLASSES, "`bins` is 256, expected 2 to 255");
    refused_setting(r#"{"max_features": 1.5}"#, TWO_CLASSES, "a share above 0");
    refused_setting(r#"{"max_samples": 0.0}"#, TWO_CLASSES, "a share above 0");
    refused_setting(
        r#"{"max_samples": 3, "bootstrap": false}"#,
        TWO_CLASSES,
        "`max_samples` is set",
    );
    refused_setting(r#"{"criterion": "squared_error"}"#, TWO_CLASSES, "gini or entropy");
    refused_setting(r#"{"criterion": "gini"}"#, Task::Regression, "squared_error");
    refused_setting(r#"{"class_weight": "balanced"}"#, Task::Regression, "no classes");
    refused_setting("{}", Task::Classification { classes: 257 }, "trees tell 256 apart");
}

#[test]
fn columns_that_trees_cannot_use_are_refused_with_a_remedy() {
    let check = |field: Field| {
        DecisionTree::default().check(&Schema::new(vec![field]).unwrap(), Task::Regression)
    };
    let text = Field::new("note", PhysicalType::Utf8).meaning(SemanticType::Text);
    refused(check(Field::new("day", PhysicalType::Timestamp)), "derive parts of it");
    refused(check(text), "encode the text");
    refused(
        DecisionTree::default().check(&Schema::default(), Task::Regression),
        "there are 0 columns",
    );
    assert_eq!(check(Field::number("many").expanding()), Ok(()));
}

#[test]
fn rows_that_teach_nothing_are_refused() {
    let train = numbers("x", &[1., 2.]);
    let tree = DecisionTree::default();
    refused(try_fit(&tree, &train.slice(0..0), &Target::Numbers(vec![])), "no row to learn from");
    refused(
        try_fit(&tree, &train, &Target::Numbers(vec![1., f64::INFINITY])),
        "the target is inf in row 2",
    );
    let weighed = |weights: &[f64]| {
        let notes = Notes::default();
        let context = FitContext { weights: Some(weights), ..FitContext::new(Seed(0), &notes) };
        RandomForest::trees(2).fit(&train, &classes(&[0, 1]), &context)
    };
    refused(weighed(&[1., -1.]), "the weight of row 2 is -1");
    refused(weighed(&[f64::NAN, 1.]), "the weight of row 1 is NaN");
    refused(weighed(&[1e300, 1.]), "the weight of row 1 is 1");
    refused(weighed(&[1e-300, 0.]), "none that weighs anything");
}

#[test]
fn many_rows_and_many_classes_of_extreme_numbers_are_learned() {
    let huge: Vec<f64> = (0..2000).map(|i| f64::from(i % 97 - 50) * 1e306).collect();
    let train = table()
        .numbers("x", huge.iter().copied())
        .numbers("y", (0..2000).map(|i| f64::from(i) * 1e-300))
        .frame();
    let codes: Vec<u32> = (0..2000).map(|i| (i % 97) as u32).collect();
    let model = fit(&DecisionTree::default(), &train, &classes(&codes));
    let Scores::Probabilities(p) = model.predict(&train).unwrap() else { panic!("classes") };
    assert!((0..2000).all(|row| p.get(row, codes[row] as usize) == 1.0));
    let target = Target::Numbers(codes.iter().map(|&c| f64::from(c) * 1e98).collect());
    let model = fit(&DecisionTree::default(), &train, &target);
    assert_eq!(Target::Numbers(values(model.as_ref(), &train)), target);
}

/// A stored forest with one tensor changed.
fn damage(change: impl Fn(&mut State)) -> Result<FittedForest> {
    let (rows, codes) = mixed(300);
    let model = fit(&RandomForest::trees(2), &rows, &classes(&codes));
    let mut state = model.state();
    change(&mut state);
    FittedForest::load(&state, model.input())
}

fn set_u32(state: &mut State, name: &str, at: usize, value: u32) {
    match state.tensors.get_mut(name).map(|t| &mut t.data) {
        Some(TensorData::U32(values)) => values[at] = value,
        _ => panic!("there is a tensor `{name}`"),
    }
}

fn set_f64(state: &mut State, name: &str, at: usize, value: f64) {
    match state.tensors.get_mut(name).map(|t| &mut t.data) {
        Some(TensorData::F64(values)) => values[at] = value,
        _ => panic!("there is a tensor `{name}`"),
    }
}

#[test]
fn a_damaged_forest_is_refused() {
    assert!(damage(|_| {}).is_ok());
    let nowhere = "points to where nothing is";
    // A node that leads back to itself, beyond the end, or to an answer that is not there.
    refused(damage(|s| set_u32(s, "children", 0, 0)), nowhere);
    refused(damage(|s| set_u32(s, "children", 1, 1 << 30)), nowhere);
    refused(damage(|s| set_u32(s, "children", 1, u32::MAX)), nowhere);
    refused(damage(|s| set_u32(s, "rules", 0, 3 << 9)), nowhere);
    refused(damage(|s| set_u32(s, "rules", 0, u32::MAX)), nowhere);
    refused(damage(|s| set_u32(s, "subset_columns", 0, 3)), nowhere);
    refused(damage(|s| set_u32(s, "nodes", 0, u32::MAX)), "shorter than it should be");
    refused(damage(|s| set_u32(s, "answers", 1, 1)), "longer than it should be");
    refused(damage(|s| set_f64(s, "values", 0, f64::NAN)), "no set of probabilities");
    refused(damage(|s| set_f64(s, "values", 0, 7.0)), "no set of probabilities");
    refused(damage(|s| set_f64(s, "borders", 3, f64::INFINITY)), "do not rise");
    refused(damage(|s| set_f64(s, "borders", 3, -1e9)), "do not rise");
    refused(damage(|s| set_f64(s, "importances", 0, -1.0)), "`importances`");
    refused(damage(|s| drop(s.tensors.remove("rules"))), "it is missing");
    refused(damage(|s| s.facts["task"] = "regression".into()), "damaged");
    refused(damage(|s| s.facts["kind"] = "mystery".into()), "damaged");
    refused(damage(|s| s.facts["columns"][0] = s.facts["columns"][2].clone()), "another type");
}

#[test]
fn settings_survive_being_written_and_read() {
    let forest = RandomForest {
        max_features: Some(MaxFeatures::Share(0.5)),
        max_samples: Some(Amount::Count(100)),
        class_weight: ClassWeight::Balanced,
        ..RandomForest::trees(7)
    };
    let text = serde_json::to_string(&forest).unwrap();
    assert_eq!(serde_json::from_str::<RandomForest>(&text).unwrap(), forest);
    let refused = serde_json::from_str::<RandomForest>(r#"{"tree": 7}"#).unwrap_err();
    assert!(refused.to_string().contains("unknown field `tree`"));
}

// Where these numbers change, `VERSION` must rise, or caches would mix old models with new ones.
#[test]
fn what_these_versions_learn_has_not_changed() {
    let mut random = Seed(3).random();
    let words = ["red", "green", "blue", "pink"];
    let x: Vec<f64> = (0..1500).map(|_| random.below(400) as f64).collect();
    let z: Vec<Option<&str>> = (0..1500).map(|_| words.get(random.below(5)).copied()).collect();
    let codes: Vec<u32> = (0..1500)
        .map(|i| {
            u32::from(
                x[i] + 100.0 * f64::from(u8::from(z[i] == Some("blue"))) > random.below(400) as f64,
            )
        })
        .collect();
    let rows = table().numbers("x", x).words("z", z).frame();
    let found: Vec<u64> = models(&rows, &codes).iter().map(|m| fingerprint(&m.state())).collect();
    assert_eq!((RandomForest::VERSION, DecisionTree::VERSION, ExtraTrees::VERSION), (3, 2, 1));
    let expected = [
        2632763176349198624,
        15170702941945217248,
        3267863634133812054,
        4670175653631265097,
        11063546231324549603,
        13790951038377922114,
    ];
    assert_eq!(found, expected);
}
