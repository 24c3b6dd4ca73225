//! Who may do what: the guard before every route, and what it goes by.
//!
//! On loopback alone everybody may do everything. Elsewhere a caller shows a token, which has a scope
//! and may have roles on experiments and models; what a route needs is decided by its method and
//! path, so that a route which nobody thought of needs the most.

mod caller;
mod guard;
mod keys;
mod links;
mod need;
mod rate;
mod things;

pub(crate) use caller::{Caller, Peer};
pub(crate) use guard::{guard, is_free};
pub(crate) use keys::Keys;
pub(crate) use links::{Linked, Links};
pub use rate::Rate;
pub(crate) use rate::Rates;
