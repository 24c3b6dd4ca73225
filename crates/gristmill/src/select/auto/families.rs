//! Families of models, the ranges that their settings are searched in, and where each begins.
//!
//! The ranges are those within which practice finds good values, and the beginnings are good values
//! for most data. Ends and beginnings have few digits, which a found file keeps.

use serde_json::{Value, json};

/// What decides the ranges.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows {
    /// How many there are to learn from.
    pub count: usize,
    /// How many classes the target has; nothing for numbers.
    pub classes: Option<usize>,
    /// How far the target's numbers lie apart, as the model sees them: their deviation.
    pub deviation: f64,
    /// How many columns there are, before any step makes more of them.
    pub columns: usize,
    /// Whether some of them are texts.
    pub texts: bool,
}

/// A kind of model.
#[derive(Clone, Debug)]
pub(super) struct Family {
    /// Its name in the catalog.
    pub name: &'static str,
    /// Its settings, with ranges.
    pub settings: Value,
    /// The value of each number that it begins with, by its path in the settings. A choice begins with
    /// its first alternative.
    pub first: Vec<(&'static str, f64)>,
}

/// From so many rows on a trial costs so much that its trees are fewer or see fewer rows each.
const MANY: usize = 50_000;
/// Up to so many rows each of them counts, and none is held out to say when to stop.
const FEW: usize = 10_000;

impl Rows {
    /// Those that take columns as they are: trees.
    pub fn trees(self) -> Vec<Family> {
        vec![self.gradient_boosting(), self.forest("random_forest"), self.forest("extra_trees")]
    }

    /// Those that add columns up or measure distances.
    pub fn sums(self) -> Vec<Family> {
        let mut families = match (self.classes, self.texts) {
            (Some(_), false) => vec![self.logistic_regression()],
            (Some(_), true) => vec![self.logistic_regression(), linear_svm()],
            (None, _) => vec![ridge(), self.elastic_net()],
        };
        // Every row is compared with every other.
        if self.count <= 20_000 && self.columns <= 100 && !self.texts {
            families.push(self.k_nearest());
        }
        families
    }

    fn gradient_boosting(self) -> Family {
        let small = self.count < 5_000;
        let most_leaves = if small { 64 } else { 256 };
        let mut settings = json!({
            "learning_rate": {"log_uniform": [0.01, 0.3]},
            "leaves": {"log_int": [4, most_leaves]},
            "min_leaf_rows": {"log_int": [2, 100]},
            "subsample": {"uniform": [0.5, 1.0]},
            "max_features": {"uniform": [0.2, 1.0]},
            "l2": {"log_uniform": [0.001, 30.0]},
        });
        let mut first = vec![
            ("leaves", if small { 12.0 } else { 31.0 }),
            ("min_leaf_rows", 20.0),
            ("subsample", 0.8),
            ("max_features", 0.6),
            ("l2", 1.0),
        ];
        if self.count < FEW {
            settings["trees"] = json!({"log_int": [30, 800]});
            first.extend([("trees", 150.0), ("learning_rate", 0.05)]);
        } else {
            // As many trees a round as there are classes.
            let classes = self.classes.filter(|classes| *classes > 2).unwrap_or(1);
            settings["trees"] = json!((1_000 / classes).max(100));
            settings["early_stopping"] = json!({"rounds": 20, "validation": 0.1});
            first.push(("learning_rate", 0.1));
        }
        Family { name: "gradient_boosting", settings, first }
    }

    fn forest(self, name: &'static str) -> Family {
        let mut settings = json!({
            "trees": if self.count >= MANY { 100 } else { 200 },
            "min_samples_leaf": {"log_int": [1, 50]},
            "max_features": {"uniform": [0.1, 1.0]},
        });
        if self.count >= 2 * MANY {
            settings["bootstrap"] = json!(true);
            settings["max_samples"] = json!(MANY);
        }
        let share = if self.classes.is_some() { 0.3 } else { 0.4 };
        let least = if self.classes.is_some() { 5.0 } else { 2.0 };
        Family { name, settings, first: vec![("min_samples_leaf", least), ("max_features", share)] }
    }

    fn logistic_regression(self) -> Family {
        let mut settings = json!({"c": {"log_uniform": [0.001, 100.0]}});
        if self.count <= 20_000 && self.classes == Some(2) && !self.texts {
            settings["penalty"] = json!({"choice": ["l2", "l1"]});
        }
        let c = if self.texts { 3.0 } else { 0.3 };
        Family { name: "logistic_regression", settings, first: vec![("c", c)] }
    }

    fn elastic_net(self) -> Family {
        // The cost of a weight is on the scale of the target.
        let scale = if self.deviation > 0.0 { rounded(self.deviation) } else { 1.0 };
        let alpha = json!({"log_uniform": [rounded(scale * 1e-4), rounded(scale * 0.3)]});
        let settings = json!({"alpha": alpha, "l1_ratio": {"uniform": [0.05, 1.0]}});
        let first = vec![("alpha", rounded(scale * 3e-3)), ("l1_ratio", 0.5)];
        Family { name: "elastic_net", settings, first }
    }

    fn k_nearest(self) -> Family {
        // A fold must have more rows than that.
        let most = (self.count / 4).clamp(2, 100);
        let settings = json!({
            "neighbors": {"log_int": [2, most]},
            "weights": {"choice": ["distance", "uniform"]},
        });
        Family { name: "k_nearest", settings, first: vec![("neighbors", 15.0)] }
    }
}

fn ridge() -> Family {
    let settings = json!({"alpha": {"log_uniform": [0.01, 1_000.0]}});
    Family { name: "ridge", settings, first: vec![("alpha", 10.0)] }
}

fn linear_svm() -> Family {
    let settings = json!({"c": {"log_uniform": [0.001, 10.0]}});
    Family { name: "linear_svm", settings, first: vec![("c", 0.2)] }
}

/// For texts alone, whose columns are all from 0 on.
pub(super) fn multinomial_naive_bayes() -> Family {
    let settings = json!({"alpha": {"log_uniform": [0.01, 10.0]}});
    Family { name: "multinomial_naive_bayes", settings, first: vec![("alpha", 0.5)] }
}

/// To two digits.
fn rounded(number: f64) -> f64 {
    format!("{number:.1e}").parse().unwrap_or(number)
}
