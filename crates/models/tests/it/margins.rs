//! Support vector machines, against scikit-learn.

use gristmill_core::{Estimator, FitContext, Frame, Notes, Seed, Target, Task};
use gristmill_models::{
    ClassWeight, Gamma, Kernel, LinearModel, LinearSvm, LinearSvmModel, LogisticModel, Probability,
    Svm, SvmLoss, SvmModel,
};
use gristmill_testkit::{conformance, table};
use serde_json::{Value, json};

use super::linear::made_for;
use super::real_rows::{
    answers, catalog, classes, learn, log_loss, near, parts, probabilities, split,
    standardised_telco, weights,
};

/// Row weights that a check may use.
#[derive(Clone, Copy)]
enum Weigh {
    Equally,
    /// 1, 2, 3, 1, ...
    Unequally,
}

impl Weigh {
    fn rows(self, count: usize) -> Option<Vec<f64>> {
        match self {
            Self::Equally => None,
            Self::Unequally => Some(weights(count)),
        }
    }
}

#[track_caller]
fn check_linear(
    estimator: &LinearSvm,
    target: &str,
    rows: usize,
    weigh: Weigh,
    expected: &[f64],
    intercepts: &[f64],
) {
    let Some((all, target)) = standardised_telco(target) else { return };
    let (train, target, _) = split(&all, &target, rows);
    let model = learn(estimator, &train, &target, weigh.rows(rows).as_deref());
    match model.downcast_ref::<LinearSvmModel>().unwrap() {
        LinearSvmModel::Classes(inner) => {
            let inner: &LogisticModel = inner;
            near(inner.weights(), expected, 2e-5);
            near(inner.intercepts(), intercepts, 2e-5);
        }
        LinearSvmModel::Numbers(inner) => {
            let inner: &LinearModel = inner;
            near(inner.weights(), expected, 1e-3);
            near(&[inner.intercept()], intercepts, 1e-3);
        }
    }
}

#[test] // scikit-learn 1.9.1, LinearSVC(dual=False, tol=1e-13)
fn squared_hinges_agree_with_scikit_learn() {
    check_linear(
        &LinearSvm { tolerance: 1e-9, ..Default::default() },
        "churn",
        7032,
        Weigh::Equally,
        &[
            0.00038498653341453116,
            0.06774356214883762,
            0.0038361549785716456,
            -0.04812577616812419,
            -0.3922685735814997,
            -0.07998034811439297,
            0.09114276009799838,
            0.3568644983503335,
            -0.08838240930388258,
        ],
        &[-0.5278630477249607],
    );
}

#[test] // scikit-learn 1.9.1, the same with class_weight="balanced"
fn balanced_squared_hinges_agree_with_scikit_learn() {
    check_linear(
        &LinearSvm { tolerance: 1e-9, class_weight: ClassWeight::Balanced, ..Default::default() },
        "churn",
        7032,
        Weigh::Equally,
        &[
            -0.005033627454364941,
            0.0688710705276627,
            0.0030999735644548078,
            -0.055906569007705485,
            -0.5418161385906657,
            -0.10052126113083684,
            0.09693296615349095,
            0.3675581531886488,
            0.017792162480123688,
        ],
        &[-0.18143765797807868],
    );
}

#[test] // scikit-learn 1.9.1, the same with fit_intercept=False and sample_weight
fn weighted_squared_hinges_without_a_constant_agree_with_scikit_learn() {
    check_linear(
        &LinearSvm { tolerance: 1e-9, intercept: false, ..Default::default() },
        "churn",
        7032,
        Weigh::Unequally,
        &[
            0.003407087682335001,
            0.07075292581767739,
            0.012449105589188545,
            -0.0431687159410606,
            -0.14484983400768564,
            -0.04188465420108208,
            0.07252355182135314,
            0.3788338351581594,
            -0.3213927155957908,
        ],
        &[0.0],
    );
}

#[test] // scikit-learn 1.9.1, LinearSVC(dual=False, tol=1e-13), one against all others
fn three_classes_agree_with_scikit_learn() {
    check_linear(
        &LinearSvm { tolerance: 1e-9, ..Default::default() },
        "contract",
        7032,
        Weigh::Equally,
        &[
            -0.00554934954708288,
            0.11233179776835604,
            -0.008512917561425854,
            -0.08041839466240606,
            -0.6877177843110598,
            -0.05371599812096023,
            0.11120140933992718,
            0.2934264145433717,
            -0.12021731646214036,
            -0.0040444032911536405,
            -0.024960404128148515,
            -0.003967840818983421,
            0.01944386079219163,
            0.036387468644417754,
            0.004087719284579339,
            -0.02757236886500641,
            -0.10982085164141775,
            0.1866892772176038,
            0.01268178581819342,
            -0.11628927715546822,
            0.015826507613480128,
            0.07099198134630348,
            0.47820703076883414,
            0.037330524750064674,
            -0.09833930659186142,
            -0.5326148511820317,
            0.4471825343375662,
        ],
        &[0.11710429577083861, -0.5813162168888563, -0.7813133972020776],
    );
}

