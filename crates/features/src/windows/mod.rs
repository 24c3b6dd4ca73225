//! Columns out of earlier rows: lags, differences, rolling figures, time since something.
//!
//! Each takes an order (a column of moments or numbers) and, if there are some, columns that name
//! groups; where a file names none, those that the split goes by. Rows are sorted by group and order inside, whatever order they come in, and the answers
//! stand in the order in which the rows came. Rows that are equal in order keep the order in which
//! they came. **A row sees itself and earlier rows of its group, never a later one.** A row without
//! a group or a place in the order sees no other row and is seen by none.

mod aggregates;
mod difference;
mod duration;
mod figures;
mod lag;
mod medians;
mod rolling;
mod sequence;
mod time_since;

pub use difference::{Difference, DifferenceForm, FittedDifference};
pub use duration::Duration;
pub use lag::{FittedLag, Lag};
pub use rolling::{Current, FittedRolling, Rolling, RollingFunction, Window};
pub use sequence::Group;
pub use time_since::{FittedTimeSince, TimeSince, TimeUnit};

pub(crate) use difference::VERSION as DIFFERENCE_VERSION;
pub(crate) use lag::VERSION as LAG_VERSION;
pub(crate) use rolling::VERSION as ROLLING_VERSION;
pub(crate) use time_since::VERSION as TIME_SINCE_VERSION;
