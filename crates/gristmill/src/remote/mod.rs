//! Runs that are kept on a server too: `docs/server.md` says what holds.
//!
//! A run always happens in its home, and is sent from there: while it goes on by [`live`], at its
//! end and whenever somebody asks by [`courier`]. What is to be sent and was not yet stands in
//! [`outbox`], written down before the first word is sent and crossed out after the last.

mod body;
mod champion;
mod courier;
mod http;
mod live;
mod outbox;
mod send;

pub use send::{AliasLine, SendOptions, SendReport, SentLine, forget, send};

pub(crate) use champion::{Champion, ItsRun, champion};
pub(crate) use http::{Address, Link};
pub(crate) use live::Live;
