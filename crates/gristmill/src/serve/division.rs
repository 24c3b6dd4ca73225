//! The plan of a model's traffic, with its versions known.

use gristmill_serve::{Lot, Purpose, Routing, Split};
use gristmill_track::{Model, ModelVersion, Traffic, VersionRef};

use crate::Result;
use crate::keeper::Keeper;

/// The plan of a model's traffic, with its versions known.
pub(super) struct Division {
    /// How requests are divided.
    pub routing: Routing,
    /// The versions that are needed for it beside the model's own one.
    pub versions: Vec<ModelVersion>,
}

impl Division {
    /// As the registry has it now.
    pub fn of(keeper: &Keeper, name: &str) -> Result<Self> {
        let model = keeper.wait(|s| s.model(name))?;
        let traffic = keeper.wait(|s| s.traffic(name))?;
        let (split, shadow) = (split(&model, &traffic), shadow(&model, &traffic));
        let wanted = split.iter().map(|(number, _)| *number).chain(shadow);
        let mut versions: Vec<ModelVersion> = Vec::new();
        for number in wanted {
            // One that was deleted since gets no requests.
            if let Ok(version) = keeper.wait(|s| s.version(name, number)) {
                versions.push(version);
            }
        }
        let aliases =
            model.aliases.iter().map(|(alias, number)| (alias.clone(), number.to_string()));
        let routing = Routing {
            aliases: aliases.collect(),
            split: split.map(|(_, split)| split),
            shadow: shadow.map(|number| number.to_string()),
        };
        Ok(Self { routing, versions })
    }
}

/// The version that answers a share of the requests; nothing where an alias that is to do so is gone.
fn split(model: &Model, Traffic { plan, test }: &Traffic) -> Option<(u32, Split)> {
    let (number, percent, lot, purpose) = match (&plan.canary, test) {
        (Some(canary), _) => {
            let number = number(model, &canary.to)?;
            (number, canary.percent, Lot::of_model(&model.name), Purpose::Canary)
        }
        (None, Some(test)) => {
            let purpose = Purpose::AbTest { control: test.control.to_string() };
            (test.treatment, test.percent, Lot::of_test(&model.name, test.number), purpose)
        }
        (None, None) => return None,
    };
    let version = number.to_string();
    Some((number, Split { version, share: percent / 100.0, lot, purpose }))
}

fn shadow(model: &Model, traffic: &Traffic) -> Option<u32> {
    number(model, traffic.plan.shadow.as_ref()?)
}

fn number(model: &Model, version: &VersionRef) -> Option<u32> {
    match version {
        VersionRef::Number(number) => Some(*number),
        VersionRef::Alias(alias) => model.aliases.get(alias).copied(),
    }
}