#[test] // scikit-learn 1.9.1, LinearSVC(loss="hinge", C=0.1, tol=1e-9), the first 1,000 rows
fn hinges_agree_with_scikit_learn() {
    check_linear(
        &LinearSvm {
            loss: Some(SvmLoss::Hinge),
            c: 0.1,
            tolerance: 1e-9,
            max_iter: 1_000_000,
            ..Default::default()
        },
        "churn",
        1000,
        Weigh::Equally,
        &[
            -0.01889571371597001,
            0.14762129913206,
            0.07308759867379273,
            -0.17561422590084333,
            -0.5175201353681682,
            -0.022177834178143372,
            0.15542856495576052,
            0.6817305574115694,
            -0.4681940952596335,
        ],
        &[-1.072961515700253],
    );
}

#[test] // scikit-learn 1.9.1, LinearSVR(epsilon=1, C=0.1, tol=1e-9), the first 1,000 rows
fn tubes_agree_with_scikit_learn() {
    check_linear(
        &LinearSvm {
            c: 0.1,
            epsilon: 1.0,
            tolerance: 1e-9,
            max_iter: 1_000_000,
            ..Default::default()
        },
        "monthly_charges",
        1000,
        Weigh::Equally,
        &[
            0.16211351665469034,
            3.1328126649057477,
            -0.49547831386621866,
            -1.6276557872524609,
            -4.7929272007418335,
            2.56735273018678,
            7.892970075833083,
            22.36156710433943,
        ],
        &[50.43601588042864],
    );
}

#[test] // scikit-learn 1.9.1, the same with loss="squared_epsilon_insensitive", dual=False
fn squared_tubes_agree_with_scikit_learn() {
    check_linear(
        &LinearSvm {
            c: 0.1,
            epsilon: 1.0,
            loss: Some(SvmLoss::SquaredEpsilonInsensitive),
            tolerance: 1e-9,
            ..Default::default()
        },
        "monthly_charges",
        7032,
        Weigh::Equally,
        &[
            0.2009611995272113,
            2.1309058404244983,
            0.503050418111555,
            -1.2049273688734359,
            -24.210732598307224,
            3.240239382421048,
            4.202754155812579,
            38.323780768491325,
        ],
        &[64.68268268313011],
    );
}

/// A machine that learns the first 1,000 rows and is asked for the next five.
#[track_caller]
fn check_kernel(svm: &Svm, target: &str, weigh: Weigh, vectors: usize, expected: &[f64]) {
    let Some((all, target)) = standardised_telco(target) else { return };
    let (train, target, rest) = split(&all, &target, 1000);
    let exact = Svm { tolerance: 1e-8, ..svm.clone() };
    let model = learn(&exact, &train, &target, weigh.rows(1000).as_deref());
    let model: &SvmModel = model.downcast_ref().unwrap();
    assert!(model.vectors().abs_diff(vectors) <= 3, "{} vectors, not {vectors}", model.vectors());
    near(&model.decisions(&rest.slice(0..5)).unwrap(), expected, 1e-5);
}

#[test] // scikit-learn 1.9.1, SVC(tol=1e-8).decision_function
fn radial_kernels_agree_with_scikit_learn() {
    check_kernel(
        &Svm::default(),
        "churn",
        Weigh::Equally,
        499,
        &[
            -1.6521452680663726,
            -1.4429298031188948,
            -1.0237010299708111,
            0.022026823392679695,
            0.35163292762013953,
        ],
    );
}

#[test] // scikit-learn 1.9.1, the same with class_weight="balanced" and sample_weight
fn weights_of_rows_and_classes_agree_with_scikit_learn() {
    // scikit-learn balances by the number of rows, Gristmill by their weight: taken back here.
    let Some((all, target)) = standardised_telco("churn") else { return };
    let (train, target, rest) = split(&all, &target, 1000);
    let Target::Classes { codes, .. } = &target else { unreachable!() };
    let rows = |class: u32| codes.iter().filter(|c| **c == class).count() as f64;
    let balanced = [500.0 / rows(0), 500.0 / rows(1)];
    let weights: Vec<f64> =
        weights(1000).iter().zip(codes).map(|(w, &c)| w * balanced[c as usize]).collect();
    let svm = Svm { tolerance: 1e-8, ..Svm::default() };
    let model = learn(&svm, &train, &target, Some(&weights));
    let model: &SvmModel = model.downcast_ref().unwrap();
    near(
        &model.decisions(&rest.slice(0..5)).unwrap(),
        &[
            -1.771725035874244,
            -1.3684147632747181,
            0.5938831890315155,
            0.7379524851253385,
            0.9784565816749486,
        ],
        1e-5,
    );
}

