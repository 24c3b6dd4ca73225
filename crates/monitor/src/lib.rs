//! Whether today's rows still look like those a model learned from, and how well it probably does
//! before anybody says what the truth was.
//!
//! A [`Reference`] is what rows looked like once, out of the profile in a model package. A
//! [`Window`] counts later rows in the same places, in memory that depends on the columns alone;
//! [`Windows`] cut a stream of rows into windows. [`DriftSettings::judge`] holds one against the
//! other and says which columns moved.
//!
//! [`statistics`] are pure functions of samples and counts. [`multivariate`] looks at all columns
//! together. [`estimate`] gives metrics without labels. [`Pace`] says how often a model may be trained anew. Nothing here reads a clock: moments are
//! arguments.
//!
//! ```
//! # use gristmill_core::Profile;
//! # use gristmill_monitor::{DriftSettings, Reference, Window};
//! # use gristmill_testkit::table;
//! let ages = |from: u32| (0..200).map(|i| f64::from(from + i % 50)).collect::<Vec<_>>();
//! let training = table().numbers("age", ages(20)).build();
//! let reference = Reference::of(&Profile::learn(&training)?);
//! let mut window = Window::new(&reference);
//! window.update(&reference, &table().numbers("age", ages(40)).build())?;
//! let found = DriftSettings::default().judge(&reference, &window)?;
//! assert!(found.drifted && found.columns[0].value > Some(0.2));
//! # Ok::<(), gristmill_core::Error>(())
//! ```

mod drift;
pub mod estimate;
pub mod multivariate;
mod pace;
mod reference;
pub mod statistics;
mod window;

pub use drift::{
    ColumnDrift, DriftReport, DriftSettings, DriftTest, EmbeddingSettings, Means,
    MultivariateMethod, MultivariateSettings, Rate, Reason, SeasonSettings, Shown, TogetherDrift,
    VectorDrift,
};
pub use pace::{Pace, Rest, Retrainings};
pub use reference::{ColumnReference, Places, Reference, TogetherReference};
pub use window::{
    Came, ColumnWindow, FullWindow, Season, SeasonalReference, TogetherWindow, Window, WindowSize,
    Windows,
};
