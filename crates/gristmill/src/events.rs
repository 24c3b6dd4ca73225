//! Events that start deployed pipelines: raised by a person, a program or a part of Gristmill.

use gristmill_core::Clock;
use serde::Serialize;
use serde_json::Value;

use crate::clock::SystemClock;
use crate::deploy::listening;
use crate::keeper::Keeper;
use crate::trigger::TriggerSpec;
use crate::{Error, Home, Result};

/// An event that was raised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Raised {
    /// Its name.
    pub event: String,
    /// Its place among all events and webhook calls.
    pub number: u64,
    /// The pipelines that run for it, as things stand.
    pub pipelines: Vec<String>,
}

/// Raises the event `name`. Once this returns, every pipeline that is deployed with the trigger
/// `{event: name}` runs once for it, whether `gristmill up` is there now or later.
///
/// # Errors
/// A name of other characters than letters, digits, `-`, `_` and `.`; a store that cannot be
/// written.
pub fn raise(home: &Home, name: &str, payload: Value) -> Result<Raised> {
    let event = TriggerSpec::Event(name.into());
    if let Some((_, hint)) = event.mistake("") {
        return Err(Error::input(format!("`{name}` is no name of an event")).with_hint(hint));
    }
    let keeper = Keeper::open(home)?;
    let signal = event.to_string();
    let number = keeper.wait(|s| s.raise(&signal, payload, SystemClock.now()))?;
    Ok(Raised { event: name.into(), number, pipelines: listening(home, &keeper, &event)? })
}