#[test] // scikit-learn 1.9.1, SVC(kernel="poly", coef0=1, tol=1e-8)
fn polynomial_kernels_agree_with_scikit_learn() {
    check_kernel(
        &Svm { kernel: Kernel::Polynomial, offset: 1.0, ..Svm::default() },
        "churn",
        Weigh::Equally,
        467,
        &[
            -1.6318618923596255,
            -1.6389798008224923,
            -0.9759916510547502,
            -0.2733244662762879,
            0.5690569521547659,
        ],
    );
}

#[test] // scikit-learn 1.9.1, SVC(kernel="linear", tol=1e-8)
fn linear_kernels_agree_with_scikit_learn() {
    check_kernel(
        &Svm { kernel: Kernel::Linear, ..Svm::default() },
        "churn",
        Weigh::Equally,
        499,
        &[
            -2.5041172755205614,
            -1.9259687616814283,
            -0.7743674321467018,
            0.15741549269502375,
            0.016293043053723366,
        ],
    );
}

#[test] // scikit-learn 1.9.1, SVC(kernel="sigmoid", gamma=0.01, tol=1e-8)
fn sigmoid_kernels_agree_with_scikit_learn() {
    check_kernel(
        &Svm { kernel: Kernel::Sigmoid, gamma: Gamma::Value(0.01), ..Svm::default() },
        "churn",
        Weigh::Equally,
        518,
        &[
            -1.2661155610714134,
            -1.1617755387120459,
            -0.9367952677035787,
            -0.7662447086735134,
            -0.8004783550838362,
        ],
    );
}

#[test] // scikit-learn 1.9.1, SVC(tol=1e-8, decision_function_shape="ovo"), with the other sign
fn pairs_of_three_classes_agree_with_scikit_learn() {
    check_kernel(
        &Svm::default(),
        "contract",
        Weigh::Equally,
        560,
        &PAIRS.map(|decision| -decision),
    );
}

/// One against two, one against three, two against three.
const PAIRS: [f64; 15] = [
    -0.3927168749328536,
    -0.12705352618585178,
    0.2758187893586832,
    0.1943307589664927,
    0.4691041566463994,
    0.5997373863391403,
    0.1377018124462816,
    0.548110549805934,
    0.4659491634455153,
    1.5254404651633209,
    2.083539701687848,
    1.4853885317813622,
    1.818620061291768,
    1.7536379690234958,
    1.4667595892260659,
];

#[test] // scikit-learn 1.9.1, SVC(tol=1e-8).predict: how often each class, and how often right
fn votes_of_three_classes_agree_with_scikit_learn() {
    let Some((all, target)) = standardised_telco("contract") else { return };
    let (train, some, _) = split(&all, &target, 1000);
    let model = learn(&Svm::default(), &train, &some, None);
    let p: Vec<Vec<f64>> = (0..3).map(|k| probabilities(model.as_ref(), &all, k)).collect();
    let best =
        |row: usize| (0..3).fold(0, |best, k| if p[k][row] > p[best][row] { k } else { best });
    let Target::Classes { codes, .. } = &target else { unreachable!() };
    let mut counts = [0_usize; 3];
    let mut right = 0.0;
    for (row, code) in codes.iter().enumerate() {
        counts[best(row)] += 1;
        right += f64::from(u8::from(best(row) == *code as usize));
    }
    for (found, expected) in counts.into_iter().zip([4259, 899, 1874]) {
        assert!(found.abs_diff(expected) < 20, "{counts:?}");
    }
    near(&[right / 7032.0], &[0.7148748577929466], 0.003);
}

#[test] // scikit-learn 1.9.1, SVR(C=10, epsilon=0.5, tol=1e-8)
fn numbers_agree_with_scikit_learn() {
    let Some((all, target)) = standardised_telco("monthly_charges") else { return };
    let (train, target, rest) = split(&all, &target, 1000);
    let svm = Svm { c: 10.0, epsilon: 0.5, tolerance: 1e-8, ..Svm::default() };
    let model = learn(&svm, &train, &target, None);
    near(
        &answers(model.as_ref(), &rest.slice(0..5)),
        &[
            27.60479869288085,
            34.2980003138519,
            89.5509114219823,
            83.9892309177991,
            50.2228063750009,
        ],
        1e-3,
    );
}

