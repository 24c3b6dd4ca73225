//! Values of metrics that come many in a row: a row costs the driver far more than what is in it.

use gristmill_core::Timestamp;

use crate::Metric;
use crate::fail::Fail;

/// What stands between the values of a list.
pub(super) const BETWEEN: &str = ";";

/// What stands for a number that the database cannot spell exactly.
const UNSPELLED: &str = "?";

/// The values of a list, of a metric of this name; nothing when one of them is not spelled.
pub(super) fn all_of(key: &str, list: &str) -> Result<Option<Vec<Metric>>, Fail> {
    list.split(BETWEEN).map(|point| one(key, point).transpose()).collect::<Option<_>>().transpose()
}

/// A value as `POINT` writes it: step, time, 1 where it is no number, value; nothing when that is not spelled.
pub(super) fn one(key: &str, point: &str) -> Result<Option<Metric>, Fail> {
    let mut parts = point.split(' ');
    let mut part = || parts.next().ok_or_else(|| damaged(key, point));
    let (step, at, is_nan, value) = (part()?, part()?, part()?, part()?);
    if value == UNSPELLED {
        return Ok(None);
    }
    Ok(Some(Metric {
        key: key.to_owned(),
        step: parsed(key, step)?,
        at: Timestamp(parsed(key, at)?),
        value: if is_nan == "0" { parsed(key, value)? } else { f64::NAN },
    }))
}

fn parsed<T: std::str::FromStr>(key: &str, text: &str) -> Result<T, Fail> {
    text.parse().map_err(|_| damaged(key, text))
}

fn damaged(key: &str, found: &str) -> Fail {
    Fail::Damaged(format!("metric `{key}` holds `{found}`"))
}
