//! Models that are loaded when they are asked for.

use std::sync::{Mutex, PoisonError};

use gristmill_serve::{Limits, Refusal, Routing, Served, Stock};

use super::division::Division;
use super::load;
use crate::keeper::Keeper;
use crate::{Home, Kind, Result, models};

/// Loads what is registered when it is asked for.
pub(super) struct Registered {
    keeper: Mutex<Keeper>,
    limits: Limits,
}

impl Registered {
    /// What is registered in this home, each model with these limits.
    pub fn open(home: &Home, limits: Limits) -> Result<Self> {
        Ok(Self { keeper: Mutex::new(Keeper::open(home)?), limits })
    }
}

impl Stock for Registered {
    fn load(&self, name: &str, version: Option<&str>) -> gristmill_serve::Result<Option<Served>> {
        // A name is a name here, and no reference: `churn@staging` would else answer as `churn`.
        let is_name = !name.contains(['@', '/']);
        let version = version.map(str::parse::<u32>).transpose();
        let (true, Ok(version)) = (is_name, version) else { return Ok(None) };
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        let found = match version {
            Some(version) => keeper.wait(|s| s.version(name, version)),
            None => models::referred(&keeper, name),
        };
        let loaded = match found {
            // There is none of that name, or of that version.
            Err(error) if error.kind == Kind::Input => return Ok(None),
            found => found.and_then(|found| load(&keeper, &found, self.limits)),
        };
        loaded.map(Some).map_err(|error| Refusal::Bug(error.to_string()))
    }

    fn routing(&self, name: &str) -> gristmill_serve::Result<Routing> {
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        let division = Division::of(&keeper, name);
        division.map(|division| division.routing).map_err(|error| Refusal::Bug(error.to_string()))
    }
}