/// Curves depend on which rows are held out, so the loss on the other rows is compared.
#[track_caller]
fn check_curves(target: &str, expected: f64, distance: f64) {
    let Some((all, target)) = standardised_telco(target) else { return };
    let (train, some, rest) = split(&all, &target, 1000);
    let later: Vec<u32> = (1000..all.rows() as u32).collect();
    let svm = Svm { probability: Probability::Platt, ..Svm::default() };
    let model = learn(&svm, &train, &some, None);
    near(&[log_loss(model.as_ref(), &rest, &target.take(&later))], &[expected], distance);
}

#[test] // scikit-learn 1.9.1, SVC(probability=True, random_state=0), its own folds
fn probabilities_are_as_good_as_those_of_scikit_learn() {
    check_curves("churn", 0.47894802848630635, 0.01);
    check_curves("contract", 0.6685766021871085, 0.02);
}

#[test]
fn machines_keep_the_promises_of_estimators() {
    let check = |settings: Value, target: &str, rows: usize| {
        conformance::estimator(&catalog(), "svm", &settings, &made_for(target, rows));
    };
    check(json!({}), "yes", 200);
    check(json!({}), "level", 300);
    check(json!({}), "y", 200);
    check(json!({"probability": "platt"}), "level", 200);
    check(json!({"kernel": "linear", "max_iter": 10}), "yes", 200);
    check(json!({"kernel": "polynomial", "C": 0.1, "coef0": 1}), "y", 150);
    // More rows than one thread compares, and some that are taken out on the way.
    check(json!({"kernel": "rbf", "gamma": 0.5, "tolerance": 0.01}), "yes", 3000);
}

#[test]
fn a_million_equal_rows_are_one() {
    let n = 1_000_000;
    let words = (0..n).map(|row| if row % 3 == 0 { "a" } else { "b" });
    let rows = table().numbers("x", vec![1.0; n]).words("y", words).target("y");
    let (rows, target) = parts(&rows);
    let model = learn(&Svm::default(), &rows, &target, None);
    assert_eq!(model.downcast_ref::<SvmModel>().unwrap().vectors(), 2);
    assert!(probabilities(model.as_ref(), &rows.slice(0..1), 1)[0] > 0.5);
}

#[test]
fn awkward_rows_are_learned_or_refused() {
    let fit = |rows: &Frame, target: &Target| {
        let notes = Notes::default();
        let context = FitContext::new(Seed(0), &notes);
        let machines: [&dyn Estimator; 2] = [&Svm::default(), &LinearSvm::default()];
        machines.map(|machine| machine.fit(rows, target, &context))
    };
    let one = table().numbers("x", [1.0]).frame();
    for model in fit(&one, &Target::Numbers(vec![5.0])) {
        assert!(answers(model.unwrap().as_ref(), &one)[0].is_finite());
    }
    let constant = table().numbers("x", [7.0; 4]).frame();
    for model in fit(&constant, &classes(&["a", "a", "a", "b"])) {
        assert!(probabilities(model.unwrap().as_ref(), &constant, 0)[0] > 0.5);
    }
    for model in fit(&constant, &classes(&["a"; 4])) {
        assert!(model.unwrap_err().to_string().contains("one class only"));
    }
    let huge = table().numbers("x", [1e200, -1e200, 0.0]).frame();
    for model in fit(&huge, &classes(&["a", "a", "b"])) {
        assert!(model.unwrap_err().to_string().contains("too large"));
    }
    let gap = table().numbers("x", [Some(1.0), None]).frame();
    for model in fit(&gap, &classes(&["a", "b"])) {
        assert!(model.unwrap_err().to_string().contains("no value in row 2"));
    }
}

#[test]
fn settings_without_sense_are_refused() {
    let rows = table().numbers("a", [1.0]).frame();
    let check = |name: &str, settings: Value, task: Task| {
        catalog().build_estimator(name, &settings)?.check(rows.schema(), task)
    };
    let classes = Task::Classification { classes: 2 };
    assert!(check("svm", json!({"gamma": "scale", "C": 2, "coef0": 1}), classes).is_ok());
    assert!(check("svm", json!({"gamma": 0.1}), Task::Regression).is_ok());
    assert!(check("svm", json!({"gamma": 0}), classes).is_err());
    assert!(check("svm", json!({"gamma": "wide"}), classes).is_err());
    assert!(check("svm", json!({"degree": 1000}), classes).is_err());
    assert!(check("svm", json!({"probability": "platt"}), Task::Regression).is_err());
    assert!(check("svm", json!({}), Task::Unsupervised).is_err());
    assert!(check("linear_svm", json!({"loss": "hinge"}), Task::Regression).is_err());
    assert!(check("linear_svm", json!({"loss": "epsilon_insensitive"}), classes).is_err());
    assert!(check("linear_svm", json!({"epsilon": -1}), Task::Regression).is_err());
}
