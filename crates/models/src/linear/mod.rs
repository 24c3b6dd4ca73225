//! Linear models: a weight for each column, found by least squares or by maximum likelihood.

mod cholesky;
mod columns;
mod design;
mod lbfgs;
mod least_squares;
mod linear_regression;
mod logistic_loss;
mod logistic_model;
mod logistic_regression;
mod newton;
mod regression_model;
mod ridge;

pub use linear_regression::LinearRegression;
pub use logistic_model::LogisticModel;
pub use logistic_regression::LogisticRegression;
pub use regression_model::LinearModel;
pub use ridge::Ridge;
