//! The metrics that can be estimated.

/// Their names.
pub(crate) const NAMES: [&str; 18] = [
    "accuracy",
    "precision",
    "precision_macro",
    "recall",
    "recall_macro",
    "f1",
    "f1_macro",
    "specificity",
    "specificity_macro",
    "roc_auc",
    "roc_auc_ovr",
    "log_loss",
    "mae",
    "mse",
    "rmse",
    "mape",
    "msle",
    "rmsle",
];

/// A metric that can be estimated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Estimable {
    /// Of classes.
    Classes(OfClasses),
    /// Of numbers: the mean of a loss of each row, or its root.
    Loss(Loss),
}

/// A metric of classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OfClasses {
    Accuracy,
    Precision(Of),
    Recall(Of),
    F1(Of),
    Specificity(Of),
    RocAuc(Of),
    LogLoss,
}

/// Of which class a metric speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    /// The positive one; where there is none, of all.
    Positive,
    /// Of all, as their mean.
    All,
}

/// A metric of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    Mae,
    Mse,
    Rmse,
    Mape,
    Msle,
    Rmsle,
}

impl Estimable {
    /// The metric of this name, if it can be estimated.
    pub fn named(name: &str) -> Option<Self> {
        let classes = |metric| Some(Self::Classes(metric));
        let loss = |loss| Some(Self::Loss(loss));
        match name {
            "accuracy" => classes(OfClasses::Accuracy),
            "precision" => classes(OfClasses::Precision(Of::Positive)),
            "precision_macro" => classes(OfClasses::Precision(Of::All)),
            "recall" => classes(OfClasses::Recall(Of::Positive)),
            "recall_macro" => classes(OfClasses::Recall(Of::All)),
            "f1" => classes(OfClasses::F1(Of::Positive)),
            "f1_macro" => classes(OfClasses::F1(Of::All)),
            "specificity" => classes(OfClasses::Specificity(Of::Positive)),
            "specificity_macro" => classes(OfClasses::Specificity(Of::All)),
            "roc_auc" => classes(OfClasses::RocAuc(Of::Positive)),
            "roc_auc_ovr" => classes(OfClasses::RocAuc(Of::All)),
            "log_loss" => classes(OfClasses::LogLoss),
            "mae" => loss(Loss::Mae),
            "mse" => loss(Loss::Mse),
            "rmse" => loss(Loss::Rmse),
            "mape" => loss(Loss::Mape),
            "msle" => loss(Loss::Msle),
            "rmsle" => loss(Loss::Rmsle),
            _ => None,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        NAMES.into_iter().find(|name| Self::named(name) == Some(self)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use gristmill_evaluate::Metric;

    use super::*;

    #[test]
    fn what_can_be_estimated_are_metrics_and_each_has_one_name() {
        for name in NAMES {
            assert!(Metric::named(name).is_ok(), "{name}");
            assert_eq!(Estimable::named(name).map(Estimable::name), Some(name));
        }
        assert_eq!(Estimable::named("r2"), None);
    }
}
