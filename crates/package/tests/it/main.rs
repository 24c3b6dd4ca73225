//! Packages on a real file system: what is saved, what comes back, and what is refused.

mod damage;
mod fake;
mod round_trip;
