//! Direct loss estimation: the error of a regression out of a model of its errors.
//! Method: after the documentation of NannyML; a second model learns |y − ŷ|, or its square, from the
//! features and ŷ on rows whose truth is known, and is asked about rows whose truth is not.

use gristmill_core::{Error, Result};

use super::Estimate;

/// Returns the mean of the losses that are expected of each row: the mean absolute error where
/// `expected` are absolute errors, the mean squared error where they are squares, and so on.
///
/// `deviation` is how far a single loss is from what was expected of it, as the rows showed on which
/// the second model was tested; the standard error is it over √n.
///
/// # Errors
/// [`Error::Data`] when there is no row, or a loss or the deviation is negative or not finite.
///
/// ```
/// # use gristmill_monitor::estimate::dle;
/// let mae = dle(&[1.0, 2.0, 3.0, 2.0], 0.5)?;
/// assert_eq!((mae.value, mae.standard_error), (2.0, 0.25));
/// # Ok::<(), gristmill_core::Error>(())
/// ```
pub fn dle(expected: &[f64], deviation: f64) -> Result<Estimate> {
    if expected.is_empty() {
        return Err(Error::data("there is no row whose error could be estimated"));
    }
    let sound = |v: &f64| v.is_finite() && *v >= 0.0;
    if let Some(loss) = expected.iter().chain([&deviation]).find(|v| !sound(v)) {
        return Err(Error::data_hint(
            format!("an expected error is {loss}"),
            "errors are 0 or more; clip what the model of the errors answers",
        ));
    }
    let rows = expected.len() as f64;
    Ok(Estimate {
        value: expected.iter().sum::<f64>() / rows,
        standard_error: deviation / rows.sqrt(),
    })
}

/// Returns the root of [`dle`], such as the root of the mean squared error; its standard error is
/// that of the mean over 2 √value.
///
/// # Errors
/// As [`dle`].
pub fn dle_root(expected: &[f64], deviation: f64) -> Result<Estimate> {
    let Estimate { value, standard_error } = dle(expected, deviation)?;
    let root = value.sqrt();
    let standard_error =
        if root > 0.0 { standard_error / (2.0 * root) } else { standard_error.sqrt() };
    Ok(Estimate { value: root, standard_error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand: mean 4, √4 = 2, 1 / √4 / (2 · 2)
    fn a_root_has_the_error_of_its_slope() {
        let found = dle_root(&[4.0, 2.0, 6.0, 4.0], 1.0).unwrap();
        assert_eq!((found.value, found.standard_error), (2.0, 0.125));
    }

    #[test]
    fn rows_without_errors_are_estimated_so() {
        assert_eq!(dle(&[0.0, 0.0], 0.0).unwrap().value, 0.0);
        assert_eq!(dle_root(&[0.0], 0.0).unwrap().standard_error, 0.0);
    }

    #[test]
    fn what_are_no_errors_is_refused() {
        for (expected, deviation) in
            [(&[][..], 1.0), (&[-1.0], 1.0), (&[f64::NAN], 1.0), (&[1.0], -1.0)]
        {
            assert!(dle(expected, deviation).is_err(), "{expected:?}");
        }
    }
}
