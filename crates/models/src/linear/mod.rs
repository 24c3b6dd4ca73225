//! Linear models: a weight for each column, found by least squares, by maximum likelihood or by
//! margins.

mod cholesky;
mod classes;
pub(crate) mod columns;
mod conjugate;
mod contributions;
mod coordinate_descent;
mod design;
mod dual_descent;
mod elastic_net;
mod glm;
mod gram;
mod lbfgs;
mod least_squares;
mod linear_regression;
mod linear_svm;
mod linear_svm_model;
mod logistic_model;
mod logistic_regression;
mod losses;
mod many_columns;
mod memory;
mod newton;
mod objective;
mod orthant;
mod plain_rows;
mod proximal_newton;
mod quadratic;
mod regression_model;
mod ridge;
mod row_loss;
mod settings;
mod softmax_loss;
mod sparse_rows;
mod values;

pub use elastic_net::{ElasticNet, Lasso};
pub use glm::{GammaRegression, PoissonRegression};
pub use linear_regression::LinearRegression;
pub use linear_svm::{LinearSvm, SvmLoss};
pub use linear_svm_model::LinearSvmModel;
pub use logistic_model::LogisticModel;
pub use logistic_regression::{LogisticRegression, Penalty};
pub use regression_model::LinearModel;
pub use ridge::Ridge;

pub(crate) use classes::{Present, check_present, refuse_numbers, spread};
pub(crate) use design::Constant;
pub(crate) use losses::{softmax, two_probabilities};
pub(crate) use regression_model::stored;
pub(crate) use settings::{check_not_negative, check_positive, check_share};
pub(crate) use values::{Values, Weighed, check_weights, weight_of};
