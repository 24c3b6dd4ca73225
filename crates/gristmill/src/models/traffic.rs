//! How requests to a model are divided among its versions: looked at and laid down.

use gristmill_serve::sequential::{self, Sample, Verdict};
use gristmill_track::{ArmTotals, StartedTest, TestTotals, Traffic, TrafficPlan};
use serde::Serialize;

use super::approved;
use crate::keeper::{Keeper, by_hand};
use crate::{Home, Result};

/// How requests to a model are divided, and what its A/B test has come to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrafficReport {
    /// The model.
    pub model: String,
    /// The plan; an empty one where nobody laid one down.
    pub plan: TrafficPlan,
    /// The A/B test that goes on.
    pub test: Option<StartedTest>,
    /// What became of the requests that it divided, as far as that was reported.
    pub totals: Option<TestTotals>,
    /// What that says; nothing while there are too few outcomes.
    pub verdict: Option<Verdict>,
}

/// How requests to a model are divided.
///
/// # Errors
/// When there is no such model.
pub fn traffic(home: &Home, name: &str) -> Result<TrafficReport> {
    let keeper = Keeper::open(home)?;
    let traffic = keeper.wait(|s| s.traffic(name))?;
    report(&keeper, name, traffic)
}

/// Lays down how requests to a model are divided, in place of what was laid down before; an empty plan
/// leaves all to the model's own version.
///
/// # Errors
/// When there is no such model, version or alias, or a percentage is none; of the kind `Refused` when a
/// version would answer in place of the champion that the champion's rule does not allow.
pub fn set_traffic(home: &Home, name: &str, plan: TrafficPlan, why: &str) -> Result<TrafficReport> {
    let keeper = Keeper::open(home)?;
    let set = keeper.wait(|s| approved(s.set_traffic(name, plan, by_hand(why))))??;
    keeper.leave_traffic(name)?;
    report(&keeper, name, set)
}

fn report(keeper: &Keeper, name: &str, traffic: Traffic) -> Result<TrafficReport> {
    let Traffic { plan, test } = traffic;
    let totals = match &test {
        Some(test) => Some(keeper.wait(|s| s.outcome_totals(name, test.number))?),
        None => None,
    };
    let sample =
        |side: ArmTotals| Sample { count: side.count, mean: side.mean, squares: side.squares };
    let verdict = plan.ab_test.as_ref().zip(totals).and_then(|(test, totals)| {
        sequential::verdict(sample(totals.control), sample(totals.treatment), test.alpha)
    });
    Ok(TrafficReport { model: name.into(), plan, test, totals, verdict })
}

#[cfg(test)]
mod tests {
    use gristmill_core::Timestamp;
    use gristmill_track::{Canary, NewVersion, VersionRef, Webhook, WebhookEvent, WebhookStatus};

    use super::*;
    use crate::Kind;

    #[test]
    fn a_plan_on_the_command_line_is_left_for_webhooks() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        let keeper = Keeper::open(&home).unwrap();
        let webhook = Webhook {
            id: "w".into(),
            name: "w".into(),
            url: "https://example.com".into(),
            description: String::new(),
            secret: None,
            status: WebhookStatus::Active,
            events: vec![WebhookEvent::TrafficSet],
            created: Timestamp(5),
            updated: Timestamp(5),
        };
        keeper.wait(|s| s.create_webhook(webhook)).unwrap();
        for digest in ["d1", "d2"] {
            let new = NewVersion::new("churn", digest, "p", by_hand(""));
            keeper.wait(|s| s.register(new)).unwrap();
        }
        let canary = |number, percent| TrafficPlan {
            canary: Some(Canary { to: VersionRef::Number(number), percent }),
            ..TrafficPlan::default()
        };
        let set = set_traffic(&home, "churn", canary(1, 5.0), "try it").unwrap();
        assert_eq!(traffic(&home, "churn").unwrap(), set);
        for odd in [canary(9, 5.0), canary(1, 0.0)] {
            assert_eq!(set_traffic(&home, "churn", odd, "").unwrap_err().kind, Kind::Input);
        }
        let left = keeper.wait(|s| s.take_untold(10)).unwrap();
        let events: Vec<_> = left.iter().map(|word| (word.event, word.model.as_str())).collect();
        assert_eq!(events, [(WebhookEvent::TrafficSet, "churn")], "what is refused is not told");
    }
}
