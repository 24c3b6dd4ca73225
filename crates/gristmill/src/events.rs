//! Events that start deployed pipelines: raised by a person, a program or a part of Gristmill.

use gristmill_core::Clock;
use serde_json::Value;

use crate::clock::SystemClock;
use crate::keeper::Keeper;
use crate::trigger::TriggerSpec;
use crate::{Error, Home, Result};

/// Raises the event `name`. Once this returns, every pipeline that is deployed with the trigger
/// `{event: name}` runs once for it, whether `gristmill up` is there now or later. The number of the
/// event comes back.
///
/// # Errors
/// A name of other characters than letters, digits, `-`, `_` and `.`; a store that cannot be
/// written.
pub fn raise(home: &Home, name: &str, payload: Value) -> Result<u64> {
    let event = TriggerSpec::Event(name.into());
    if let Some((_, hint)) = event.mistake("") {
        return Err(Error::input(format!("`{name}` is no name of an event")).with_hint(hint));
    }
    let keeper = Keeper::open(home)?;
    let signal = event.to_string();
    keeper.wait(|s| s.raise(&signal, payload, SystemClock.now()))
}
